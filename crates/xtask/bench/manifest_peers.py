#!/usr/bin/env python3
"""One step of one peer on a set of one array, in a process of its own:

manifest_peers.py TOOL write OUT REFERENCES | first SET | random SET LOOKUPS

The references are those of examples/measure_sets.rs. The last line is the seconds of the work alone,
without imports and without making the input, and what was found.
"""

import json
import os
import sys
import time

FILES = 100


def url(file):
    return f"s3://podaac-ops-cumulus-protected/collection/granule-{file:05}.nc"


def places(count):
    """URL, first byte and length of each chunk."""
    each = -(-count // FILES)
    urls = [url(file) for file in range(FILES)]
    for index in range(count):
        yield urls[index // each], 4096 + index % each * 2000, 1000 + index % 1000


def documents(count):
    zarray = {
        "zarr_format": 2, "shape": [count], "chunks": [1], "dtype": "<f4", "compressor": None,
        "filters": [{"id": "zlib", "level": 4}], "order": "C", "fill_value": None,
    }
    return {
        ".zgroup": json.dumps({"zarr_format": 2}),
        "a/.zarray": json.dumps(zarray),
        "a/.zattrs": json.dumps({"_ARRAY_DIMENSIONS": ["x"]}),
    }


def references(count):
    refs = documents(count)
    refs |= {f"a/{index}": [*place] for index, place in enumerate(places(count))}
    return {"version": 1, "refs": refs}


def numbers(lookups, count):
    """As measure_sets.rs draws them."""
    random, drawn = 1, []
    for _ in range(lookups):
        random = (random * 6364136223846793005 + 1) & 0xFFFF_FFFF_FFFF_FFFF
        drawn.append((random >> 33) % count)
    return drawn


def kerchunk_write(out, count):
    """Kerchunk makes a dict; its users dump it with ujson, as kerchunk itself does."""
    refs = references(count)
    if out.endswith(".json"):
        import ujson

        start = time.perf_counter()
        with open(out, "w") as f:
            ujson.dump(refs, f)
        return start, len(refs["refs"])
    from kerchunk.df import refs_to_dataframe

    start = time.perf_counter()
    refs_to_dataframe(refs, out, record_size=100_000)
    return start, len(refs["refs"])


def fsspec_write(out, count):
    """The mapper that kerchunk's combining writes through."""
    if out.endswith(".json"):
        raise NotImplementedError("fsspec writes no JSON")
    from fsspec.implementations.reference import LazyReferenceMapper

    refs = references(count)["refs"]
    start = time.perf_counter()
    mapper = LazyReferenceMapper.create(out, record_size=100_000)
    for key, value in refs.items():
        mapper[key] = value
    mapper.flush()
    return start, len(refs)


def fsspec_first(references):
    if references.endswith(".json"):
        import fsspec
        import fsspec.implementations.reference

        start = time.perf_counter()
        files = fsspec.filesystem("reference", fo=references, remote_protocol="file")
        return start, files.references["a/0"]
    return start_and_get(references, "a/0")


def start_and_get(references, key):
    import fastparquet
    import pandas
    from fsspec.implementations.reference import LazyReferenceMapper

    del fastparquet, pandas
    start = time.perf_counter()
    return start, LazyReferenceMapper(references)[key]


def fsspec_random(references, lookups):
    import fastparquet
    import pandas
    from fsspec.implementations.reference import LazyReferenceMapper

    del fastparquet, pandas
    with open(f"{references}/.zmetadata") as f:
        count = json.load(f)["metadata"]["a/.zarray"]["shape"][0]
    drawn = numbers(lookups, count)
    start = time.perf_counter()
    mapper = LazyReferenceMapper(references)
    found = sum(mapper[f"a/{number}"] is not None for number in drawn)
    return start, found


def virtualizarr_write(out, count):
    import numpy as np
    import virtualizarr  # noqa: F401  the accessor
    import xarray
    from virtualizarr.manifests import ChunkManifest, ManifestArray
    from virtualizarr.manifests.utils import create_v3_array_metadata

    paths, offsets, lengths = zip(*places(count))
    manifest = ChunkManifest.from_arrays(
        paths=np.array(paths, dtype=np.dtypes.StringDType()),
        offsets=np.array(offsets, dtype="uint64"),
        lengths=np.array(lengths, dtype="uint64"),
    )
    metadata = create_v3_array_metadata(
        shape=(count,), data_type=np.dtype("f4"), chunk_shape=(1,), fill_value=0.0,
        codecs=[{"name": "numcodecs.zlib", "configuration": {"level": 4}}], dimension_names=["x"],
    )
    array = ManifestArray(metadata=metadata, chunkmanifest=manifest)
    dataset = xarray.Dataset({"a": (("x",), array)})
    start = time.perf_counter()
    dataset.vz.to_kerchunk(out, format="json" if out.endswith(".json") else "parquet")
    return start, count


def virtualizarr_store(references):
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import LocalStore
    from virtualizarr.parsers import KerchunkJSONParser, KerchunkParquetParser

    registry = ObjectStoreRegistry({"file://": LocalStore(), "s3://podaac-ops-cumulus-protected": LocalStore()})
    parser = KerchunkJSONParser() if references.endswith(".json") else KerchunkParquetParser()
    start = time.perf_counter()
    store = parser(url=f"file://{os.path.abspath(references)}", registry=registry)
    return start, store._group.arrays["a"].manifest


def virtualizarr_first(references):
    start, manifest = virtualizarr_store(references)
    return start, (manifest._paths[0], int(manifest._offsets[0]), int(manifest._lengths[0]))


def virtualizarr_random(references, lookups):
    start, manifest = virtualizarr_store(references)
    drawn = numbers(lookups, len(manifest._offsets))
    found = sum(bool(manifest._paths[number]) and manifest._lengths[number] > 0 for number in drawn)
    return start, int(found)


def icechunk_repository(path, create):
    import icechunk

    config = icechunk.RepositoryConfig.default()
    prefix = "s3://podaac-ops-cumulus-protected/"
    container = icechunk.VirtualChunkContainer(prefix, icechunk.s3_store(region="us-west-2"))
    config.set_virtual_chunk_container(container)
    storage = icechunk.local_filesystem_storage(path)
    make = icechunk.Repository.create if create else icechunk.Repository.open
    return make(storage, config=config)


def icechunk_write(out, count):
    import icechunk
    import zarr

    specs = [
        icechunk.VirtualChunkSpec([index], *place) for index, place in enumerate(places(count))
    ]
    start = time.perf_counter()
    session = icechunk_repository(out, True).writable_session("main")
    root = zarr.group(session.store)
    root.create_array("a", shape=(count,), chunks=(1,), dtype="f4")
    session.store.set_virtual_refs("a", specs)
    session.commit("references")
    return start, count


def icechunk_first(references):
    import icechunk  # noqa: F401

    start = time.perf_counter()
    session = icechunk_repository(references, False).readonly_session("main")
    return start, session.chunk_type("/a", [0])


def icechunk_random(references, lookups):
    import icechunk  # noqa: F401

    drawn = numbers(lookups, int(os.environ["REFERENCES"]))
    start = time.perf_counter()
    session = icechunk_repository(references, False).readonly_session("main")
    found = sum(session.chunk_type("/a", [number]) is not None for number in drawn)
    return start, found


if __name__ == "__main__":
    tool, step, path, *number = sys.argv[1:]
    start, found = globals()[f"{tool}_{step}"](path, *map(int, number))
    seconds = time.perf_counter() - start
    print(f"{seconds:.4f} {found}")
