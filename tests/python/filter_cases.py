"""Writes files with every filter in many ways: python filter_cases.py FAMILY OUT.h5 EXPECTED.npz

A program of its own, which also keeps what h5py reads: where netCDF4 is loaded, too, some plugins
call its libhdf5 instead of h5py's.
"""

import itertools
import sys
from collections.abc import Callable, Iterator

import h5py
import hdf5plugin  # noqa: F401  h5py finds the filters of other libraries through it
import numpy as np
from h5py import h5d, h5p, h5s, h5t, h5z

BZIP2, LZF, BLOSC, LZ4, BITSHUFFLE, ZSTD, BLOSC2 = 307, 32000, 32001, 32004, 32008, 32015, 32026
DEFLATE, SHUFFLE, FLETCHER32, SZIP, NBIT, SCALEOFFSET = 1, 2, 3, 4, 5, 6

TYPES = ["u1", "<i2", ">i2", "<f4", ">f4", "<i8", ">f8", "S5"]
RECORD = np.dtype([("a", "<i2"), ("b", ">f4"), ("c", "u1")])

# A filter: number and client data. A case: its name, the data, the chunk, the filters.
Filter = tuple[int, tuple[int, ...]]
Case = tuple[str, np.ndarray, tuple[int, ...], list[Filter]]


def bytes_of(kind: str, count: int) -> np.ndarray:
    noise = np.random.default_rng(5).integers(0, 256, count, dtype="u1")
    at = np.arange(count)
    return {
        "noise": noise,
        "zeros": np.zeros(count, "u1"),
        "runs": (at // 37 % 251).astype("u1"),
        # Repeats of many distances and lengths.
        "text": (at * at // 61 % 97 * 151 % 251).astype("u1"),
    }[kind]


def data(kind: str, dtype, shape: tuple[int, ...]) -> np.ndarray:
    """An array of any bytes, but a `ramp`, which is of numbers."""
    dtype = np.dtype(dtype)
    count = int(np.prod(shape))
    if kind == "ramp" and dtype.kind in "iuf":
        values = 40 + 30 * np.sin(np.arange(count) / 50) + np.arange(count) % 5
        return values.astype(dtype).reshape(shape)
    kind = "runs" if kind == "ramp" else kind
    return bytes_of(kind, count * dtype.itemsize).view(dtype).reshape(shape)


def everything(filters: list[Filter]) -> Iterator[Case]:
    """These filters with all types and kinds of data, and chunks that jut out."""
    kinds = ("ramp", "noise", "text", "zeros")
    for number, dtype in enumerate([*TYPES, RECORD]):
        for kind in (kinds[number % 4], kinds[(number + 1) % 4]):
            name = f"{filters} {getattr(dtype, 'str', dtype)} {kind}"
            yield name, data(kind, dtype, (700,)), (300,), filters
    yield f"{filters} of 3 dimensions", data("ramp", "<f4", (9, 20, 31)), (4, 20, 16), filters
    yield f"{filters} of one element", data("ramp", "<i2", (3,)), (1,), filters


def common() -> Iterator[Case]:
    yield from everything([(SHUFFLE, ()), (DEFLATE, (6,))])
    yield from everything([(FLETCHER32, ())])
    for level in range(10):
        for kind in ("ramp", "noise", "zeros", "text"):
            yield f"deflate {level} {kind}", data(kind, "<i2", (70_000,)), (65_537,), [(DEFLATE, (level,))]
    for size in (1, 2, 3, 4, 5, 8, 12, 16, 17):
        yield f"shuffle V{size}", data("noise", f"V{size}", (700,)), (301,), [(SHUFFLE, ())]


def simple() -> Iterator[Case]:
    yield from everything([(LZF, ())])
    yield from everything([(SHUFFLE, ()), (LZF, ())])
    yield from everything([(BZIP2, (9,))])
    for level in (-5, 1, 3, 9, 19, 22):
        yield from everything([(ZSTD, (level & 0xFFFFFFFF,))])
    for block in (0, 1, 7, 64, 1000, 1 << 20):
        yield from everything([(LZ4, (block,))])
    for number, options in ((LZF, ()), (LZ4, (0,)), (ZSTD, (3,)), (BZIP2, (1,))):
        for kind in ("ramp", "noise", "zeros", "text"):
            yield f"{number} large {kind}", data(kind, "<i4", (400_000,)), (150_001,), [(number, options)]


def bitshuffle() -> Iterator[Case]:
    for codec in (0, 2, 3):
        for block in (0, 8, 64, 1024):
            yield from everything([(BITSHUFFLE, (block, codec))])
        for rows in (1, 7, 8, 9, 2047, 2048, 2049, 30_001):
            yield f"bitshuffle {codec} of {rows}", data("ramp", "<i4", (rows,)), (rows,), [
                (BITSHUFFLE, (0, codec))
            ]


def blosc() -> Iterator[Case]:
    for codec, shuffle in itertools.product((0, 1, 2, 3, 4, 5), (0, 1, 2)):
        yield from everything([(BLOSC, (0, 0, 0, 0, 5, shuffle, codec))])
        for level in (0, 1, 9):
            filters = [(BLOSC, (0, 0, 0, 0, level, shuffle, codec))]
            yield f"{filters} large", data("ramp", "<f8", (90_000,)), (60_000,), filters


def blosc2() -> Iterator[Case]:
    for codec, shuffle in itertools.product((0, 1, 2, 4, 5), (0, 1, 2, 3)):
        yield from everything([(BLOSC2, (0, 0, 0, 0, 5, shuffle, codec))])
        filters = [(BLOSC2, (0, 0, 0, 0, 9, shuffle, codec))]
        # Boxes: chunks of several dimensions, cut into blocks that do not divide them.
        for shape, chunk in (
            ((120, 130), (64, 70)),
            ((17, 33, 40), (16, 33, 21)),
            ((3, 5, 7, 11), (2, 5, 4, 11)),
        ):
            yield f"{filters} {chunk}", data("ramp", "<f4", shape), chunk, filters
            yield f"{filters} {chunk} noise", data("noise", "<i2", shape), chunk, filters


def szip() -> Iterator[Case]:
    nn, ec = h5z.SZIP_NN_OPTION_MASK, h5z.SZIP_EC_OPTION_MASK
    kinds = ("ramp", "noise", "zeros")
    for options, pixels in itertools.product((nn, ec), (2, 4, 8, 10, 16, 32)):
        for dtype, kind in itertools.product(("u1", "<i2", ">i2", "<i4", ">i4", "<f4", ">f8", "<i8"), kinds):
            name = f"szip {options} {pixels} {dtype} {kind}"
            yield name, data(kind, dtype, (40, 70)), (17, 64), [(SZIP, (options, pixels))]
    for width in (32, 33, 100, 4096, 5000):
        yield f"szip of {width}", data("ramp", "<i2", (3, width)), (2, width), [(SZIP, (nn, 32))]


def nbit() -> Iterator[Case]:
    for dtype in ("u1", "<i2", ">i2", "<u4", ">i8", "<f4", ">f4", "<f8", RECORD, ("<i4", (3,)), "S5"):
        for kind in ("ramp", "noise"):
            base = np.dtype(dtype)
            values = data(kind, base.base, (70, *base.shape))
            yield f"nbit {base} {kind}", values, (33, *base.shape), [(NBIT, ())]


def scaleoffset() -> Iterator[Case]:
    for dtype in ("i1", "u1", "<i2", ">i2", "<u2", "<i4", ">u4", "<i8", ">i8", "<u8"):
        for kind, bits in itertools.product(("ramp", "noise", "zeros"), (0, 5, np.dtype(dtype).itemsize * 8)):
            # Fewer bits than the values need lose them, the same for every reader.
            filters = [(SCALEOFFSET, (h5z.SO_INT, bits))]
            yield f"scaleoffset {dtype} {kind} {bits}", data(kind, dtype, (700,)), (300,), filters
    for dtype, digits in itertools.product(("<f4", ">f4", "<f8", ">f8"), (0, 2, 4, 9)):
        filters = [(SCALEOFFSET, (h5z.SO_FLOAT_DSCALE, digits))]
        for kind in ("ramp", "zeros"):
            yield f"scaleoffset {dtype} {kind} {digits}", data(kind, dtype, (700,)), (300,), filters


def pipelines() -> Iterator[Case]:
    """Orders that no library has by itself, chosen by chance but the same each time."""
    rng = np.random.default_rng(17)
    pool = [
        (SHUFFLE, ()), (DEFLATE, (4,)), (FLETCHER32, ()), (LZF, ()), (ZSTD, (3,)), (BZIP2, (1,)),
        (LZ4, (0,)), (BITSHUFFLE, (0, 0)), (BLOSC, (0, 0, 0, 0, 5, 1, 1)), (BLOSC2, (0, 0, 0, 0, 5, 1, 5)),
    ]  # fmt: skip
    firsts = [[], [(SCALEOFFSET, (h5z.SO_INT, 0))], [(NBIT, ())], [(SZIP, (h5z.SZIP_NN_OPTION_MASK, 8))]]
    for number in range(120):
        first = firsts[number % len(firsts)]
        chosen = [pool[at] for at in rng.permutation(len(pool))[: rng.integers(1, 5)]]
        kind = ("ramp", "text", "noise")[number % 3]
        yield f"{number} {first + chosen}", data(kind, "<i4", (700,)), (299,), first + chosen


def apply(plist: h5p.PropDCID, filters: list[Filter]) -> None:
    for number, options in filters:
        if number == SZIP:
            plist.set_szip(*options)
        elif number == SCALEOFFSET:
            plist.set_scaleoffset(*options)
        elif number == FLETCHER32:
            plist.set_fletcher32()
        else:
            plist.set_filter(number, h5z.FLAG_OPTIONAL, options)


def create(file: h5py.File, case: Case, fill: int | None = None) -> h5d.DatasetID:
    name, values, chunk, filters = case
    plist = h5p.create(h5p.DATASET_CREATE)
    plist.set_chunk(chunk)
    if fill is not None:
        plist.set_fill_value(np.array(fill, values.dtype))
    apply(plist, filters)
    space = h5s.create_simple(values.shape)
    return h5d.create(file.id, name.encode(), h5t.py_create(values.dtype), space, plist)


def write(file: h5py.File, case: Case, fill: int | None = None, rows: int | None = None) -> h5d.DatasetID:
    """All of the case, or its first rows."""
    dataset = create(file, case, fill)
    values = np.ascontiguousarray(case[1][:rows])
    here, there = h5s.create_simple(values.shape), h5s.create_simple(case[1].shape)
    there.select_hyperslab((0,) * values.ndim, values.shape)
    dataset.write(here, there, values)
    return dataset


def fills(file: h5py.File) -> None:
    """Scale-offset keeps fill values apart; the last chunks are never written."""
    for dtype, fill in itertools.product(("<i2", ">i4", "<u8", "<f4", ">f8"), (0, 7, -1, 30_000)):
        dtype = np.dtype(dtype)
        if dtype.kind == "u" and fill < 0:
            continue
        values = data("ramp", dtype, (900,))
        values[::7] = fill
        how = (h5z.SO_FLOAT_DSCALE, 2) if dtype.kind == "f" else (h5z.SO_INT, 0)
        write(file, (f"{dtype.str[1:]} {dtype.str[0]} {fill}".replace("<", "le"), values, (200,), [(SCALEOFFSET, how)]), fill, 500)


MASKED = [
    [(SHUFFLE, ()), (DEFLATE, (4,)), (FLETCHER32, ())],
    [(FLETCHER32, ()), (LZF, ()), (SHUFFLE, ())],
    [(SHUFFLE, ()), (ZSTD, (3,)), (FLETCHER32, ())],
    [(BITSHUFFLE, (0, 2)), (BZIP2, (1,))],
    [(BLOSC, (0, 0, 0, 0, 5, 1, 0)), (FLETCHER32, ())],
    [(BLOSC2, (0, 0, 0, 0, 5, 1, 1)), (LZ4, (0,))],
    [(SCALEOFFSET, (h5z.SO_INT, 0)), (DEFLATE, (4,))],
    [(NBIT, ()), (LZ4, (64,))],
    [(SZIP, (h5z.SZIP_NN_OPTION_MASK, 8)), (FLETCHER32, ())],
]


def masks(file: h5py.File) -> None:
    """Chunks that skip each filter, and each set of them."""
    for number, filters in enumerate(MASKED):
        every = range(1 << len(filters))
        values = data("ramp", "<i4", (len(every) * 64,))
        dataset = create(file, (f"masked {number}", values, (64,), filters))
        for mask in every:
            applied = [one for bit, one in enumerate(filters) if not mask >> bit & 1]
            part = values[mask * 64 : (mask + 1) * 64]
            with h5py.File.in_memory() as scratch:
                skipped, chunk = write(scratch, ("one", part, (64,), applied)).read_direct_chunk((0,))
            assert skipped == 0
            dataset.write_direct_chunk((mask * 64,), chunk, mask)


def checksums(file: h5py.File) -> None:
    for number, filters in enumerate(
        ([(FLETCHER32, ())], [(FLETCHER32, ()), (LZF, ())], [(LZF, ()), (FLETCHER32, ())])
    ):
        write(file, (f"checked {number}", data("noise", "<i4", (200,)), (200,), filters))


def all_of(cases: Callable[[], Iterator[Case]]) -> Callable[[h5py.File], None]:
    def write_all(file: h5py.File) -> None:
        for number, (name, *rest) in enumerate(cases()):
            write(file, (f"{number} {name}".replace("/", "|"), *rest))

    return write_all


COMMON = [common, simple, bitshuffle, blosc, blosc2, szip, nbit, scaleoffset, pipelines]
FAMILIES = {cases.__name__: all_of(cases) for cases in COMMON}
FAMILIES.update(fills=fills, masks=masks, checksums=checksums)

if __name__ == "__main__":
    family, path, expected = sys.argv[1:]
    with h5py.File(path, "w") as out:
        FAMILIES[family](out)
    with h5py.File(path) as out:
        np.savez(expected, **{name: np.frombuffer(out[name][()].tobytes(), "u1") for name in out})
