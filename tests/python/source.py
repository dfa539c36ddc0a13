"""What h5py says of a file: its datasets under all their names, its groups, its links."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import h5py


@dataclass
class Source:
    """The objects of a file under all names that lead to them, in the order of the walk."""

    # One entry for each dataset object: every name that leads to it.
    datasets: list[list[str]] = field(default_factory=list)
    # One entry for each group object: every name that leads to it.
    groups: list[list[str]] = field(default_factory=list)

    def dataset_names(self) -> Iterator[str]:
        for names in self.datasets:
            yield from names

    def group_names(self) -> Iterator[str]:
        for names in self.groups:
            yield from names


def join(parent: str, name: str) -> str:
    return f"/{name}" if parent == "/" else f"{parent}/{name}"


def address(thing: h5py.HLObject) -> tuple[int, int]:
    info = h5py.h5o.get_info(thing.id)
    return info.fileno, info.addr


def walk(file: h5py.File, external: bool = False) -> Source:
    """Follows hard and soft links, and external ones if told to; a group is not entered again from
    within itself.
    """
    source = Source()
    seen: dict[tuple[int, int], list[str]] = {}
    root = address(file["/"])

    def note(thing: h5py.HLObject, path: str) -> None:
        key = address(thing)
        if key not in seen:
            seen[key] = []
            (source.groups if isinstance(thing, h5py.Group) else source.datasets).append(seen[key])
        seen[key].append(path)

    # Groups still to be listed, with those that they are in, which stay open: their addresses
    # are told apart by a number that a file has while it is open.
    stack = [("/", (file["/"],))]
    while stack:
        path, groups = stack.pop()
        note(groups[-1], path)
        for name in groups[-1]:
            thing = member(groups[-1], name, external)
            if thing is None or (not external and address(thing)[0] != root[0]):
                continue
            child = join(path, name)
            if isinstance(thing, h5py.Dataset):
                note(thing, child)
            elif isinstance(thing, h5py.Group) and address(thing) not in map(address, groups):
                stack.append((child, (*groups, thing)))
    return source


def kind_of_link(group: h5py.Group, name: str) -> int:
    """From the link itself: h5py has no class for the links that users define."""
    return group.id.links.get_info(group._e(name)).type


def member(group: h5py.Group, name: str, external: bool = False) -> h5py.HLObject | None:
    """What h5py shows under a name; `None` where it is nothing, or beyond a link not followed."""
    kind = kind_of_link(group, name)
    if kind not in (h5py.h5l.TYPE_HARD, h5py.h5l.TYPE_SOFT, h5py.h5l.TYPE_EXTERNAL):
        return None
    if kind == h5py.h5l.TYPE_EXTERNAL and not external:
        return None
    try:
        return group[name]
    except (KeyError, OSError, RuntimeError, ValueError):
        if kind == h5py.h5l.TYPE_HARD:
            raise
        return None


def is_dimension_only(dataset: h5py.Dataset) -> bool:
    """Whether netCDF-C made the dataset for a dimension that has no variable: it holds nothing."""
    name = dataset.attrs.get("NAME", b"")
    only = b"This is a netCDF dimension but not a netCDF variable"
    return h5py.h5ds.is_scale(dataset.id) and bytes(name).startswith(only)
