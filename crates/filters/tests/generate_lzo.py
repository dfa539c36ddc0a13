"""Writes lzo.bin: chunks that PyTables filtered with LZO, as `generate_registered.py` writes others.

The packages of PyTables on PyPI have no LZO. Those of Debian have, with liblzo2 2.10:
python3-tables, python3-tables-lib and liblzo2-2, here with numpy below 2 and h5py beside them.

Usage: python generate_lzo.py > lzo.bin
"""

import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import tables

from plain_chunks import plain

assert tables.which_lib_version("lzo"), "this PyTables has no LZO"


def write(out, kind, size, count, shuffle):
    data = np.frombuffer(plain(kind, size, count), f"<u{size}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chunk.h5"
        with tables.open_file(path, "w") as file:
            filters = tables.Filters(complevel=1, complib="lzo", shuffle=shuffle)
            file.create_carray("/", "x", obj=data, filters=filters, chunkshape=(count,))
        with h5py.File(path) as file:
            dataset = file["x"].id
            mask, stored = dataset.read_direct_chunk((0,))
            plist = dataset.get_create_plist()
            found = [plist.get_filter(at) for at in range(plist.get_nfilters())]
    text = ";".join(f"{number}:{','.join(map(str, parameters))}" for number, _, parameters, _ in found)
    out.write(f"{text} {mask} {kind} {size} {count} {len(stored)}\n".encode() + stored)


def main():
    out = sys.stdout.buffer
    for kind, size, count in [
        ("zero", 1, 1),
        ("zero", 8, 40_000),
        ("same", 2, 300),
        ("same", 8, 9_000),
        ("ramp", 1, 40),
        ("ramp", 2, 700),
        ("ramp", 4, 3_000),
        ("ramp", 8, 2_000),
        ("runs", 1, 5_000),
        ("noise", 1, 700),
        ("noise", 4, 6),
        # Repeats from more than 16 KiB and from more than 32 KiB before.
        ("echo", 1, 70_000),
    ]:
        for shuffle in [False, True][: 1 + (size > 1)]:
            write(out, kind, size, count, shuffle)


if __name__ == "__main__":
    main()
