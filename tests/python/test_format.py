"""Parts of the file format whose files are too large to commit, and files whose writer died."""

import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from h5py.h5f import LIBVER_EARLIEST, LIBVER_LATEST, LIBVER_V18

import differential
from chunkref_cli import chunkref
from conftest import FIXTURES

sys.path.insert(0, str(FIXTURES))
import generate_format  # noqa: E402


def made(path: Path, fill: Callable[[h5py.File], None], low: int = LIBVER_LATEST) -> bytes:
    with generate_format.create(str(path), low) as file:
        fill(file)
    return path.read_bytes()


def assert_same(path: Path) -> differential.Finding:
    """Reads as it does through h5py."""
    finding = differential.in_own_process(path, 500, with_xarray=False)
    assert finding.failure is None
    assert finding.died is None
    assert not finding.differences, "\n".join(map(str, finding.differences[:10]))
    return finding


def depths(data: bytes, kind: int) -> list[int]:
    """Those of the version 2 B-trees of a type."""
    found, at = [], -1
    while (at := data.find(b"BTHD\0" + bytes([kind]), at + 1)) >= 0:
        found.append(struct.unpack_from("<H", data, at + 12)[0])
    return found


def many_links(file: h5py.File) -> None:
    file["target"] = np.arange(5, dtype="<i4")
    for n in range(1500):
        file[f"links/number {n}"] = file["target"]


def many_attributes(file: h5py.File) -> None:
    target = file.create_dataset("target", data=np.arange(5, dtype="<i4"), track_order=True)
    for n in range(1500):
        target.attrs[f"attribute {n}"] = np.int16(n)


def many_chunks(file: h5py.File) -> None:
    data = np.arange(90 * 90, dtype="u1").reshape(90, 90)
    file.create_dataset("data", data=data, chunks=(1, 1), maxshape=(None, None))
    file.create_dataset("filtered", data=data, chunks=(1, 1), maxshape=(None, None), shuffle=True)


@pytest.mark.parametrize(
    ("fill", "kind"), [(many_links, 5), (many_attributes, 8), (many_attributes, 9), (many_chunks, 10), (many_chunks, 11)]
)
def test_trees_of_three_levels(fill: Callable, kind: int, tmp_path: Path) -> None:
    path = tmp_path / "levels.h5"
    data = made(path, fill)
    assert max(depths(data, kind)) >= 2
    assert assert_same(path).compared > 0


def deep_heap(file: h5py.File) -> None:
    """Over 512 KiB of links: indirect blocks under an indirect block. Some are huge objects."""
    file["target"] = np.arange(5, dtype="<i4")
    for n in range(170):
        file[f"links/{n:03} {'x' * 3900}"] = file["target"]
        file[f"links/huge {n:03} {'x' * 5000}"] = file["target"]


def test_indirect_blocks_under_indirect_blocks(tmp_path: Path) -> None:
    path = tmp_path / "deep.h5"
    assert made(path, deep_heap).count(b"FHIB") > 1
    assert_same(path)
    run = chunkref("scan", path, "-o", tmp_path / "out.json")
    assert run.returncode == 0, run.stderr
    with h5py.File(path) as file:
        assert len(file["links"]) == 340


def written_by_a_process_that_dies(path: Path, low: int, fill: Callable[[h5py.File], None]) -> None:
    child = os.fork()
    if child == 0:
        try:
            with generate_format.create(str(path), low) as file:
                fill(file)
                os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status == 0


def unflushed(file: h5py.File) -> None:
    generate_format.small(file)


def flushed(file: h5py.File) -> None:
    generate_format.small(file)
    file.flush()
    file["chunked"].resize((20,))


def swmr(file: h5py.File) -> None:
    generate_format.small(file)
    file.swmr_mode = True
    file["chunked"].resize((45,))
    file["chunked"][30:] = np.arange(15)
    file["chunked"].flush()


@pytest.mark.parametrize(
    ("fill", "low"),
    [
        *((fill, low) for fill in (unflushed, flushed) for low in (LIBVER_EARLIEST, LIBVER_V18, LIBVER_LATEST)),
        (swmr, LIBVER_LATEST),
    ],
)
def test_a_file_whose_writer_died(fill: Callable, low: int, tmp_path: Path) -> None:
    """Opens where h5py opens it (as a reader of SWMR where it was written so), else says why."""
    path = tmp_path / "open.h5"
    written_by_a_process_that_dies(path, low, fill)
    try:
        with h5py.File(path, swmr=fill is swmr) as file:
            opens = len(file) == 5
    except (OSError, RuntimeError):
        opens = False
    run = chunkref("scan", path, "-o", tmp_path / "out.json")
    assert (run.returncode == 0) == opens, run.stderr
    if not opens:
        assert run.stderr.count("\n") == 1
        assert "h5clear" in run.stderr or "object header" in run.stderr, run.stderr
    if opens and fill is not swmr:
        assert_same(path)
