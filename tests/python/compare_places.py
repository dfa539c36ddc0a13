"""Rules on where the chunks lie."""

from collections.abc import Iterator
from pathlib import Path

import h5py

from references import Difference, References, array_path


def places(path: str, dataset: h5py.Dataset, references: References, url: str) -> Iterator[Difference]:
    """Offsets and sizes are those that libhdf5 gives; no chunk is left out or made up."""
    written = references.chunks.get(array_path(path), {})
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
