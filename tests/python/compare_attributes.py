"""Rules on attributes and on the fill value that xarray sees."""

import base64
from collections.abc import Iterator

import h5py
import numpy as np

import attribute_rules
from references import Difference, References


# What references have for their readers; compare_types.py checks what they say of sequences.
MADE_UP = {"_ARRAY_DIMENSIONS", "_SEQUENCE_DTYPE", "_SEQUENCE_SHAPE"}


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
        if not attribute_rules.same(wanted, attribute_rules.normal(found[name], owner.file)):
            yield Difference("attributes", path, f"{name}: {found[name]!r} is not {wanted!r}")
    for name in found.keys() - present - MADE_UP:
        yield Difference("attributes", path, f"{name}: written, but not in the file")
    for name in refused - present:
        yield Difference("attributes", path, f"{name}: refused, but not in the file")
    if isinstance(owner, h5py.Dataset) and "_FillValue" not in present:
        written = references.of(path, ".zarray")["fill_value"]
        # xarray takes a Zarr v2 fill value for `_FillValue`, and would mask what equals it.
        if written is not None:
            yield Difference("fill value", path, f"{written!r}, but there is no _FillValue")


def fill_value(
    path: str, dataset: h5py.Dataset, references: References, refused: bool, found: dict
) -> Iterator[Difference]:
    """`_FillValue` is Zarr's fill value, or, where absent chunks hold another, an attribute.

    xarray takes a Zarr v2 fill value for `_FillValue`, and the attribute where there is none.
    """
    if refused:
        return
    wanted = np.asarray(dataset.attrs["_FillValue"]).ravel()
    written = references.of(path, ".zarray")["fill_value"]
    if written is not None and "_FillValue" in found:
        yield Difference("fill value", path, "both Zarr's and an attribute: xarray refuses that")
    if written is None:
        written = found.get("_FillValue")
        if dataset.dtype.kind == "S" and isinstance(written, str):
            written = base64.b64encode(written.encode())
    if not same_fill(wanted, written, dataset.dtype):
        yield Difference("fill value", path, f"{written!r} is not {wanted!r}")


def same_fill(wanted: np.ndarray, written, dtype: np.dtype) -> bool:
    if wanted.size != 1 or written is None:
        return False
    if dtype.names:
        stored = np.frombuffer(base64.b64decode(written), dtype)
        return stored[0].tolist() == wanted.astype(dtype)[0].tolist()
    if wanted.dtype.kind in "SO":
        text = wanted[0] if isinstance(wanted[0], bytes) else wanted[0].encode()
        return base64.b64decode(written).rstrip(b"\0") == text
    one = np.array([float(written) if dtype.kind == "f" else written]).astype(dtype)
    other = wanted.astype(dtype)
    return one.tobytes() == other.tobytes() or bool((one != one)[0] and (other != other)[0])
