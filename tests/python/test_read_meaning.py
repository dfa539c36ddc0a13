"""What stored numbers mean to `chunkref read`: what is missing, what is unsigned, and times, as xarray has them."""

import csv
import io
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from chunkref_cli import chunkref


def cells(*arguments) -> tuple[list[dict[str, str]], str]:
    run = chunkref("read", *arguments, "-o", "-", "--format", "csv")
    assert run.returncode == 0, run.stderr
    return list(csv.DictReader(io.StringIO(run.stdout))), run.stderr


def values(rows: list[dict[str, str]], name: str) -> list[float]:
    return [float(row[name]) if row[name] else float("nan") for row in rows]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Missing values that are said in other types than the variable's."""
    path = tmp_path_factory.mktemp("meaning") / "odd.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("x", 4)

        def add(name: str, kind: str, stored: list, fill=None, **attributes) -> None:
            variable = file.createVariable(name, kind, ("x",), fill_value=fill)
            variable.set_auto_maskandscale(False)
            variable[:] = stored
            variable.setncatts(attributes)

        add("packed_unsigned", "i1", [0, 1, -2, -1], -1, _Unsigned="true", scale_factor=2.0)
        add("unsigned", "i2", [0, 1, -2, -1], -1, _Unsigned="true")
        add("signed", "u1", [0, 200, 255, 7], 255, _Unsigned="false", scale_factor=1.0)
        add("by_float", "i4", [1, -999, 3, 4], missing_value=-999.0)
        add("long", "i8", [0, 1, -(2**63), 3], -(2**63), scale_factor=0.5)
        add("time", "i4", [0, -999, 3, 4], missing_value=-999.0, units="days since 2000-01-01")
    return path


@pytest.mark.parametrize("name", ["packed_unsigned", "unsigned", "signed", "by_float", "long"])
def test_missing_values_are_those_of_xarray(odd: Path, name: str) -> None:
    rows, _ = cells(odd, name)
    with xr.open_dataset(odd) as dataset:
        expected = dataset[name].values.astype("f8")
    assert np.isnan(expected).sum() == 1
    np.testing.assert_array_equal(values(rows, name), expected)


def test_missing_times(odd: Path) -> None:
    rows, _ = cells(odd, "time")
    assert [row["time"] for row in rows] == ["2000-01-01T00:00:00", "", "2000-01-04T00:00:00", "2000-01-05T00:00:00"]


@pytest.mark.parametrize("name", ["by_float", "time"])
def test_missing_values_in_netcdf(odd: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out.nc"
    assert chunkref("read", odd, name, "-o", out).returncode == 0
    with xr.open_dataset(odd) as source, xr.open_dataset(out) as copy:
        np.testing.assert_array_equal(copy[name].values, source[name].values)


def test_ranges_of_times_whose_ends_are_not_equally_exact(tmp_path: Path) -> None:
    path = tmp_path / "hours.nc"
    time = np.arange("2013-12-20", "2013-12-30", np.timedelta64(6, "h"), dtype="datetime64[ns]")
    source = xr.Dataset({"v": ("time", np.arange(time.size, dtype="i4"))}, {"time": time})
    source.to_netcdf(path)
    for first, last in [
        ("2013-12-24T12", "2013-12-24"),
        ("2013-12-25", "2013-12"),
        ("2013-12", "2013-12-22"),
        ("2013-12-24", "2013-12-24T12"),
    ]:
        rows, _ = cells(path, "v", "--sel", f"time={first}:{last}")
        expected = source.v.sel(time=slice(first, last)).values
        assert expected.size and values(rows, "v") == list(expected), (first, last)


def test_a_column_of_times_has_one_form(tmp_path: Path) -> None:
    path = tmp_path / "times.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("x", 20_000)
        for name, odd in [("early", -1e6), ("far", 3e8)]:
            variable = file.createVariable(name, "f8", ("x",))
            variable.units = "days since 2000-01-01"
            variable[:] = 1.0
            variable[17_000] = odd
    for name, odd in [("early", -1e6), ("far", 3e8)]:
        rows, said = cells(path, name)
        assert "all are written as numbers" in said, name
        found = values(rows, name)
        assert found[0] == 1.0 and found[17_000] == odd, name


def test_characters_have_no_further_dimension(tmp_path: Path) -> None:
    path, out = tmp_path / "char.nc", tmp_path / "out.nc"
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("n", 2)
        file.createDimension("letters", 4)
        variable = file.createVariable("names", "S1", ("n", "letters"))
        variable[:] = [list("abcd"), ["e", "f", "", ""]]
    assert chunkref("read", path, "names", "-o", out).returncode == 0
    with xr.open_dataset(path) as source, xr.open_dataset(out) as copy:
        assert copy.names.dims == source.names.dims == ("n",)
        np.testing.assert_array_equal(copy.names.values, source.names.values)


def test_a_box_over_the_antimeridian_begins_in_the_west(tmp_path: Path) -> None:
    path, out = tmp_path / "globe.nc", tmp_path / "out.nc"
    lon = np.linspace(-180, 179.9, 3600).astype("f4")
    lat = np.array([44.0, 46.0], "f4")
    source = xr.Dataset(
        {"v": (("lat", "lon"), np.arange(7200.0).reshape(2, -1))},
        {"lat": ("lat", lat, {"units": "degrees_north"}), "lon": ("lon", lon, {"units": "degrees_east"})},
    )
    source.to_netcdf(path)
    assert chunkref("read", path, "v", "--bbox=179.9,45,-179,47", "-o", out).returncode == 0
    with xr.open_dataset(out) as copy:
        np.testing.assert_array_equal(copy.lon.values, np.concatenate([lon[-1:], lon[:11]]))


def test_the_east_of_a_box_counts_in_another_turn(tmp_path: Path) -> None:
    path, out = tmp_path / "globe.nc", tmp_path / "out.nc"
    lon = np.array([f"{k / 100:.2f}" for k in range(28000, 31000)], "f8")
    xr.Dataset(
        {"v": (("lat", "lon"), np.ones((1, lon.size)))},
        {"lat": ("lat", [45.0], {"units": "degrees_north"}), "lon": ("lon", lon, {"units": "degrees_east"})},
    ).to_netcdf(path)
    assert chunkref("read", path, "v", "--bbox=-70.41,45,-61.59,46", "-o", out).returncode == 0
    with xr.open_dataset(out) as copy:
        assert (copy.lon.values[0], copy.lon.values[-1]) == (289.59, 298.41)
