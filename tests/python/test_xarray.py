"""What a user does with the output: opens it in xarray."""

import json
import warnings
from pathlib import Path

import fsspec
import h5py
import numpy as np
import pytest
import xarray as xr
import zarr

from chunkref_cli import chunkref
from conftest import FIXTURES

DAYS = sorted((FIXTURES / "granules").glob("mur_like_*.nc"))


def scan(*arguments) -> None:
    run = chunkref("scan", *arguments)
    assert run.returncode == 0, run.stderr


def open_references(path: Path, **options) -> xr.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return xr.open_dataset(str(path), engine="kerchunk", **options)


@pytest.mark.parametrize("suffix", [".json", ".parquet"])
def test_one_granule(suffix: str, tmp_path: Path) -> None:
    out = tmp_path / f"out{suffix}"
    scan(DAYS[0], "-o", out)
    virtual = open_references(out)
    with xr.open_dataset(DAYS[0], engine="netcdf4") as native:
        xr.testing.assert_equal(virtual, native)
        assert set(virtual.variables) == set(native.variables)
        assert virtual.sizes == native.sizes
        for name, variable in native.variables.items():
            assert virtual[name].dtype == variable.dtype, name
            assert virtual[name].attrs.keys() == variable.attrs.keys(), name
        land = int(np.isnan(native.analysed_sst).sum())
        assert land > 0, "the granule has masked cells to lose"
        assert int(np.isnan(virtual.analysed_sst).sum()) == land


def test_selection_reads_only_its_chunks(tmp_path: Path) -> None:
    """All references but those of one chunk taken away: the selection still reads."""
    out = tmp_path / "out.json"
    scan(DAYS[0], "-o", out)
    document = json.loads(out.read_text())
    kept = {
        key: value
        for key, value in document["refs"].items()
        if not key.startswith("analysed_sst/") or "/.z" in key or key == "analysed_sst/0.1.2"
    }
    assert len(kept) < len(document["refs"])
    out.write_text(json.dumps({"version": 1, "refs": kept}))
    box = {"lat": slice(45, 90), "lon": slice(180, 270)}
    with xr.open_dataset(DAYS[0], engine="netcdf4") as native:
        wanted = native.analysed_sst.isel(time=0, **box).values
    assert np.isfinite(wanted).any()
    found = open_references(out).analysed_sst.isel(time=0, **box).values
    np.testing.assert_array_equal(found, wanted)


def test_group_and_variable_narrow_the_output(tmp_path: Path) -> None:
    granule = FIXTURES / "granules" / "atl03_like.h5"
    whole, narrow = tmp_path / "whole.json", tmp_path / "narrow.json"
    scan(granule, "-o", whole)
    scan(granule, "-o", narrow, "--group", "gt1l/heights", "--variable", "h_ph")
    arrays = [key for key in json.loads(narrow.read_text())["refs"] if key.endswith(".zarray")]
    everything = [key for key in json.loads(whole.read_text())["refs"] if key.endswith(".zarray")]
    assert any(key.endswith("h_ph/.zarray") for key in arrays)
    assert not any("lat_ph" in key or "gt2l" in key for key in arrays)
    assert len(arrays) < len(everything)


def test_contiguous_over_32_mib_is_split(tmp_path: Path) -> None:
    """40 MiB: too large to commit, so it is written here."""
    import h5py

    source, out = tmp_path / "large.h5", tmp_path / "out.json"
    rows, columns = 1280, 4096
    data = np.arange(rows * columns, dtype="<f8").reshape(rows, columns)
    with h5py.File(source, "w") as file:
        file.create_dataset("data", data=data)
        start = file["data"].id.get_offset()
    scan(source, "-o", out)
    refs = json.loads(out.read_text())["refs"]
    array = refs["data/.zarray"]
    array = json.loads(array) if isinstance(array, str) else array
    chunks = sorted((value for key, value in refs.items() if key.startswith("data/") and "/.z" not in key), key=lambda value: value[1])
    assert len(chunks) > 1
    assert array["chunks"][1] == columns and rows % array["chunks"][0] == 0
    assert all(size <= 32 * 2**20 for _, _, size in chunks)
    assert chunks[0][1] == start
    assert all(one[1] + one[2] == other[1] for one, other in zip(chunks, chunks[1:], strict=False))
    assert sum(size for _, _, size in chunks) == data.nbytes
    np.testing.assert_array_equal(open_references(out)["data"].values, data)


def test_output_is_the_same_every_time(tmp_path: Path) -> None:
    outs = [tmp_path / "one.json", tmp_path / "two.json"]
    for out in outs:
        scan(FIXTURES / "granules" / "dims.nc", "-o", out)
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_nested_groups_still_have_no_members_through_fsspec(tmp_path: Path) -> None:
    """Why compare_xarray.py gives each group's references as a set of their own.

    zarr-python 3.1 finds nothing in a nested group of fsspec's reference filesystem. When this
    fails, it does: then open groups there by their path.
    """
    out = tmp_path / "out.json"
    scan(FIXTURES / "granules" / "atl03_like.h5", "-o", out)
    assert "gt1l/heights/h_ph/.zarray" in json.loads(out.read_text())["refs"]
    options = {"group": "gt1l/heights", "chunks": None}
    nested = open_references(out, open_dataset_options=options)
    assert list(nested.variables) == []


@pytest.mark.parametrize(
    ("granule", "group", "variable"),
    [(DAYS[0], None, "analysed_sst"), (FIXTURES / "granules" / "atl03_like.h5", "gt1l/heights", "h_ph")],
)
def test_the_call_of_the_readme_opens_sets_with_and_without_groups(
    granule: Path, group: str | None, variable: str, tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    scan(granule, "-o", out)
    files = fsspec.filesystem("reference", fo=str(out), asynchronous=True)
    store = zarr.storage.FsspecStore(files, read_only=True)
    virtual = xr.open_zarr(store, group=group, consolidated=True, decode_cf=False)
    with h5py.File(granule) as file:
        expected = file[f"{group or ''}/{variable}"][()]
    assert expected.size > 0
    np.testing.assert_array_equal(virtual[variable].values, expected)
