"""Writes own_chunks.txt: chunks that libhdf5 stored with szip, nbit and scaleoffset, and what it reads of them.

One line a chunk: filter number, its parameters, the bytes read, the bytes stored; the last two in hex.
Usage: python generate_own_chunks.py [SEED] [LARGEST NUMBER OF ELEMENTS] > own_chunks.txt
"""

import ctypes
import random
import sys
import tempfile

import h5py
import numpy as np
from h5py import h5d, h5f, h5p, h5s, h5t

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 7
LARGEST = int(sys.argv[2]) if len(sys.argv) > 2 else 70

# Calls that h5py does not have.
LIBRARY = ctypes.CDLL(next(line.split()[-1] for line in open("/proc/self/maps") if "/libhdf5-" in line))
LIBRARY.H5Pset_fill_value.argtypes = [ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p]
LIBRARY.H5Pset_relax_file_integrity_checks.argtypes = [ctypes.c_int64, ctypes.c_uint64]
UNDEFINED = object()


def relaxed():
    """File access that allows numbers of which most bits are unused."""
    plist = h5p.create(h5p.FILE_ACCESS)
    LIBRARY.H5Pset_relax_file_integrity_checks(plist.id, (1 << 64) - 1)
    return plist


def chunk(kind, shape, raw, apply, fill=None):
    """Filter number, parameters, bytes read and bytes stored of one chunk; None if it was not filtered."""
    plist = h5p.create(h5p.DATASET_CREATE)
    plist.set_chunk(shape)
    if fill is UNDEFINED:
        LIBRARY.H5Pset_fill_value(plist.id, kind.id, None)
    elif fill is not None:
        plist.set_fill_value(fill)
    apply(plist)
    every = h5s.create_simple(shape)
    with tempfile.NamedTemporaryFile() as place:
        file = h5f.create(place.name.encode(), fapl=relaxed())
        dataset = h5d.create(file, b"d", kind, every, plist)
        dataset.write(every, every, np.frombuffer(raw, "u1").copy(), mtype=kind)
        del dataset
        file.close()
        file = h5f.open(place.name.encode(), fapl=relaxed())
        return read(h5d.open(file, b"d"), kind, shape, len(raw))


def read(dataset, kind, shape, length):
    """What `chunk` gives, of the dataset in its file."""
    number, _, parameters, _ = dataset.get_create_plist().get_filter(0)
    mask, stored = dataset.read_direct_chunk((0,) * len(shape))
    if mask:
        return None
    plain = np.zeros(length, "u1")
    every = h5s.create_simple(shape)
    dataset.read(every, every, plain, mtype=kind)
    return number, parameters, plain.tobytes(), stored


def integer(size, order, signed=False, precision=None, offset=0):
    """An integer datatype of any size and precision."""
    kind = (h5t.STD_I8LE if signed else h5t.STD_U8LE).copy()
    kind.set_size(size)
    if precision:
        kind.set_precision(precision)
        kind.set_offset(offset)
    kind.set_order(h5t.ORDER_BE if order == ">" else h5t.ORDER_LE)
    return kind


def numbers(size, order, count, bits, sort=None):
    """Bytes of numbers of all sorts below 2^bits: steady, runs, noise, noise at times."""
    sort = sort or random.choice(["steady", "runs", "noise", "rare", "zero", "walk"])
    last = random.randrange(1 << bits)
    out = bytearray()
    for index in range(count):
        if sort == "noise" or sort == "rare" and random.random() < 0.02:
            last = random.randrange(1 << bits)
        elif sort == "runs" and random.random() < 0.1:
            last += random.randrange(-9, 10)
        elif sort == "walk":
            last += round(random.gauss(0, 1 << max(0, bits // 3)))
        elif sort == "zero":
            last = 0
        elif sort == "steady":
            last += random.choice([0, 0, 1])
        out += (last % (1 << bits)).to_bytes(size, "big" if order == ">" else "little")
    return bytes(out)


def szip():
    """All pixel widths and options, scanlines that are whole blocks and others."""
    kinds = [(size, size * 8) for size in (1, 2, 4, 8) for _ in range(3)]
    kinds += [(1, bits) for bits in (1, 3, 5)] + [(2, bits) for bits in (9, 11, 14)]
    # Not elements of three bytes: libaec takes them for pixels of four, and loses some of their bits.
    kinds += [(4, bits) for bits in (17, 20, 24)]
    for size, bits in kinds:
        for order in "<>":
            for option in (h5py.h5z.SZIP_EC_OPTION_MASK, h5py.h5z.SZIP_NN_OPTION_MASK):
                block = random.choice([2, 4, 8, 10, 16, 32])
                length = random.randrange(block, max(LARGEST, block + 1) + 1)
                shape = random.choice([(length,), (3, max(length // 3, 1)), (length // 2, 2)])
                count = int(np.prod(shape))
                if count < block:
                    shape, count = (length,), length
                raw = numbers(size, order, count, bits)
                yield integer(size, order, precision=bits), shape, raw, (
                    lambda plist: plist.set_szip(option, block)), None
    # Many blocks in a scanline, and runs of blocks of zeros that end within its segments of 64.
    for sort in ("rare", "rare", "zero", "runs"):
        for option in (h5py.h5z.SZIP_EC_OPTION_MASK, h5py.h5z.SZIP_NN_OPTION_MASK):
            shape = (2, LARGEST * 6 + random.randrange(9))
            raw = numbers(1, "<", int(np.prod(shape)), 8, sort)
            yield integer(1, "<"), shape, raw, lambda plist: plist.set_szip(option, 4), None


def nbit():
    """Numbers of every size, order, precision and offset, arrays, compounds and types it leaves alone."""

    def atomic():
        size = random.choice([1, 2, 3, 4, 4, 8, 8, 16])
        precision = random.randrange(1, size * 8 + 1)
        offset = random.randrange(0, size * 8 - precision + 1)
        return integer(size, random.choice("<>"), random.random() < 0.5, precision, offset)

    def misread(kind):
        """Whether libhdf5 takes the wrong parameters for what follows: then it loses bits, or crashes."""
        if kind.get_class() == h5t.ARRAY:
            return kind.get_super().get_class() in (h5t.ARRAY, h5t.COMPOUND)
        return kind.get_class() == h5t.COMPOUND and misread(kind.get_member_type(kind.get_nmembers() - 1))

    def any_kind(depth):
        sort = random.choice(["atomic", "atomic", "array", "compound", "string", "float"])
        if sort == "array" and depth:
            dims = tuple(random.randrange(1, 4) for _ in range(random.choice([1, 2])))
            return h5t.array_create(any_kind(depth - 1), dims)
        if sort == "compound" and depth:
            members = [any_kind(depth - 1) for _ in range(random.randrange(1, 4))]
            members[:-1] = [atomic() if misread(member) else member for member in members[:-1]]
            gaps = [random.choice([0, 0, 1, 3]) for _ in members]
            size = sum(member.get_size() for member in members) + sum(gaps)
            kind, at = h5t.create(h5t.COMPOUND, size), 0
            for index, (member, gap) in enumerate(zip(members, gaps)):
                kind.insert(b"m%d" % index, at + gap, member)
                at += gap + member.get_size()
            return kind
        if sort == "string":
            kind = h5t.C_S1.copy()
            kind.set_size(random.randrange(1, 6))
            return kind
        if sort == "float":
            return random.choice([h5t.IEEE_F32LE, h5t.IEEE_F64BE, h5t.IEEE_F16LE]).copy()
        return atomic()

    for index in range(150):
        kind = atomic() if index < 80 else any_kind(3)
        count = random.randrange(1, max(2, LARGEST * 4 // kind.get_size()))
        raw = bytes(random.randrange(256) for _ in range(count * kind.get_size()))
        yield kind, (count,), raw, lambda plist: plist.set_filter(5), None


def scaleoffset():
    """Integers and floating-point numbers, of few and of all bits, fill values among them."""
    for signed in (False, True):
        for size in (1, 2, 4, 8):
            for order in "<>":
                for fixed in (0, 0, 0, random.randrange(1, size * 8), size * 8):
                    count = random.randrange(1, LARGEST)
                    bits = random.randrange(1, (fixed or size * 8) + 1)
                    low = random.randrange(1 << (size * 8 - 1))
                    kind = ("big" if order == ">" else "little")
                    values = [random.randrange(1 << bits) for _ in range(count)]
                    whole = 1 << (size * 8)
                    raw = b"".join(((low + value) % whole).to_bytes(size, kind) for value in values)
                    dtype = np.dtype(f"{order}{'i' if signed else 'u'}{size}")
                    fill = random.choice([UNDEFINED, None, np.frombuffer(raw[-size:], dtype)[0]])
                    if isinstance(fill, np.generic):
                        fill = np.array(fill, dtype)
                    yield integer(size, order, signed), (count,), raw, (
                        lambda plist: plist.set_scaleoffset(h5py.h5z.SO_INT, fixed)), fill
    for name in ("<f4", ">f4", "<f8", ">f8"):
        for digits in (0, 1, 2, 3, 5, 9, 20, 23):
            count = random.randrange(1, LARGEST)
            dtype = np.dtype(name)
            spread = 10.0 ** random.choice([-digits + 1, -digits + 3, 2])
            data = (np.random.default_rng(SEED + digits).normal(5, 1, count) * spread).astype(dtype)
            fill = random.choice([UNDEFINED, None])
            if random.random() < 0.6:
                fill = np.array(random.choice([0.0, -999.0, 1e20]), dtype)
                data[:: random.randrange(2, 9)] = fill
            kind = h5t.py_create(dtype)
            yield kind, (count,), data.tobytes(), (
                lambda plist: plist.set_scaleoffset(h5py.h5z.SO_FLOAT_DSCALE, digits)), fill


def main():
    random.seed(SEED)
    for make in (szip, nbit, scaleoffset):
        skipped = written = 0
        for kind, shape, raw, apply, fill in make():
            found = chunk(kind, shape, raw, apply, fill)
            if found is None:
                skipped += 1
                continue
            written += 1
            number, parameters, plain, stored = found
            print(number, ",".join(map(str, parameters)), plain.hex(), stored.hex())
        print(make.__name__, written, "written,", skipped, "not filtered", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
