"""Opens what `chunkref scan` wrote: python examples/open_in_xarray.py out.json|out.parquet [GROUP]

Needs xarray, zarr, fsspec and kerchunk. chunkref itself is not needed to read.
"""

import sys

import fsspec
import xarray
import zarr

path, *group = sys.argv[1:]
if not group:
    print(xarray.open_dataset(path, engine="kerchunk"))
else:
    # The engine `kerchunk` opens the root only; the reference file system has all groups.
    files = fsspec.filesystem("reference", fo=path, asynchronous=True)
    store = zarr.storage.FsspecStore(files, read_only=True)
    print(xarray.open_zarr(store, group=group[0], consolidated=True))
