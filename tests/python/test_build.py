"""Sets that `chunkref build` makes show in xarray what the files show together."""

import warnings
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray as xr

from chunkref_cli import chunkref
from conftest import FIXTURES

DAYS = sorted((FIXTURES / "granules").glob("mur_like_*.nc"))


def build(*arguments) -> str:
    run = chunkref("build", *arguments)
    assert run.returncode == 0, run.stderr
    return run.stderr


def open_references(path: Path) -> xr.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return xr.open_dataset(str(path), engine="kerchunk").load()


def together(paths: list[Path]) -> xr.Dataset:
    days = [xr.open_dataset(path, engine="netcdf4").load() for path in paths]
    return xr.concat(days, dim="time", data_vars="minimal", coords="minimal", compat="override")


@pytest.mark.parametrize("suffix", [".json", ".parquet"])
def test_days_become_one_set(suffix: str, tmp_path: Path) -> None:
    out = tmp_path / f"days{suffix}"
    # Whatever the order in which they are named.
    build(*reversed(DAYS), "--concat-dim", "time", "-o", out)
    xr.testing.assert_equal(open_references(out), together(DAYS))


def test_a_set_grows(tmp_path: Path) -> None:
    archive, out = tmp_path / "archive", tmp_path / "days.json"
    archive.mkdir()
    for day in DAYS[:4]:
        (archive / day.name).write_bytes(day.read_bytes())
    build(archive, "--concat-dim", "time", "-o", out)
    for day in DAYS[4:]:
        (archive / day.name).write_bytes(day.read_bytes())
    said = build(archive, "--concat-dim", "time", "-o", out)
    assert "6 granules, 2 scanned, 4 from the journal" in said
    xr.testing.assert_equal(open_references(out), together(DAYS))


def write_day(path: Path, units: str, times: list, kind: str) -> None:
    with netCDF4.Dataset(path, "w") as nc:
        nc.createDimension("time", None)
        nc.createDimension("x", 4)
        time = nc.createVariable("time", kind, ("time",), chunksizes=(1,))
        time.units = units
        time[:] = times
        data = nc.createVariable("data", "f4", ("time", "x"), chunksizes=(1, 4))
        data[:] = np.arange(4 * len(times)).reshape(-1, 4) + times[0]


@pytest.mark.parametrize("kind", ["i4", "f8"])
def test_units_of_times_are_made_one(kind: str, tmp_path: Path) -> None:
    units = [
        ("b.nc", "days since 1981-01-01", [14396, 14398]),
        ("a.nc", "seconds since 2000-06-01 12:00:00", [-86400 * 2, 0]),
        ("c.nc", "hours since 2020-06-01", [57]),
    ]
    paths = []
    for name, unit, times in units:
        paths.append(tmp_path / name)
        write_day(paths[-1], unit, times, kind)
    out = tmp_path / "set.json"
    build(*paths, "--concat-dim", "time", "-o", out)
    expected = together(paths).sortby("time")
    found = open_references(out)
    np.testing.assert_array_equal(found.time.values, expected.time.values)
    np.testing.assert_array_equal(found.data.values, expected.data.values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw = xr.open_dataset(str(out), engine="kerchunk", decode_times=False)
    assert raw.time.dtype == kind


def test_levels_of_compression_are_no_difference(tmp_path: Path) -> None:
    paths = [tmp_path / f"{level}.nc" for level in (1, 4, 9)]
    for day, path in enumerate(paths):
        with netCDF4.Dataset(path, "w") as nc:
            nc.createDimension("time", None)
            nc.createDimension("x", 4000)
            time = nc.createVariable("time", "f8", ("time",))
            time.units = "days since 2000-01-01"
            time[:] = [day]
            options = {"zlib": True, "complevel": int(path.stem), "chunksizes": (1, 4000)}
            data = nc.createVariable("data", "f4", ("time", "x"), **options)
            data[:] = np.sqrt(np.arange(4000.0) + day).reshape(1, -1)
    out = tmp_path / "set.json"
    build(*paths, "--concat-dim", "time", "-o", out)
    xr.testing.assert_equal(open_references(out), together(paths))
