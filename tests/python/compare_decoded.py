"""Rules on datasets that only chunkref itself decodes: `chunkref read` gives what h5py does."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import hdf5plugin  # noqa: F401  h5py finds the filters of other libraries through it
import numpy as np

from chunkref_cli import chunkref
from references import Difference, array_path

TIMEOUT_S = 240


@dataclass(frozen=True)
class NotComparable:
    """A dataset that h5py itself can't read, and why."""

    reason: str


Rule = Callable[[str, h5py.Dataset, np.ndarray], Iterator[Difference]]


def decoded(
    source: Path, path: str, dataset: h5py.Dataset, rules: list[Rule], external: bool = False
) -> Iterator[Difference | NotComparable]:
    """The rules on the array that `chunkref read` writes."""
    missing = missing_filter(dataset)
    if missing is not None:
        yield NotComparable(f"h5py has no plugin for filter {missing}")
        return
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out.npy")
        more = ["--external-links"] if external else []
        run = chunkref("read", source, array_path(path), "-o", out, *more, timeout_s=TIMEOUT_S)
        if run.returncode != 0:
            yield Difference("read", path, f"exit {run.returncode}: {run.stderr.strip()}")
            return
        # Large ones are compared in slabs, and not held whole.
        array = np.load(out, mmap_mode="r" if is_large(dataset) else None)
        for rule in rules:
            yield from rule(path, dataset, array)


def missing_filter(dataset: h5py.Dataset) -> int | None:
    """The first filter that this libhdf5 can't undo."""
    plist = dataset.id.get_create_plist()
    filters = [plist.get_filter(index)[0] for index in range(plist.get_nfilters())]
    return next((number for number in filters if not decodes(number)), None)


def decodes(number: int) -> bool:
    return h5py.h5z.filter_avail(number) and bool(
        h5py.h5z.get_filter_info(number) & h5py.h5z.FILTER_CONFIG_DECODE_ENABLED
    )


def is_large(dataset: h5py.Dataset) -> bool:
    return dataset.size * dataset.id.get_type().get_size() > 1_000_000
