"""What h5py says of a file: its datasets under all their names, its groups, its links."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import h5py


@dataclass
class Source:
    """The objects that hard links reach, in the order of the walk."""

    # One entry for each dataset object: every name that leads to it.
    datasets: list[list[str]] = field(default_factory=list)
    # One entry for each group object: every name that leads to it.
    groups: list[list[str]] = field(default_factory=list)
    # Soft and external links that lead to a dataset or group of the file: path -> path.
    soft_links: dict[str, str] = field(default_factory=dict)

    def dataset_names(self) -> Iterator[str]:
        for names in self.datasets:
            yield from names


def join(parent: str, name: str) -> str:
    return f"/{name}" if parent == "/" else f"{parent}/{name}"


def address(thing: h5py.HLObject) -> tuple[int, int]:
    info = h5py.h5o.get_info(thing.id)
    return info.fileno, info.addr


def walk(file: h5py.File) -> Source:
    """Follows every hard link once from each group; a group met again is only named again."""
    source = Source()
    seen: dict[tuple[int, int], list[str]] = {address(file["/"]): ["/"]}
    source.groups.append(seen[address(file["/"])])
    stack = ["/"]
    while stack:
        path = stack.pop()
        for name in file[path]:
            child = join(path, name)
            if kind_of_link(file[path], name) != h5py.h5l.TYPE_HARD:
                note_soft_link(file, child, source)
                continue
            thing = file[path][name]
            names = seen.get(address(thing))
            if names is not None:
                names.append(child)
                continue
            names = seen[address(thing)] = [child]
            if isinstance(thing, h5py.Group):
                source.groups.append(names)
                stack.append(child)
            elif isinstance(thing, h5py.Dataset):
                source.datasets.append(names)
    return source


def kind_of_link(group: h5py.Group, name: str) -> int:
    """From the link itself: h5py has no class for the links that users define."""
    return group.id.links.get_info(group._e(name)).type


def note_soft_link(file: h5py.File, path: str, source: Source) -> None:
    parent, _, name = path.rpartition("/")
    if kind_of_link(file[parent or "/"], name) != h5py.h5l.TYPE_SOFT:
        return
    try:
        target = file[path]
    except (KeyError, OSError, RuntimeError, ValueError):
        return
    if isinstance(target, (h5py.Dataset, h5py.Group)) and target.name:
        source.soft_links[path] = target.name


def is_dimension_only(dataset: h5py.Dataset) -> bool:
    """Whether netCDF-C made the dataset for a dimension that has no variable: it holds nothing."""
    name = dataset.attrs.get("NAME", b"")
    only = b"This is a netCDF dimension but not a netCDF variable"
    return h5py.h5ds.is_scale(dataset.id) and bytes(name).startswith(only)
