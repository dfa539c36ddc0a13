"""Reads every array of Parquet sets through fsspec and zarr, in whatever versions this interpreter has:

read_through_fsspec.py SET...

Prints, as JSON, for each set and each engine of pandas: for each array the sum of its bytes, or why it
can't be read; and the names that fsspec lists.
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


def read_set(references: str, engine: str) -> dict:
    def files(**options):
        mapper = LazyReferenceMapper(references, engine=engine)
        return fsspec.filesystem("reference", fo=mapper, remote_protocol="file", skip_instance_cache=True, **options)

    store = FsspecStore(files(asynchronous=True), path="", read_only=True)
    root = zarr.open_group(store, mode="r", zarr_format=2)
    with open(f"{references}/.zmetadata") as file:
        documents = json.load(file)["metadata"]
    arrays = sorted(key.removesuffix("/.zarray") for key in documents if key.endswith("/.zarray"))
    return {
        "arrays": {path: read(root, path) for path in arrays},
        "find": listed(files(), lambda files: files.find("")),
        "members": listed(root, lambda root: [name for name, _ in root.members(max_depth=None)]),
        # As a user does who says nothing of how the sources are read.
        "open": listed(references, lambda path: [fsspec.filesystem("reference", fo=path, skip_instance_cache=True).protocol]),
    }


def main() -> None:
    warnings.simplefilter("ignore")
    engines = ("fastparquet", "pyarrow")
    print(json.dumps({path: {engine: read_set(path, engine) for engine in engines} for path in sys.argv[1:]}))


if __name__ == "__main__":
    main()
