"""`chunkref read` of parts: what it writes is what xarray selects of the same file."""

from pathlib import Path

import h5py
import netCDF4
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from chunkref_cli import chunkref

ROOT = Path(__file__).resolve().parents[2]
GRANULES = ROOT / "fixtures" / "granules"


def read(*arguments, code: int = 0) -> str:
    run = chunkref("read", *arguments)
    assert run.returncode == code, run.stderr
    return run.stderr


def written(folder: Path, source: Path, array: str, *arguments) -> xr.Dataset:
    """What is written as netCDF, opened by every engine that can."""
    out = folder / "out.nc"
    read(source, array, *arguments, "-o", out)
    found = xr.load_dataset(out, engine="netcdf4")
    if out.read_bytes()[:4] == b"CDF\x02":
        xr.testing.assert_identical(xr.load_dataset(out, engine="scipy"), found)
    return found


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A grid with all that products do to coordinates: packed, descending, 0 to 360."""
    path = tmp_path_factory.mktemp("grid") / "grid.nc"
    rng = np.random.default_rng(5)
    with netCDF4.Dataset(path, "w") as file:
        file.title = "grid ü"
        file.setncattr("revisions", np.array([1, 2], "i8"))
        for name, length in [("time", 12), ("lat", 36), ("lon", 72), ("depth", 5)]:
            file.createDimension(name, length)
        time = file.createVariable("time", "f8", ("time",))
        time.units, time.calendar = "hours since 2020-05-30 03:00:00", "proleptic_gregorian"
        time[:] = np.arange(12) * 12.0
        lat = file.createVariable("lat", "i2", ("lat",))
        lat.set_auto_maskandscale(False)
        lat.units, lat.scale_factor, lat.add_offset = "degrees_north", np.float32(0.5), np.float32(2.5)
        lat[:] = np.arange(35, -1, -1) * 10 - 180
        lon = file.createVariable("lon", "f4", ("lon",))
        lon.units = "degrees_east"
        lon[:] = np.arange(72) * 5.0 + np.float32(0.1)
        depth = file.createVariable("depth", "f8", ("depth",))
        depth[:] = [0, 10, 25, 50, 1000]
        dims = ("time", "depth", "lat", "lon")
        salt = file.createVariable(
            "salt", "i2", dims, zlib=True, chunksizes=(1, 5, 10, 20), fill_value=-99
        )
        salt.set_auto_maskandscale(False)
        salt.scale_factor, salt.add_offset, salt.long_name = 0.01, 30.0, "salinity"
        salt[:] = rng.integers(-99, -90, (12, 5, 36, 72))
        counts = file.createVariable("counts", "u1", ("lat", "lon"), chunksizes=(7, 7))
        counts[:] = rng.integers(0, 255, (36, 72))
        large = file.createVariable("large", "i8", ("time",))
        large[:] = 2**60 + np.arange(12)
    return path


SELECTIONS = [
    ([], {}, {}),
    (["--isel", "time=0,lat=10:20,lon=::5"], {"time": 0, "lat": slice(10, 20), "lon": slice(None, None, 5)}, {}),
    (["--isel", "time=-1", "--isel", "lon=-10:,lat=-30:-20:3"],
     {"time": -1, "lon": slice(-10, None), "lat": slice(-30, -20, 3)}, {}),
    (["--sel", "lat=40:-20,lon=20.1:80"], {}, {"lat": slice(40, -20), "lon": slice(20.1, 80)}),
    (["--sel", "lat=-20:40,depth=10:50"], {}, {"lat": slice(40, -20), "depth": slice(10, 50)}),
    (["--sel", "lon=20.1,depth=25"], {}, {"lon": 20.1, "depth": 25}),
    (["--sel", "time=2020-06-01"], {}, {"time": "2020-06-01"}),
    (["--sel", "time=2020-06-01T03:00"], {}, {"time": "2020-06-01T03:00"}),
    (["--sel", "time=2020-06-01:2020-06-03"], {}, {"time": slice("2020-06-01", "2020-06-03")}),
    (["--sel", "time=2020-06"], {}, {"time": "2020-06"}),
    (["--sel", "time=2020-06-02T12:", "--isel", "lat=3"], {"lat": 3}, {"time": slice("2020-06-02T12", None)}),
    (["--sel", "time=:2020-05-31"], {}, {"time": slice(None, "2020-05-31")}),
]


@pytest.mark.parametrize(("arguments", "isel", "sel"), SELECTIONS, ids=lambda one: str(one)[:60])
def test_parts_are_those_that_xarray_selects(grid: Path, tmp_path: Path, arguments, isel, sel) -> None:
    with xr.open_dataset(grid, engine="netcdf4") as whole:
        expected = whole[["salt"]].isel(isel).sel(sel).load()
    found = written(tmp_path, grid, "salt", *arguments)
    assert found.attrs.pop("revisions").tolist() == [1, 2]
    expected.attrs.pop("revisions")
    xr.testing.assert_identical(found, expected)
    # As it is stored, in .npy.
    out = tmp_path / "out.npy"
    read(grid, "salt", *arguments, "-o", out)
    stored = np.load(out)
    assert stored.dtype == np.dtype("<i2") and stored.shape == expected.salt.shape
    decoded = np.where(stored == -99, np.nan, stored * 0.01 + 30.0)
    np.testing.assert_array_equal(decoded, expected.salt.values)


@pytest.mark.parametrize(
    ("label", "sel"),
    [("lat=41.2,lon=22", {"lat": 41.2, "lon": 22}), ("depth=17.5", {"depth": 17.5}),
     ("lat=0", {"lat": 0}), ("time=2020-06-01", {"time": "2020-06-01"}), ("depth=-1e9", {"depth": -1e9})],
)
def test_the_nearest_is_the_one_that_xarray_takes(grid: Path, tmp_path: Path, label, sel) -> None:
    with xr.open_dataset(grid, engine="netcdf4") as whole:
        sel = {name: np.datetime64(value) if name == "time" else value for name, value in sel.items()}
        expected = whole[["salt"]].sel(sel, method="nearest").load()
    found = written(tmp_path, grid, "salt", "--sel", label, "--nearest")
    xr.testing.assert_equal(found, expected)


def inside(longitudes: np.ndarray, west: float, east: float) -> np.ndarray:
    width = 360 if east - west >= 360 else (east - west) % 360
    return (longitudes - west) % 360 <= width


@pytest.mark.parametrize(
    "box", [(20, -30, 80, 40), (-60, 10, -20, 90), (300, 10, 340, 90), (170, -5, -150, 5), (-30, -90, 30, 0)]
)
def test_boxes_over_axes(grid: Path, tmp_path: Path, box) -> None:
    west, south, east, north = box
    found = written(tmp_path, grid, "salt", f"--bbox={west},{south},{east},{north}", "--isel", "time=3")
    with xr.open_dataset(grid, engine="netcdf4") as whole:
        lon = whole.lon.values.astype("f8")
        columns = np.flatnonzero(inside(lon, west, east))
        columns = columns[np.argsort((lon[columns] - west) % 360)]
        rows = np.flatnonzero((whole.lat.values >= south) & (whole.lat.values <= north))
        expected = whole[["salt"]].isel(time=3, lat=rows, lon=columns).load()
    xr.testing.assert_equal(found, expected)


def test_types_that_the_old_format_has_not(grid: Path, tmp_path: Path) -> None:
    with xr.open_dataset(grid, engine="netcdf4") as whole:
        for name in ["counts", "large"]:
            found = written(tmp_path, grid, name)
            xr.testing.assert_equal(found, whole[[name]])
            assert found[name].dtype == whole[name].dtype
            assert (tmp_path / "out.nc").read_bytes()[:4] == b"CDF\x05"


def test_csv_has_a_row_for_each_element(grid: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    arguments = ["--sel", "lat=40:30,time=2020-06-01T03:00", "--isel", "lon=2:5"]
    read(grid, "salt", *arguments, "-o", out)
    found = pd.read_csv(out, parse_dates=["time"])
    with xr.open_dataset(grid, engine="netcdf4") as whole:
        part = whole.salt.sel(lat=slice(40, 30), time="2020-06-01T03:00").isel(lon=slice(2, 5))
        expected = part.to_dataframe().reset_index()
    assert list(found) == ["depth", "lat", "lon", "time", "salt"]
    assert len(found) == len(expected) == 5 * 2 * 3
    for name in found:
        same_type = found[name].astype(expected[name].dtype)
        np.testing.assert_array_equal(same_type.to_numpy(), expected[name].to_numpy(), name)
    text = out.read_text()
    assert text.splitlines()[0] == "depth,lat,lon,time,salt"
    assert "2020-06-01T03:00:00" in text
    # To standard output, when asked for.
    run = chunkref("read", grid, "salt", *arguments, "-o", "-", "--format", "csv")
    assert run.stdout == text


def test_csv_of_integers_is_exact(grid: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    read(grid, "large", "-o", out)
    assert pd.read_csv(out).large.tolist() == [2**60 + n for n in range(12)]


@pytest.fixture(scope="module")
def swath(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A swath over the antimeridian in a group, its coordinates in another."""
    path = tmp_path_factory.mktemp("swath") / "swath.nc"
    rows, columns = np.mgrid[0:60, 0:40]
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("row", 60)
        file.createDimension("column", 40)
        places, science = file.createGroup("geolocation"), file.createGroup("science")
        lat = places.createVariable("latitude", "f4", ("row", "column"), chunksizes=(20, 40), fill_value=-999)
        lat.standard_name, lat.units = "latitude", "degrees_north"
        values = (rows * 0.5 - columns * 0.1).astype("f4")
        values[5, 7] = -999
        lat[:] = values
        lon = places.createVariable("longitude", "f4", ("row", "column"), chunksizes=(20, 40))
        lon.standard_name, lon.units = "longitude", "degrees_east"
        lon[:] = ((170 + columns * 0.5 + rows * 0.05 + 180) % 360 - 180).astype("f4")
        heat = science.createVariable("bt", "f4", ("row", "column"), zlib=True, chunksizes=(10, 10))
        heat.coordinates = "/geolocation/latitude /geolocation/longitude"
        heat[:] = rows * 100 + columns
        names = science.createVariable("quality", "i1", ("row", "column"))
        names[:] = (rows + columns) % 3
    return path


def test_boxes_in_swaths(swath: Path, tmp_path: Path) -> None:
    with xr.open_datatree(swath) as tree:
        lat, lon = (tree["geolocation"][name].values for name in ["latitude", "longitude"])
        values = tree["science/bt"].values
    wanted = (lat >= 10) & (lat <= 15) & inside(lon.astype("f8"), 175, -178)
    rows, columns = np.flatnonzero(wanted.any(1)), np.flatnonzero(wanted.any(0))
    window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    arguments = ["science/bt", "--bbox", "175,10,-178,15"]
    found = written(tmp_path, swath, *arguments)
    np.testing.assert_array_equal(found.bt.values, values[window])
    np.testing.assert_array_equal(found.inside_bbox.values.astype(bool), wanted[window])
    np.testing.assert_array_equal(found.latitude.values, lat[window])
    assert set(found.coords) == {"latitude", "longitude"}
    out = tmp_path / "out.csv"
    read(swath, *arguments, "-o", out)
    table = pd.read_csv(out)
    assert list(table) == ["row", "column", "latitude", "longitude", "bt"]
    np.testing.assert_array_equal(table.bt.to_numpy(), values[wanted])
    np.testing.assert_array_equal(table.row.to_numpy(), np.nonzero(wanted)[0])
    told = read(swath, *arguments, "-o", tmp_path / "out.npy")
    assert f"warning: {wanted.sum()} of the {wanted[window].size} elements along row, column" in told
    # The other has no attribute that says where they are.
    told = read(swath, "science/quality", "--bbox", "175,10,-178,15", "-o", out, code=2)
    assert "no latitude along its dimensions" in told and "--lat" in told
    named = ["--lat", "/geolocation/latitude", "--lon", "/geolocation/longitude"]
    read(swath, "science/quality", "--bbox", "175,10,-178,15", *named, "-o", out)
    assert len(pd.read_csv(out)) == wanted.sum()


def test_tracks_of_a_granule(tmp_path: Path) -> None:
    """What lies in a box of the ATL03-like fixture, by each output."""
    source = GRANULES / "atl03_like.h5"
    with xr.open_dataset(source, group="gt1l/heights", engine="h5netcdf") as heights:
        lat, lon, height = (heights[name].values for name in ["lat_ph", "lon_ph", "h_ph"])
        time = heights["delta_time"].values
    south, north = np.quantile(lat, [0.4, 0.6])
    wanted = (lat >= south) & (lat <= north)
    assert 0 < wanted.sum() < wanted.size
    box = f"{lon.min() - 1},{south},{lon.max() + 1},{north}"
    arguments = ["gt1l/heights/h_ph", "--bbox", box, "--lat", "lat_ph", "--lon", "lon_ph"]
    read(source, *arguments, "-o", tmp_path / "out.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), height[wanted])
    read(source, *arguments, "-o", tmp_path / "out.csv")
    table = pd.read_csv(tmp_path / "out.csv")
    np.testing.assert_allclose(table.lat_ph.to_numpy(), lat[wanted], rtol=0)
    np.testing.assert_allclose(table.h_ph.to_numpy().astype("f4"), height[wanted], rtol=0)
    found = written(tmp_path, source, *arguments)
    np.testing.assert_array_equal(found.h_ph.values, height[wanted])
    np.testing.assert_array_equal(found.delta_time.values, time[wanted])


def test_granules_are_joined_on_the_way(tmp_path: Path) -> None:
    days = [GRANULES / f"mur_like_2020060{day}.nc" for day in (1, 2, 3)]
    out = tmp_path / "out.nc"
    with xr.open_dataset(days[0]) as one:
        lat, lon = one.lat.values, one.lon.values
    box = f"{lon[2]},{lat[1]},{lon[9]},{lat[6]}"
    joined = [*days, "analysed_sst", "--bbox", box, "--concat-dim", "time"]
    told = read(*joined, "-o", out, "--stats")
    each = [xr.load_dataset(day)[["analysed_sst"]] for day in days]
    whole = xr.concat(each, "time", data_vars="all", coords="minimal", compat="override", join="override")
    expected = whole.isel(lat=slice(1, 7), lon=slice(2, 10))
    found = xr.load_dataset(out)
    xr.testing.assert_equal(found, expected)
    assert "read time=0:3, lat=1:7, lon=2:10" in told
    assert f"from {days[1]}: time=1:2, lat=1:7, lon=2:10" in told
    sets = tmp_path / "days.json"
    assert chunkref("scan", *days, "--concat-dim", "time", "-o", sets).returncode == 0
    read(sets, "analysed_sst", "--bbox", box, "-o", out)
    xr.testing.assert_equal(xr.load_dataset(out), expected)
    assert "--concat-dim" in read(*days, "analysed_sst", "-o", out, code=2)


def test_what_is_wrong_is_said(grid: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.npy"
    for arguments, said in [
        (["--isel", "latt=0"], 'no dimension "latt"; the array has time, depth, lat, lon'),
        (["--isel", "lat"], '--isel: "lat": expected DIMENSION=VALUE'),
        (["--isel", "lat=36"], "lat: index 36: it has 36 elements"),
        (["--sel", "lat=41.1"], "/lat: no value 41.1; --nearest takes the nearest one"),
        (["--sel", "lat=40:30", "--nearest"], "the nearest to a range"),
        (["--sel", "time=1"], 'no time such as 2020-06-01'),
        (["--bbox", "1,2,3"], "--bounding-box: box \"1,2,3\": expected four numbers"),
        (["--bbox", "nan,2,3,4"], "--bounding-box: box: west is NaN"),
        (["--bbox", "0,50,10,40"], "the order is west, south, east, north"),
        (["--bbox", "0,0,10,100"], "north is 100"),
        (["--lat", "lat"], "--bounding-box"),
        (["--nearest"], "--sel"),
    ]:
        told = read(grid, "salt", *arguments, "-o", out, code=2)
        assert said in told and told.startswith("error: "), told
    assert not out.exists()


def test_an_empty_array_of_endless_dimensions_takes_no_memory(tmp_path: Path) -> None:
    source, out = tmp_path / "endless.h5", tmp_path / "out.csv"
    with h5py.File(source, "w") as file:
        file.create_dataset("a", (0, 2**50), "i2", chunks=(1, 1024), maxshape=(None, 2**50))
    assert "warning: nothing" in read(source, "a", "-o", out)
    assert len(out.read_text().splitlines()) == 1


def test_nothing_is_an_empty_array_with_a_warning(grid: Path, tmp_path: Path) -> None:
    for suffix in ["npy", "csv"]:
        out = tmp_path / f"out.{suffix}"
        told = read(grid, "salt", "--sel", "lat=41:42", "-o", out)
        assert told.startswith("warning: nothing lies in what was asked for (time=0:12, depth=0:5, lat=nothing")
    assert np.load(tmp_path / "out.npy").shape == (12, 5, 0, 72)
    assert (tmp_path / "out.csv").read_text() == "time,depth,lat,lon,salt\n"
    told = read(grid, "salt", "--sel", "lat=41:42", "-o", tmp_path / "out.nc", code=1)
    assert "dimension lat has no elements, which netCDF classic can't hold; .npy and .csv can" in told
