"""What the elements of a dataset become, said once more from libhdf5's own types.

Compounds are flattened (`inner.a`, `vec.0`), numbers that NumPy does not have are those next
larger, and what has no equal at all is raw bytes. The referee of the values is libhdf5, which is
asked for each field in the type that is expected.
"""

import itertools
import json
import math
from dataclasses import dataclass

import h5py
import numpy as np
from h5py import h5s, h5t

import attribute_rules

# An array within a compound that would make more fields than this stays raw bytes.
MAX_FIELDS = 1024

ORDERS = {h5t.ORDER_LE: "<", h5t.ORDER_BE: ">"}


@dataclass(frozen=True)
class Field:
    """A field without fields: its name, its place in the memory type, and its type."""

    name: str
    own: bool
    kind: np.dtype
    # The type in memory, and whether values change on the way to it.
    memory: h5t.TypeID
    converted: bool


def array_axes(kind: h5t.TypeID) -> tuple[tuple[int, ...], h5t.TypeID]:
    """The axes that an array type adds, and the type below it."""
    axes: tuple[int, ...] = ()
    while isinstance(kind, h5t.TypeArrayID):
        axes += kind.get_array_dims()
        kind = kind.get_super()
    return axes, kind


def varies(kind: h5t.TypeID) -> bool:
    """Whether elements say where their values lie, or refer to objects."""
    if isinstance(kind, (h5t.TypeVlenID, h5t.TypeReferenceID)):
        return True
    if isinstance(kind, h5t.TypeStringID):
        return kind.is_variable_str()
    if isinstance(kind, h5t.TypeArrayID):
        return varies(kind.get_super())
    if isinstance(kind, h5t.TypeCompoundID):
        return any(varies(kind.get_member_type(index)) for index in range(kind.get_nmembers()))
    return False


def is_plain(kind: h5t.TypeID) -> bool:
    """Whether h5py reads elements of this type as they are, without more ado."""
    _, kind = array_axes(kind)
    if isinstance(kind, (h5t.TypeCompoundID, h5t.TypeTimeID)) or varies(kind):
        return False
    if isinstance(kind, (h5t.TypeOpaqueID, h5t.TypeStringID)):
        return True
    return not leaf("", True, kind).converted and leaf("", True, kind).kind.kind != "V"


def order(kind: h5t.TypeID) -> str:
    return ORDERS.get(order_of(kind), "<")


def significant_bits(kind: h5t.TypeID) -> tuple[int, int]:
    """The first bit and the number of bits."""
    if isinstance(kind, h5t.TypeIntegerID):
        return kind.get_offset(), kind.get_precision()
    # h5py does not tell of others; their message does, behind class, flags and size.
    properties = kind.encode()[10:]
    if isinstance(kind, h5t.TypeTimeID):
        return 0, int.from_bytes(properties[:2], "little")
    return int.from_bytes(properties[:2], "little"), int.from_bytes(properties[2:4], "little")


def order_of(kind: h5t.TypeID) -> int:
    """As `get_order`, which h5py gives only to some."""
    if hasattr(kind, "get_order"):
        return kind.get_order()
    return h5t.ORDER_BE if kind.encode()[3] & 1 else h5t.ORDER_LE


def numeric(kind: h5t.TypeID) -> tuple[np.dtype, bool]:
    """The NumPy type of an integer, bit field or time, and whether it is converted."""
    size, (offset, precision) = kind.get_size(), significant_bits(kind)
    signed = isinstance(kind, h5t.TypeTimeID) or (
        isinstance(kind, h5t.TypeIntegerID) and kind.get_sign() == h5t.SGN_2
    )
    letter = "i" if signed else "u"
    whole = precision == 8 * size and offset == 0
    if whole and size in (1, 2, 4, 8):
        return np.dtype(f"{order(kind)}{letter}{size}"), False
    if precision > 64 or size > 16:
        return np.dtype(f"V{size}"), False
    wide = {1: 1, 2: 2, 3: 4, 4: 4}.get(size, 8)
    return np.dtype(f"{order(kind)}{letter}{wide}"), True


# Bits of exponent and mantissa, and bias.
IEEE = {2: (5, 10, 15), 4: (8, 23, 127), 8: (11, 52, 1023)}


def floating(kind: h5t.TypeID) -> tuple[np.dtype, bool]:
    size = kind.get_size()
    sign, at, exponent, start, mantissa = kind.get_fields()
    form = (exponent, mantissa, kind.get_ebias())
    implied = kind.get_norm() == h5t.NORM_IMPLIED
    places = (sign, at, start) == (8 * size - 1, mantissa, 0)
    if IEEE.get(size) == form and implied and places and kind.get_order() in ORDERS:
        return np.dtype(f"{order(kind)}f{size}"), False
    digits = mantissa - (not implied)
    largest, smallest = 2**exponent - 2 - kind.get_ebias(), 1 - kind.get_ebias()
    for target, (_, most, bias) in IEEE.items():
        low = smallest >= 1 - bias or target == 8
        if digits <= most and largest <= bias and low and size <= 16:
            return np.dtype(f"{order(kind)}f{target}"), True
    return np.dtype(f"V{size}"), False


def is_complex(kind: h5t.TypeID) -> bool:
    """h5py's complex numbers: two fields `r` and `i` of one IEEE type side by side."""
    if not isinstance(kind, h5t.TypeCompoundID) or kind.get_nmembers() != 2:
        return False
    first, second = kind.get_member_type(0), kind.get_member_type(1)
    names = (kind.get_member_name(0), kind.get_member_name(1))
    if names != (b"r", b"i") or first != second or not isinstance(first, h5t.TypeFloatID):
        return False
    number, converted = floating(first)
    offsets = (kind.get_member_offset(0), kind.get_member_offset(1))
    beside = offsets == (0, number.itemsize) and kind.get_size() == 2 * number.itemsize
    return beside and not converted and number.itemsize in (4, 8) and number.kind == "f"


def leaf(name: str, own: bool, kind: h5t.TypeID) -> Field:
    """A type without fields."""
    converted = False
    if isinstance(kind, h5t.TypeEnumID):
        if kind.dtype == bool:
            return Field(name, own, np.dtype(bool), kind, False)
        base = leaf(name, own, kind.get_super())
        return Field(name, own, base.kind, base.memory if base.converted else kind, base.converted)
    if isinstance(kind, (h5t.TypeIntegerID, h5t.TypeBitfieldID, h5t.TypeTimeID)):
        number, converted = numeric(kind)
    elif isinstance(kind, h5t.TypeFloatID):
        number, converted = floating(kind)
    elif is_complex(kind):
        number = np.dtype(f"{order(kind.get_member_type(0))}c{kind.get_size()}")
    elif isinstance(kind, getattr(h5t, "TypeComplexID", ())):
        part, converted = floating(kind.get_super())
        wide = max(4, part.itemsize)
        converted = part.kind == "f" and (converted or part.itemsize < 4)
        is_number = part.kind == "f"
        number = np.dtype(f"{part.byteorder}c{2 * wide}" if is_number else f"V{kind.get_size()}")
    elif isinstance(kind, h5t.TypeStringID):
        number = np.dtype(f"S{kind.get_size()}")
    else:
        number = np.dtype(f"V{kind.get_size()}")
    memory = in_memory(kind, number) if converted else kind
    return Field(name, own, number, memory, converted)


def in_memory(kind: h5t.TypeID, number: np.dtype) -> h5t.TypeID:
    """The type that libhdf5 is asked to convert to."""
    if isinstance(kind, h5t.TypeBitfieldID):
        suffix = "BE" if number.byteorder == ">" else "LE"
        return getattr(h5t, f"STD_B{8 * number.itemsize}{suffix}")
    if isinstance(kind, getattr(h5t, "TypeComplexID", ())):
        # The order is that of this machine, where the tests run.
        return h5t.NATIVE_FLOAT_COMPLEX if number.itemsize == 8 else h5t.NATIVE_DOUBLE_COMPLEX
    return h5t.py_create(number)


def count(kind: h5t.TypeID) -> int:
    axes, kind = array_axes(kind)
    inner = 1
    if isinstance(kind, h5t.TypeCompoundID) and not is_complex(kind):
        inner = sum(count(kind.get_member_type(index)) for index in range(kind.get_nmembers()))
    return inner * math.prod(axes)


def fields_of(kind: h5t.TypeID) -> list[Field]:
    """The fields in the order of their places, with names of which none is there twice."""
    if not isinstance(kind, h5t.TypeCompoundID) or is_complex(kind):
        return [leaf("", True, kind)]
    fields: list[Field] = []
    collect_compound(fields, "", True, kind)
    taken = {field.name for field in fields if field.own and field.name}
    named = []
    for field in fields:
        name = field.name
        if not field.own or not name:
            while not name or name in taken:
                name += "_"
            taken.add(name)
        named.append(Field(name, field.own, field.kind, field.memory, field.converted))
    return named


def collect_compound(fields: list[Field], prefix: str, own: bool, kind: h5t.TypeID) -> None:
    members = [
        (kind.get_member_offset(index), kind.get_member_name(index), kind.get_member_type(index))
        for index in range(kind.get_nmembers())
    ]
    for _, raw, member in sorted(members, key=lambda member: member[0]):
        name = attribute_rules.text(raw)
        collect(fields, name if own else f"{prefix}.{name}", own, member)


def collect(fields: list[Field], name: str, own: bool, kind: h5t.TypeID) -> None:
    if isinstance(kind, h5t.TypeCompoundID) and not is_complex(kind):
        collect_compound(fields, name, False, kind)
    elif isinstance(kind, h5t.TypeArrayID):
        if len(fields) + count(kind) > MAX_FIELDS:
            fields.append(Field(name, own, np.dtype(f"V{kind.get_size()}"), kind, False))
            return
        axes, element = array_axes(kind)
        for place in itertools.product(*map(range, axes)):
            collect(fields, f"{name}.{'.'.join(map(str, place))}", False, element)
    else:
        fields.append(leaf(name, own, kind))


def memory_type(kind: h5t.TypeID) -> h5t.TypeID:
    """The type, its numbers those that are expected; compounds without gaps."""
    if isinstance(kind, h5t.TypeArrayID):
        axes, element = array_axes(kind)
        return h5t.array_create(memory_type(element), axes)
    if isinstance(kind, h5t.TypeCompoundID) and not is_complex(kind):
        members = [
            (kind.get_member_offset(at), kind.get_member_name(at), memory_type(kind.get_member_type(at)))
            for at in range(kind.get_nmembers())
        ]
        members.sort(key=lambda member: member[0])
        whole = h5t.create(h5t.COMPOUND, sum(member.get_size() for _, _, member in members))
        at = 0
        for _, name, member in members:
            whole.insert(name, at, member)
            at += member.get_size()
        return whole
    return leaf("", True, kind).memory


def expected_dtype(kind: h5t.TypeID) -> np.dtype:
    """The NumPy type of an element that is no array and does not vary."""
    fields = fields_of(kind)
    if len(fields) == 1 and not fields[0].name:
        return fields[0].kind
    return np.dtype([(field.name, field.kind) for field in fields])


def read_expected(dataset: h5py.Dataset, selection) -> np.ndarray:
    """Elements as libhdf5 gives them in the types that are expected."""
    axes, element = array_axes(dataset.id.get_type())
    by_libhdf5 = not is_half_complex(element)
    kind = memory_type(dataset.id.get_type()) if by_libhdf5 else dataset.id.get_type()
    place, shape = selected(dataset, selection)
    raw = np.zeros(shape, np.dtype(f"V{kind.get_size()}"))
    if raw.size:
        memory = h5s.create_simple(shape) if shape else h5s.create(h5s.SCALAR)
        dataset.id.read(memory, place, raw, mtype=kind)
    wanted = expected_dtype(element)
    if by_libhdf5:
        flat = np.frombuffer(raw.tobytes(), wanted)
    else:
        flat = from_halves(raw.tobytes(), element.get_super().dtype).astype(f"{wanted.byteorder}f4").view(wanted)
    return flat.reshape(shape + axes)


def is_half_complex(kind: h5t.TypeID) -> bool:
    """Complex numbers of two bytes a part, of which libhdf5 2.0 makes others when it converts them."""
    return isinstance(kind, getattr(h5t, "TypeComplexID", ())) and kind.get_size() == 4


def from_halves(raw: bytes, kind: np.dtype) -> np.ndarray:
    """Numbers of two bytes as those of four, a NaN with all bits of its mantissa set, as libhdf5 has it."""
    wide = np.frombuffer(raw, kind).astype("f4")
    bits = wide.view("u4")
    bits[np.isnan(wide)] |= 0x7FFFFF
    return wide


def selected(dataset: h5py.Dataset, selection) -> tuple[h5s.SpaceID, tuple[int, ...]]:
    place = dataset.id.get_space()
    shape = dataset.shape
    if selection == ():
        return place, shape
    starts, counts = [], []
    for axis, length in enumerate(shape):
        part = selection[axis] if axis < len(selection) else slice(None)
        start, stop, _ = part.indices(length)
        starts.append(start)
        counts.append(stop - start)
    place.select_hyperslab(tuple(starts), tuple(counts))
    return place, tuple(counts)


# --- elements that vary ----------------------------------------------------------------------


def sequence_base(kind: h5t.TypeID) -> h5t.TypeID | None:
    """The type of the elements of sequences that become bytes."""
    if isinstance(kind, h5t.TypeVlenID) and not varies(kind.get_super()):
        return kind.get_super()
    return None


def is_standard_reference(kind: h5t.TypeID) -> bool:
    """References of HDF5 1.12, which h5py can't read, also within other types."""
    if isinstance(kind, (h5t.TypeArrayID, h5t.TypeVlenID)):
        return is_standard_reference(kind.get_super())
    if isinstance(kind, h5t.TypeCompoundID):
        return any(
            is_standard_reference(kind.get_member_type(index)) for index in range(kind.get_nmembers())
        )
    standard = not any(kind.equal(old) for old in (h5t.STD_REF_OBJ, h5t.STD_REF_DSETREG))
    return isinstance(kind, h5t.TypeReferenceID) and standard


def unequal_varying(dataset: h5py.Dataset, theirs, mine, attributes: dict) -> str | None:
    """What differs in elements that vary, in words."""
    _, kind = array_axes(dataset.id.get_type())
    base = sequence_base(kind)
    if base is not None:
        detail = wrong_sequence_type(base, attributes)
        if detail:
            return detail
    for index in np.ndindex(theirs.shape):
        detail = unequal_element(dataset.file, kind, theirs[index], mine[index])
        if detail:
            return f"{index}: {detail}"
    return None


def wrong_sequence_type(base: h5t.TypeID, attributes: dict) -> str | None:
    axes, element = array_axes(base)
    written = attributes.get("_SEQUENCE_DTYPE")
    named = np.dtype([tuple(field) for field in written] if isinstance(written, list) else written)
    without_gaps = [(name, named[name]) for name in named.names or () if not name.startswith("_pad")]
    named = np.dtype(without_gaps) if named.names else named
    wanted = expected_dtype(element)
    if named != wanted:
        return f"_SEQUENCE_DTYPE {written} is not {wanted}"
    if tuple(attributes.get("_SEQUENCE_SHAPE", ())) != axes:
        return f"_SEQUENCE_SHAPE {attributes.get('_SEQUENCE_SHAPE')} is not {axes}"
    return None


def unequal_element(file: h5py.File, kind: h5t.TypeID, theirs, mine) -> str | None:
    base = sequence_base(kind)
    if base is not None:
        # h5py says of big-endian elements that they are little-endian; their bytes are right.
        stored = np.asarray(theirs).tobytes() if theirs is not None and len(theirs) else b""
        converted = any(field.converted for field in fields_of(array_axes(base)[1]))
        if converted:
            return None if len(mine) or not stored else f"{mine!r} is not {stored!r}"
        return None if mine == stored else f"{mine!r} is not {stored!r}"
    if isinstance(kind, h5t.TypeReferenceID) and kind.equal(h5t.STD_REF_OBJ):
        if not theirs:
            return None if mine == "" else f"{mine!r} for a reference to nothing"
        same = file[mine] == file[theirs]
        return None if same else f"{mine!r} is not {file[theirs].name!r}"
    wanted = attribute_rules.element_list(theirs, file)
    found = json.loads(mine)
    if attribute_rules.same(wanted, attribute_rules.normal(found, file)):
        return None
    return f"{found!r} is not {wanted!r}"
