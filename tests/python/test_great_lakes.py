"""The example examples/great_lakes gives what h5netcdf and numpy do, from the chunks around the lakes alone."""

import os
import re
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import h5netcdf
import h5py
import numpy as np
import pytest

EXAMPLES = Path(os.environ.get("CHUNKREF_BIN", "target/debug/chunkref")).parent / "examples"
COLLECTION = "MUR-JPL-L4-GLOB-v4.1"
YEARS, DAYS = range(2013, 2023), (24, 25)
SHAPE = (17999, 36000)
SOUTH, NORTH, WEST, EAST = 40.26, 48.95, -94.93, -73.83
# name, type, chunk, packing, missing
VARIABLES = [
    ("analysed_sst", "<i2", (1023, 2047), (0.001, 298.15), -32768),
    ("sea_ice_fraction", "|i1", (1447, 2895), (0.01, 0.0), -128),
]


def axes() -> tuple[np.ndarray, np.ndarray]:
    lat = np.linspace(-89.99, 89.99, SHAPE[0]).astype("f4")
    lon = np.linspace(-179.99, 180.0, SHAPE[1]).astype("f4")
    return lat, lon


def window() -> tuple[slice, slice]:
    """The places of the box on the grid."""
    lat, lon = axes()
    rows = np.flatnonzero((lat >= np.float32(SOUTH)) & (lat <= np.float32(NORTH)))
    columns = np.flatnonzero((lon >= np.float32(WEST)) & (lon <= np.float32(EAST)))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def values(name: str, rows: np.ndarray, columns: np.ndarray, day: int) -> np.ndarray:
    """Stored integers: lakes of water and ice in a land of missing values, other ones each day."""
    y, x = np.meshgrid(rows, columns, indexing="ij")
    land = (x // 90 + y // 70) % 3 == 0
    if name == "analysed_sst":
        stored = -25000 + ((x * 3 + y * 5 + day * 37) // 16) % 4000
        return np.where(land | ((x + y + day) % 97 == 0), -32768, stored).astype("<i2")
    stored = ((x // 40 + y // 30 + day) % 60) - 20
    return np.where(stored < 0, -128, stored).astype("|i1")


def granule(path: Path, day: int) -> None:
    """A map of the whole earth of which only the chunks around the lakes are there."""
    lat, lon = axes()
    box = window()
    with h5netcdf.File(path, "w") as f:
        f.dimensions = {"time": 1, "lat": SHAPE[0], "lon": SHAPE[1]}
        f.create_variable("time", ("time",), "i4", data=np.array([day], "i4"))
        f.create_variable("lat", ("lat",), "f4", data=lat)
        f.create_variable("lon", ("lon",), "f4", data=lon)
        for name, kind, chunk, (scale, offset), missing in VARIABLES:
            kwargs = {"chunks": (1, *chunk), "compression": "gzip", "shuffle": kind != "|i1"}
            dtype = np.dtype(kind)
            variable = f.create_variable(name, ("time", "lat", "lon"), dtype, fillvalue=dtype.type(missing), **kwargs)
            variable.attrs["scale_factor"] = np.float64(scale)
            variable.attrs["add_offset"] = np.float64(offset)
    with h5py.File(path, "r+") as f:
        for name, kind, chunk, _, missing in VARIABLES:
            first = [side.start // length for side, length in zip(box, chunk)]
            last = [(side.stop - 1) // length for side, length in zip(box, chunk)]
            for row in range(first[0], last[0] + 1):
                for column in range(first[1], last[1] + 1):
                    at = (row * chunk[0], column * chunk[1])
                    stored = np.full(chunk, missing, kind)
                    stored[:] = values(name, at[0] + np.arange(chunk[0]), at[1] + np.arange(chunk[1]), day)
                    raw = stored.tobytes()
                    if stored.itemsize == 2:
                        raw = np.frombuffer(raw, "u1").reshape(-1, 2).T.tobytes()
                    f[name].id.write_direct_chunk((0, *at), zlib.compress(raw, 1))


@pytest.fixture(scope="module")
def granules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lakes")
    for year in YEARS:
        for day in DAYS:
            granule(folder / f"{year}12{day}-{COLLECTION}.nc", year * 31 + day)
    return folder


def started(*command: object) -> tuple[subprocess.Popen, str]:
    """A server that runs until its standard input ends, and its URL."""
    words = [str(word) for word in command]
    server = subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return server, server.stdout.readline().strip()


@pytest.fixture(scope="module")
def search_url(granules: Path) -> Iterator[str]:
    data, data_url = started(EXAMPLES / "range_server", granules, 0, 0)
    cmr, cmr_url = started(EXAMPLES / "cmr_server", 0, data_url)
    yield cmr_url
    for server in (cmr, data):
        server.stdin.close()
        server.wait(10)


def expected(granules: Path) -> np.ndarray:
    box = window()
    means = []
    for year in YEARS:
        days = []
        for day in DAYS:
            with h5netcdf.File(granules / f"{year}12{day}-{COLLECTION}.nc") as f:
                read = {}
                for name, *_, (scale, offset), missing in VARIABLES:
                    stored = f[name][0, box[0], box[1]]
                    read[name] = np.where(stored == missing, np.nan, stored * scale + offset)
            ice = read["sea_ice_fraction"]
            is_open = np.isnan(ice) | (ice < 0.15)
            days.append(np.where(is_open, read["analysed_sst"] - 273.15, np.nan))
        count = np.sum(~np.isnan(days), axis=0)
        with np.errstate(invalid="ignore"):
            means.append(np.nansum(days, axis=0) / count)
    return np.stack(means).astype("f4")


def test_great_lakes(granules: Path, search_url: str, tmp_path: Path) -> None:
    program = EXAMPLES / "great_lakes"
    assert program.exists(), "made by: cargo build -p chunkref --examples"
    run = subprocess.run([program, tmp_path, search_url], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith(f"20 granules of {COLLECTION}\n"), run.stdout

    cube = np.load(tmp_path / "great_lakes.npy")
    assert cube.shape == (10, 870, 2111)
    np.testing.assert_array_equal(cube, expected(granules))
    # Land, ice and lakes: all are there.
    assert 0.1 < np.isnan(cube).mean() < 0.9

    for year in YEARS:
        picture = (tmp_path / f"great_lakes_{year}.png").read_bytes()
        assert picture[:8] == b"\x89PNG\r\n\x1a\n"
        assert picture[16:24] == (2111).to_bytes(4, "big") + (870).to_bytes(4, "big")

    # Little else is in these granules: no more than that, and what is read first of each.
    told = re.search(r"from ([\d.]+) MB in (\d+) requests", run.stdout)
    assert told, run.stdout
    size = sum(path.stat().st_size for path in granules.iterdir())
    assert float(told[1]) * 1e6 < size + 20 * 300_000
    # Of each: metadata, coordinates, two rows of chunks of one variable, one of the other.
    assert int(told[2]) <= 20 * 8
