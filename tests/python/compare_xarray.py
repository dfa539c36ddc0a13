"""Compares what xarray and netCDF-C show of a file with what they show of its references."""

import warnings
from collections.abc import Iterator
from numbers import Real
from pathlib import Path

import h5py
import netCDF4
import numpy as np
import xarray as xr
from numpy.lib.recfunctions import repack_fields

import compare_types
from compare import WHOLE_BYTES, plain, unequal
from references import Difference, References
from source import member, walk

# What xarray does to values by itself, and what lies under it. Times stay numbers: whether their
# units can be decoded depends on the units alone, which are compared.
READINGS = {
    "decoded": {"decode_times": False},
    "raw": {"decode_times": False, "mask_and_scale": False},
}


# What netCDF4-python raises for files that it can't open; AttributeError for a dataset with a
# scale on some axes alone, TypeError for nested compounds.
NETCDF_ERRORS = (AttributeError, OSError, RuntimeError, TypeError)


# Types of attributes that netCDF-C leaves out, or shows only where the type has a name.
BEYOND_NETCDF = (
    h5py.h5t.TypeArrayID,
    h5py.h5t.TypeBitfieldID,
    h5py.h5t.TypeCompoundID,
    h5py.h5t.TypeEnumID,
    h5py.h5t.TypeOpaqueID,
    h5py.h5t.TypeReferenceID,
    h5py.h5t.TypeVlenID,
)


# netCDF-C keeps the name CLASS to itself, and xarray takes the other one for the encoding.
TAKEN_BY_NETCDF = {"CLASS", "least_significant_digit"}

# Where xarray keeps what it decoded by.
DECODED_BY = {"_FillValue", "missing_value", "scale_factor", "add_offset", "_Unsigned"}


# --- dimension names -------------------------------------------------------------------------


def dimensions(path: Path, references: References, shown: set[str]) -> Iterator[Difference]:
    """The names are netCDF-C's; made-up ones may have other names, but the same axes share one."""
    nc = open_netcdf(path)
    if nc is not None:
        with nc:
            yield from group_dimensions(nc, "", references, shown, {})


def open_netcdf(path: Path) -> netCDF4.Dataset | None:
    """The file as netCDF-C sees it, if it can open it."""
    try:
        return netCDF4.Dataset(path)
    except NETCDF_ERRORS:
        return None


def group_dimensions(nc, prefix: str, references, shown, lengths: dict) -> Iterator[Difference]:
    mine_of: dict[object, str] = {}
    theirs_of: dict[str, object] = {}
    lengths = dict(lengths)
    for name, variable in nc.variables.items():
        path = f"{prefix}/{name}"
        if path not in shown:
            continue
        wanted = [identity(dimension) for dimension in variable.get_dims()]
        found = (references.of(path, ".zattrs") or {}).get("_ARRAY_DIMENSIONS")
        if found is None or len(found) < len(wanted):
            yield Difference("dimensions", path, f"{found} are not {variable.dimensions}")
            continue
        # Axes of an array type come after those of the dataset, and netCDF-C does not have them.
        for dimension, mine in zip(wanted, found, strict=False):
            theirs = dimension[1]
            if not theirs.startswith("phony_dim_") and mine != name_in(nc, dimension):
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


def name_in(group, dimension: tuple[str, str, int]) -> str:
    """The name of a dimension as seen from a group: with its path where the bare name is that of
    another one, or where it is not one of the group or of those above it.
    """
    path, name, _ = dimension
    while group is not None:
        if group.path == path:
            return name
        if name in group.dimensions:
            break
        group = group.parent
    return f"{path.rstrip('/')}/{name}"


def identity(dimension) -> tuple[str, str, int]:
    return dimension.group().path, dimension.name, len(dimension)


# --- datasets as xarray opens them -----------------------------------------------------------


def group_paths(nc, prefix: str = "/") -> Iterator[str]:
    yield prefix
    for name, child in nc.groups.items():
        yield from group_paths(child, f"{prefix.rstrip('/')}/{name}")


def datasets(
    path: Path, references: References, shown: set[str], refused: set[tuple[str, str]]
) -> Iterator[Difference | str]:
    """For each group and reading; a group that xarray can't open natively is yielded by reason."""
    engine, groups = engine_for(path)
    # A group without arrays has attributes alone, which compare_attributes.py compares.
    with_arrays = {path.rpartition("/")[0] or "/" for path in shown}
    groups = [group for group in groups if group in with_arrays]
    if engine == "h5netcdf":
        yield "netCDF4 can't open the source, h5netcdf is asked instead"
    for group in groups:
        for reading, options in READINGS.items():
            where = f"{group} ({reading})"
            try:
                native = open_native(path, engine, group, options, foreign(path, group))
            except Exception as error:  # the source itself: nothing to compare with
                yield f"xarray can't open a group of the source: {type(error).__name__}"
                continue
            with native:
                shown_here = {name for name in native.variables if path_in(group, name) in shown}
                hidden = set(native.variables) - shown_here
                native = native.drop_vars(hidden)
                try:
                    virtual = open_references(references.refs, group, options)
                except Exception as error:  # whatever xarray raises is the finding
                    detail = f"{type(error).__name__}: {error}"
                    yield Difference("xarray", where, detail)
                    continue
                drop_refused(native, group, refused)
                yield from same_dataset(where, native, virtual, beyond_netcdf(path, group))
                native.close()


def engine_for(path: Path) -> tuple[str, list[str]]:
    """netCDF-C, or h5netcdf where it can't open the file; and the groups that it shows."""
    nc = open_netcdf(path)
    if nc is not None:
        with nc:
            return "netcdf4", list(group_paths(nc))
    with h5py.File(path) as file:
        return "h5netcdf", [names[0] for names in walk(file).groups]


def open_native(path: Path, engine: str, group: str, options: dict, drop: set[str]) -> xr.Dataset:
    more = {"phony_dims": "access"} if engine == "h5netcdf" else {}
    options = {"drop_variables": sorted(drop), "cache": False, **more, **options}
    return xr.open_dataset(path, engine=engine, group=group, **options)


def path_in(group: str, name: str) -> str:
    return f"{group.rstrip('/')}/{name}"


def open_references(refs: dict, group: str, options: dict) -> xr.Dataset:
    """A group with kerchunk's engine.

    The references of the group are given as a set of their own: zarr-python 3.1 finds no members
    in a nested group of fsspec's reference filesystem (test_xarray.py asserts that it is so).
    """
    prefix = f"{group.strip('/')}/" if group != "/" else ""
    below = {key.removeprefix(prefix): refs[key] for key in refs if key.startswith(prefix)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # kerchunk's engine passes on only what comes in this argument: decoders too.
        options = {"chunks": None, **options}
        references = {"version": 1, "refs": below}
        return xr.open_dataset(references, engine="kerchunk", open_dataset_options=options)


def beyond_netcdf(path: Path, group: str) -> set[tuple[str | None, str]]:
    """Attributes of types that netCDF-C does not show: (variable or `None` for the group, name)."""
    found = set()
    with h5py.File(path) as file:
        owners = {None: file[group]}
        for name in file[group]:
            thing = member(file[group], name)
            if isinstance(thing, h5py.Dataset):
                owners[name] = thing
        for key, owner in owners.items():
            for name in owner.attrs:
                if isinstance(owner.attrs.get_id(name).get_type(), BEYOND_NETCDF):
                    found.add((key, name))
    return found


def drop_refused(native: xr.Dataset, group: str, refused: set[tuple[str, str]]) -> None:
    """Takes off the attributes that the report names as refused: (path of the owner, name)."""
    owners = {group: native.attrs}
    owners |= {path_in(group, name): one.attrs for name, one in native.variables.items()}
    for path, name in refused:
        owners.get(path, {}).pop(name, None)


def is_foreign(kind: h5py.h5t.TypeID) -> bool:
    if isinstance(kind, h5py.h5t.TypeFloatID):
        return kind.get_size() not in (4, 8)
    if compare_types.varies(kind) and not isinstance(kind, h5py.h5t.TypeStringID):
        return True  # bytes or JSON in references: compare_types.py compares them
    return isinstance(kind, h5py.h5t.TypeArrayID)


def foreign(path: Path, group: str) -> set[str]:
    """Datasets of types that netCDF-C does not have: arrays, and floats of no size of C (it takes
    those for strings, and dies reading them); and of those that references have in another form.
    """
    with h5py.File(path) as file:
        members = {name: member(file[group], name) for name in file[group]}
        return {
            name
            for name, thing in members.items()
            if isinstance(thing, h5py.Dataset) and is_foreign(thing.id.get_type())
        }


def same_dataset(
    where: str, native: xr.Dataset, virtual: xr.Dataset, beyond: set
) -> Iterator[Difference | str]:
    for name, theirs in native.variables.items():
        at = f"{where} {name}"
        if name not in virtual.variables:
            yield Difference("xarray", at, "is not there")
            continue
        mine = virtual.variables[name]
        if theirs.shape == mine.shape and theirs.nbytes > WHOLE_BYTES:
            theirs, mine = theirs[part(theirs)], mine[part(theirs)]
        try:
            if decoding_changes(theirs) or decoding_changes(mine):
                theirs.load()
        except Exception as error:  # the source itself, for instance a filter that netCDF-C lacks
            yield f"xarray can't read a variable of the source: {type(error).__name__}"
            continue
        try:
            detail = variable_difference(theirs, mine)
        except Exception as error:  # whatever a codec raises is the finding
            detail = f"{type(error).__name__}: {error}"
        if detail:
            yield Difference("xarray", at, detail)
        yield from same_attributes(at, theirs.attrs, without(mine.attrs, name, beyond, theirs.attrs))
    missing = set(native.coords) - set(virtual.coords)
    extra = (set(virtual.coords) - set(native.coords)) & set(native.variables)
    if missing or extra:
        yield Difference("xarray", where, f"coordinates: without {missing}, with {extra}")
    mine = without(virtual.attrs, None, beyond, native.attrs)
    yield from same_attributes(where, native.attrs, mine)


def without(attributes: dict, owner: str | None, beyond: set, native: dict) -> dict:
    return {
        name: value
        for name, value in attributes.items()
        if name in native or ((owner, name) not in beyond and name not in TAKEN_BY_NETCDF)
    }


def decoding_changes(variable: xr.Variable) -> bool:
    return not DECODED_BY.isdisjoint(variable.encoding)


def part(variable: xr.Variable) -> tuple[slice, ...]:
    """What selects the whole, or of what is large the first rows."""
    first = []
    rest = variable.nbytes
    for length in variable.shape:
        inner = max(1, rest // max(1, length))
        first.append(slice(0, max(1, WHOLE_BYTES // inner)) if rest > WHOLE_BYTES else slice(None))
        rest = inner
    return tuple(first)


def variable_difference(theirs: xr.Variable, mine: xr.Variable) -> str | None:
    made_up = [name.startswith("phony_dim_") for name in theirs.dims]
    names = zip(theirs.dims, mine.dims, made_up, strict=False)
    if len(theirs.dims) != len(mine.dims) or any(a != b and not phony for a, b, phony in names):
        return f"dimensions {mine.dims} are not {theirs.dims}"
    if theirs.dtype == mine.dtype and not decoding_changes(theirs) and not decoding_changes(mine):
        # As they are stored, and so compare.py has compared them bit by bit.
        return None if theirs.shape == mine.shape else f"shape {mine.shape} is not {theirs.shape}"
    one, other = np.asarray(theirs.values), np.asarray(mine.values)
    if one.shape != other.shape:
        return f"shape {other.shape} is not {one.shape}"
    if one.dtype.kind in "OTUS" and other.dtype.kind in "OTUS":
        same = [as_text(value) for value in one.ravel()] == [as_text(value) for value in other.ravel()]
        return None if same else f"text {other.ravel()[:3]!r} is not {one.ravel()[:3]!r}"
    if other.dtype == bool and one.dtype == "i1":
        # HDF5's boolean is an enum of one byte, and netCDF-C shows that byte.
        other = other.astype("i1")
    if other.dtype.kind == "c" and one.dtype.names:
        # netCDF-C has no complex numbers, and shows the compound that HDF5 stores.
        parts = [(name, other.real.dtype) for name in one.dtype.names]
        other = np.ascontiguousarray(other).view(parts).reshape(other.shape)
    if one.dtype.names and is_nested(one.dtype):
        # Flattened in references; compare_types.py compares the names.
        own = [name for name in other.dtype.names if not name.startswith("_pad")]
        same = one.astype(plain(one.dtype)).tobytes() == repack_fields(other[own]).tobytes()
        return None if same else "records differ"
    if one.dtype.names:
        return unequal(one, other, None)
    if (one.dtype, other.dtype) == (np.dtype("f4"), np.dtype("f8")) and packed(theirs):
        # JSON has one type of float, so that factors of 4 bytes make values of 8.
        offset = abs(float(theirs.encoding.get("add_offset", 0)))
        close = np.isclose(other, one, rtol=4e-7, atol=4e-7 * offset, equal_nan=True)
        return None if close.all() else f"not as near as 4-byte floats are: {other[~close][0]!r}"
    if one.dtype.newbyteorder("=") != other.dtype.newbyteorder("="):
        return f"type {other.dtype} is not {one.dtype}"
    if not np.array_equal(one, other, equal_nan=one.dtype.kind in "fcmM"):
        at = np.argwhere(~((one == other) | ((one != one) & (other != other))))[0]
        return f"{tuple(at)}: {other[tuple(at)]!r} is not {one[tuple(at)]!r}"
    return None


def is_nested(dtype: np.dtype) -> bool:
    return any(dtype[name].names or dtype[name].subdtype for name in dtype.names)


def packed(variable: xr.Variable) -> bool:
    return "scale_factor" in variable.encoding or "add_offset" in variable.encoding


def as_text(value) -> str:
    """netCDF4-python takes every NUL out of an attribute's text."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "surrogateescape")
    return str(value).replace("\0", "")


def same_attributes(where: str, theirs: dict, mine: dict) -> Iterator[Difference]:
    for name in theirs.keys() | mine.keys():
        if isinstance(theirs.get(name), np.void) or np.asarray(theirs.get(name)).dtype.names:
            continue  # compounds: compared with h5py alone
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
        found = [words.get(value, value) for value in np.asarray(mine, object).ravel()]
        if not all(isinstance(value, Real) for value in found):
            return False
        return np.array_equal(one.ravel().astype("f8"), np.array(found, "f8"), equal_nan=True)
    if one.dtype.kind in "iub":
        return one.ravel().tolist() == other.ravel().tolist()
    return [as_text(value) for value in one.ravel()] == [as_text(value) for value in other.ravel()]
