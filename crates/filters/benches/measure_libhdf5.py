"""Times libhdf5's reading of filtered chunks, and keeps one of each for the bench beside.

Usage: python measure_libhdf5.py DIRECTORY; then CHUNKREF_BENCH_CHUNKS=DIRECTORY cargo bench -p chunkref-filters
A file a case: lines of filters (number and parameters), of the decoded length, and the stored chunk.
"""

import pathlib
import sys
import tempfile
import time

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t

COUNT = 16
"""Chunks read at a time."""
BYTES = 4 << 20
"""Decoded bytes of a chunk."""


def smooth(dtype, amplitude=500.0):
    """A field as satellites see it: waves and a little noise."""
    dtype = np.dtype(dtype)
    count = BYTES // dtype.itemsize
    at = np.arange(count)
    noise = np.random.default_rng(7).normal(0, 1, count)
    field = 10 + amplitude * (1 + np.sin(at / 700) * np.sin(at / 90_000)) + noise
    return (np.round(field, 2) if dtype.kind == "f" else np.round(field)).astype(dtype)


def packed(kind, precision, offset=0):
    kind = kind.copy()
    kind.set_precision(precision)
    kind.set_offset(offset)
    return kind


def compound():
    kind = h5t.create(h5t.COMPOUND, 8)
    kind.insert(b"a", 0, packed(h5t.STD_U16LE, 11))
    kind.insert(b"b", 2, packed(h5t.STD_U16LE, 13, 2))
    kind.insert(b"c", 4, packed(h5t.STD_I32BE, 21))
    return kind


def cases():
    """Name, data, filters, and the datatype in the file where it is another."""
    ec, nn = h5py.h5z.SZIP_EC_OPTION_MASK, h5py.h5z.SZIP_NN_OPTION_MASK
    integer, decimal = h5py.h5z.SO_INT, h5py.h5z.SO_FLOAT_DSCALE
    for name in ("i2", "f4", "f8"):
        yield f"shuffle+deflate {name}", smooth(name), lambda p: (p.set_shuffle(), p.set_deflate(4)), None
        yield f"shuffle {name}", smooth(name), lambda p: p.set_shuffle(), None
    yield "fletcher32", smooth("f4"), lambda p: p.set_fletcher32(), None
    for name in ("u1", "i2", ">i2", "f4", "f8"):
        amplitude = 50.0 if name == "u1" else 500.0
        yield f"szip nn {name}", smooth(name, amplitude), lambda p: p.set_szip(nn, 16), None
    yield "szip ec i2", smooth("i2"), lambda p: p.set_szip(ec, 16), None
    nbit = lambda p: p.set_filter(5)
    yield "nbit 12 of u2", smooth("u2"), nbit, packed(h5t.STD_U16LE, 12)
    yield "nbit 20 of >i4", smooth(">i4"), nbit, packed(h5t.STD_I32BE, 20)
    yield "nbit 60 of u8", smooth("u8"), nbit, packed(h5t.STD_U64LE, 60, 2)
    yield "nbit compound", smooth("u8").view("V8"), nbit, compound()
    for name in ("i2", "i4", "u8"):
        yield f"scaleoffset {name}", smooth(name), lambda p: p.set_scaleoffset(integer, 0), None
    for name in ("f4", "f8", ">f8"):
        yield f"scaleoffset {name}", smooth(name), lambda p: p.set_scaleoffset(decimal, 2), None


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(exist_ok=True)
    for name, data, apply, kind in cases():
        kind = kind or h5t.py_create(data.dtype)
        plist = h5p.create(h5p.DATASET_CREATE)
        plist.set_chunk(data.shape)
        plist.set_fill_time(h5d.FILL_TIME_NEVER)
        apply(plist)
        whole = np.tile(data, COUNT)
        space = h5s.create_simple(whole.shape)
        with tempfile.NamedTemporaryFile() as place:
            with h5py.File(place.name, "w", rdcc_nbytes=0) as file:
                dataset = h5d.create(file.id, b"d", kind, space, plist)
                dataset.write(space, space, whole, mtype=kind)
            with h5py.File(place.name, "r", rdcc_nbytes=0) as file:
                dataset = file["d"].id
                out = np.empty_like(whole)
                seconds = []
                for _ in range(7):
                    start = time.perf_counter()
                    dataset.read(space, space, out, mtype=kind)
                    seconds.append(time.perf_counter() - start)
                plist = dataset.get_create_plist()
                mask, stored = dataset.read_direct_chunk((0,))
                assert mask == 0, name
                filters = [plist.get_filter(at) for at in range(plist.get_nfilters())]
        print(f"{name:22} {whole.nbytes / min(seconds) / 1e6:8.0f} MB/s")
        lines = [";".join(f"{number}:" + ",".join(map(str, values)) for number, _, values, _ in filters)]
        lines.append(str(data.nbytes))
        (directory / name).write_bytes("\n".join(lines).encode() + b"\n" + stored)


if __name__ == "__main__":
    sys.exit(main())
