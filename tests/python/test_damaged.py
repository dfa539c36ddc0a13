"""What libhdf5 opens and then fails to read in one place: only what lies there is refused."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from chunkref_cli import chunkref

NUMBERS = np.arange(6, dtype="<i2")


def report_of(path: Path, folder: Path) -> dict:
    out, report = folder / "out.json", folder / "report.json"
    run = chunkref("scan", path, "-o", out, "--report", report)
    assert run.returncode == 0, run.stderr
    return json.loads(report.read_text()) | {"refs": json.loads(out.read_text())["refs"]}


def refused(report: dict) -> dict[str, str]:
    return {row["path"]: row["reason"] for row in report["datasets"] if row["outcome"] == "refused"}


def heap_references(data: bytes, length: int) -> list[int]:
    """Where elements of this length refer to the only collection of the global heap."""
    assert data.count(b"GCOL") == 1
    wanted = struct.pack("<IQ", length, data.find(b"GCOL"))
    found, at = [], -1
    while (at := data.find(wanted, at + 1)) >= 0:
        found.append(at)
    return found


def elements(path: Path) -> None:
    """Strings and sequences in datasets and attributes; those of 7 bytes, or 7 elements, are to be
    damaged."""
    with h5py.File(path, "w") as file:
        file["numbers"] = NUMBERS
        file["whole"] = np.array(["one", "three"], dtype=h5py.string_dtype())
        file["texts"] = np.array(["one", "seventy"], dtype=h5py.string_dtype())
        file.attrs["whole"] = "three"
        file.attrs.create("text", "seventy", dtype=h5py.string_dtype())
        sequences = file.create_dataset("sequences", (2,), h5py.vlen_dtype("<i4"))
        sequences[0] = np.arange(3)
        sequences[1] = np.arange(7)


def no_such_object(data: bytearray, at: int) -> None:
    struct.pack_into("<I", data, at + 12, 999)


def no_collection(data: bytearray, at: int) -> None:
    struct.pack_into("<Q", data, at + 4, 96)


def past_the_end(data: bytearray, at: int) -> None:
    struct.pack_into("<Q", data, at + 4, 1 << 40)


@pytest.mark.parametrize("damage", [no_such_object, no_collection, past_the_end])
def test_references_into_the_global_heap(damage: Callable[[bytearray, int], None], tmp_path: Path) -> None:
    path = tmp_path / "elements.h5"
    elements(path)
    data = bytearray(path.read_bytes())
    places = heap_references(data, 7)
    assert len(places) == 3
    for at in places:
        damage(data, at)
    path.write_bytes(data)

    with h5py.File(path) as file:
        assert (file["numbers"][:] == NUMBERS).all()
        assert file["whole"].asstr()[:].tolist() == ["one", "three"]
        assert file.attrs["whole"] == "three"
        for name in ("texts", "sequences"):
            with pytest.raises(OSError):
                file[name][:]
        with pytest.raises(OSError):
            file.attrs["text"]

    report = report_of(path, tmp_path)
    reasons = refused(report)
    assert reasons.keys() == {"/texts", "/sequences"}
    assert reasons["/texts"].startswith("string 1: global heap collection at ")
    assert reasons["/sequences"].startswith("sequence 1: global heap collection at ")
    [attribute] = report["attributes_refused"]
    assert (attribute["path"], attribute["name"]) == ("/", "text")
    assert "global heap collection at " in attribute["reason"]
    assert json.loads(report["refs"][".zattrs"]) == {"whole": "three"}


def test_a_collection_that_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "elements.h5"
    elements(path)
    data = bytearray(path.read_bytes())
    data[data.find(b"GCOL")] ^= 1
    path.write_bytes(data)
    with h5py.File(path) as file:
        assert (file["numbers"][:] == NUMBERS).all()
        with pytest.raises(OSError):
            file["whole"][:]
    report = report_of(path, tmp_path)
    assert refused(report).keys() == {"/texts", "/sequences", "/whole"}
    assert {row["name"] for row in report["attributes_refused"]} == {"text", "whole"}


def test_mappings_of_a_virtual_dataset(tmp_path: Path) -> None:
    path = tmp_path / "virtual.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file["numbers"] = NUMBERS
        layout = h5py.VirtualLayout((6,), "<i2")
        layout[:] = h5py.VirtualSource(file["numbers"])
        file.create_virtual_dataset("virtual", layout)
    data = bytearray(path.read_bytes())
    # Its index there.
    struct.pack_into("<H", data, data.find(b"GCOL") + 16, 5)
    path.write_bytes(data)
    with h5py.File(path) as file:
        assert (file["numbers"][:] == NUMBERS).all()
        with pytest.raises((OSError, KeyError)):
            file["virtual"]
    reasons = refused(report_of(path, tmp_path))
    assert reasons.keys() == {"/virtual"}
    assert "has no object 1" in reasons["/virtual"]


def test_scales_that_can_not_be_read(tmp_path: Path) -> None:
    """The axis stays anonymous, and that is said."""
    path = tmp_path / "scales.h5"
    with h5py.File(path, "w") as file:
        file["x"] = NUMBERS
        file["x"].make_scale("x")
        file["y"] = NUMBERS
        file["y"].dims[0].attach_scale(file["x"])
    data = bytearray(path.read_bytes())
    data[data.find(b"GCOL")] ^= 1
    path.write_bytes(data)
    with h5py.File(path) as file:
        assert (file["y"][:] == NUMBERS).all()
        with pytest.raises(OSError):
            file["y"].attrs["DIMENSION_LIST"]
    report = report_of(path, tmp_path)
    assert refused(report) == {}
    [warning] = [warning for warning in report["warnings"] if warning.startswith("/y: ")]
    assert "DIMENSION_LIST" in warning and "global heap collection" in warning


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("many", [0, 20])
def test_names_that_are_no_text(libver: str, many: int, tmp_path: Path) -> None:
    """h5py has such names as bytes, and readers of Zarr have none: they are reported."""
    path = tmp_path / "names.h5"
    with h5py.File(path, "w", libver=libver) as file:
        file["numbers"] = NUMBERS
        i4 = h5py.h5t.STD_I32LE
        h5py.h5d.create(file.id, b"caf\xe9", i4, h5py.h5s.create_simple((3,)))
        group = h5py.h5g.create(file.id, b"gr\xfcn")
        h5py.h5d.create(group, b"inner", i4, h5py.h5s.create_simple((3,)))
        file["same"] = NUMBERS + 1
        file.id.links.create_soft(b"soft", b"/caf\xe9")
        file.id.links.create_external(b"external", b"f\xe9.h5", b"/x")
        # What the name above is called, as the name of another.
        file["caf\\xe9"] = NUMBERS + 2
        file["to"] = np.array([file["same"].ref], dtype=h5py.ref_dtype)
        for number in range(many):
            file[f"more {number}"] = h5py.SoftLink("/numbers")
    with h5py.File(path) as file:
        assert b"caf\xe9" in list(file) and b"gr\xfcn" in list(file)
        assert (file["numbers"][:] == NUMBERS).all()
    report = report_of(path, tmp_path)
    reasons = {row["path"]: row["reason"] for row in report["links"]}
    assert reasons.keys() == {"/caf\\xe9", "/gr\\xfcn", "/soft", "/external"}
    assert all("not UTF-8" in reason for reason in reasons.values()), reasons
    assert '"/caf\\xe9"' in reasons["/soft"] and '"f\\xe9.h5"' in reasons["/external"]
    # A backslash is no part of a key.
    assert refused(report).keys() == {"/caf\\xe9"}
    assert "backslash" in refused(report)["/caf\\xe9"]
    read = {row["path"] for row in report["datasets"]} - {"/caf\\xe9"}
    assert read == {"/numbers", "/same", "/to", *(f"/more {number}" for number in range(many))}


def test_references_to_what_has_no_path(tmp_path: Path) -> None:
    """h5py shows them as references that are not null and lead nowhere, which no text is: what
    holds them is refused."""
    path = tmp_path / "references.h5"
    with h5py.File(path, "w") as file:
        file["there"] = NUMBERS
        file["gone"] = NUMBERS
        objects = [file["there"].ref, file["gone"].ref]
        file.create_dataset("objects", (2,), h5py.ref_dtype)[:] = objects
        file["whole"] = np.array([file["there"].ref, h5py.Reference()], dtype=h5py.ref_dtype)
        regions = file.create_dataset("regions", (1,), h5py.regionref_dtype)
        regions[0] = file["gone"].regionref[1:3]
        file.attrs.create("gone", file["gone"].ref, dtype=h5py.ref_dtype)
        file.attrs.create("there", file["there"].ref, dtype=h5py.ref_dtype)
        del file["gone"]
    with h5py.File(path) as file:
        for reference in (file["objects"][1], file["regions"][0], file.attrs["gone"]):
            assert reference
            with pytest.raises((KeyError, ValueError)):
                file[reference]
        assert file[file["objects"][0]].name == "/there" and not file["whole"][1]
    report = report_of(path, tmp_path)
    reasons = refused(report)
    assert reasons.keys() == {"/objects", "/regions"}
    assert reasons["/objects"].startswith("element 1: ")
    assert all("no path that was read leads to" in reason for reason in reasons.values())
    assert [(row["path"], row["name"]) for row in report["attributes_refused"]] == [("/", "gone")]
    assert json.loads(report["refs"][".zattrs"]) == {"there": "/there"}


# Of a little-endian number of 8 bytes: class and version, bits, size, offset, precision, exponent
# at 52 of 11 bits, mantissa of 52.
DOUBLE = bytes.fromhex("11203f000800000000004000340b0034ff030000")


def test_messages_that_contradict_the_format(tmp_path: Path) -> None:
    """A datatype, a fill value and an address that can't be, of a dataset or an attribute each."""
    path = tmp_path / "messages.h5"
    with h5py.File(path, "w") as file:
        file["numbers"] = NUMBERS
        file["numbers"].attrs["whole"] = np.int16(3)
        file["doubles"] = np.arange(3, dtype="<f8")
        file["numbers"].attrs["double"] = np.float64(1.5)
        file["outside"] = np.full(700, 7, "<i4")
        where = file["outside"].id.get_offset()
    data = bytearray(path.read_bytes())
    assert data.count(DOUBLE) == 2
    # Mantissas of 128 bits.
    data = data.replace(DOUBLE, DOUBLE[:15] + b"\x80" + DOUBLE[16:])
    at = data.find(struct.pack("<Q", where))
    struct.pack_into("<Q", data, at, 1 << 50)
    path.write_bytes(data)
    with h5py.File(path) as file:
        assert (file["numbers"][:] == NUMBERS).all()
        assert file["numbers"].attrs["whole"] == 3
        with pytest.raises(KeyError, match="invalid dataset size"):
            file["outside"]
    report = report_of(path, tmp_path)
    reasons = refused(report)
    assert reasons.keys() == {"/doubles", "/outside"}
    assert "datatype message at " in reasons["/doubles"]
    assert "the file ends at" in reasons["/outside"]
    [attribute] = report["attributes_refused"]
    assert (attribute["path"], attribute["name"]) == ("/numbers", "double")
    assert json.loads(report["refs"]["numbers/.zattrs"])["whole"] == 3
