"""Compares a set of references with its source: every rule is one function, here or in the modules
`compare_places`, `compare_attributes` and `compare_xarray`.

A rule yields differences; none knows of exceptions (exceptions.py lists those by name).
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numcodecs
import numpy as np
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync

import compare_types
from compare_attributes import attributes
from compare_decoded import NotComparable, decoded
from compare_elsewhere import is_elsewhere, places_elsewhere
from compare_places import places
from grown import as_shown
from references import Difference, References, array_path
from source import Source, is_dimension_only, walk

# Datasets above either of these are compared in slabs: zarr-python takes about a millisecond a
# chunk, whatever its size.
WHOLE_BYTES = 50_000_000
WHOLE_CHUNKS = 3000


@dataclass(frozen=True)
class Limits:
    """How much is compared of what takes long."""

    # Datasets of more chunks are read in slabs.
    whole_chunks: int = WHOLE_CHUNKS
    # Whether what references do not hold is read with `chunkref read`.
    decode: bool = True


# The outcomes in which a dataset can be read through the references.
WRITTEN = ("referenced", "inlined")


# --- names -----------------------------------------------------------------------------------


def names(source: Source, report: dict, references: References) -> Iterator[Difference]:
    """Every dataset is in the report once under each name by which h5py shows it, and every group is
    written under each of its own.

    And the other way round: nothing is reported or written that the file does not have, and no link
    is said to lead nowhere that h5py follows.
    """
    reported = [row["path"] for row in report["datasets"]]
    for path in {path for path in reported if reported.count(path) > 1}:
        yield Difference("names", path, "reported more than once")
    listed = set(reported)
    known = set(source.dataset_names())
    for path in known - listed:
        yield Difference("names", path, "a dataset that the report does not have")
    for path in listed - known:
        yield Difference("names", path, "reported, but no dataset of the file")
    groups = set(source.group_names())
    for path in groups:
        if references.of(path, ".zgroup") is None:
            yield Difference("names", path, "a group that the references do not have")
    for row in report["links"]:
        if row["path"] in known | groups:
            yield Difference("names", row["path"], f"not followed, but h5py does: {row['reason']}")
    variables = {array_path(row["path"]) for row in report["datasets"] if row["outcome"] in WRITTEN}
    for row in report["datasets"]:
        written = references.of(row["path"], ".zarray") is not None
        expected = row["outcome"] in WRITTEN
        if row["outcome"] == "dimension" and array_path(row["path"]) in variables:
            continue  # the variable of that name, which netCDF-C keeps under another
        if written != expected:
            state = "written" if written else "not written"
            yield Difference("names", row["path"], f"{row['outcome']}, but {state}")
        if (row["outcome"] in ("refused", "decoded")) != bool(row.get("reason")):
            yield Difference("names", row["path"], f"{row['outcome']} with {row.get('reason')!r}")
    suffix = "/.zarray"
    arrays = {key.removesuffix(suffix) for key in references.refs if key.endswith(suffix)}
    for path in arrays - set(map(array_path, listed)):
        yield Difference("names", path, "written, but not in the report")
    suffix = "/.zgroup"
    written = {"/" + key.removesuffix(suffix) for key in references.refs if key.endswith(suffix)}
    for path in written - groups:
        yield Difference("names", path, "written, but no group of the file")


# --- types -----------------------------------------------------------------------------------


def expected_type(dataset: h5py.Dataset) -> tuple[np.dtype, tuple[int, ...]] | None:
    """The NumPy type and shape that Zarr shows; `None` where the type is text of any length.

    Enums are their base integers, except HDF5's boolean (an enum of FALSE and TRUE), which is
    bool; an array type adds its axes to the shape; compounds are compared field by field.
    """
    dtype = dataset.dtype
    shape = dataset.shape if dataset.shape is not None else ()
    while dtype.subdtype is not None:
        dtype, inner = dtype.subdtype
        shape = shape + inner
    if h5py.check_string_dtype(dtype) is not None and dtype.kind == "O":
        return None
    return plain(dtype), shape


def plain(dtype: np.dtype) -> np.dtype:
    """Without h5py's metadata and without the gaps of compounds.

    Zarr v2 has no gaps: where the source has one, the references have a field of raw bytes whose
    name is `_pad` and its offset.
    """
    if dtype.names:
        # In the order in which they lie, which is the only one that Zarr has.
        fields = sorted(((name, dtype.fields[name]) for name in dtype.names), key=lambda field: field[1][1])
        named = [(name, plain(kind)) for name, (kind, at, *_) in fields if not is_gap(name, kind, at)]
        return np.dtype(named)
    if dtype.subdtype:
        base, shape = dtype.subdtype
        return np.dtype((plain(base), shape))
    # NumPy's own text of any length has no string form.
    return dtype if dtype.kind == "T" else np.dtype(dtype.str)


def without_gaps(dtype: np.dtype) -> np.dtype:
    """The fields that are not gaps of the source, one after the other."""
    if not dtype.names:
        return np.dtype(dtype.str)
    fields = [(name, dtype.fields[name]) for name in dtype.names]
    return np.dtype([(name, kind) for name, (kind, at, *_) in fields if not is_gap(name, kind, at)])


def is_gap(name: str, kind: np.dtype, offset: int) -> bool:
    return kind.kind == "V" and kind.names is None and name == f"_pad{offset}"


def types(path: str, dataset: h5py.Dataset, array) -> Iterator[Difference]:
    axes, element = compare_types.array_axes(dataset.id.get_type())
    if not compare_types.is_plain(element):
        shape = (dataset.shape or ()) + axes
        if array.shape != shape:
            yield Difference("shape", path, f"{array.shape} is not {shape}")
        if compare_types.varies(element):
            if array.dtype.kind not in "OT":
                yield Difference("type", path, f"{array.dtype} for elements of variable length")
            return
        wanted = compare_types.expected_dtype(element)
        if without_gaps(array.dtype) != wanted:
            yield Difference("type", path, f"{array.dtype} is not {wanted}")
        return
    wanted = expected_type(dataset)
    if wanted is None:
        if array.dtype.kind not in "OT":
            yield Difference("type", path, f"{array.dtype} for text of variable length")
        if array.shape != dataset.shape:
            yield Difference("shape", path, f"{array.shape} is not {dataset.shape}")
        return
    dtype, shape = wanted
    if array.shape != shape:
        yield Difference("shape", path, f"{array.shape} is not {shape}")
    if plain(array.dtype) != dtype:
        yield Difference("type", path, f"{array.dtype} is not {dtype}")


# --- values ----------------------------------------------------------------------------------


def values(
    path: str, dataset: h5py.Dataset, array, whole_chunks: int = WHOLE_CHUNKS
) -> Iterator[Difference]:
    """Bit for bit, NaN payloads and the sign of zero too."""
    if dataset.shape is None:
        yield Difference("values", path, "an array of a null dataspace")
        return
    for selection in selections(dataset, whole_chunks):
        try:
            mine = as_array(array, selection)
        except Exception as error:  # whatever zarr or a codec raises is the finding
            yield Difference("values", path, f"{type(error).__name__}: {error}")
            return
        kind = dataset.id.get_type()
        if compare_types.is_standard_reference(kind):
            yield NotComparable("references of HDF5 1.12: test_elements.py compares them")
            return
        _, element = compare_types.array_axes(kind)
        if compare_types.varies(element) and is_undefined(dataset):
            yield NotComparable("not all written, and never filled: libhdf5 leaves what it finds in memory")
            return
        try:
            if compare_types.is_plain(element) or compare_types.varies(element):
                theirs = read(dataset, selection)
            else:
                theirs = compare_types.read_expected(dataset, selection)
        except (OSError, TypeError, ValueError) as error:
            if compare_types.varies(element) and "No NumPy equivalent" in str(error):
                yield NotComparable(f"h5py can't read sequences: {error}")
                return
            yield Difference("values", path, f"h5py can't read what was not refused: {error}")
            return
        if compare_types.varies(element) and not isinstance(element, h5py.h5t.TypeStringID):
            found = dict(getattr(array, "attrs", {}))
            detail = compare_types.unequal_varying(dataset, theirs, mine, found)
        else:
            detail = unequal(theirs, mine, padding(dataset))
        if detail:
            yield Difference("values", path, f"{selection}: {detail}")
            return


def is_undefined(dataset: h5py.Dataset) -> bool:
    """Whether some element is not stored, and the writer said that such are not filled."""
    plist = dataset.id.get_create_plist()
    never = plist.get_fill_time() == h5py.h5d.FILL_TIME_NEVER
    if not never and plist.fill_value_defined() != h5py.h5d.FILL_VALUE_UNDEFINED:
        return False
    if dataset.chunks is not None:
        return dataset.id.get_num_chunks() < chunk_count(dataset)
    return dataset.id.get_storage_size() == 0


def as_array(array, selection) -> np.ndarray:
    """Elements as zarr gives them, but for a scalar of variable bytes: of that zarr makes an `S`, in
    which none and one NUL are the same.
    """
    found = np.asarray(array[selection])
    if array.dtype.kind != "O" or found.dtype.kind != "S":
        return found
    place = array.store_path / array.metadata.encode_chunk_key(())
    chunk = sync(place.get(default_buffer_prototype()))
    held = np.empty((), object)
    [held[()]] = numcodecs.VLenBytes().decode(chunk.to_bytes())
    return held


# h5py gives them a type that HDF5 can't convert them to.
UNCONVERTED = (h5py.h5t.TypeBitfieldID, h5py.h5t.TypeOpaqueID)


def read(dataset: h5py.Dataset, selection) -> np.ndarray:
    """As h5py reads it; bit fields and tagged opaque data as the bytes they are."""
    kind = dataset.id.get_type()
    if compare_types.varies(kind):
        values = dataset[selection]
        if isinstance(values, np.ndarray) and values.shape[: len(dataset.shape)] and dataset.shape:
            return values
        held = np.empty((), object)
        held[()] = values
        return held if not dataset.shape else np.asarray(values, dtype=object)
    if not isinstance(kind, UNCONVERTED) or selection != ():
        return np.asarray(dataset[selection])
    # Zeros, as where h5py makes the array: an undefined fill value leaves in it what it finds.
    stored = np.zeros(dataset.shape, dataset.dtype)
    dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, stored, mtype=kind)
    return stored


def selections(dataset: h5py.Dataset, whole_chunks: int = WHOLE_CHUNKS) -> list:
    """The whole, or three slabs across the longest axis: first, middle and last.

    The places of all chunks are compared in any case.
    """
    stored = dataset.size * dataset.id.get_type().get_size()
    size = max(stored / WHOLE_BYTES, chunk_count(dataset) / whole_chunks)
    if size <= 1:
        return [()]
    axis = int(np.argmax(dataset.shape))
    length = dataset.shape[axis]
    rows = max(1, int(length / size / 3))
    starts = (0, (length - rows) // 2, length - rows)
    return [(slice(None),) * axis + (slice(start, start + rows),) for start in starts]


def chunk_count(dataset: h5py.Dataset) -> int:
    if dataset.chunks is None:
        return 1
    return math.prod(
        -(-length // chunk) for length, chunk in zip(dataset.shape, dataset.chunks, strict=True)
    )


def padding(dataset: h5py.Dataset) -> int | None:
    """How the fixed strings of a dataset are filled up; `None` for other types."""
    kind = dataset.id.get_type()
    if isinstance(kind, h5py.h5t.TypeStringID) and not kind.is_variable_str():
        return kind.get_strpad()
    return None


def unequal(theirs: np.ndarray, mine: np.ndarray, padded: int | None) -> str | None:
    """What differs, in words; `None` when nothing does."""
    if theirs.shape != mine.shape:
        return f"shape {mine.shape} is not {theirs.shape}"
    if theirs.dtype.kind == "O" or mine.dtype.kind in "OT":
        return unequal_text(theirs, mine)
    if theirs.dtype.names:
        for name in theirs.dtype.names:
            detail = unequal(theirs[name], mine[name], None)
            if detail:
                return f"field {name}: {detail}"
        return None
    if theirs.shape == () and theirs.dtype.newbyteorder() == mine.dtype:
        # NumPy has single numbers in the machine's byte order alone; `types` compares the order.
        mine = mine.astype(theirs.dtype)
    if theirs.dtype.kind == "S" and mine.dtype.kind == "S":
        theirs, mine = unpad(theirs, padded), unpad(mine, padded)
    same = np.ascontiguousarray(theirs).tobytes() == np.ascontiguousarray(mine).tobytes()
    if same and theirs.dtype.itemsize == mine.dtype.itemsize:
        return None
    for index in np.ndindex(theirs.shape):
        if theirs[index].tobytes() != mine[index].tobytes():
            return f"{index}: {mine[index]!r} is not {theirs[index]!r}"
    return f"{mine.dtype} is not {theirs.dtype}"


def unpad(values: np.ndarray, padded: int | None) -> np.ndarray:
    """Fixed strings without what fills them up.

    Zarr gives the stored bytes. libhdf5 ends a null-terminated string at its first NUL and takes
    the blanks off a space-padded one; both mean the same text.
    """
    if padded == h5py.h5t.STR_NULLTERM:
        cut = [bytes(value).split(b"\0")[0] for value in values.ravel()]
    elif padded == h5py.h5t.STR_SPACEPAD:
        cut = [bytes(value).rstrip(b" ") for value in values.ravel()]
    else:
        return values
    return np.array(cut, values.dtype).reshape(values.shape)


def unequal_text(theirs: np.ndarray, mine: np.ndarray) -> str | None:
    for index in np.ndindex(theirs.shape):
        wanted = theirs[index]
        wanted = wanted.decode("utf-8", "surrogateescape") if isinstance(wanted, bytes) else wanted
        if isinstance(mine[index], bytes) and isinstance(wanted, str):
            wanted = wanted.encode("utf-8", "surrogateescape")
        if wanted != mine[index]:
            return f"{index}: {mine[index]!r} is not {wanted!r}"
    return None


# --- a whole file ----------------------------------------------------------------------------


def compare(
    path: Path,
    references: References,
    report: dict,
    group,
    limits: Limits = Limits(),
    external: bool = False,
) -> Iterator[Difference | NotComparable | str]:
    """All rules; for each dataset whose values were compared its path is yielded too."""
    with as_shown(path) as shown, h5py.File(shown, "r") as file:
        source = walk(file, external)
        yield from names(source, report, references)
        for row in report["datasets"]:
            if row["path"] not in file:
                continue
            dataset = file[row["path"]]
            if row["outcome"] == "dimension" and not is_dimension_only(dataset):
                yield Difference("names", row["path"], "a variable, not only a dimension")
            if row["outcome"] == "decoded" and limits.decode:
                # Its attributes and places are in no references.
                found = list(decoded(path, row["path"], dataset, [types, values], external))
                yield from found
                if not any(isinstance(item, NotComparable) for item in found):
                    yield row["path"]
            if row["outcome"] not in WRITTEN:
                continue
            try:
                array = group[array_path(row["path"])]
            except Exception as error:  # whatever zarr raises is the finding
                yield Difference("open", row["path"], f"{type(error).__name__}: {error}")
                continue
            rules = [
                types(row["path"], dataset, array),
                values(row["path"], dataset, array, limits.whole_chunks),
                attributes(row["path"], dataset, references, report),
            ]
            if row["outcome"] == "referenced" and is_elsewhere(dataset):
                rules.append(places_elsewhere(row["path"], dataset, references, path))
            elif row["outcome"] == "referenced":
                own = dataset.file.filename == file.filename
                lies_in = str(path) if own else dataset.file.filename
                rules.append(places(row["path"], dataset, references, lies_in))
            yield from itertools.chain(*rules)
            yield row["path"]
        for name in source.group_names():
            yield from attributes(name, file[name], references, report)
