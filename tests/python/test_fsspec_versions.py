"""Parquet sets through fsspec with pandas 2 and 3, fastparquet and pyarrow: what is read is right, or is
one of the errors that docs/kerchunk.md lists. Nothing reads as values that are not there."""

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path

import h5py
import numpy as np
import pytest

from chunkref_cli import chunkref
from conftest import FIXTURES, ROOT

HERE = Path(__file__).resolve().parent
DOCUMENT = ROOT / "docs/kerchunk.md"

# The two that readers may have, each with both engines.
PANDAS = ("2", "3")
ENGINES = ("fastparquet", "pyarrow")
COMBINATIONS = [(pandas, engine) for pandas in PANDAS for engine in ENGINES]

# The only one that fails on an absent chunk among others, and how.
FAILS_ON_SPARSE = ("3", "pyarrow")
SPARSE_ERROR = "TypeError: argument of type 'float' is not iterable"
# Which group it names depends on the order of a Python set.
FIND_ERROR = re.compile(r"KeyError: 'g(/h)?/\.zarray'")

GROUPS = ("", "g/", "g/h/")


def interpreter(pandas: str) -> str:
    path = os.environ.get(f"CHUNKREF_PANDAS_{pandas}")
    if not path:
        raise RuntimeError(f"CHUNKREF_PANDAS_{pandas} is not set: `cargo xtask test` sets it")
    return path


def read(references: Path, pandas: str, engine: str) -> dict:
    run = subprocess.run(
        [interpreter(pandas), HERE / "read_through_fsspec.py", references, engine],
        capture_output=True, text=True, timeout=120, check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def make(path: Path, compression: str | None, nested: bool) -> dict[str, np.ndarray]:
    """Arrays that are dense, sparse, and never written, in groups within groups."""
    wanted = {}
    with h5py.File(path, "w") as file:
        for group in GROUPS if nested else GROUPS[:1]:
            options = {"dtype": "f4", "chunks": (4,), "compression": compression}
            file.create_dataset(f"{group}dense", data=np.arange(40, dtype="f4"), **options)
            sparse = file.create_dataset(f"{group}sparse", shape=(40,), **options)
            sparse[4:8], sparse[36:] = 7, 9
            file.create_dataset(f"{group}never", shape=(40,), **options)
            wanted |= {f"{group}{name}": file[f"{group}{name}"][...] for name in ("dense", "sparse", "never")}
    return wanted


def scan(source: Path, out: Path, *more: str) -> str:
    run = chunkref("scan", source, "-o", out, "--inline-threshold", "0", *more)
    assert run.returncode == 0, run.stderr
    return run.stderr


def sum_of(values: np.ndarray) -> str:
    return hashlib.sha256(values.tobytes()).hexdigest()


def failed(found: dict, wanted: dict[str, np.ndarray]) -> dict[str, str]:
    """The errors; all that was read is right."""
    assert found.keys() == wanted.keys()
    errors = {}
    for path, values in wanted.items():
        if "error" in found[path]:
            errors[path] = found[path]["error"]
        else:
            assert found[path]["sum"] == sum_of(values), path
            assert found[path]["dtype"] == str(values.dtype), path
    return errors


@pytest.mark.parametrize("densify", [False, True], ids=["", "densify"])
@pytest.mark.parametrize("compression", [None, "gzip"])
def test_sparse_arrays_and_nested_groups(compression: str | None, densify: bool, tmp_path: Path) -> None:
    wanted = make(tmp_path / "source.h5", compression, nested=True)
    references = tmp_path / "set.parquet"
    warnings = scan(tmp_path / "source.h5", references, *(["--densify"] if densify else []))
    # Absent chunks of unfiltered arrays are written out while they are few.
    lacking = compression is not None and not densify
    assert ("--densify" in warnings) == lacking, warnings
    assert "groups below the root" in warnings
    for pandas, engine in COMBINATIONS:
        found = read(references, pandas, engine)
        errors = failed(found["arrays"], wanted)
        sparse = {path: SPARSE_ERROR for path in wanted if path.endswith("sparse")}
        assert errors == (sparse if lacking and (pandas, engine) == FAILS_ON_SPARSE else {})
        assert FIND_ERROR.fullmatch(found["find"]["error"]), found["find"]
        groups = {group.strip("/") for group in GROUPS if group}
        assert found["members"]["names"] == sorted(wanted.keys() | groups)


@pytest.mark.parametrize("record_size", ["1", "3", "100000"])
def test_without_groups_all_is_well(record_size: str, tmp_path: Path) -> None:
    wanted = make(tmp_path / "source.h5", None, nested=False)
    references = tmp_path / "set.parq"
    assert scan(tmp_path / "source.h5", references, "--record-size", record_size) == ""
    metadata = json.loads((references / ".zmetadata").read_text())
    assert metadata["record_size"] == int(record_size)
    for pandas, engine in COMBINATIONS:
        found = read(references, pandas, engine)
        assert failed(found["arrays"], wanted) == {}
        assert found["members"]["names"] == sorted(wanted)
        assert f"dense/9" in found["find"]["names"]
        assert "error" not in found["open"]


@pytest.mark.parametrize("name", ["mur_like_20200601.nc", "fills.h5"])
def test_granules_read_alike_in_all(name: str, tmp_path: Path) -> None:
    references = tmp_path / "set.parquet"
    scan(FIXTURES / "granules" / name, references)
    first, *others = (read(references, *combination)["arrays"] for combination in COMBINATIONS)
    assert any("sum" in array for array in first.values())
    for pandas, other in zip(COMBINATIONS[1:], others):
        for path, array in other.items():
            if pandas == FAILS_ON_SPARSE and array.get("error") == SPARSE_ERROR:
                continue
            assert array == first[path], (pandas, path)


def test_the_document_has_the_errors() -> None:
    text = DOCUMENT.read_text()
    assert SPARSE_ERROR in text
    assert "KeyError: 'g/.zarray'" in text
