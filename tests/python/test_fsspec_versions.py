"""Parquet sets through fsspec with pandas 2 and 3, fastparquet and pyarrow: what is read is right, or is
one of the errors that docs/kerchunk.md lists. Nothing reads as values that are not there."""

import hashlib
import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import fsspec
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


NESTED = [(compression, densify) for compression in (None, "gzip") for densify in (False, True)]
RECORD_SIZES = ("1", "3", "100000")
GRANULES = ("mur_like_20200601.nc", "fills.h5")


@dataclass
class Sets:
    """Sets by their name, with what a scan warned of, the arrays as h5py reads them, and what all
    combinations of versions read."""

    folder: Path
    warnings: dict[str, str] = field(default_factory=dict)
    wanted: dict[str, dict[str, np.ndarray]] = field(default_factory=dict)
    found: dict[tuple[str, str, str], dict] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"

    def add(self, name: str, source: Path, wanted: dict[str, np.ndarray], *options: str) -> None:
        self.wanted[name] = wanted
        self.warnings[name] = scan(source, self.path(name), *options)

    def read(self) -> None:
        """One process for each version of pandas: most of their time is that of imports."""
        paths = [self.path(name) for name in self.wanted]
        runs = {
            pandas: subprocess.Popen(
                [interpreter(pandas), HERE / "read_through_fsspec.py", *paths], stdout=subprocess.PIPE
            )
            for pandas in PANDAS
        }
        for pandas, run in runs.items():
            output, _ = run.communicate(timeout=300)
            assert run.returncode == 0
            for path, engines in json.loads(output).items():
                for engine, found in engines.items():
                    self.found[Path(path).stem, pandas, engine] = found


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Sets:
    made = Sets(tmp_path_factory.mktemp("sets"))
    for compression, densify in NESTED:
        source = made.folder / f"nested-{compression}.h5"
        wanted = make(source, compression, nested=True)
        options = ["--densify"] if densify else []
        made.add(f"nested-{compression}-{densify}", source, wanted, *options)
    source = made.folder / "flat.h5"
    wanted = make(source, None, nested=False)
    for size in RECORD_SIZES:
        made.add(f"flat-{size}", source, wanted, "--record-size", size)
    for name in GRANULES:
        made.add(f"granule-{name}", FIXTURES / "granules" / name, {})
    made.read()
    return made


@pytest.mark.parametrize(("compression", "densify"), NESTED)
def test_sparse_arrays_and_nested_groups(sets: Sets, compression: str | None, densify: bool) -> None:
    name = f"nested-{compression}-{densify}"
    wanted, warnings = sets.wanted[name], sets.warnings[name]
    # Absent chunks of unfiltered arrays are written out while they are few.
    lacking = compression is not None and not densify
    assert ("--densify" in warnings) == lacking, warnings
    assert "groups below the root" in warnings
    for pandas, engine in COMBINATIONS:
        found = sets.found[name, pandas, engine]
        errors = failed(found["arrays"], wanted)
        sparse = {path: SPARSE_ERROR for path in wanted if path.endswith("sparse")}
        assert errors == (sparse if lacking and (pandas, engine) == FAILS_ON_SPARSE else {})
        assert FIND_ERROR.fullmatch(found["find"]["error"]), found["find"]
        groups = {group.strip("/") for group in GROUPS if group}
        assert found["members"]["names"] == sorted(wanted.keys() | groups)


@pytest.mark.parametrize("record_size", RECORD_SIZES)
def test_without_groups_all_is_well(sets: Sets, record_size: str) -> None:
    name = f"flat-{record_size}"
    assert sets.warnings[name] == ""
    metadata = json.loads((sets.path(name) / ".zmetadata").read_text())
    assert metadata["record_size"] == int(record_size)
    for combination in COMBINATIONS:
        found = sets.found[name, *combination]
        assert failed(found["arrays"], sets.wanted[name]) == {}
        assert found["members"]["names"] == sorted(sets.wanted[name])
        assert "dense/9" in found["find"]["names"]
        assert "error" not in found["open"]


@pytest.mark.parametrize("name", GRANULES)
def test_granules_read_alike_in_all(sets: Sets, name: str) -> None:
    first, *others = (sets.found[f"granule-{name}", *combination]["arrays"] for combination in COMBINATIONS)
    assert any("sum" in array for array in first.values())
    for combination, other in zip(COMBINATIONS[1:], others):
        for path, array in other.items():
            if combination == FAILS_ON_SPARSE and array.get("error") == SPARSE_ERROR:
                continue
            assert array == first[path], (combination, path)


def test_compressed_json_is_what_fsspec_reads(tmp_path: Path) -> None:
    source = FIXTURES / "granules/mur_like_20200601.nc"
    plain, compressed = tmp_path / "set.json", tmp_path / "set.json.gz"
    scan(source, plain)
    scan(source, compressed)
    options = {"compression": "gzip"}
    files = fsspec.filesystem("reference", fo=str(compressed), target_options=options, remote_protocol="file")
    wanted = json.loads(plain.read_text())["refs"]
    assert files.references.keys() == wanted.keys()
    assert files.references == fsspec.filesystem("reference", fo=wanted, remote_protocol="file").references


def test_the_document_has_the_errors() -> None:
    text = DOCUMENT.read_text()
    assert SPARSE_ERROR in text
    assert "KeyError: 'g/.zarray'" in text
