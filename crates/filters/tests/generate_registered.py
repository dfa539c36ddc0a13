"""Writes registered.bin: chunks that libhdf5 filtered with filters known by their number.

Each is a line of text, then the stored bytes. The line: filters as `number:parameter,parameter`
with `;` between, filter mask, kind of data, element size, elements, stored bytes. The plain bytes
are not written: `plain` gives them from kind, element size and count, here and in the tests.

The frames of Blosc2's own Python package hold what its HDF5 filter never writes but reads.

Usage: python generate_registered.py 5 > registered.bin, where 5 keeps one case in five, spread
evenly; needs h5py, hdf5plugin, numcodecs and blosc2.
"""

import io
import itertools
import os
import sys
import zlib

import blosc2
import h5py
import hdf5plugin
import numcodecs
import numpy as np

from plain_chunks import noise, plain

LZF, BZIP2, BLOSC, LZ4, BITSHUFFLE, ZSTD, BLOSC2 = 32000, 307, 32001, 32004, 32008, 32015, 32026
CASES = itertools.count()


def write(out, filters, kind, size, shape, outer=(), make=None, always=False):
    """The one chunk of a dataset, through `filters` and then those of `outer`; or as `make` makes
    it from the array, and libhdf5 only reads it."""
    if zlib.crc32(str(next(CASES)).encode()) % SHARE and not always:
        return
    count = int(np.prod(shape))
    data = plain(kind, size, count)
    dtype = np.dtype({1: "u1", 2: "<u2", 4: "<u4", 8: "<u8"}.get(size, f"V{size}"))
    file = h5py.File(io.BytesIO(), "w")
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk(shape)
    for number, parameters in (*filters, *outer):
        flags = 0 if number in (2, 3) else h5py.h5z.FLAG_OPTIONAL
        if number == 2:
            plist.set_shuffle()
        elif number == 3:
            plist.set_fletcher32()
        else:
            plist.set_filter(number, flags, tuple(parameters))
    dataset = h5py.h5d.create(file.id, b"d", h5py.h5t.py_create(dtype, logical=True),
                              h5py.h5s.create_simple(shape), plist)
    array = np.frombuffer(data, dtype).reshape(shape)
    if make:
        dataset.write_direct_chunk((0,) * len(shape), make(array))
    else:
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, array)
    mask, chunk = dataset.read_direct_chunk((0,) * len(shape))
    back = np.empty(shape, dtype)
    dataset.read(h5py.h5s.ALL, h5py.h5s.ALL, back)
    assert back.tobytes() == data, (filters, kind, size, shape)
    stated = dataset.get_create_plist()
    stated = [stated.get_filter(i) for i in range(stated.get_nfilters())]
    names = ";".join(f"{one[0]}:{','.join(map(str, one[2]))}" for one in stated)
    out.write(f"{names} {mask} {kind} {size} {count} {len(chunk)}\n".encode())
    out.write(chunk)


def simple(out):
    """Filters that don't look at elements."""
    for filters in ([(LZF, ())], [(LZ4, (0,))], [(LZ4, (100,))], [(ZSTD, (3,))], [(ZSTD, (19,))],
                    [(BZIP2, (1,))], [(2, ()), (LZF, ())], [(2, ()), (ZSTD, (1,))]):
        for kind in ("noise", "ramp", "runs", "zero"):
            for size, count in ((1, 1), (1, 33), (2, 7), (3, 50), (4, 400), (8, 301)):
                write(out, filters, kind, size, (count,))
        write(out, filters, "ramp", 4, (5000,))
        write(out, filters, "ramp", 2, (100,), [(3, ())])
        write(out, filters, "ramp", 8, (200,), [(1, (4,))])
    for filters in ([(LZF, ())], [(LZ4, (0,))], [(ZSTD, (3,))], [(BZIP2, (9,))]):
        write(out, filters, "echo", 1, (40000,))


def bitshuffle(out):
    for size in (1, 2, 3, 4, 8, 12):
        for codec in (0, 2, 3):
            for elements in (0, 8, 64):
                for count in (1, 8, 15, 130, 601):
                    write(out, [(BITSHUFFLE, (elements, codec))], "ramp", size, (count,))
            write(out, [(BITSHUFFLE, (0, codec))], "noise", size, (77,))
    for codec in (2, 3):
        for size in (1, 2, 4, 8):
            write(out, [(BITSHUFFLE, (0, codec))], "ramp", size, (9999,))
            write(out, [(BITSHUFFLE, (0, codec))], "ramp", size, (999,), [(3, ())])


def blosc(out):
    for codec in range(6):  # blosclz, lz4, lz4hc, snappy, zlib, zstd
        for shuffle in range(3):
            for size in (1, 2, 3, 4, 8, 17):
                for kind, count in (("ramp", 1), ("ramp", 20), ("ramp", 700), ("runs", 150)):
                    opts = (0, 0, 0, 0, 5, shuffle, codec)
                    write(out, [(BLOSC, opts)], kind, size, (count,))
            for block in ("512", "2048"):
                os.environ["BLOSC_BLOCKSIZE"] = block
                for size, level in ((1, 1), (2, 5), (3, 5), (4, 9), (8, 3)):
                    for kind in ("ramp", "runs"):
                        for count in (701, 1024):
                            opts = (0, 0, 0, 0, level, shuffle, codec)
                            write(out, [(BLOSC, opts)], kind, size, (count,))
                del os.environ["BLOSC_BLOCKSIZE"]
        for kind, size, count in (("zero", 4, 5000), ("noise", 4, 100), ("ramp", 8, 20000 if codec in (0, 5) else 9000)):
            write(out, [(BLOSC, (0, 0, 0, 0, 5, 1, codec))], kind, size, (count,))
        write(out, [(BLOSC, (0, 0, 0, 0, 0, 1, codec))], "ramp", 4, (50,))  # level 0: as it is
    write(out, [(BLOSC, (0, 0, 0, 0, 9, 0, 0))], "echo", 1, (40000,))
    write(out, [(BLOSC, (0, 0, 0, 0, 5, 1, 1))], "ramp", 4, (500,), [(3, ())])


    for codec in ("blosclz", "lz4", "zlib", "zstd"):
        for shuffle in range(3):
            for size in (1, 2, 3, 8):
                for block in (0, 600, 4096):
                    opts = (0, 0, 0, 0, 5, shuffle, 0)
                    for level, kind, count in ((0, "ramp", 60), (5, "ramp", 2000), (5, "noise", 99)):
                        one = numcodecs.Blosc(codec, level, shuffle, block)
                        write(out, [(BLOSC, opts)], kind, size, (count,), make=one.encode)
    for codec in ("blosclz", "lz4", "zlib"):
        for size in (2, 8):
            one = numcodecs.Blosc(codec, 5, 1, 4096)
            opts = (0, 0, 0, 0, 5, 1, 0)
            write(out, [(BLOSC, opts)], "ramp", size, (8300,), make=one.encode, always=True)


def frames(out):
    """What Blosc2's filter reads but does not write."""
    for shape, block in (((100,), (100,)), ((100,), (30,)), ((21, 13), (4, 5))):
        opts = (BLOSC2, (0, 0, 0, 0, 5, 1, 0))
        for size, dtype in ((4, np.float32), (8, np.float64)):
            where = {"chunks": shape, "blocks": block}
            value = np.frombuffer(noise(size), dtype)[0]
            made = {
                "zero": blosc2.zeros(shape, dtype, **where),
                "nan": blosc2.nans(shape, dtype, **where),
                "same": blosc2.full(shape, value, dtype, **where),
            }
            for kind, array in made.items():
                write(out, [opts], kind, size, shape, make=lambda _, one=array: one.to_cframe())
            for first in (blosc2.Filter.TRUNC_PREC, blosc2.Filter.DELTA, blosc2.Filter.NOFILTER):
                for last in (blosc2.Filter.SHUFFLE, blosc2.Filter.BITSHUFFLE):
                    # Nothing is lost: all bits are kept.
                    how = {"filters": [first, last], "filters_meta": [{4: 23, 8: 52}[size], 0]}
                    write(out, [opts], "ramp", size, shape,
                          make=lambda array, how=how: blosc2.asarray(
                              array.view(dtype), cparams=how, **where).to_cframe())


def blosc2_filter(out):
    for codec in (0, 1, 2, 4, 5):  # blosclz, lz4, lz4hc, zlib, zstd
        for step in range(4):  # none, shuffle, bit shuffle, delta
            for size in (1, 2, 3, 4, 8, 17):
                for kind, shape in (("ramp", (1,)), ("ramp", (500,)), ("runs", (150,)),
                                    ("ramp", (9, 20)), ("runs", (3, 5, 7))):
                    write(out, [(BLOSC2, (0, 0, 0, 0, 5, step, codec))], kind, size, shape)
            for block in (256, 1000):
                for size, shape in ((1, (777,)), (4, (777,)), (8, (300,)), (4, (30, 40)),
                                    (3, (31, 17)), (2, (2, 3, 4, 5, 6)), (1, (1, 77, 1, 5))):
                    opts = (0, block, 0, 0, 5, step, codec)
                    write(out, [(BLOSC2, opts)], "ramp", size, shape)
        opts = (0, 0, 0, 0, 5, 1, codec)
        for kind, size in (("zero", 4), ("same", 2), ("same", 4), ("same", 8), ("same", 17),
                           ("nan", 4), ("nan", 8), ("noise", 4), ("ramp", 8)):
            for shape in ((100,), (21, 13)):
                write(out, [(BLOSC2, opts)], kind, size, shape)
                write(out, [(BLOSC2, (0, 0, 0, 0, 0, *opts[5:]))], kind, size, shape)
        write(out, [(BLOSC2, opts)], "ramp", 8, (20000 if codec in (0, 5) else 5000,))
        write(out, [(BLOSC2, opts)], "ramp", 8, (100, 101))
    write(out, [(BLOSC2, (0, 0, 0, 0, 9, 0, 0))], "echo", 1, (40000,))
    # Blocks that jut out make more of the chunk than it holds.
    write(out, [(BLOSC2, (0, 1024, 0, 0, 0, 0, 1))], "noise", 4, (33, 3, 33), [(3, ())], always=True)
    for shape in ((33,), (9, 9), (3, 3, 3)):
        write(out, [(BLOSC2, (0, 0, 0, 0, 5, 1, 1))], "noise", 4, shape, [(3, ())])


def main():
    out = sys.stdout.buffer
    simple(out)
    bitshuffle(out)
    blosc(out)
    blosc2_filter(out)
    frames(out)


if __name__ == "__main__":
    SHARE = int(sys.argv[1])
    assert hdf5plugin  # importing it registers the filters
    main()
