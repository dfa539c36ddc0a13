"""Parts of the file format whose files are too large to commit, and files whose writer died."""

import ctypes
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from h5py import h5f, h5p
from h5py.h5f import LIBVER_EARLIEST, LIBVER_LATEST, LIBVER_V18

import differential
from chunkref_cli import chunkref
from conftest import FIXTURES

sys.path.insert(0, str(FIXTURES))
import generate_format  # noqa: E402


LOWS = [LIBVER_EARLIEST, LIBVER_V18, LIBVER_LATEST]


def made(path: Path, fill: Callable, low: int = LIBVER_LATEST, fcpl: h5p.PropFCID | None = None) -> bytes:
    with generate_format.create(str(path), low, fcpl) as file:
        fill(file)
    return path.read_bytes()


def assert_same(path: Path) -> differential.Finding:
    """Reads as it does through h5py."""
    finding = differential.in_own_process(differential.find, path, 500, False)
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
        *((fill, low) for fill in (unflushed, flushed) for low in LOWS),
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


def rich(file: h5py.File) -> None:
    """Messages of all kinds, some more than once; dense links and attributes; huge objects."""
    generate_format.small(file)
    for n in range(3):
        data = generate_format.alike(file, n)
        data.attrs["texts"] = np.array(["a", "bb"], dtype=object)
        data.attrs["huge"] = np.arange(9000, dtype="u1")
    pair = np.dtype([("a", "<i4"), ("b", "<f8")])
    file["type"] = pair
    for n in range(3):
        typed = file.create_dataset(f"typed {n}", (4,), file["type"], fillvalue=np.array((3, 4), pair)[()])
        typed.attrs.create("pairs", np.zeros(2, pair), dtype=file["type"])
    file.create_dataset("many", data=np.arange(300), chunks=(3,))
    for n in range(70):
        file[f"link {n}"] = h5py.SoftLink("/contiguous")
        file.attrs[f"attribute {n}"] = n
    for n in range(0, 70, 2):
        del file.attrs[f"attribute {n}"]


def shared_messages(fcpl: h5p.PropFCID, indexes: list[int], list_max: int, btree_min: int) -> None:
    numbers, call = generate_format.numbers, generate_format.call
    call("H5Pset_shared_mesg_nindexes", fcpl, *numbers(len(indexes)))
    for number, flags in enumerate(indexes):
        call("H5Pset_shared_mesg_index", fcpl, *numbers(number, flags, 10))
    call("H5Pset_shared_mesg_phase_change", fcpl, *numbers(list_max, btree_min))


def one_list(fcpl: h5p.PropFCID) -> None:
    shared_messages(fcpl, [sum(generate_format.SHARED.values())], 50, 40)


def trees(fcpl: h5p.PropFCID) -> None:
    shared_messages(fcpl, list(generate_format.SHARED.values()), 0, 0)


def pages_after_a_user_block(fcpl: h5p.PropFCID) -> None:
    one_list(fcpl)
    fcpl.set_userblock(4096)
    fcpl.set_file_space_strategy(h5f.FSPACE_STRATEGY_PAGE, True, 1)
    fcpl.set_file_space_page_size(4096)


def narrow_offsets(fcpl: h5p.PropFCID) -> None:
    one_list(fcpl)
    fcpl.set_sizes(4, 8)


def small_nodes(fcpl: h5p.PropFCID) -> None:
    generate_format.call("H5Pset_sym_k", fcpl, *generate_format.numbers(2, 2))
    generate_format.call("H5Pset_istore_k", fcpl, *generate_format.numbers(2))


def filtered_root(fcpl: h5p.PropFCID) -> None:
    level = (ctypes.c_uint * 1)(6)
    call, (code, flags) = generate_format.call, generate_format.numbers(1, 0)
    call("H5Pset_filter", fcpl, code, flags, ctypes.c_size_t(1), level)


def creation_order(fcpl: h5p.PropFCID) -> None:
    fcpl.set_link_creation_order(generate_format.TRACKED)
    fcpl.set_attr_creation_order(generate_format.TRACKED)


@pytest.mark.parametrize("low", LOWS)
@pytest.mark.parametrize(
    "properties",
    [one_list, trees, pages_after_a_user_block, narrow_offsets, small_nodes, filtered_root, creation_order],
)
def test_properties_of_a_file(properties: Callable, low: int, tmp_path: Path) -> None:
    path = tmp_path / "file.h5"
    fcpl = h5p.create(h5p.FILE_CREATE)
    properties(fcpl)
    made(path, rich, low, fcpl)
    # Eleven datasets, each under every name that links give it.
    assert assert_same(path).compared == 82
