#!/usr/bin/env python3
"""Runs one peer on one HDF5 file, in a process of its own: peers.py TOOL FILE-OR-URL OUT.json

"TOOL, small" is the same with the settings by which it moves the least.

The seconds of the work alone, without imports, are printed as the last line.
"""

import json
import sys
import time


def h5py_chunk_iter(path, _out):
    """The floor with libhdf5: every chunk's place and nothing else."""
    import h5py

    start = time.perf_counter()
    count = 0

    def visit(_name, item):
        nonlocal count
        if isinstance(item, h5py.Dataset) and item.chunks:
            def one(_chunk):
                nonlocal count
                count += 1

            item.id.get_storage_size() and item.id.chunk_iter(one)

    with h5py.File(path) as f:
        f.visititems(visit)
    return start, count


def kerchunk(path, out, **cache):
    from kerchunk.hdf import SingleHdf5ToZarr

    start = time.perf_counter()
    if path.startswith("http"):
        import fsspec

        with fsspec.filesystem("http").open(path, **cache) as f:
            refs = SingleHdf5ToZarr(f, path, inline_threshold=0).translate()
    else:
        refs = SingleHdf5ToZarr(path, inline_threshold=0).translate()
    with open(out, "w") as f:
        json.dump(refs, f)
    return start, len(refs["refs"])


def kerchunk_small(path, out):
    return kerchunk(path, out, cache_type="blockcache", block_size=1 << 20)


def virtualizarr(path, out):
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import HTTPStore, LocalStore
    from virtualizarr.parsers import HDFParser

    start = time.perf_counter()
    if path.startswith("http"):
        base, _, _ = path.rpartition("/")
        url, registry = path, ObjectStoreRegistry({base: HTTPStore(base, client_options={"allow_http": True})})
    else:
        url, registry = f"file://{path}", ObjectStoreRegistry({"file://": LocalStore()})
    count = 0
    for k, group in enumerate(groups_of(path)):
        store = HDFParser(group=group)(url=url, registry=registry)
        virtual = store.to_virtual_dataset(loadable_variables=[])
        virtual.vz.to_kerchunk(f"{out}.{k}" if k else out, format="json")
        count += len(virtual.variables)
    return start, count


def groups_of(path):
    """One call reads one group: all that hold datasets are needed. Of a remote file the names are
    taken from the copy on this machine, so that finding them costs nothing."""
    import os

    import h5py

    groups = []
    local = path if not path.startswith("http") else os.path.join(os.environ["BENCH_DATA"], path.rpartition("/")[2])
    with h5py.File(local) as f:
        def visit(name, item):
            if isinstance(item, h5py.Group) and any(isinstance(v, h5py.Dataset) for v in item.values()):
                groups.append(name)

        if any(isinstance(v, h5py.Dataset) for v in f.values()):
            groups.append(None)
        f.visititems(visit)
    return groups


def async_hdf5(path, _out):
    import asyncio

    from async_hdf5 import HDF5File
    from obstore.store import HTTPStore, LocalStore

    async def walk(group):
        count = 0
        for name in await group.dataset_names():
            dataset = await group.dataset(name)
            if dataset.chunk_shape:
                count += len(await dataset.chunk_index())
        for name in await group.group_names():
            count += await walk(await group.group(name))
        return count

    async def run():
        if path.startswith("http"):
            base, _, name = path.rpartition("/")
            store = HTTPStore(base, client_options={"allow_http": True})
        else:
            store, name = LocalStore("/"), path.lstrip("/")
        f = await HDF5File.open(name, store=store)
        return await walk(await f.root_group())

    start = time.perf_counter()
    return start, asyncio.run(run())


TOOLS = {
    "h5py": h5py_chunk_iter,
    "kerchunk": kerchunk,
    "kerchunk, small": kerchunk_small,
    "virtualizarr": virtualizarr,
    "async-hdf5": async_hdf5,
}

if __name__ == "__main__":
    tool, path, out = sys.argv[1:4]
    start, count = TOOLS[tool](path, out)
    print(f"{time.perf_counter() - start:.4f} {count}")
