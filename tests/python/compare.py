"""Compares a set of references with its source: every rule is one function here.

A rule yields differences; none knows of exceptions (exceptions.py lists those by name).
"""

import base64
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

import attribute_rules
from source import Source, walk

# Datasets above this are compared in slabs of it along the first axis, first, middle and last.
WHOLE_BYTES = 50_000_000


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it should be."""

    rule: str
    path: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.path}: {self.detail[:400]}"


class References:
    """The `refs` of a Kerchunk JSON file, as they stand in it."""

    def __init__(self, path: Path):
        document = json.loads(path.read_text())
        assert document["version"] == 1
        self.refs: dict = document["refs"]
        # The chunk keys of each array, found once.
        self.chunks: dict[str, dict[str, object]] = {}
        for key, value in self.refs.items():
            array, _, name = key.rpartition("/")
            if not name.startswith(".z"):
                self.chunks.setdefault(array, {})[name] = value

    def document(self, key: str):
        value = self.refs.get(key)
        return json.loads(value) if isinstance(value, str) else value

    def of(self, path: str, name: str):
        """The document `name` (`.zarray`, `.zattrs`, ...) of the object at an HDF5 path."""
        inner = path.strip("/")
        return self.document(f"{inner}/{name}" if inner else name)

    def chunk_bytes(self, value) -> bytes | None:
        """The bytes of an inlined chunk; `None` for a reference."""
        if not isinstance(value, str):
            return None
        if value.startswith("base64:"):
            return base64.b64decode(value.removeprefix("base64:"))
        return value.encode()


# --- names -----------------------------------------------------------------------------------


def names(source: Source, report: dict, references: References) -> Iterator[Difference]:
    """Every dataset is in the report once; a name that is not is under a link that is.

    And the other way round: nothing is reported or written that the file does not have.
    """
    reported = [row["path"] for row in report["datasets"]]
    for path in {path for path in reported if reported.count(path) > 1}:
        yield Difference("names", path, "reported more than once")
    listed = set(reported)
    links = [row["path"] for row in report["links"]]
    for object_names in source.datasets:
        if not listed.intersection(object_names):
            yield Difference("names", object_names[0], "a dataset that the report does not have")
        for name in object_names:
            if name not in listed and not below(name, links):
                yield Difference("names", name, "a name that the report does not have")
    for path in source.soft_links:
        if path not in links and not below(path, links) and not any(
            name == path or name.startswith(path + "/") for name in listed
        ):
            yield Difference("names", path, "a soft link that the report does not have")
    known = set(source.dataset_names()) | set(source.soft_links)
    aliases = [name for group in source.groups for name in group[1:]] + list(source.soft_links)
    for path in listed - known:
        if not below(path, aliases):
            yield Difference("names", path, "reported, but no dataset of the file")
    for row in report["datasets"]:
        written = references.of(row["path"], ".zarray") is not None
        expected = row["outcome"] in ("referenced", "inlined")
        if written != expected:
            state = "written" if written else "not written"
            yield Difference("names", row["path"], f"{row['outcome']}, but {state}")
        if (row["outcome"] == "refused") != bool(row.get("reason")):
            yield Difference("names", row["path"], f"{row['outcome']} with {row.get('reason')!r}")
    arrays = {"/" + key.removesuffix("/.zarray") for key in references.refs if key.endswith("/.zarray")}
    for path in arrays - listed:
        yield Difference("names", path, "written, but not in the report")


def below(path: str, parents: list[str]) -> bool:
    return any(path == parent or path.startswith(parent + "/") for parent in parents)


# --- types -----------------------------------------------------------------------------------


def expected_type(dataset: h5py.Dataset) -> tuple[np.dtype, tuple[int, ...]] | None:
    """The NumPy type and shape that Zarr shows; `None` where the type is text of any length.

    Enums are their base integers, except HDF5's boolean (an enum of FALSE and TRUE), which is
    bool; an array type adds its axes to the shape; compounds are compared field by field.
    """
    dtype = dataset.dtype
    shape = dataset.shape if dataset.shape is not None else ()
    if dtype.subdtype is not None:
        dtype, inner = dtype.subdtype
        shape = shape + inner
    if h5py.check_string_dtype(dtype) is not None and dtype.kind == "O":
        return None
    return plain(dtype), shape


def plain(dtype: np.dtype) -> np.dtype:
    """Without h5py's metadata and without the gaps of compounds."""
    if dtype.names:
        return np.dtype([(name, plain(dtype.fields[name][0])) for name in dtype.names])
    if dtype.subdtype:
        base, shape = dtype.subdtype
        return np.dtype((plain(base), shape))
    return np.dtype(dtype.str)


def types(path: str, dataset: h5py.Dataset, array) -> Iterator[Difference]:
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


def values(path: str, dataset: h5py.Dataset, array) -> Iterator[Difference]:
    """Bit for bit, NaN payloads and the sign of zero too."""
    if dataset.shape is None:
        yield Difference("values", path, "an array of a null dataspace")
        return
    for selection in selections(dataset):
        try:
            mine = np.asarray(array[selection])
        except Exception as error:  # whatever zarr or a codec raises is the finding
            yield Difference("values", path, f"{type(error).__name__}: {error}")
            return
        theirs = np.asarray(dataset[selection])
        detail = unequal(theirs, mine, padding(dataset))
        if detail:
            yield Difference("values", path, f"{selection}: {detail}")
            return


def selections(dataset: h5py.Dataset) -> list:
    size = dataset.size * dataset.dtype.itemsize
    if size <= WHOLE_BYTES:
        return [()]
    rows = max(1, int(dataset.shape[0] * WHOLE_BYTES / size))
    starts = (0, (dataset.shape[0] - rows) // 2, dataset.shape[0] - rows)
    return [slice(start, start + rows) for start in starts]


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
        if wanted != mine[index]:
            return f"{index}: {mine[index]!r} is not {wanted!r}"
    return None


# --- where the chunks lie --------------------------------------------------------------------


def places(path: str, dataset: h5py.Dataset, references: References, url: str) -> Iterator[Difference]:
    """Offsets and sizes are those that libhdf5 gives; no chunk is left out or made up."""
    written = references.chunks.get(path.strip("/"), {})
    for key, value in written.items():
        if not isinstance(value, str) and not same_file(value[0], url):
            yield Difference("places", path, f"chunk {key} lies in {value[0]}, not in {url}")
            return
    if dataset.chunks is None:
        yield from contiguous_places(path, dataset, written)
        return
    stored = {}
    dataset.id.chunk_iter(lambda info: stored.__setitem__(chunk_key(info, dataset), info))
    stored = {key: info for key, info in stored.items() if in_shape(info, dataset)}
    masks = {info.filter_mask for info in stored.values()}
    if len(masks) > 1 and any(not isinstance(value, str) for value in written.values()):
        yield Difference("places", path, f"filter masks {sorted(masks)} in one set of references")
    for key, info in stored.items():
        value = written.get(key)
        if value is None:
            yield Difference("places", path, f"chunk {key} is stored, but not written")
        elif not isinstance(value, str) and value[1:] != [info.byte_offset, info.size]:
            place = [info.byte_offset, info.size]
            yield Difference("places", path, f"chunk {key} at {value[1:]}, not at {place}")
    for key in written.keys() - stored.keys():
        if not isinstance(written[key], str):
            yield Difference("places", path, f"chunk {key} is written, but not stored")


def chunk_key(info, dataset: h5py.Dataset) -> str:
    index = [offset // size for offset, size in zip(info.chunk_offset, dataset.chunks, strict=True)]
    # An array type adds axes that are never split.
    inner = dataset.dtype.subdtype[1] if dataset.dtype.subdtype else ()
    return ".".join(map(str, [*index, *(0 for _ in inner)]))


def in_shape(info, dataset: h5py.Dataset) -> bool:
    """A dataset that was made smaller may keep chunks beyond its end."""
    return all(start < end for start, end in zip(info.chunk_offset, dataset.shape, strict=True))


def contiguous_places(path: str, dataset: h5py.Dataset, written: dict) -> Iterator[Difference]:
    """The chunks in C order are one run of bytes, from the first to the last of the dataset."""
    ranges = [
        (tuple(map(int, key.split("."))), value)
        for key, value in written.items()
        if not isinstance(value, str)
    ]
    if not ranges:
        return
    ranges.sort(key=lambda item: item[0])
    at = dataset.id.get_offset()
    for key, (_, offset, size) in ranges:
        if offset != at:
            yield Difference("places", path, f"chunk {key} at {offset}, not at {at}")
            return
        at += size
    end = dataset.id.get_offset() + dataset.size * dataset.id.get_type().get_size()
    if at != end:
        yield Difference("places", path, f"ends at {at}, not at {end}")


def same_file(written: str, url: str) -> bool:
    return Path(written.removeprefix("file://")).resolve() == Path(url).resolve()


# --- attributes ------------------------------------------------------------------------------


def attributes(path: str, owner: h5py.HLObject, references: References, report: dict) -> Iterator[Difference]:
    """Every attribute that is not hidden is written as docs/attributes.md says, or refused."""
    found = references.of(path, ".zattrs") or {}
    refused = {row["name"] for row in report["attributes_refused"] if row["path"] == path}
    present = set()
    for name in owner.attrs:
        if attribute_rules.is_hidden(owner, name):
            continue
        present.add(name)
        if name == "_FillValue" and isinstance(owner, h5py.Dataset):
            yield from fill_value(path, owner, references, name in refused, found)
            continue
        if name in refused:
            if name in found:
                yield Difference("attributes", path, f"{name}: refused and written")
            continue
        if name not in found:
            yield Difference("attributes", path, f"{name}: not written")
            continue
        try:
            wanted = attribute_rules.expected(owner, name)
        except (OSError, TypeError, ValueError, KeyError, RuntimeError) as error:
            yield Difference("attributes", path, f"{name}: h5py: {error}")
            continue
        if not attribute_rules.same(wanted, found[name]):
            yield Difference("attributes", path, f"{name}: {found[name]!r} is not {wanted!r}")
    for name in found.keys() - present - {"_ARRAY_DIMENSIONS"}:
        yield Difference("attributes", path, f"{name}: written, but not in the file")
    for name in refused - present:
        yield Difference("attributes", path, f"{name}: refused, but not in the file")
    if isinstance(owner, h5py.Dataset) and "_FillValue" not in present:
        written = references.of(path, ".zarray")["fill_value"]
        # xarray takes a Zarr v2 fill value for `_FillValue`, and would mask what equals it.
        if written is not None:
            yield Difference("fill value", path, f"{written!r}, but there is no _FillValue")


def fill_value(path: str, dataset: h5py.Dataset, references: References, refused: bool, found: dict):
    """`_FillValue` is Zarr's fill value, in the type of the array."""
    if refused:
        return
    wanted = np.asarray(dataset.attrs["_FillValue"]).ravel()
    written = references.of(path, ".zarray")["fill_value"]
    if "_FillValue" in found:
        yield Difference("fill value", path, "among the attributes too: xarray refuses that")
    if wanted.size != 1 or written is None:
        yield Difference("fill value", path, f"{written!r} is not {wanted!r}")
    elif wanted.dtype.kind in "iufb":
        dtype = dataset.dtype
        one = np.array(float(written) if dtype.kind == "f" else written).astype(dtype)
        if one.tobytes() != wanted.astype(dtype).tobytes() and not (one != one and wanted != wanted):
            yield Difference("fill value", path, f"{written!r} is not {wanted!r}")
    elif wanted.dtype.kind == "S":
        text = base64.b64decode(written).rstrip(b"\0")
        if text != wanted[0]:
            yield Difference("fill value", path, f"{text!r} is not {wanted!r}")


# --- a whole file ----------------------------------------------------------------------------


def compare(path: Path, references: References, report: dict, group) -> Iterator[Difference | str]:
    """All rules; for each dataset whose values were compared its path is yielded too."""
    with h5py.File(path, "r") as file:
        source = walk(file)
        yield from names(source, report, references)
        for row in report["datasets"]:
            if row["outcome"] not in ("referenced", "inlined") or row["path"] not in file:
                continue
            dataset = file[row["path"]]
            try:
                array = group[row["path"].strip("/")]
            except Exception as error:  # whatever zarr raises is the finding
                yield Difference("open", row["path"], f"{type(error).__name__}: {error}")
                continue
            rules = [
                types(row["path"], dataset, array),
                values(row["path"], dataset, array),
                attributes(row["path"], dataset, references, report),
            ]
            if row["outcome"] == "referenced":
                rules.append(places(row["path"], dataset, references, str(path)))
            yield from itertools.chain(*rules)
            yield row["path"]
        for group_names in source.groups:
            yield from attributes(group_names[0], file[group_names[0]], references, report)
