"""Compares what xarray and netCDF-C show of a file with what they show of its references."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import xarray as xr

from compare import Difference, References
from source import walk

# What xarray does to values by itself, and what lies under it. Times stay numbers: whether their
# units can be decoded depends on the units alone, which are compared.
READINGS = {
    "decoded": {"decode_times": False},
    "raw": {"decode_times": False, "mask_and_scale": False},
}


# What netCDF4-python raises for files that it can't open; AttributeError for a dataset with a
# scale on some axes alone, TypeError for nested compounds.
NETCDF_ERRORS = (AttributeError, OSError, RuntimeError, TypeError)


# --- dimension names -------------------------------------------------------------------------


def dimensions(path: Path, references: References, shown: set[str]) -> Iterator[Difference]:
    """The names are netCDF-C's; made-up ones may have other names, but the same axes share one."""
    with netCDF4.Dataset(path) as nc:
        yield from group_dimensions(nc, "", references, shown, {})


def group_dimensions(nc, prefix: str, references, shown, lengths: dict) -> Iterator[Difference]:
    mine_of: dict[object, str] = {}
    theirs_of: dict[str, object] = {}
    lengths = dict(lengths)
    for name, variable in nc.variables.items():
        path = f"{prefix}/{name}"
        if path not in shown:
            continue
        wanted = [identity(dimension) for dimension in variable.get_dims()]
        found = references.of(path, ".zattrs").get("_ARRAY_DIMENSIONS")
        if found is None or len(found) < len(wanted):
            yield Difference("dimensions", path, f"{found} are not {variable.dimensions}")
            continue
        # Axes of an array type come after those of the dataset, and netCDF-C does not have them.
        for dimension, mine in zip(wanted, found, strict=False):
            theirs = dimension[1]
            if not theirs.startswith("phony_dim_") and theirs != mine:
                yield Difference("dimensions", path, f"{found} are not {variable.dimensions}")
                break
            if mine_of.setdefault(dimension, mine) != mine:
                detail = f"{theirs} is {mine_of[dimension]} and {mine} in one group"
                yield Difference("dimensions", path, detail)
            if theirs_of.setdefault(mine, dimension) != dimension:
                detail = f"{mine} is both {theirs_of[mine]} and {dimension}"
                yield Difference("dimensions", path, detail)
            if theirs.startswith("phony_dim_") and lengths.setdefault(mine, dimension[2]) != dimension[2]:
                detail = f"{mine} has the lengths {lengths[mine]} and {dimension[2]} on one path"
                yield Difference("dimensions", path, detail)
    for name, child in nc.groups.items():
        yield from group_dimensions(child, f"{prefix}/{name}", references, shown, lengths)


def identity(dimension) -> tuple[str, str, int]:
    return dimension.group().path, dimension.name, len(dimension)


# --- datasets as xarray opens them -----------------------------------------------------------


def group_paths(nc, prefix: str = "/") -> Iterator[str]:
    yield prefix
    for name, child in nc.groups.items():
        yield from group_paths(child, f"{prefix.rstrip('/')}/{name}")


def datasets(path: Path, out: Path, shown: set[str]) -> Iterator[Difference | str]:
    """For each group and reading; a group that xarray can't open natively is yielded by reason."""
    engine, groups = engine_for(path)
    for group in groups:
        for reading, options in READINGS.items():
            where = f"{group} ({reading})"
            try:
                native = open_native(path, engine, group, options)
            except Exception as error:  # the source itself: nothing to compare with
                yield f"xarray can't open a group of the source: {type(error).__name__}"
                continue
            with native:
                hidden = [name for name in native.variables if path_in(group, name) not in shown]
                native = native.drop_vars(hidden)
                try:
                    virtual = open_references(out, group, options)
                except Exception as error:  # whatever xarray raises is the finding
                    detail = f"{type(error).__name__}: {error}"
                    yield Difference("xarray", where, detail)
                    continue
                yield from same_dataset(where, native, virtual)


def engine_for(path: Path) -> tuple[str, list[str]]:
    """netCDF-C, or h5netcdf where it can't open the file; and the groups that it shows."""
    try:
        with netCDF4.Dataset(path) as nc:
            return "netcdf4", list(group_paths(nc))
    except NETCDF_ERRORS:
        with h5py.File(path) as file:
            return "h5netcdf", [names[0] for names in walk(file).groups]


def open_native(path: Path, engine: str, group: str, options: dict) -> xr.Dataset:
    more = {"phony_dims": "access"} if engine == "h5netcdf" else {}
    return xr.open_dataset(path, engine=engine, group=group, cache=False, **more, **options)


def path_in(group: str, name: str) -> str:
    return f"{group.rstrip('/')}/{name}"


def open_references(out: Path, group: str, options: dict) -> xr.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inner = None if group == "/" else group.strip("/")
        # kerchunk's engine passes on only what comes in this argument: decoders too.
        options = {"group": inner, "chunks": None, **options}
        return xr.open_dataset(str(out), engine="kerchunk", open_dataset_options=options)


def same_dataset(where: str, native: xr.Dataset, virtual: xr.Dataset) -> Iterator[Difference]:
    for name, theirs in native.variables.items():
        at = f"{where} {name}"
        if name not in virtual.variables:
            yield Difference("xarray", at, "is not there")
            continue
        mine = virtual.variables[name]
        try:
            detail = variable_difference(theirs, mine)
        except Exception as error:  # whatever a codec raises is the finding
            detail = f"{type(error).__name__}: {error}"
        if detail:
            yield Difference("xarray", at, detail)
        yield from same_attributes(at, theirs.attrs, mine.attrs)
    missing = set(native.coords) - set(virtual.coords)
    extra = (set(virtual.coords) - set(native.coords)) & set(native.variables)
    if missing or extra:
        yield Difference("xarray", where, f"coordinates: without {missing}, with {extra}")
    yield from same_attributes(where, native.attrs, virtual.attrs)


def variable_difference(theirs: xr.Variable, mine: xr.Variable) -> str | None:
    made_up = [name.startswith("phony_dim_") for name in theirs.dims]
    names = zip(theirs.dims, mine.dims, made_up, strict=False)
    if len(theirs.dims) != len(mine.dims) or any(a != b and not phony for a, b, phony in names):
        return f"dimensions {mine.dims} are not {theirs.dims}"
    one, other = np.asarray(theirs.values), np.asarray(mine.values)
    if one.shape != other.shape:
        return f"shape {other.shape} is not {one.shape}"
    if one.dtype.kind in "OTUS" and other.dtype.kind in "OTUS":
        same = [as_text(value) for value in one.ravel()] == [as_text(value) for value in other.ravel()]
        return None if same else f"text {other.ravel()[:3]!r} is not {one.ravel()[:3]!r}"
    if one.dtype.newbyteorder("=") != other.dtype.newbyteorder("="):
        return f"type {other.dtype} is not {one.dtype}"
    if one.dtype.names:
        return None if one.tobytes() == other.astype(one.dtype).tobytes() else "compound values"
    if not np.array_equal(one, other, equal_nan=one.dtype.kind in "fcmM"):
        at = np.argwhere(~((one == other) | ((one != one) & (other != other))))[0]
        return f"{tuple(at)}: {other[tuple(at)]!r} is not {one[tuple(at)]!r}"
    return None


def as_text(value) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape").rstrip("\0")
    return str(value)


def same_attributes(where: str, theirs: dict, mine: dict) -> Iterator[Difference]:
    for name in theirs.keys() | mine.keys():
        if name not in mine:
            yield Difference("xarray attributes", where, f"{name}: is not there")
        elif name not in theirs:
            yield Difference("xarray attributes", where, f"{name}: not in the source")
        elif not same_value(theirs[name], mine[name]):
            detail = f"{name}: {mine[name]!r} is not {theirs[name]!r}"
            yield Difference("xarray attributes", where, detail)


def same_value(theirs, mine) -> bool:
    """JSON has one type of integer and one of float, and says what is not finite in words."""
    one, other = np.asarray(theirs), np.asarray(mine)
    if one.dtype.kind == "f":
        words = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}
        numbers = [words.get(value, value) for value in np.asarray(mine, object).ravel()]
        if not all(isinstance(value, (int, float)) for value in numbers):
            return False
        return np.array_equal(one.ravel().astype("f8"), np.array(numbers, "f8"), equal_nan=True)
    if one.dtype.kind in "iub":
        return one.ravel().tolist() == other.ravel().tolist()
    return [as_text(value) for value in one.ravel()] == [as_text(value) for value in other.ravel()]
