"""Reads every array of a Parquet set through fsspec and zarr, in whatever versions this interpreter has:

read_through_fsspec.py SET ENGINE

Prints, as JSON, for each array the sum of its bytes, or why it can't be read; and for the names that
fsspec lists.
"""

import hashlib
import json
import sys
import warnings

import fsspec
import numpy as np
import zarr
from fsspec.implementations.reference import LazyReferenceMapper
from zarr.storage import FsspecStore


def said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def read(root: zarr.Group, path: str) -> dict:
    try:
        values = np.asarray(root[path][...])
    except Exception as error:  # noqa: BLE001  what can't be read is what is asked for
        return {"error": said(error)}
    if values.dtype.kind in "OT":
        data = json.dumps(values.tolist(), default=repr).encode()
    else:
        data = values.tobytes()
    return {"sum": hashlib.sha256(data).hexdigest(), "shape": values.shape, "dtype": str(values.dtype)}


def listed(files, what) -> dict:
    try:
        return {"names": sorted(what(files))}
    except Exception as error:  # noqa: BLE001
        return {"error": said(error)}


def main() -> None:
    references, engine = sys.argv[1:]
    warnings.simplefilter("ignore")
    mapper = LazyReferenceMapper(references, engine=engine)
    files = fsspec.filesystem("reference", fo=mapper, remote_protocol="file", asynchronous=True, skip_instance_cache=True)
    root = zarr.open_group(FsspecStore(files, path="", read_only=True), mode="r", zarr_format=2)
    documents = json.load(open(f"{references}/.zmetadata"))["metadata"]
    arrays = sorted(key.removesuffix("/.zarray") for key in documents if key.endswith("/.zarray"))
    sync = fsspec.filesystem("reference", fo=LazyReferenceMapper(references, engine=engine), remote_protocol="file", skip_instance_cache=True)
    found = {
        "arrays": {path: read(root, path) for path in arrays},
        "find": listed(sync, lambda files: files.find("")),
        "ls": listed(sync, lambda files: files.ls("", detail=False)),
        "members": listed(root, lambda root: [name for name, _ in root.members(max_depth=None)]),
        # As a user does who says nothing of how the sources are read.
        "open": listed(references, lambda path: [fsspec.filesystem("reference", fo=path, skip_instance_cache=True).protocol]),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
