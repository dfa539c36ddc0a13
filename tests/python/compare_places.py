"""Rules on where the chunks lie."""

import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import h5py

from compare_types import array_axes
from references import Difference, References, array_path


def places(path: str, dataset: h5py.Dataset, references: References, url: str) -> Iterator[Difference]:
    """Offsets and sizes are those that libhdf5 gives; no chunk is left out or made up."""
    written = dict(references.chunks.get(array_path(path), {}))
    for key, value in written.items():
        if not isinstance(value, str) and not same_file(value[0], url):
            yield Difference("places", path, f"chunk {key} lies in {value[0]}, not in {url}")
            return
    if dataset.chunks is None:
        yield from contiguous_places(path, dataset, written)
        return
    different = list(chunk_places(path, dataset, written))
    if different and miscounted(dataset):
        different = list(places_by_content(path, dataset, written, url))
    yield from different


def chunk_places(path: str, dataset: h5py.Dataset, written: dict) -> Iterator[Difference]:
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


def miscounted(dataset: h5py.Dataset) -> bool:
    """Whether libhdf5 2.0 gives wrong coordinates of chunks, though the right set of places.

    An extensible array keeps its unlimited axis first. Where that is another axis of the dataset,
    reading takes it back, and `H5Dchunk_iter` and `H5Dget_chunk_info` do not.
    """
    unlimited = [axis for axis, length in enumerate(dataset.maxshape) if length is None]
    return len(unlimited) == 1 and unlimited != [0]


def places_by_content(path: str, dataset: h5py.Dataset, written: dict, url: str) -> Iterator[Difference]:
    """Each chunk has the bytes that libhdf5 reads for it, and lies where it has some chunk."""
    stored = set()
    dataset.id.chunk_iter(lambda info: stored.add((info.byte_offset, info.size)))
    grid = [range(0, length, chunk) for length, chunk in zip(dataset.shape, dataset.chunks, strict=True)]
    held = Path(url).read_bytes()
    for start in itertools.product(*grid):
        key = ".".join(str(at // chunk) for at, chunk in zip(start, dataset.chunks, strict=True))
        try:
            _, content = dataset.id.read_direct_chunk(start)
        except (OSError, ValueError, RuntimeError):
            content = None
        value = written.pop(key, None)
        if (content is None) != (value is None) and not isinstance(value, str):
            yield Difference("places", path, f"chunk {key}: written {value}, read {content!r}")
        elif isinstance(value, list):
            _, offset, size = value
            if (offset, size) not in stored or held[offset : offset + size] != content:
                yield Difference("places", path, f"chunk {key} at {[offset, size]} is another one")
    for key in written:
        yield Difference("places", path, f"chunk {key} is written, but outside the dataset")


def chunk_key(info, dataset: h5py.Dataset) -> str:
    index = [offset // size for offset, size in zip(info.chunk_offset, dataset.chunks, strict=True)]
    # An array type adds axes that are never split.
    inner, _ = array_axes(dataset.id.get_type())
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


@cache
def same_file(written: str, url: str) -> bool:
    return Path(written.removeprefix("file://")).resolve() == Path(url).resolve()
