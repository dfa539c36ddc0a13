"""The JSON that an HDF5 attribute becomes: the rules of docs/attributes.md, said once more.

This is written from h5py's values and shares nothing with chunkref's own code.
"""

import base64
import itertools
import math
import struct

import h5py
import numpy as np

# What belongs to the format rather than to the user; netCDF-C hides these too.
HIDDEN_EVERYWHERE = {
    "DIMENSION_LIST",
    "REFERENCE_LIST",
    "_NCProperties",
    "_Netcdf4Coordinates",
    "_Netcdf4Dimid",
    "_nc3_strict",
}
# Of dimension scales only: elsewhere (images, tables) these are the user's.
HIDDEN_ON_SCALES = {"CLASS", "NAME"}


def is_hidden(owner: h5py.HLObject, name: str) -> bool:
    if name in HIDDEN_EVERYWHERE:
        return True
    scale = isinstance(owner, h5py.Dataset) and h5py.h5ds.is_scale(owner.id)
    return scale and name in HIDDEN_ON_SCALES


def expected(owner: h5py.HLObject, name: str):
    """The JSON value of one attribute."""
    attribute = owner.attrs.get_id(name)
    kind = attribute.get_type()
    if attribute.shape is None:
        # No value at all: xarray shows an empty text or an empty array.
        while isinstance(kind, h5py.h5t.TypeArrayID):
            kind = kind.get_super()
        return "" if isinstance(kind, h5py.h5t.TypeStringID) else []
    if isinstance(kind, (h5py.h5t.TypeOpaqueID, h5py.h5t.TypeBitfieldID)) and attribute.dtype.kind in "Vu":
        # h5py forgets the tag, without which HDF5 converts nothing, and has no bit fields.
        value = np.empty(attribute.shape, attribute.dtype)
        attribute.read(value, mtype=kind)
        return to_json(value if value.shape else value[()], owner.file)
    if 0 in attribute.shape:
        # Whatever the type: h5py has none for some.
        return np.zeros(attribute.shape).tolist()
    whole = integers(attribute)
    if whole is not None:
        return to_json(whole, owner.file) if whole.shape else whole[()]
    if isinstance(kind, getattr(h5py.h5t, "TypeComplexID", ())):
        # h5py has two of HDF5's complex numbers; all are two floating-point numbers side by side.
        stored = np.zeros(attribute.shape, f"V{kind.get_size()}")
        attribute.read(stored, mtype=kind)
        parts = np.frombuffer(stored.tobytes(), kind.get_super().dtype).astype("f8")
        value = parts.view("c16").reshape(attribute.shape)
        return to_json(value if value.shape else value[()], owner.file)
    value = owner.attrs[name]
    return to_json(value, owner.file)


def integers(attribute: h5py.h5a.AttrID) -> np.ndarray | None:
    """The values of integers that NumPy has no type for, and of times."""
    kind = attribute.get_type()
    time = isinstance(kind, h5py.h5t.TypeTimeID)
    odd = isinstance(kind, h5py.h5t.TypeIntegerID) and kind.get_size() not in (1, 2, 4, 8)
    if not time and not odd:
        return None
    stored = np.zeros(attribute.shape, f"V{kind.get_size()}")
    attribute.read(stored, mtype=kind)
    order = "big" if kind.encode()[3] & 1 else "little"
    signed = time or kind.get_sign() == h5py.h5t.SGN_2
    # JSON's numbers are those of 64 bits.
    fits = (lambda value: -(2**63) <= value < 2**63) if signed else (lambda value: value < 2**64)
    values = np.empty(attribute.shape, object)
    for place in np.ndindex(attribute.shape):
        value = int.from_bytes(stored[place].tobytes(), order, signed=signed)
        values[place] = value if fits(value) else str(value)
    return values


def to_json(value, file: h5py.File):
    if isinstance(value, np.ndarray):
        if value.ndim == 1 and value.size == 1:
            return to_json(value[0], file)
        return [element_list(item, file) for item in value]
    return scalar(value, file)


def element_list(item, file: h5py.File):
    """Inner axes stay lists: only a whole 1-D attribute of one element becomes a scalar."""
    if isinstance(item, np.ndarray):
        return [element_list(inner, file) for inner in item]
    return scalar(item, file)


def scalar(value, file: h5py.File):
    if isinstance(value, h5py.RegionReference):
        return region(value, file) if value else None
    if isinstance(value, h5py.Reference):
        return file[value].name if value else None
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return text(bytes(value))
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, np.void) and value.dtype.names:
        # In the order in which they lie.
        names = sorted(value.dtype.names, key=lambda name: value.dtype.fields[name][1])
        return {name: element_list(value[name], file) for name in names}
    if isinstance(value, np.void):
        return base64.b64encode(value.tobytes()).decode()
    if isinstance(value, np.ndarray):
        return element_list(value, file)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (complex, np.complexfloating)):
        return [number(float(value.real)), number(float(value.imag))]
    return number(float(value))


def region(value: h5py.RegionReference, file: h5py.File) -> dict:
    """The path of the dataset and the elements, each by its place in it."""
    dataset = file[value]
    space = h5py.h5r.get_region(value, file.id)
    kind = space.get_select_type()
    if kind == h5py.h5s.SEL_NONE:
        places = []
    elif kind == h5py.h5s.SEL_ALL:
        places = list(np.ndindex(dataset.shape))
    elif kind == h5py.h5s.SEL_POINTS:
        places = space.get_select_elem_pointlist().tolist()
    else:
        places = in_blocks(space.get_select_hyper_blocklist().tolist())
    return {"path": dataset.name, "selection": sorted(map(list, places))}


def in_blocks(blocks: list) -> list:
    """The elements of blocks that are given by their first and last corners."""
    return [
        place
        for first, last in blocks
        for place in itertools.product(*(range(a, b + 1) for a, b in zip(first, last, strict=True)))
    ]


def normal(found, file: h5py.File):
    """What chunkref wrote, with each selection as the places of its elements."""
    if isinstance(found, list):
        return [normal(one, file) for one in found]
    if not isinstance(found, dict):
        return found
    if list(found) != ["path", "selection"]:
        return {name: normal(one, file) for name, one in found.items()}
    selection = found["selection"]
    if selection == "none":
        places = []
    elif selection == "all":
        places = list(np.ndindex(file[found["path"]].shape))
    elif "points" in selection:
        places = selection["points"]
    elif "blocks" in selection:
        places = in_blocks(selection["blocks"])
    else:
        names = ("start", "stride", "count", "block")
        axes = zip(*(selection[name] for name in names), strict=True)
        places = itertools.product(
            *(
                [start + stride * turn + step for turn in range(count) for step in range(block)]
                for start, stride, count, block in axes
            )
        )
    return {"path": found["path"], "selection": sorted(map(list, places))}


def text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def number(value: float):
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def same(one, other) -> bool:
    """Equal as JSON: no number is a boolean, no float an integer, zero keeps its sign."""
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return struct.pack("<d", one) == struct.pack("<d", other)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    return one == other
