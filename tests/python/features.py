"""What a file and its datasets have of the format, as libhdf5 says: the rows of docs/coverage.md."""

import ctypes
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py

from source import Source

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
sys.path.insert(0, str(FIXTURES))
from matrix.library import library  # noqa: E402

# Section and row.
Feature = tuple[str, str]

INDEXES = ("version 1 B-tree", "single chunk", "implicit", "fixed array", "extensible array", "version 2 B-tree")
FILTERS = {
    1: "deflate",
    2: "shuffle",
    3: "fletcher32",
    4: "szip",
    5: "nbit",
    6: "scaleoffset",
    307: "bzip2 (307)",
    32000: "lzf (32000)",
    32001: "blosc (32001)",
    32004: "lz4 (32004)",
    32008: "bitshuffle (32008)",
    32013: "zfp (32013)",
    32015: "zstd (32015)",
    32026: "blosc2 (32026)",
}
FILL_TIMES = {
    h5py.h5d.FILL_TIME_ALLOC: "stored when allocated",
    h5py.h5d.FILL_TIME_NEVER: "never stored",
    h5py.h5d.FILL_TIME_IFSET: "stored when set",
}
FILL_VALUES = {
    h5py.h5d.FILL_VALUE_DEFAULT: "default",
    h5py.h5d.FILL_VALUE_USER_DEFINED: "defined",
    h5py.h5d.FILL_VALUE_UNDEFINED: "undefined",
}
ALLOCATIONS = {
    h5py.h5d.ALLOC_TIME_EARLY: "early",
    h5py.h5d.ALLOC_TIME_LATE: "late",
    h5py.h5d.ALLOC_TIME_INCR: "incremental",
}


# --- types -----------------------------------------------------------------------------------


def type_of(kind: h5py.h5t.TypeID) -> str:
    t = h5py.h5t
    size = kind.get_size()
    if isinstance(kind, t.TypeIntegerID):
        if kind.get_precision() != 8 * size:
            return "integer of partial precision"
        if size not in (1, 2, 4, 8):
            return "integer of another size"
        sign = "signed" if kind.get_sign() == t.SGN_2 else "unsigned"
        return f"integer of {size} byte{'s' * (size > 1)}, {sign}{order_of(kind, size)}"
    if isinstance(kind, t.TypeFloatID):
        plain = [h5py.h5t.IEEE_F16LE, h5py.h5t.IEEE_F32LE, h5py.h5t.IEEE_F64LE]
        if size not in (2, 4, 8) or kind.get_fields() != plain[size // 4].get_fields():
            return "float of another format"
        return f"float of {size} bytes{order_of(kind, size)}"
    if isinstance(kind, t.TypeEnumID):
        names = {kind.get_member_name(at) for at in range(kind.get_nmembers())}
        return "boolean (an enumeration)" if names == {b"FALSE", b"TRUE"} else "enumeration"
    if isinstance(kind, t.TypeStringID):
        if kind.is_variable_str():
            return "string of variable length"
        padding = {t.STR_NULLTERM: "null-terminated", t.STR_NULLPAD: "null-padded", t.STR_SPACEPAD: "space-padded"}
        return f"string of fixed length, {padding[kind.get_strpad()]}"
    if isinstance(kind, t.TypeCompoundID):
        return compound(kind)
    if isinstance(kind, t.TypeReferenceID):
        return "region reference" if kind.equal(t.STD_REF_DSETREG) else "object reference"
    names = {
        t.TypeBitfieldID: "bit field",
        t.TypeOpaqueID: "opaque",
        t.TypeVlenID: "sequence of variable length",
        t.TypeArrayID: "array",
        t.TypeTimeID: "time",
        getattr(t, "TypeComplexID", None): "complex (HDF5 2.0)",
    }
    return next((name for one, name in names.items() if one and isinstance(kind, one)), "other")


def order_of(kind: h5py.h5t.TypeID, size: int) -> str:
    if size == 1:
        return ""
    return {h5py.h5t.ORDER_LE: ", little-endian", h5py.h5t.ORDER_BE: ", big-endian"}.get(kind.get_order(), ", VAX")


def compound(kind: h5py.h5t.TypeCompoundID) -> str:
    members = [kind.get_member_type(at) for at in range(kind.get_nmembers())]
    names = [kind.get_member_name(at) for at in range(kind.get_nmembers())]
    if names == [b"r", b"i"] and all(isinstance(one, h5py.h5t.TypeFloatID) for one in members):
        return "complex (a compound)"
    for one, word in (
        (h5py.h5t.TypeCompoundID, "compound with compounds"),
        (h5py.h5t.TypeVlenID, "compound with what is of variable length"),
        (h5py.h5t.TypeReferenceID, "compound with references"),
        (h5py.h5t.TypeArrayID, "compound with arrays"),
    ):
        if any(isinstance(member, one) for member in members):
            return word
    if any(isinstance(one, h5py.h5t.TypeStringID) and one.is_variable_str() for one in members):
        return "compound with what is of variable length"
    size = sum(member.get_size() for member in members)
    return "compound with gaps" if size < kind.get_size() else "compound"


# --- datasets --------------------------------------------------------------------------------


def of_dataset(dataset: h5py.Dataset) -> Iterator[Feature]:
    plist = dataset.id.get_create_plist()
    yield "type", type_of(dataset.id.get_type())
    yield "shape", shape(dataset)
    yield "storage", storage(dataset, plist)
    yield "fill value", FILL_VALUES.get(plist.fill_value_defined(), "other")
    yield "fill value", FILL_TIMES.get(plist.get_fill_time(), "other")
    if plist.get_layout() == h5py.h5d.CHUNKED:
        yield from of_chunked(dataset, plist)


def shape(dataset: h5py.Dataset) -> str:
    if dataset.shape is None:
        return "null"
    if dataset.shape == ():
        return "scalar"
    if 0 in dataset.shape:
        return "an axis of length zero"
    return f"{len(dataset.shape)} ax{'i' if len(dataset.shape) == 1 else 'e'}s"


def storage(dataset: h5py.Dataset, plist: h5py.h5p.PropDCID) -> str:
    layout = plist.get_layout()
    if layout == h5py.h5d.COMPACT:
        return "compact"
    if layout == h5py.h5d.VIRTUAL:
        return "virtual"
    if layout == h5py.h5d.CHUNKED:
        return f"chunked, {ALLOCATIONS.get(plist.get_alloc_time(), 'other')} allocation"
    if plist.get_external_count():
        return "external files"
    return "contiguous" if dataset.id.get_offset() is not None else "contiguous, not allocated"


def of_chunked(dataset: h5py.Dataset, plist: h5py.h5p.PropDCID) -> Iterator[Feature]:
    yield "chunk index", index(dataset)
    count = plist.get_nfilters()
    for at in range(count):
        number = plist.get_filter(at)[0]
        yield "filter", FILTERS.get(number, f"filter {number}")
    yield "pipeline", f"{count} filter{'s' * (count != 1)}"
    infos = []
    try:
        dataset.id.chunk_iter(infos.append)
    except (OSError, RuntimeError, ValueError):
        return
    masks = {info.filter_mask for info in infos}
    if masks - {0}:
        yield "chunks", "skip filters, each others" if len(masks) > 1 else "skip filters, all the same"
    total = 1
    for length, chunk in zip(dataset.shape, dataset.chunks, strict=True):
        total *= -(-length // chunk)
        if length % chunk:
            edge = "larger than the dataset" if chunk > length > 0 else "cut by its edge"
            yield "chunks", edge
    inside = sum(all(a < b for a, b in zip(info.chunk_offset, dataset.shape, strict=True)) for info in infos)
    if len(infos) > inside:
        yield "chunks", "stored beyond its edge"
    if inside < total:
        yield "chunks", "some absent" if inside else "all absent"


def index(dataset: h5py.Dataset) -> str:
    number = ctypes.c_int(-1)
    library().H5Dget_chunk_index_type(dataset.id.id, ctypes.byref(number))
    name = INDEXES[number.value] if 0 <= number.value < len(INDEXES) else "other"
    unlimited = [axis for axis, length in enumerate(dataset.maxshape) if length is None]
    if name == "extensible array" and unlimited != [0]:
        name += ", its unlimited axis not the first"
    return name


# --- files -----------------------------------------------------------------------------------


def of_file(path: Path, file: h5py.File) -> Iterator[Feature]:
    plist = file.id.get_create_plist()
    raw = path.read_bytes()
    at = plist.get_userblock()
    if raw[at : at + 8] == b"\x89HDF\r\n\x1a\n":
        yield "file", f"superblock version {raw[at + 8]}"
    offsets, lengths = plist.get_sizes()
    yield "file", f"offsets of {offsets} bytes, lengths of {lengths}"
    if at:
        yield "file", "a user block"
    strategy, persist, _ = plist.get_file_space_strategy()
    names = ("free-space managers", "pages", "aggregation", "none")
    yield "file", f"strategy of file space: {names[strategy]}{', persistent' if persist else ''}"


class GroupInfo(ctypes.Structure):
    """`H5G_info_t`."""

    _fields_ = [
        ("storage", ctypes.c_int),
        ("links", ctypes.c_uint64),
        ("largest_order", ctypes.c_int64),
        ("mounted", ctypes.c_bool),
    ]


def of_group(group: h5py.Group) -> Iterator[Feature]:
    info = GroupInfo()
    library().H5Gget_info(group.id.id, ctypes.byref(info))
    kind = ("symbol table", "links in its header", "dense links")[info.storage] if 0 <= info.storage < 3 else "other"
    order = group.id.get_create_plist().get_link_creation_order()
    yield "group", f"{kind}{', creation order' if order else ''}"


def of_attributes(owner: h5py.HLObject) -> Iterator[Feature]:
    count = h5py.h5a.get_num_attrs(owner.id)
    largest = 0
    for at in range(count):
        attribute = h5py.h5a.open(owner.id, index=at)
        kind = attribute.get_type()
        yield "attribute", type_of(kind)
        largest = max(largest, kind.get_size() * attribute.get_space().get_select_npoints())
    if count > 8:
        yield "attribute", "more than eight on one object"
    if largest > 65_000:
        yield "attribute", "of more than 64 KiB"


def of_objects(file: h5py.File, source: Source) -> Iterator[Feature]:
    """One for each group, and for each attribute of groups and datasets."""
    for names in source.groups:
        yield from of_group(file[names[0]])
        yield from of_attributes(file[names[0]])
    for names in source.datasets:
        yield from of_attributes(file[names[0]])
