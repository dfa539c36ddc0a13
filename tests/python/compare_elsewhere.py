"""Rules on data that lies in other files: external data files and sources of virtual datasets."""

from collections.abc import Iterator
from pathlib import Path

import h5py

from references import Difference, References, array_path


def is_elsewhere(dataset: h5py.Dataset) -> bool:
    return dataset.is_virtual or bool(dataset.external)


def places_elsewhere(
    path: str, dataset: h5py.Dataset, references: References, source: Path
) -> Iterator[Difference]:
    """Chunks lie within the files that the dataset names, beside the file or below."""
    folder = source.resolve().parent
    for key, value in references.chunks.get(array_path(path), {}).items():
        if isinstance(value, str):
            continue
        url, offset, size = value
        file = Path(url.removeprefix("file://")).resolve()
        if not file.is_relative_to(folder):
            yield Difference("places", path, f"chunk {key} lies in {url}, outside of {folder}")
        elif offset + size > file.stat().st_size:
            yield Difference("places", path, f"chunk {key} ends past the end of {url}")
    if dataset.external:
        yield from every_byte(path, dataset, references)


def every_byte(path: str, dataset: h5py.Dataset, references: References) -> Iterator[Difference]:
    """External data is complete: the chunks have as many bytes as the dataset."""
    values = references.chunks.get(array_path(path), {}).values()
    if any(isinstance(value, str) for value in values):
        return
    held = sum(size for _, _, size in values)
    if held != dataset.nbytes:
        yield Difference("places", path, f"{held} bytes of {dataset.nbytes}")
