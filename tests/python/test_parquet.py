"""Parquet sets say what JSON says: zarr-python reads the same from both through fsspec."""

import json
import warnings
from pathlib import Path

import fsspec
import numpy as np
import pytest
import zarr
from zarr.storage import FsspecStore

from chunkref_cli import chunkref
from conftest import FIXTURES, hdf5_files, name_of


def scan(source: Path, out: Path) -> None:
    run = chunkref("scan", source, "-o", out)
    assert run.returncode == 0, run.stderr


def open_group(references: Path) -> zarr.Group:
    # Without the protocol fsspec looks for one in the chunks of a Parquet set, and fails on groups.
    files = fsspec.filesystem(
        "reference", fo=str(references), remote_protocol="file", asynchronous=True
    )
    return zarr.open_group(FsspecStore(files, path="", read_only=True), mode="r", zarr_format=2)


def opens(document: dict) -> bool:
    """zarr-python 3.1 opens no v2 array of compounds that hold compounds or arrays."""
    fields = document["dtype"]
    return isinstance(fields, str) or all(
        len(field) == 2 and isinstance(field[1], str) for field in fields
    )


@pytest.mark.parametrize("source", hdf5_files(FIXTURES / "granules"), ids=name_of)
def test_same_as_json(source: Path, tmp_path: Path) -> None:
    as_json, as_parquet = tmp_path / "out.json", tmp_path / "out.parquet"
    scan(source, as_json)
    scan(source, as_parquet)
    refs = json.loads(as_json.read_text())["refs"]
    documents = {key: json.loads(refs[key]) for key in refs if Path(key).name.startswith(".z")}
    documents.pop(".zmetadata", None)
    metadata = json.loads((as_parquet / ".zmetadata").read_text())
    assert metadata["metadata"] == documents

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one, other = open_group(as_json), open_group(as_parquet)
        for key, document in documents.items():
            path = key.removesuffix("/.zarray")
            if path == key or not opens(document):
                continue
            one_by_one(other[path][...], one[path][...], path)


def one_by_one(read: np.ndarray, wanted: np.ndarray, path: str) -> None:
    read, wanted = np.asarray(read), np.asarray(wanted)
    assert (read.shape, read.dtype) == (wanted.shape, wanted.dtype), path
    if wanted.dtype.kind in "OT":
        assert read.tolist() == wanted.tolist(), path
    else:
        # As bytes: NaNs within compounds are not equal to themselves.
        assert read.tobytes() == wanted.tobytes(), path
