"""Makes a seed corpus for each fuzz target from the files in ../fixtures: python3 seeds.py"""

import gzip
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
MESSAGES = {
    0x01: "dataspace",
    0x02: "info_messages",
    0x03: "datatype",
    0x05: "fill_value",
    0x06: "link",
    0x08: "layout",
    0x0B: "filter_pipeline",
    0x0C: "attribute",
    0x0F: "info_messages",
    0x15: "info_messages",
    0x17: "info_messages",
    0x18: "info_messages",
}
STRUCTURES = {
    b"OHDR": ["object_header"],
    b"FRHP": ["fractal_heap", "dense_links", "dense_attributes"],
    b"TREE": ["btree_v1", "symbol_table"],
    b"BTHD": ["btree_v2"],
    b"FAHD": ["fixed_array"],
    b"EAHD": ["extensible_array"],
    b"GCOL": ["global_heap"],
    b"MDCI": ["cache_image"],
    b"SMTB": ["shared_messages"],
    b"HEAP": ["local_heap"],
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
            if signature == b"MDCI":
                numbers = [(int.from_bytes(data[at + 6 : at + 14], "little"),) + (0,) * 6]
            if signature == b"SMTB":
                # Message ids of 20 bytes near the start of the heap.
                numbers = [(count, *(22 << 8 | 20 << 40,) * 6) for count in (1, 5)]
            for target in targets:
                if target.startswith("dense"):
                    # The nearest index after the heap, or before it.
                    indexes = [*places(data, b"BTHD")] or [0]
                    numbers = [(min(indexes, key=lambda index: abs(index - at)),) + (0,) * 6]
                for seven in numbers:
                    save(target, struct.pack("<8Q", at, *seven) + data)


FILTERS = {
    1: "deflate", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset", 305: "lzo", 307: "bzip2",
    32000: "lzf", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32015: "zstd", 32026: "blosc2",
}  # fmt: skip
MOST_SEEDS = 150


def chunks():
    """Chunks of one filter from the tests of crates/filters: number, parameters, decoded size, stored bytes."""
    tests = HERE / "../crates/filters/tests"
    for line in (tests / "own_chunks.txt").read_text().splitlines():
        number, parameters, plain, stored = line.split(" ")
        yield int(number), [int(one) for one in parameters.split(",")], len(plain) // 2, bytes.fromhex(stored)
    for line in (tests / "chunks.txt").read_text().splitlines():
        names, size, _, plain, stored = line.split(" ")
        for number in (1, 2, 3):
            if names == FILTERS[number]:
                yield number, [int(size)], len(plain) // 2, bytes.fromhex(stored)
    rest = (tests / "registered.bin").read_bytes() + (tests / "lzo.bin").read_bytes()
    while rest:
        name, _, rest = rest.partition(b"\n")
        filters, _, _, size, count, stored = name.decode().split(" ")
        number, parameters = filters.split(";")[-1].split(":")
        parameters = [int(one) for one in parameters.split(",") if one]
        yield int(number), parameters, int(size) * int(count), rest[: int(stored)]
        rest = rest[int(stored) :]


def filters() -> None:
    seeds = {number: [] for number in FILTERS}
    for number, parameters, size, stored in chunks():
        head = struct.pack(f"<B{len(parameters)}I", len(parameters), *parameters)
        seeds[number].append(head + struct.pack("<I", size)[:3] + stored)
    for number, all_seeds in seeds.items():
        all_seeds.sort(key=len)
        step = max(1, len(all_seeds) // MOST_SEEDS)
        for seed in all_seeds[::step]:
            if len(seed) <= LARGEST:
                save(f"filter_{FILTERS[number]}", seed)


def mappings(data: bytes) -> None:
    """The first object of each global heap collection, which is often the mappings of a virtual dataset."""
    for at in list(places(data, b"GCOL"))[:4]:
        size = int.from_bytes(data[at + 24 : at + 32], "little")
        if data[at + 32 : at + 33] in (b"\0", b"\1") and size < 4096:
            save("virtual_mappings", data[at + 32 : at + 32 + size])
        # What a region reference needs: an address, then a selection.
        if data[at + 40 : at + 44] in (b"\1\0\0\0", b"\2\0\0\0", b"\3\0\0\0") and size < 4096:
            save("references", bytes(18) + data[at + 32 : at + 32 + size])


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
    every = HERE / "../crates/manifest/tests/extras/every_layout.json"
    save("extras", in_full(every.read_bytes()))
    whole = {"version": 1, "templates": templates, "gen": [gen], "refs": refs}
    save("kerchunk_json", json.dumps(whole).encode())
    for piece, text in ((7, json.dumps(refs)), (200, json.dumps(whole))):
        for encode in (bytes, gzip.compress):
            save("kerchunk_json_split", bytes([piece]) + encode(text.encode()))
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
            extras = pathlib.Path(folder, "set.parquet/.chunkref/extras.json")
            if extras.is_file() and extras.stat().st_size <= LARGEST:
                save("extras", in_full(extras.read_bytes()))
            for record in sorted(pathlib.Path(folder).rglob("*.parq")):
                # The set of one array: the others would only be in the way.
                metadata = record.parents[len(record.relative_to(folder).parts) - 2] / ".zmetadata"
                parts = record.relative_to(metadata.parent).parent.as_posix()
                document = json.loads(metadata.read_text())["metadata"][f"{parts}/.zarray"]
                one = {"metadata": {"a/.zarray": document}, "record_size": 100_000}
                one = json.dumps(one).encode()
                save("kerchunk_parquet", struct.pack("<I", len(one)) + one + record.read_bytes())


def in_full(extras: bytes) -> bytes:
    """With all arrays that need no references as if there were none."""
    document = json.loads(extras)
    for array in document.get("arrays", {}).values():
        kind, layout = array["layout"]["kind"], array["layout"]
        if "chunks" in layout or "data" in layout or kind in ("contiguous", "absent"):
            array["full"] = True
    return json.dumps(document).encode()


def main() -> None:
    filters()
    reference_sets()
    for path in sorted((HERE / "../fixtures").rglob("*")):
        if path.suffix not in (".h5", ".nc") or path.stat().st_size > LARGEST:
            continue
        data = path.read_bytes()
        save("scan", data)
        save("superblock", data[:2048])
        save("scan_split", struct.pack("<Q", len(data)) + data)
        structures(data)
        mappings(data)
    for size in (64, 640):
        raw = bytes(range(64)) * (size // 64)
        save("filters", bytes([0x2A, 0, size // 64]) + zlib.compress(raw))
        save("filters", bytes([0x29, 0, size // 64]) + raw)


main()
