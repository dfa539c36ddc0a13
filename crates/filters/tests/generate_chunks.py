"""Writes chunks.txt: chunks that h5py filtered, beside the bytes they came from.

One line a chunk: filters, element size, filter mask, plain bytes, stored bytes; the last two in hex.
Usage: python generate_chunks.py > chunks.txt
"""

import io
import random
import sys

import h5py
import numpy as np


def stored(dtype, data, filters):
    """The one chunk of a dataset of `data` as libhdf5 stores it."""
    file = h5py.File(io.BytesIO(), "w")
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk(data.shape)
    for name in filters:
        {
            "shuffle": plist.set_shuffle,
            "deflate": lambda: plist.set_deflate(4),
            "fletcher32": plist.set_fletcher32,
        }[name]()
    space = h5py.h5s.create_simple(data.shape)
    kind = h5py.h5t.py_create(dtype, logical=True)
    dataset = h5py.h5d.create(file.id, b"d", kind, space, plist)
    dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, data)
    return dataset.read_direct_chunk((0,) * data.ndim)


def main():
    random.seed(7)
    pipelines = [
        [],
        ["shuffle"],
        ["deflate"],
        ["fletcher32"],
        ["shuffle", "deflate"],
        ["shuffle", "fletcher32"],
        ["shuffle", "deflate", "fletcher32"],
        ["fletcher32", "shuffle", "deflate"],
        ["deflate", "shuffle"],
    ]
    types = ["u1", "<i2", ">i2", "<f4", "<f8", "V3", "V5", "<c16"]
    for filters in pipelines:
        for name in types:
            dtype = np.dtype(name)
            for count in (1, 2, 3, 7, 41, 365):
                if count == 365 and dtype.itemsize > 2:
                    continue
                raw = bytes(random.randrange(256) if i % 3 == 0 else i // 8 % 256
                            for i in range(count * dtype.itemsize))
                data = np.frombuffer(raw, dtype=dtype)
                mask, chunk = stored(dtype, data, filters)
                print(",".join(filters) or "none", dtype.itemsize, mask, raw.hex(), chunk.hex())


if __name__ == "__main__":
    sys.exit(main())
