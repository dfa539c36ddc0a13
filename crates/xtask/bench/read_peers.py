#!/usr/bin/env python3
"""One read by one peer, in a process of its own: read_peers.py TOOL FILE ARRAY [START:STOP,...]

FILE is a set of references that chunkref wrote, or an HDF5 file, where the tool reads those itself. The
last line is JSON: the seconds of the work (of a set: without opening it; of a file: from its first byte
on; never the imports), the bytes of what was read and their checksum.
"""

import json
import os
import sys
import tempfile
import time
import zlib

# zarr-python asks for ten chunks at once unless told otherwise.
AT_ONCE = 64
ALL = (Ellipsis,)


def parts(array):
    group, _, name = array.rpartition("/")
    return group, name


def base_of(url):
    return url.rpartition("/")[0]


def urls(references):
    """All that a set refers to."""
    with open(references) as f:
        refs = json.load(f)["refs"]
    return {value[0] for value in refs.values() if isinstance(value, list)}


def configured_zarr():
    import zarr

    zarr.config.set({"async.concurrency": AT_ONCE})
    return zarr


def h5py(path, array, slices):
    import h5py

    start = time.perf_counter()
    with h5py.File(path) as f:
        return start, f[array][slices]


def h5py_fsspec(url, array, slices):
    import fsspec
    import h5py

    files = fsspec.filesystem("http")
    start = time.perf_counter()
    with files.open(url, cache_type="blockcache", block_size=1 << 20) as f, h5py.File(f) as file:
        return start, file[array][slices]


def xarray_kerchunk(references, array, slices):
    """Through fsspec, as the engine `kerchunk` of xarray does, which opens no groups."""
    import fsspec
    import xarray

    zarr = configured_zarr()
    group, name = parts(array)
    protocol = "http" if any(url.startswith("http") for url in urls(references)) else "file"
    options = {"asynchronous": True} if protocol == "http" else {}
    files = fsspec.filesystem(
        "reference", fo=references, remote_protocol=protocol, remote_options=options, asynchronous=True
    )
    store = zarr.storage.FsspecStore(files, read_only=True)
    dataset = xarray.open_zarr(
        store, group=group or None, consolidated=True, chunks=None, decode_cf=False, create_default_indexes=False
    )
    start = time.perf_counter()
    return start, dataset[name][slices].values


def registry(references):
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import HTTPStore, LocalStore

    stores = {"file://": LocalStore()}
    for base in {base_of(url) for url in urls(references) if url.startswith("http")}:
        stores[base] = HTTPStore(base, client_options={"allow_http": True})
    return ObjectStoreRegistry(stores)


def virtualizarr(references, array, slices):
    from virtualizarr.parsers import KerchunkJSONParser

    zarr = configured_zarr()
    group, name = parts(array)
    # Its parser knows no groups: those of one are moved to the root.
    with open(references) as f:
        refs = json.load(f)
    prefix = f"{group}/" if group else ""
    refs["refs"] = {
        key.removeprefix(prefix): value
        for key, value in refs["refs"].items()
        if key.startswith(prefix) and not key.endswith(".zmetadata")
    }
    refs["refs"].setdefault(".zgroup", '{"zarr_format": 2}')
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "set.json")
        with open(path, "w") as f:
            json.dump({"version": 1, "refs": refs["refs"]}, f)
        store = KerchunkJSONParser()(url=f"file://{path}", registry=registry(references))
    opened = zarr.open_group(store, mode="r")[name]
    start = time.perf_counter()
    return start, opened[slices]


def icechunk(references, array, slices):
    import icechunk
    import numpy
    from numcodecs.zarr3 import Shuffle, Zlib

    zarr = configured_zarr()
    with open(references) as f:
        refs = json.load(f)["refs"]
    document = json.loads(refs[f"{array}/.zarray"])
    codecs = []
    for codec in document["filters"]:
        config = {key: value for key, value in codec.items() if key != "id"}
        codecs.append({"shuffle": Shuffle, "zlib": Zlib}[codec["id"]](**config))
    config = icechunk.RepositoryConfig.default()
    allowed = {}
    for base in {base_of(url) for url in urls(references)}:
        if base.startswith("http"):
            prefix, store = f"{base}/", icechunk.http_store({"allow_http": "true"})
        else:
            prefix, store = f"file://{base}/", icechunk.local_filesystem_store(base)
        config.set_virtual_chunk_container(icechunk.VirtualChunkContainer(prefix, store))
        allowed[prefix] = None
    with tempfile.TemporaryDirectory() as folder:
        storage = icechunk.local_filesystem_storage(folder)
        icechunk.Repository.create(storage, config=config).save_config()
        repository = icechunk.Repository.open(storage, authorize_virtual_chunk_access=allowed)
        session = repository.writable_session("main")
        zarr.group(session.store).create_array(
            "a", shape=document["shape"], chunks=document["chunks"], dtype=numpy.dtype(document["dtype"]),
            compressors=codecs, fill_value=document["fill_value"] or 0,
        )
        specs = []
        for key, value in refs.items():
            if key.startswith(f"{array}/") and isinstance(value, list):
                url = value[0] if "://" in value[0] else f"file://{value[0]}"
                index = [int(part) for part in key.rpartition("/")[2].split(".")]
                specs.append(icechunk.VirtualChunkSpec(index, url, value[1], value[2]))
        if session.store.set_virtual_refs("a", specs, validate_containers=True):
            raise SystemExit("icechunk takes no references to these URLs")
        session.commit("references")
        opened = zarr.open_array(repository.readonly_session("main").store, path="a", mode="r")
        start = time.perf_counter()
        return start, opened[slices]


def async_hdf5(path, array, slices):
    import async_hdf5.xarray  # noqa: F401  the engine
    import xarray

    configured_zarr()
    group, name = parts(array)
    options = {}
    if path.startswith("http"):
        from obstore.store import HTTPStore

        options["store"] = HTTPStore(base_of(path), client_options={"allow_http": True})
        path = path.rpartition("/")[2]
    start = time.perf_counter()
    dataset = xarray.open_dataset(
        path, engine="async_hdf5", **options, group=group or None, decode_cf=False, create_default_indexes=False
    )
    return start, dataset[name][slices].values


def h5coro(path, array, slices):
    from h5coro import filedriver, h5coro, webdriver

    start = time.perf_counter()
    driver = webdriver.HTTPDriver if path.startswith("http") else filedriver.FileDriver
    opened = h5coro.H5Coro(path, driver, credentials={})
    return start, opened.readDatasets([array], block=True)[array][slices]


def hidefix(path, array, slices):
    import xarray

    group, name = parts(array)
    start = time.perf_counter()
    dataset = xarray.open_dataset(
        path, engine="hidefix", group=group or None, mask_and_scale=False, decode_times=False, create_default_indexes=False
    )
    return start, dataset[name][slices].values


if __name__ == "__main__":
    tool, path, array, *slices = sys.argv[1:]
    chosen = ALL
    if slices:
        chosen = tuple(slice(*map(int, part.split(":"))) for part in slices[0].split(","))
    start, read = globals()[tool](path, array, chosen)
    seconds = time.perf_counter() - start
    read = memoryview(read).cast("B") if read.flags.c_contiguous else read.tobytes()
    print(json.dumps({"seconds": seconds, "read": len(read), "adler32": zlib.adler32(read)}))
