"""Reference sets that kerchunk, VirtualiZarr and others made, read by chunkref.

What `chunkref read SET ARRAY` gives is what zarr-python gives over fsspec's reference file system.
"""

import json
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import kerchunk.df
import kerchunk.hdf
import numpy as np
import pytest
import zarr
from obspec_utils.registry import ObjectStoreRegistry
from obstore.store import LocalStore
from virtualizarr.parsers import HDFParser
from zarr.storage import FsspecStore

from chunkref_cli import chunkref
from conftest import CORPUS, FIXTURES, hdf5_files, name_of

KERCHUNK = CORPUS / "kerchunk"

# Arrays that zarr-python reads and `chunkref read` does not: part of the message, and the reason.
UNREAD = {
    "elements of variable length, which can't be written": "NumPy keeps them pickled",
    'codec "delta" is not supported': "no HDF5 file holds it; chunkref's store does not undo it yet",
    'dtype "<U': "no HDF5 file holds UCS-4; the model has no such type",
}


def by_kerchunk(source: Path, folder: Path) -> Path:
    out = folder / "kerchunk.json"
    refs = kerchunk.hdf.SingleHdf5ToZarr(str(source), inline_threshold=300).translate()
    out.write_text(json.dumps(refs))
    return out


def by_kerchunk_as_parquet(source: Path, folder: Path) -> Path:
    out = folder / "kerchunk.parq"
    refs = kerchunk.hdf.SingleHdf5ToZarr(str(source), inline_threshold=300).translate()
    kerchunk.df.refs_to_dataframe(refs, str(out), record_size=50)
    return out


def by_virtualizarr(source: Path, folder: Path) -> Path:
    return virtualized(source, folder / "virtualizarr.json", "json")


def by_virtualizarr_as_parquet(source: Path, folder: Path) -> Path:
    return virtualized(source, folder / "virtualizarr.parquet", "parquet")


def virtualized(source: Path, out: Path, kind: str) -> Path:
    registry = ObjectStoreRegistry({"file://": LocalStore()})
    store = HDFParser()(url=source.as_uri(), registry=registry)
    store.to_virtual_dataset(loadable_variables=[]).vz.to_kerchunk(str(out), format=kind)
    return out


MAKERS = [by_kerchunk, by_kerchunk_as_parquet, by_virtualizarr, by_virtualizarr_as_parquet]


def documents(references: Path) -> dict[str, dict]:
    """The `.zarray` of each array."""
    if references.is_dir():
        refs = json.loads((references / ".zmetadata").read_text())["metadata"]
    else:
        top = json.loads(references.read_text())
        refs = top.get("refs", top)
    found = {}
    for key, value in refs.items():
        if key.endswith("/.zarray"):
            found[key.removesuffix("/.zarray")] = json.loads(value) if isinstance(value, str) else value
    return found


def open_array(references: Path, path: str) -> zarr.Array:
    # Without the protocol fsspec looks for one in the chunks of a Parquet set, and fails on groups.
    files = fsspec.filesystem(
        "reference", fo=str(references), remote_protocol="file", asynchronous=True
    )
    return zarr.open_array(FsspecStore(files, path="", read_only=True), path=path, mode="r", zarr_format=2)


def compare(
    references: Path,
    tmp_path: Path,
    local: Callable[[str], bool] = lambda path: True,
    referee: Path | None = None,
) -> int:
    """Compares every array; gives how many were compared by their values."""
    inspected = chunkref("inspect", references)
    assert inspected.returncode == 0, inspected.stderr
    compared = 0
    for path, document in documents(references).items():
        if not local(path):
            assert f"\n  {path.rpartition('/')[2]} (" in inspected.stdout or f"/{path}: " in inspected.stdout
            continue
        out = tmp_path / "out.npy"
        run = chunkref("read", references, path, "-o", out)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                wanted = np.asarray(open_array(referee or references, path)[...])
        except Exception as error:  # noqa: BLE001  zarr-python and fsspec fail in many ways
            # Where zarr-python fails, chunkref may say more, but nothing is there to compare.
            print(f"{path}: zarr-python: {error!r}; chunkref: {run.returncode} {run.stderr}")
            continue
        if run.returncode != 0:
            assert any(part in run.stderr for part in UNREAD), f"{path}: {document}: {run.stderr}"
            continue
        read = np.load(out)
        assert (read.shape, read.dtype) == (wanted.shape, wanted.dtype), path
        assert read.tobytes() == wanted.tobytes(), path
        compared += 1
    return compared


# What differs from file to file; the others would only take time. Compounds are not among them:
# kerchunk waits for ever on some.
SOURCES = {"types.h5", "dims.nc", "fills.nc", "atl03_like.h5", "scales.h5"}


def cases() -> Iterator:
    sources = hdf5_files(FIXTURES / "granules")
    for source in (source for source in sources if source.name in SOURCES):
        for maker in MAKERS:
            yield pytest.param(source, maker, id=f"{maker.__name__} {name_of(source)}")


@pytest.mark.parametrize("source, maker", list(cases()))
def test_made_by_others(source: Path, maker: Callable, tmp_path: Path) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            references = maker(source, tmp_path)
    except Exception as error:  # noqa: BLE001  what they can't make is not ours to read
        print(f"{maker.__name__}: {error!r}")
        return
    compare(references, tmp_path)


@pytest.mark.parametrize("maker", MAKERS)
def test_all_makers_make_sets(maker: Callable, tmp_path: Path) -> None:
    # So that the test above can't pass because nothing was made.
    source = FIXTURES / "granules/mur_like_20200601.nc"
    assert compare(maker(source, tmp_path), tmp_path) >= 4


def corpus_sets() -> list[Path]:
    if not KERCHUNK.is_dir():
        return []
    found = [path for path in KERCHUNK.rglob("*.json")]
    return sorted(found + [path.parent for path in KERCHUNK.rglob(".zmetadata")])


# fsspec leaves out what `gen` makes, unless jinja2 is there and asked for: sets that say the same
# without it.
SPELT_OUT = {"cru-pre/kc3.json": "cru-pre/kc2.json"}

# Sets that can't be read: part of the message.
BROKEN = {"gdal-json/json_ref_v1_min/ref.json": "trailing comma at byte"}


@pytest.mark.parametrize("references", corpus_sets(), ids=lambda path: str(path.relative_to(KERCHUNK)))
def test_corpus(references: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # fsspec takes relative paths from the folder of the process.
    monkeypatch.chdir(references.parent)
    broken = BROKEN.get(str(references.relative_to(KERCHUNK)))
    if broken:
        run = chunkref("inspect", references)
        assert run.returncode == 1 and broken in run.stderr
        return
    text = references.read_text() if references.is_file() else ""
    remote = "://" in text or references.name == "combined.parq"
    inline = {"time", "Lambert_Conformal"} if references.name == "combined.parq" else set()
    spelt_out = SPELT_OUT.get(str(references.relative_to(KERCHUNK)))
    referee = KERCHUNK / spelt_out if spelt_out else None
    compared = compare(references, tmp_path, lambda path: not remote or path in inline, referee)
    # zarr-python knows no type >u1, and the paths of GDAL's Parquet sets start at the array's folder.
    assert compared > 0 or remote or "gdal-" in str(references)


def test_relative_paths_are_taken_from_the_folder_of_the_set(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "data.bin").write_bytes(bytes(range(8)))
    zarray = {
        "zarr_format": 2, "shape": [8], "chunks": [4], "dtype": "|u1", "order": "C",
        "compressor": None, "filters": None, "fill_value": None,
    }
    refs = {".zgroup": {"zarr_format": 2}, "a/.zarray": zarray, "a/1": ["../data.bin", 4, 4]}
    refs["a/0"] = ["../data.bin", 6, 4]
    references = tmp_path / "sub/set.json"
    references.write_text(json.dumps(refs))
    out = tmp_path / "out.npy"
    run = chunkref("read", references, "a", "-o", out)
    assert run.returncode == 1
    assert "a/c/0: " in run.stderr
    assert "data.bin: bytes 6..10 reach past the end of the object, which has 8 bytes" in run.stderr
    refs["a/0"] = ["../data.bin", 0, 4]
    references.write_text(json.dumps(refs))
    run = chunkref("read", references, "a", "-o", out, cwd=os.sep)
    assert run.returncode == 0, run.stderr
    assert np.load(out).tolist() == list(range(8))
