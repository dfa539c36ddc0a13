"""What chunkref keeps beside references: it follows its schema, other tools read sets that have it,
and chunkref reads from such a set what references can't say.
"""

import json
import shutil
import warnings
from pathlib import Path

import fsspec
import jsonschema
import kerchunk.combine
import kerchunk.df
import numpy as np
import pytest
import xarray as xr
from obspec_utils.registry import ObjectStoreRegistry
from obstore.store import LocalStore
from virtualizarr import open_virtual_dataset
from virtualizarr.parsers import KerchunkJSONParser, KerchunkParquetParser

from chunkref_cli import chunkref
from conftest import FIXTURES, ROOT, hdf5_files, name_of

SCHEMA = jsonschema.Draft202012Validator(json.loads((ROOT / "docs/extras.schema.json").read_text()))
GRANULES = hdf5_files(FIXTURES / "granules")
DAYS = [path for path in GRANULES if path.name.startswith("mur_like_2020060")]


def scan(*arguments: Path | str) -> None:
    run = chunkref("scan", *arguments)
    assert run.returncode == 0, run.stderr


def extras_of(out: Path) -> dict:
    if out.is_dir():
        return json.loads((out / ".chunkref/extras.json").read_text())
    return json.loads(out.read_text())["chunkref"]


def check(extras: dict) -> None:
    errors = [f"{list(error.path)}: {error.message}" for error in SCHEMA.iter_errors(extras)]
    assert not errors, errors[:5]


def test_the_schema_is_a_schema_and_refuses_what_it_should() -> None:
    SCHEMA.check_schema(SCHEMA.schema)
    check({"version": 1})
    for wrong in ({}, {"version": 2}, {"version": 1, "locations": [{}]}, {"version": 1, "more": 1}):
        assert not SCHEMA.is_valid(wrong), wrong


def test_extras_of_every_layout_follow_the_schema() -> None:
    """What the crate's own test compares with what is written."""
    sample = json.loads((ROOT / "crates/manifest/tests/extras/every_layout.json").read_text())
    check(sample)
    kinds = {array["layout"]["kind"] for array in sample["arrays"].values()}
    assert len(kinds) == 7


@pytest.mark.parametrize("source", GRANULES, ids=name_of)
def test_extras_follow_the_schema(source: Path, tmp_path: Path) -> None:
    as_json, as_parquet = tmp_path / "out.json", tmp_path / "out.parquet"
    scan(source, "-o", as_json)
    scan(source, "-o", as_parquet)
    extras = extras_of(as_json)
    check(extras)
    assert extras_of(as_parquet) == extras
    assert [location["size"] for location in extras["locations"][:1]] == [source.stat().st_size]
    # Every array of the references, and no document of one that is here alone.
    documents = {
        "/" + key.removesuffix("/.zarray")
        for key in json.loads(as_json.read_text())["refs"]
        if key.endswith("/.zarray")
    }
    full = {path for path, array in extras.get("arrays", {}).items() if array.get("full")}
    assert set(extras.get("arrays", {})) - full == documents
    assert not full & documents


def beyond_zarr(extras: dict) -> list[str]:
    return [path for path, array in extras["arrays"].items() if array.get("full")]


BEYOND = {
    "elements_numbers.h5": "chunked",
    "external_segments.h5": "external",
    "layouts_earliest.h5": "chunked",
    "layouts_latest.h5": "chunked",
    "virtual_latest.h5": "virtual",
}


@pytest.mark.parametrize("kind", ["json", "parquet"])
@pytest.mark.parametrize("name", BEYOND)
def test_a_set_gives_what_references_can_not_say(name: str, kind: str, tmp_path: Path) -> None:
    source = FIXTURES / "granules" / name
    out = tmp_path / f"set.{kind}"
    scan(source, "-o", out, "--inline-threshold", "0")
    extras = extras_of(out)
    paths = beyond_zarr(extras)
    assert BEYOND[name] in {extras["arrays"][path]["layout"]["kind"] for path in paths}
    read = 0
    for path in paths:
        from_set, from_file = tmp_path / "set.npy", tmp_path / "file.npy"
        whole = chunkref("read", source, path, "-o", from_file)
        part = chunkref("read", out, path, "-o", from_set)
        assert part.returncode == whole.returncode, (path, whole.stderr, part.stderr)
        if whole.returncode == 0:
            assert from_set.read_bytes() == from_file.read_bytes(), path
            read += 1
    assert read, "some can be read"
    if name.startswith("layouts"):
        names = {path.rpartition("/")[2] for path in paths}
        assert names >= {"lzf", "scaleoffset", "nbit", "mixed"}, names


def test_a_set_whose_source_changed_is_an_error(tmp_path: Path) -> None:
    source = Path(shutil.copy(FIXTURES / "granules/layouts_latest.h5", tmp_path / "granule.h5"))
    out = tmp_path / "set.json"
    scan(source, "-o", out, "--inline-threshold", "0")
    path = next(path for path in beyond_zarr(extras_of(out)) if path.endswith("/lzf"))
    with source.open("ab") as file:
        file.write(b"more")
    run = chunkref("read", out, path, "-o", tmp_path / "a.npy")
    assert run.returncode != 0
    assert "changed since it was scanned: size" in run.stderr


def as_dataset(references: str | Path | dict) -> xr.Dataset:
    files = fsspec.filesystem(
        "reference",
        fo=references if isinstance(references, dict) else str(references),
        remote_protocol="file",
        asynchronous=True,
    )
    from zarr.storage import FsspecStore

    store = FsspecStore(files, path="", read_only=True)
    return xr.open_dataset(store, engine="zarr", consolidated=False, zarr_format=2)


def assert_same(found: xr.Dataset, day: Path) -> None:
    with xr.open_dataset(day, engine="h5netcdf") as wanted:
        for name, variable in wanted.variables.items():
            np.testing.assert_array_equal(found[name].values, variable.values, err_msg=name)


@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_xarray_reads_a_set_with_extras(kind: str, tmp_path: Path) -> None:
    out = tmp_path / f"set.{kind}"
    scan(DAYS[0], "-o", out)
    assert_same(as_dataset(out), DAYS[0])


def test_kerchunk_reads_sets_with_extras(tmp_path: Path) -> None:
    sets = []
    for day in DAYS[:2]:
        out = tmp_path / f"{day.stem}.json"
        scan(day, "-o", out)
        sets.append(json.loads(out.read_text()))
        assert "chunkref" in sets[-1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        combined = kerchunk.combine.MultiZarrToZarr(
            sets, concat_dims=["time"], identical_dims=["lat", "lon"], remote_protocol="file"
        ).translate()
        found = as_dataset(combined)
        for place, day in enumerate(DAYS[:2]):
            assert_same(found.isel(time=[place]), day)
        frames = tmp_path / "by_kerchunk.parq"
        kerchunk.df.refs_to_dataframe(sets[0], str(frames), record_size=50)
        assert_same(as_dataset(frames), DAYS[0])


@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_virtualizarr_reads_a_set_with_extras(kind: str, tmp_path: Path) -> None:
    out = tmp_path / f"set.{kind}"
    # It reads no inline data.
    scan(DAYS[0], "-o", out, "--inline-threshold", "0")
    registry = ObjectStoreRegistry({"file://": LocalStore()})
    parser = KerchunkJSONParser() if kind == "json" else KerchunkParquetParser()
    with open_virtual_dataset(out.as_uri(), registry=registry, parser=parser) as dataset:
        with xr.open_dataset(DAYS[0], engine="h5netcdf") as wanted:
            assert set(dataset.variables) == set(wanted.variables)
            assert dataset.sizes == wanted.sizes


@pytest.mark.parametrize("name", ["fills.h5", "fills.nc", "fills_arrays.h5", "fills_special.h5"])
def test_a_set_whose_absent_chunks_were_written_out_is_read_back(name: str, tmp_path: Path) -> None:
    """Its documents are those of an array with absent chunks, of which there are none any more."""
    source = FIXTURES / "granules" / name
    for options in ([], ["--densify"]):
        out = tmp_path / "set.parquet"
        assert chunkref("scan", source, "-o", out, *options).returncode == 0
        run = chunkref("inspect", out)
        assert run.returncode == 0
        assert "\nrefused:" not in run.stdout
