"""Variables that are shorter than their unlimited dimension are shown as netCDF readers show them."""

import json
from pathlib import Path

import netCDF4
import numpy as np
import pytest
import xarray

from chunkref_cli import chunkref


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("grown") / "short.nc"
    with netCDF4.Dataset(path, "w") as nc:
        nc.createDimension("time", None)
        nc.createDimension("trial", None)
        nc.createDimension("y", 6)
        nc.createVariable("time", "f8", ("time",))[:] = np.arange(5)
        group = nc.createGroup("inner")
        for chunk in (1, 2, 4):
            short = group.createVariable(f"short_{chunk}", "i4", ("time", "y"), zlib=True, chunksizes=(chunk, 3))
            short[:] = np.arange(18).reshape(3, 6)
        group.createVariable("never", "f4", ("time", "y"), fill_value=-9)
        group.createVariable("text", str, ("time",))[:2] = np.array(["a", "b"], object)
        both = group.createVariable("both", "i2", ("time", "trial", "y"))
        both[:2, :1] = np.ones((2, 1, 6))
        group.createVariable("trials", "i2", ("trial",))[:] = np.arange(3)
        group.createVariable("unfilled", "i2", ("time",), fill_value=False)[:] = np.arange(2)
    return path


def read(source: Path, name: str, folder: Path) -> np.ndarray:
    out = folder / "one.npy"
    run = chunkref("read", source, f"inner/{name}", "-o", out)
    assert run.returncode == 0, run.stderr
    return np.load(out, allow_pickle=True)


NAMES = ("short_1", "short_2", "short_4", "never", "both", "trials")


@pytest.mark.parametrize("name", NAMES)
def test_is_as_long_as_its_dimension(name: str, source: Path, tmp_path: Path) -> None:
    # netCDF-C leaves what it finds in memory where a variable is shorter along two axes.
    engine = "h5netcdf" if name == "both" else "netcdf4"
    options = {"mask_and_scale": False, "engine": engine, "drop_variables": ["text"]}
    with xarray.open_dataset(source, group="inner", **options) as theirs:
        wanted = theirs[name].values
    # The scan for one array reads no more than it: the length is that of a scale in the group above.
    found = read(source, name, tmp_path)
    assert found.dtype == wanted.dtype and np.array_equal(found, wanted)


@pytest.mark.parametrize("options", [(), ("--group", "inner"), ("--variable", "inner/short_2")])
def test_whole_and_narrow_scans_agree(options: tuple[str, ...], source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert chunkref("scan", source, "-o", out, *options).returncode == 0
    refs = json.loads(out.read_text())["refs"]
    assert json.loads(refs["inner/short_2/.zarray"])["shape"] == [5, 6]
    assert json.loads(refs["inner/short_2/.zattrs"])["_ARRAY_DIMENSIONS"] == ["time", "y"]


def test_the_report_says_so(source: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    assert chunkref("scan", source, "-o", tmp_path / "out.json", "--report", report).returncode == 0
    remarks = json.loads(report.read_text())["warnings"]
    assert any(one.startswith("/inner/short_1: of shape [3, 6], and shown as [5, 6]") for one in remarks)


def test_without_a_fill_value_it_stays_as_it_is(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert chunkref("scan", source, "-o", out).returncode == 0
    refs = json.loads(out.read_text())["refs"]
    assert json.loads(refs["inner/unfilled/.zarray"])["shape"] == [2]
    assert json.loads(refs["inner/unfilled/.zattrs"])["_ARRAY_DIMENSIONS"] == ["phony_2_unlimited"]


def test_texts_are_empty_where_they_were_not_written(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert chunkref("scan", source, "-o", out).returncode == 0
    with xarray.open_dataset(source, group="inner") as theirs:
        assert theirs["text"].values.tolist() == ["a", "b", "", "", ""]
    refs = json.loads(out.read_text())["refs"]
    assert json.loads(refs["inner/text/.zarray"])["shape"] == [5]
