"""What no other test of the comparison asks: how elements of odd types are used, and their bounds."""

import json
import struct
from pathlib import Path

import h5py
import numpy as np
import pytest

from chunkref_cli import chunkref
from conftest import CORPUS, FIXTURES
from differential import open_references

GRANULES = FIXTURES / "granules"


def scanned(source: Path, folder: Path, *more: str) -> tuple:
    """The references as zarr-python opens them, and the report by path."""
    out, report = folder / "out.json", folder / "report.json"
    run = chunkref("scan", source, "-o", out, "--report", report, *more)
    assert run.returncode == 0, run.stderr
    rows = json.loads(report.read_text())
    return open_references(out), {row["path"]: row for row in rows["datasets"]}, rows


def test_sequences_are_used_with_numpy(tmp_path: Path) -> None:
    group, _, _ = scanned(GRANULES / "elements_sequences.h5", tmp_path)
    little = group["sequences/little"]
    kind = np.dtype(little.attrs["_SEQUENCE_DTYPE"])
    assert [np.frombuffer(one, kind).tolist() for one in little[:]] == [[1, 2, 3], [], [-4]]
    records = group["sequences/records"]
    kind = np.dtype([tuple(field) for field in records.attrs["_SEQUENCE_DTYPE"]])
    assert np.frombuffer(records[:][0], kind).tolist() == [(1, 2, 3.0)]
    arrays = group["sequences/of_arrays"].attrs
    assert (arrays["_SEQUENCE_DTYPE"], arrays["_SEQUENCE_SHAPE"]) == ("<i2", [2, 3])


STANDARD = [
    "/target",
    {
        "path": "/target",
        "selection": {"start": [1, 0], "stride": [2, 3], "count": [1, 2], "block": [2, 1]},
    },
    {"path": "/target", "attribute": "units"},
    None,
]


def as_blocks(selection: dict) -> list:
    """A selection by its blocks, however it is written."""
    if "blocks" in selection:
        return sorted(selection["blocks"])
    blocks = []
    for turn in np.ndindex(*selection["count"]):
        first = [a + b * c for a, b, c in zip(selection["start"], selection["stride"], turn, strict=True)]
        blocks.append([first, [a + b - 1 for a, b in zip(first, selection["block"], strict=True)]])
    return sorted(blocks)


@pytest.mark.parametrize("name", ["standard", "standard_chunked"])
def test_references_of_hdf5_1_12(name: str, tmp_path: Path) -> None:
    """h5py can't read them; the generator says what they are."""
    group, _, _ = scanned(GRANULES / "elements_latest.h5", tmp_path)
    found = [json.loads(text) for text in group[name][:]]
    assert [found[0], found[2], found[3]] == [STANDARD[0], STANDARD[2], STANDARD[3]]
    assert found[1]["path"] == "/target"
    assert as_blocks(found[1]["selection"]) == as_blocks(STANDARD[1]["selection"])


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not there")
def test_references_of_the_corpus(tmp_path: Path) -> None:
    """As the test of libhdf5 that wrote them made them."""
    group, _, _ = scanned(next(CORPUS.rglob("trefer_attr.h5")), tmp_path)
    assert [json.loads(text) for text in group["Dataset3"][:]] == [
        {"path": "/Group1/Dataset1", "attribute": "Attr1"},
        {"path": "/Group1/Dataset2", "attribute": "Attr1"},
        {"path": "/Group1", "attribute": "Attr2"},
        {"path": "/Group1/Datatype1", "attribute": "Attr3"},
    ]


def test_the_limit_of_what_is_inlined_is_the_callers(tmp_path: Path) -> None:
    source = GRANULES / "elements_sequences.h5"
    _, rows, _ = scanned(source, tmp_path, "--string-limit", "20")
    refused = rows["/sequences/little"]
    assert refused["outcome"] == "refused" and "--string-limit" in refused["reason"]
    _, rows, _ = scanned(source, tmp_path, "--string-limit", "100000")
    assert rows["/sequences/little"]["outcome"] == "inlined"


def test_a_variable_alone_finds_what_its_references_lead_to(tmp_path: Path) -> None:
    source = GRANULES / "elements_references.h5"
    group, rows, _ = scanned(source, tmp_path, "--variable", "references/objects")
    assert rows["/references/objects"]["outcome"] == "inlined"
    assert group["references/objects"][0].tolist() == ["/references/target", "/references", "/"]


# --- hostile input ---------------------------------------------------------------------------


def element_places(data: bytes, length: int) -> list[int]:
    """Where elements of variable length of this length lie: length, collection, index 1."""
    found, at = [], data.find(struct.pack("<I", length))
    while at >= 0:
        collection, index = struct.unpack_from("<QI", data, at + 4) if at + 16 <= len(data) else (0, 0)
        if index and data[collection : collection + 4] == b"GCOL":
            found.append(at)
        at = data.find(struct.pack("<I", length), at + 1)
    return found


def scan_spoilt(path: Path, data: bytes, folder: Path, *more: str) -> dict[str, dict] | str:
    path.write_bytes(data)
    report = folder / "report.json"
    run = chunkref("scan", path, "-o", folder / "out.json", "--report", report, *more)
    assert run.returncode in (0, 1) and "panicked" not in run.stderr, run.stderr
    if run.returncode:
        return run.stderr
    return {row["path"]: row for row in json.loads(report.read_text())["datasets"]}


def test_a_sequence_that_promises_more_than_there_is(tmp_path: Path) -> None:
    source = tmp_path / "source.h5"
    with h5py.File(source, "w") as file:
        file.create_dataset("s", (1,), h5py.vlen_dtype("<i4"))[0] = np.arange(77, dtype="<i4")
    data = bytearray(source.read_bytes())
    (at,) = element_places(bytes(data), 77)
    for length in (78, 1 << 20, 0xFFFF_FFFF):
        struct.pack_into("<I", data, at, length)
        rows = scan_spoilt(source, bytes(data), tmp_path)
        assert rows["/s"]["outcome"] == "refused", rows
        assert "heap object of" in rows["/s"]["reason"] or "limit" in rows["/s"]["reason"]


def test_sequences_that_refer_to_one_another(tmp_path: Path) -> None:
    """Each level is many references to all of the next: what unfolds is bounded."""
    source = tmp_path / "source.h5"
    depth, width = 12, 50
    kind = h5py.h5t.STD_I8LE
    for _ in range(depth):
        kind = h5py.h5t.vlen_create(kind)
    with h5py.File(source, "w") as file:
        lists = h5py.vlen_dtype(np.dtype("u1"))
        file.create_dataset("fuel", (1,), lists)[0] = np.full(16 * width, 7, "u1")
        space = h5py.h5s.create_simple((1,))
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5py.h5d.COMPACT)
        h5py.h5d.create(file.id, b"bomb", kind, space, plist)
    data = bytearray(source.read_bytes())
    (fuel,) = element_places(bytes(data), 16 * width)
    _, collection, index = struct.unpack_from("<IQI", data, fuel)
    to_itself = struct.pack("<IQI", width, collection, index)
    payload = bytes(data).index(b"\7" * (16 * width))
    data[payload : payload + 16 * width] = to_itself * width
    # The compact data of the one element: 16 zeros behind a size of 16.
    at = bytes(data).index(struct.pack("<H", 16) + bytes(16)) + 2
    data[at : at + 16] = to_itself
    rows = scan_spoilt(source, bytes(data), tmp_path, "--string-limit", "1000000")
    assert rows["/bomb"]["outcome"] == "refused", rows
    assert "bytes of memory" in rows["/bomb"]["reason"]


def test_selections_that_end_early(tmp_path: Path) -> None:
    """Every cut and every changed word of a selection in the heap is an error or another value."""
    source = tmp_path / "source.h5"
    with h5py.File(source, "w") as file:
        target = file.create_dataset("target", data=np.zeros((4, 5), "<i2"))
        file.create_dataset("regions", (1,), h5py.regionref_dtype)[0] = target.regionref[1:3, ::2]
    whole = source.read_bytes()
    heap = whole.index(b"GCOL")
    for at in range(heap + 16, heap + 16 + 160, 4):
        for word in (0, 0xFFFF_FFFF):
            data = bytearray(whole)
            struct.pack_into("<I", data, at, word)
            scan_spoilt(source, bytes(data), tmp_path)
