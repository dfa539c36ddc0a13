"""Variables that are shorter than their unlimited dimension, as libhdf5 shows them once extended."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from source import walk


@contextmanager
def as_shown(path: Path) -> Iterator[Path]:
    """The file, or a copy in which such variables are as long as netCDF readers show them."""
    with h5py.File(path, "r") as file:
        lengths = longer(file)
    if not lengths:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, path.name)
        shutil.copy(path, copy)
        copy.chmod(0o600)
        with h5py.File(copy, "r+") as file:
            for name, shape in lengths.items():
                file[name].id.set_extent(shape)
        yield copy


def longer(file: h5py.File) -> dict[str, tuple[int, ...]]:
    """The lengths of each dataset that is to be extended, by the first of its names."""
    datasets = [file[names[0]] for names in walk(file).datasets]
    known = [(dataset, scales(dataset)) for dataset in datasets if dataset.shape]
    dimensions: dict[h5py.h5o.ObjInfo, int] = {}
    for dataset, attached in known:
        for axis, scale in enumerate(attached):
            if scale is not None and scale.maxshape[0] is None:
                key = address(scale)
                longest = max(dimensions.get(key, scale.shape[0]), dataset.shape[axis])
                dimensions[key] = longest
    found = {}
    for dataset, attached in known:
        shape = tuple(
            max(length, dimensions.get(address(scale), 0)) if scale is not None and limit is None else length
            for length, limit, scale in zip(dataset.shape, dataset.maxshape, attached, strict=True)
        )
        if shape != dataset.shape and is_certain(dataset, shape):
            found[dataset.name] = shape
    return found


def address(thing: h5py.HLObject) -> int:
    return h5py.h5o.get_info(thing.id).addr


def scales(dataset: h5py.Dataset) -> list[h5py.Dataset | None]:
    """The last scale of each axis; a scale is its own."""
    found = [last_scale(axis) for axis in dataset.dims]
    if h5py.h5ds.is_scale(dataset.id) and found[0] is None:
        found[0] = dataset
    return found


def last_scale(axis) -> h5py.Dataset | None:
    try:
        return axis[-1] if len(axis) else None
    except RuntimeError:
        return None  # attached to what is not there


def is_certain(dataset: h5py.Dataset, shape: tuple[int, ...]) -> bool:
    """Whether all beyond the edge is the fill value, and libhdf5 would not write chunks anew."""
    plist = dataset.id.get_create_plist()
    if plist.get_layout() != h5py.h5d.CHUNKED or plist.fill_value_defined() != h5py.h5d.FILL_VALUE_USER_DEFINED:
        return False
    never = plist.get_fill_time() == h5py.h5d.FILL_TIME_NEVER
    axes = zip(dataset.shape, shape, dataset.chunks, strict=True)
    return all(own == length or not never or own % chunk == 0 for own, length, chunk in axes)
