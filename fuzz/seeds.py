"""Makes a seed corpus for each fuzz target from the files in ../fixtures: python3 seeds.py"""

import hashlib
import pathlib
import struct
import zlib

HERE = pathlib.Path(__file__).resolve().parent
LARGEST = 48 << 10
MESSAGES = {0x01: "dataspace", 0x03: "datatype", 0x08: "layout", 0x0B: "filter_pipeline"}
STRUCTURES = {
    b"OHDR": ["object_header"],
    b"FRHP": ["fractal_heap"],
    b"TREE": ["btree_v1"],
    b"BTHD": ["btree_v2"],
    b"FAHD": ["fixed_array"],
    b"EAHD": ["extensible_array"],
    b"GCOL": ["global_heap"],
}
# Rows, columns, chunk rows, chunk columns, most rows, element size, flags (1: filtered, 2: unlimited).
GRIDS = [
    (1000, 64, 10, 8, 1000, 4, 0),
    (1000, 64, 10, 8, 1000, 4, 1),
    (1000, 64, 10, 8, 1000, 4, 2),
    (1000, 64, 10, 8, 1000, 4, 3),
]


def save(target: str, data: bytes) -> None:
    folder = HERE / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / hashlib.sha1(data).hexdigest()[:16]).write_bytes(data)


def places(data: bytes, signature: bytes):
    at = data.find(signature)
    while at >= 0:
        yield at
        at = data.find(signature, at + 1)


def messages(data: bytes, at: int) -> None:
    flags = data[at + 5]
    width = 1 << (flags & 3)
    start = at + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
    end = start + width + int.from_bytes(data[start : start + width], "little")
    prefix = 6 if flags & 4 else 4
    start += width
    while start + prefix <= end:
        kind, size = data[start], int.from_bytes(data[start + 1 : start + 3], "little")
        start += prefix
        if kind in MESSAGES:
            save(MESSAGES[kind], data[start : start + size])
        start += size


def structures(data: bytes) -> None:
    heap = data.find(b"HEAP")
    for signature, targets in STRUCTURES.items():
        for at in list(places(data, signature))[:4]:
            if signature == b"OHDR":
                messages(data, at)
            numbers = GRIDS if signature in (b"FAHD", b"EAHD", b"BTHD") else [(0,) * 7]
            if signature == b"TREE":
                numbers = [(max(heap, 0),) + (0,) * 6, *GRIDS]
            if signature == b"GCOL":
                numbers = [(1, 2, 3, 4, 5, 6, 7)]
            if signature == b"FRHP":
                # Managed objects (type 0) of 20 bytes near the start of the heap.
                numbers = [tuple(offset << 8 | 20 << 40 for offset in range(22, 29))]
            for target in targets:
                for seven in numbers:
                    save(target, struct.pack("<8Q", at, *seven) + data)


def mappings(data: bytes) -> None:
    """The first object of each global heap collection, which is often the mappings of a virtual dataset."""
    for at in list(places(data, b"GCOL"))[:4]:
        size = int.from_bytes(data[at + 24 : at + 32], "little")
        if data[at + 32 : at + 33] in (b"\0", b"\1") and size < 4096:
            save("virtual_mappings", data[at + 32 : at + 32 + size])
        # What a region reference needs: an address, then a selection.
        if data[at + 40 : at + 44] in (b"\1\0\0\0", b"\2\0\0\0", b"\3\0\0\0") and size < 4096:
            save("references", bytes(18) + data[at + 32 : at + 32 + size])


def main() -> None:
    for path in sorted((HERE / "../fixtures").rglob("*")):
        if path.suffix not in (".h5", ".nc") or path.stat().st_size > LARGEST:
            continue
        data = path.read_bytes()
        save("scan", data)
        save("scan_split", struct.pack("<Q", len(data)) + data)
        structures(data)
        mappings(data)
    for size in (64, 640):
        raw = bytes(range(64)) * (size // 64)
        save("filters", bytes([0x2A, 0, size // 64]) + zlib.compress(raw))
        save("filters", bytes([0x29, 0, size // 64]) + raw)


main()
