"""Times libhdf5's reading of filtered chunks, and keeps one of each for the bench beside.

Usage: python measure_libhdf5.py DIRECTORY; then CHUNKREF_BENCH_CHUNKS=DIRECTORY cargo bench -p chunkref-filters
A file a case: lines of filters (number and parameters), of the decoded length, and the stored chunk.
`cargo xtask bench decode` does both, and makes a table.
"""

import json
import pathlib
import sys
import tempfile
import time

import h5py
import hdf5plugin  # noqa: F401  brings the filters of other libraries
import numpy as np
from h5py import h5d, h5p, h5s, h5t, h5z

TOTAL = 64 << 20
"""Decoded bytes read at a time, of equal chunks."""
BYTES = 4 << 20
"""Decoded bytes of a chunk."""
BZIP2, LZF, BLOSC, LZ4, BITSHUFFLE, ZSTD, BLOSC2 = 307, 32000, 32001, 32004, 32008, 32015, 32026


def smooth(dtype, amplitude=500.0):
    """A field as satellites see it: waves and a little noise."""
    dtype = np.dtype(dtype)
    count = BYTES // dtype.itemsize
    at = np.arange(count)
    noise = np.random.default_rng(7).normal(0, 1, count)
    field = 10 + amplitude * (1 + np.sin(at / 700) * np.sin(at / 90_000)) + noise
    return (np.round(field, 2) if dtype.kind == "f" else np.round(field)).astype(dtype)


def sea(kind):
    """A chunk of 1023 x 2047 as in MUR: land is missing, the sea is smooth."""
    y, x = (3069 + np.arange(1023))[:, None] / 17999, (22517 + np.arange(2047))[None, :] / 36000
    land = np.sin(44 * x) * np.cos(31 * y) > 0.35
    if kind == "mask":
        return np.where(land, 2, 1).astype("i1").ravel()
    if kind == "error":
        values = 37 + np.floor(4 * np.sin(300 * x) * np.sin(200 * y))
    else:
        values = 12000 * np.sin(3.14 * y) + 900 * np.sin(40 * x + 11 * y) + 60 * np.sin(900 * x * y)
    return np.where(land, -32768, np.round(values)).astype("i2").ravel()


def photons(kind):
    """10,000 values as in ATL03: heights, or latitudes."""
    at, noise = np.arange(10_000), np.random.default_rng(7).normal(0, 1, 10_000)
    if kind == "height":
        return (500 + 300 * np.sin(at / 9e4) + 6 * noise).astype("f4")
    return 60.0 + at * 6.3e-7 + 1e-6 * noise


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
    ec, nn = h5z.SZIP_EC_OPTION_MASK, h5z.SZIP_NN_OPTION_MASK
    integer, decimal = h5z.SO_INT, h5z.SO_FLOAT_DSCALE
    yield "none i2", smooth("i2"), lambda p: None, None
    for kind in ("temperature", "error", "mask"):
        yield f"shuffle+deflate MUR {kind}", sea(kind), lambda p: (p.set_shuffle(), p.set_deflate(7)), None
    for kind in ("height", "latitude"):
        yield f"shuffle+deflate ATL03 {kind}", photons(kind), lambda p: (p.set_shuffle(), p.set_deflate(6)), None
    for name in ("i2", "f4", "f8"):
        yield f"shuffle+deflate {name}", smooth(name), lambda p: (p.set_shuffle(), p.set_deflate(4)), None
        yield f"shuffle {name}", smooth(name), lambda p: p.set_shuffle(), None
    yield "fletcher32", smooth("f4"), lambda p: p.set_fletcher32(), None
    for name, number, options in (
        ("lzf", LZF, ()), ("lz4", LZ4, (0,)), ("zstd", ZSTD, (3,)), ("bzip2", BZIP2, (9,)),
    ):  # fmt: skip
        for dtype in ("i2", "f4"):
            shuffled = lambda p, number=number, options=options: (
                p.set_shuffle(), p.set_filter(number, h5z.FLAG_OPTIONAL, options)
            )  # fmt: skip
            yield f"shuffle+{name} {dtype}", smooth(dtype), shuffled, None
    for name, codec in (("blosclz", 0), ("lz4", 1), ("zlib", 4), ("zstd", 5)):
        for family, number in (("blosc", BLOSC), ("blosc2", BLOSC2)):
            options = (0, 0, 0, 0, 5, 1, codec)
            only = lambda p, number=number, options=options: p.set_filter(number, h5z.FLAG_OPTIONAL, options)
            yield f"{family} {name} f4", smooth("f4"), only, None
    for name, codec in (("none", 0), ("lz4", 2), ("zstd", 3)):
        only = lambda p, codec=codec: p.set_filter(BITSHUFFLE, h5z.FLAG_OPTIONAL, (0, codec))
        yield f"bitshuffle {name} f4", smooth("f4"), only, None
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


def written(place, data, apply, kind):
    """A file of equal chunks, and how many there are."""
    count = max(1, TOTAL // data.nbytes)
    plist = h5p.create(h5p.DATASET_CREATE)
    plist.set_chunk(data.shape)
    plist.set_fill_time(h5d.FILL_TIME_NEVER)
    apply(plist)
    one, all_of_it = h5s.create_simple(data.shape), h5s.create_simple((count * data.size,))
    with h5py.File(place, "w", libver="latest") as file:
        dataset = h5d.create(file.id, b"d", kind, all_of_it, plist)
        all_of_it.select_hyperslab((0,), data.shape)
        dataset.write(one, all_of_it, data, mtype=kind)
        file.flush()
        mask, stored = dataset.read_direct_chunk((0,))
        assert mask == 0, "a filter was skipped"
        for number in range(1, count):
            dataset.write_direct_chunk((number * data.size,), stored)
        plist = dataset.get_create_plist()
        filters = [plist.get_filter(at) for at in range(plist.get_nfilters())]
    return count, filters, stored


def seconds(place, data, count, kind):
    """The least time of the processor in which libhdf5 reads all: others may want it, too."""
    out = np.empty(count * data.size, data.dtype)
    times = []
    with h5py.File(place, "r", rdcc_nbytes=0) as file:
        dataset = file["d"].id
        space = h5s.create_simple(out.shape)
        for _ in range(7):
            start = time.process_time()
            dataset.read(space, space, out, mtype=kind)
            times.append(time.process_time() - start)
    return min(times)


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    rates = {}
    for name, data, apply, kind in cases():
        kind = kind or h5t.py_create(data.dtype)
        with tempfile.NamedTemporaryFile() as place:
            count, filters, stored = written(place.name, data, apply, kind)
            rate = count * data.nbytes / seconds(place.name, data, count, kind) / 1e6
        print(f"{name:28} {rate:8.0f} MB/s", flush=True)
        rates[name] = {"rate": rate, "bytes": data.nbytes, "stored": len(stored)}
        lines = [";".join(f"{number}:" + ",".join(map(str, values)) for number, _, values, _ in filters)]
        lines.append(str(data.nbytes))
        (directory / name).write_bytes("\n".join(lines).encode() + b"\n" + stored)
    if len(sys.argv) > 2:
        pathlib.Path(sys.argv[2]).write_text(json.dumps(rates))


if __name__ == "__main__":
    sys.exit(main())
