"""Sets that kerchunk, VirtualiZarr and chunkref made, converted and relocated by chunkref.

They show the same in xarray and zarr-python afterwards.
"""

import json
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from chunkref_cli import chunkref
from conftest import FIXTURES
from test_foreign import (
    by_kerchunk,
    by_kerchunk_as_parquet,
    by_virtualizarr,
    by_virtualizarr_as_parquet,
    documents,
    open_array,
)

GRANULES = FIXTURES / "granules"
DAYS = sorted(GRANULES.glob("mur_like_*.nc"))
SOURCES = [DAYS[0], GRANULES / "dims.nc", GRANULES / "fills.nc", GRANULES / "atl03_like.h5"]


def by_chunkref(source: Path, folder: Path) -> Path:
    return made(source, folder / "chunkref.json")


def by_chunkref_as_parquet(source: Path, folder: Path) -> Path:
    return made(source, folder / "chunkref.parquet")


def made(source: Path, out: Path) -> Path:
    run("scan", source, "-o", out)
    return out


MAKERS = [
    by_kerchunk,
    by_kerchunk_as_parquet,
    by_virtualizarr,
    by_virtualizarr_as_parquet,
    by_chunkref,
    by_chunkref_as_parquet,
]


def run(*arguments, code: int = 0) -> str:
    ended = chunkref(*arguments)
    assert ended.returncode == code, ended.stderr
    return ended.stdout


def make(maker: Callable, source: Path, folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return maker(source, folder)


def open_dataset(references: Path) -> xr.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return xr.open_dataset(str(references), engine="kerchunk", decode_times=False).load()


def values(references: Path) -> dict[str, np.ndarray]:
    """All arrays that zarr-python reads, by their paths."""
    read = {}
    for path in documents(references):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read[path] = np.asarray(open_array(references, path)[...])
        except Exception as error:  # noqa: BLE001  zarr-python and fsspec fail in many ways
            print(f"{references.name} {path}: {error!r}")
    return read


def assert_same(before: dict[str, np.ndarray], after: dict[str, np.ndarray], what: str) -> None:
    for path, wanted in before.items():
        assert path in after, f"{what}: {path} is not there or does not open"
        found = after[path]
        assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype), f"{what}: {path}"
        np.testing.assert_array_equal(found, wanted, err_msg=f"{what}: {path}")


def cases() -> Iterator:
    for source in SOURCES:
        for maker in MAKERS:
            # The others are no other in Parquet: once is enough.
            if source in SOURCES[:2] or "parquet" not in maker.__name__:
                yield pytest.param(source, maker, id=f"{maker.__name__} {source.name}")


@pytest.mark.parametrize("source, maker", list(cases()))
def test_converted_sets_show_the_same(source: Path, maker: Callable, tmp_path: Path) -> None:
    try:
        references = make(maker, source, tmp_path)
    except Exception as error:  # noqa: BLE001  what they can't make is not ours to read
        print(f"{maker.__name__}: {error!r}")
        return
    before = values(references)
    assert before
    flat = "/" not in "".join(before)
    shown = open_dataset(references) if flat else None
    json_set, parquet_set = tmp_path / "out.json", tmp_path / "out.parquet"
    back = tmp_path / "back.json"
    run("convert", references, "-o", json_set)
    run("convert", references, "-o", parquet_set)
    # The other way round.
    run("convert", parquet_set, "-o", back)
    for out in (json_set, parquet_set, back):
        assert_same(before, values(out), out.name)
        if shown is not None:
            xr.testing.assert_equal(open_dataset(out), shown)


def test_sets_are_joined(tmp_path: Path) -> None:
    sets = []
    for day, maker in zip(DAYS, [by_virtualizarr, by_virtualizarr_as_parquet]):
        folder = tmp_path / day.stem
        folder.mkdir()
        sets.append(make(maker, day, folder))
    out, native = tmp_path / "days.parquet", tmp_path / "native.json"
    run("convert", *sets, "--concat-dim", "time", "-o", out)
    run("scan", *DAYS[:2], "--concat-dim", "time", "-o", native)
    xr.testing.assert_equal(open_dataset(out), open_dataset(native))
    ended = chunkref("convert", *sets, "-o", out)
    assert ended.returncode == 2 and "--concat-dim" in ended.stderr


def test_a_group_is_taken_by_itself(tmp_path: Path) -> None:
    source = GRANULES / "atl03_like.h5"
    references = make(by_kerchunk, source, tmp_path)
    out = tmp_path / "group.json"
    run("convert", references, "--group", "gt1l/heights", "-o", out)
    wanted = {path: found for path, found in values(references).items() if path.startswith("gt1l/heights/")}
    assert len(wanted) > 3
    found = values(out)
    assert found.keys() == wanted.keys()
    assert_same(wanted, found, "group")


def test_versions_of_json_are_read(tmp_path: Path) -> None:
    """Version 0; version 1 with templates and `gen`."""
    (tmp_path / "data.bin").write_bytes(bytes(range(40)))
    zarray = {
        "zarr_format": 2, "shape": [10], "chunks": [5], "dtype": "<u4", "order": "C",
        "compressor": None, "filters": None, "fill_value": None,
    }
    plain = {".zgroup": {"zarr_format": 2}, "a/.zarray": zarray}
    path = str(tmp_path / "data.bin")
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text(json.dumps(plain | {"a/0": [path, 0, 20], "a/1": [path, 20, 20]}))
    gen = {
        "key": "a/{{i}}", "url": "{{u}}/data.bin", "offset": "{{i * 20}}", "length": "20",
        "dimensions": {"i": {"stop": 2}},
    }
    new.write_text(
        json.dumps({"version": 1, "templates": {"u": str(tmp_path)}, "gen": [gen], "refs": plain})
    )
    for references in (old, new):
        out = tmp_path / f"{references.stem}.parquet"
        run("convert", references, "-o", out)
        found = values(out)["a"]
        np.testing.assert_array_equal(found, np.frombuffer(bytes(range(40)), "<u4"))


def test_what_can_not_be_carried_is_reported(tmp_path: Path) -> None:
    zarray = {
        "zarr_format": 2, "shape": [1], "chunks": [1], "dtype": "<U1", "order": "C",
        "compressor": None, "filters": None, "fill_value": None,
    }
    references, out = tmp_path / "set.json", tmp_path / "out.json"
    references.write_text(json.dumps({".zgroup": {"zarr_format": 2}, "a/.zarray": zarray}))
    ended = chunkref("convert", references, "-o", out, "--strict", "--report", "-")
    assert ended.returncode == 3
    assert '/a: refused: dtype "<U1" is not supported' in ended.stderr
    report = json.loads(ended.stdout)
    assert [node["path"] for node in report["sets"][0]["refused"]] == ["/a"]
    # In place nothing may be lost.
    before = references.read_text()
    ended = chunkref("relocate", references, "--from", "/a", "--to", "/b")
    assert ended.returncode == 1 and "not changed in place" in ended.stderr
    assert references.read_text() == before


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_relocated_sets_show_the_same(maker: Callable, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    shutil.copy(DAYS[0], first)
    references = make(maker, first / DAYS[0].name, tmp_path)
    wanted = open_dataset(references)
    # Not there yet.
    ended = chunkref("relocate", references, "--from", first, "--to", second, "--check")
    assert ended.returncode == 1
    assert f"{second}" in ended.stderr and "not found" in ended.stderr
    first.rename(second)
    out = run("relocate", references, "--from", first, "--to", second, "--check")
    assert out.startswith("1 locations changed, 0 did not\n1 of 1 sources opened, all fit")
    xr.testing.assert_equal(open_dataset(references), wanted)
    ended = chunkref("relocate", references, "--from", first, "--to", second)
    assert ended.returncode == 1 and "no location lies under" in ended.stderr


def test_to_https_and_back(tmp_path: Path) -> None:
    references = make(by_kerchunk, DAYS[0], tmp_path)
    before = json.loads(references.read_text())["refs"]
    there, back = tmp_path / "there.json", tmp_path / "back.json"
    run("relocate", references, "--from", GRANULES, "--to", "s3://bucket/a b", "-o", there)
    names = {ref[0] for ref in json.loads(there.read_text())["refs"].values() if isinstance(ref, list)}
    assert names == {f"s3://bucket/a b/{DAYS[0].name}"}
    run("relocate", there, "--from", "s3://bucket", "--to", "https://host/data")
    names = {ref[0] for ref in json.loads(there.read_text())["refs"].values() if isinstance(ref, list)}
    assert names == {f"https://host/data/a%20b/{DAYS[0].name}"}
    run("relocate", there, "--from", "https://host/data/a%20b/", "--to", GRANULES, "-o", back)
    after = json.loads(back.read_text())["refs"]
    chunks = {key: ref for key, ref in before.items() if isinstance(ref, list)}
    assert {key: ref for key, ref in after.items() if isinstance(ref, list)} == chunks
