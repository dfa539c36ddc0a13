"""Makes a seed corpus for each fuzz target from the files in ../fixtures: python3 seeds.py"""

import hashlib
import json
import os
import pathlib
import struct
import subprocess
import tempfile
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


def reference_sets() -> None:
    """What chunkref writes of the fixtures, if `CHUNKREF_BIN` names the command, and by hand."""
    zarray = {
        "zarr_format": 2, "shape": [3], "chunks": [1], "dtype": "<f4", "order": "C",
        "compressor": None, "filters": [{"id": "shuffle", "elementsize": 4}], "fill_value": "NaN",
    }
    refs = {
        "a/.zarray": json.dumps(zarray), "a/0": ["{{u}}"], "a/1": "base64:AAAA",
        ".zattrs": {"x": [1, None, {"y": 1.5}]},
    }
    gen = {
        "key": "a/{{i+2}}", "url": "{{f(c='x')}}", "offset": "{{i*(2-1)//3%4}}", "length": "5",
        "dimensions": {"i": {"stop": 1}},
    }
    templates = {"u": "s3://b/k", "f": "{{c}}"}
    save("kerchunk_json", json.dumps(refs).encode())
    whole = {"version": 1, "templates": templates, "gen": [gen], "refs": refs}
    save("kerchunk_json", json.dumps(whole).encode())
    command = os.environ.get("CHUNKREF_BIN")
    if command is None:
        return
    for path in sorted((HERE / "../fixtures/granules").iterdir()):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("set.json", "set.parquet"):
                subprocess.run([command, "scan", path, "-o", f"{folder}/{name}"], capture_output=True)
            whole = pathlib.Path(folder, "set.json")
            if whole.is_file() and whole.stat().st_size <= LARGEST:
                save("kerchunk_json", whole.read_bytes())
            for record in sorted(pathlib.Path(folder).rglob("*.parq")):
                # The set of one array: the others would only be in the way.
                metadata = record.parents[len(record.relative_to(folder).parts) - 2] / ".zmetadata"
                parts = record.relative_to(metadata.parent).parent.as_posix()
                document = json.loads(metadata.read_text())["metadata"][f"{parts}/.zarray"]
                one = {"metadata": {"a/.zarray": document}, "record_size": 100_000}
                one = json.dumps(one).encode()
                save("kerchunk_parquet", struct.pack("<I", len(one)) + one + record.read_bytes())


def main() -> None:
    reference_sets()
    for path in sorted((HERE / "../fixtures").rglob("*")):
        if path.suffix not in (".h5", ".nc") or path.stat().st_size > LARGEST:
            continue
        data = path.read_bytes()
        save("scan", data)
        save("scan_split", struct.pack("<Q", len(data)) + data)
        structures(data)
    for size in (64, 640):
        raw = bytes(range(64)) * (size // 64)
        save("filters", bytes([0x2A, 0, size // 64]) + zlib.compress(raw))
        save("filters", bytes([0x29, 0, size // 64]) + raw)


main()
