"""Reference sets that say what can't be, or far more than they are worth: an error that names the array or
key, within seconds and bounded memory, and never a crash."""

import json
import resource
from pathlib import Path

import pytest

from chunkref_cli import chunkref

TIMEOUT_S = 60
# Address space, in bytes.
MEMORY_BYTES = 3 * 1024**3
WORDS_OF_A_PANIC = ("panicked", "RUST_BACKTRACE", "overflow its stack", "memory allocation of")


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def run(command: str, path: Path, *more: str):
    done = chunkref(command, path, *more, timeout_s=TIMEOUT_S, preexec_fn=limited)
    assert done.returncode in (0, 1, 2, 3), f"exit {done.returncode}: {done.stderr}"
    assert not [word for word in WORDS_OF_A_PANIC if word in done.stderr], done.stderr
    return done


def written(folder: Path, refs: dict, arrays: dict | None = None, **top) -> Path:
    document = {"version": 1, **top}
    if arrays is not None:
        document["chunkref"] = {"version": 1, "locations": [{"url": "data.bin"}], "arrays": arrays}
    document["refs"] = {".zgroup": '{"zarr_format":2}', **refs}
    path = folder / "set.json"
    path.write_text(json.dumps(document))
    (folder / "data.bin").write_bytes(bytes(200))
    return path


def zarray(shape: list, chunks: list, dtype: str, fill=None) -> str:
    return json.dumps(
        {
            "zarr_format": 2, "shape": shape, "chunks": chunks, "dtype": dtype, "order": "C",
            "compressor": None, "filters": None, "fill_value": fill,
        }
    )


def virtual(source: dict, shape: list, loops: list) -> dict:
    mapping = {
        "source": 0,
        "start": [0] * len(shape),
        "source_start": [0] * len(source["shape"]),
        "loops": loops,
    }
    layout = {"kind": "virtual", "chunk_shape": shape, "sources": [source], "mappings": [mapping]}
    return {
        "full": True, "shape": shape, "type": "|u1", "dimension_names": ["x"] * len(shape), "layout": layout,
    }


def loop(length: int, array: int = 1, source: int = 1) -> dict:
    return {"length": length, "array": {"axis": 0, "length": array}, "source": {"axis": 0, "length": source}}


EXTERNAL = {
    "shape": [2**41], "type": "|u1", "dimension_names": ["s"],
    "layout": {"kind": "external", "chunk_shape": [2**40], "segments": [{"length": 2**41}]},
}
INLINE = {
    "shape": [10], "type": "|u1", "dimension_names": ["s"],
    "layout": {"kind": "inline", "data": "AAECAwQFBgcICQ=="},
}
RUN = {
    "full": True, "shape": [2**60], "type": "|u1", "dimension_names": ["x"],
    "layout": {
        "kind": "contiguous", "location": 0, "offset": 0, "length": 2**60, "chunk_shape": [1],
    },
}


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        pytest.param(virtual(INLINE, [10], [loop(1)] * 20_000), "20000 loops", id="loops"),
        pytest.param(virtual(INLINE, [10], [loop(2**60)]), "elements, of an array of 10", id="elements"),
        pytest.param(virtual(EXTERNAL, [10], [loop(10)]), "to put together", id="chunk of 1 TiB"),
        pytest.param(RUN, "more than 16777216 chunks", id="2^60 chunks"),
    ],
)
def test_arrays_that_can_not_be_are_errors(array, reason, tmp_path):
    path = written(tmp_path, {}, {"/a": array})
    for command, *more in (("read", "a", "-o", str(tmp_path / "a.npy")), ("inspect",)):
        done = run(command, path, *more)
        if command == "read" or "to put together" not in reason:
            assert done.returncode == 1 and reason in done.stderr, done.stderr


def test_attributes_nested_beyond_measure_are_errors(tmp_path):
    attribute = {"type": "<i4", "shape": [1] * 20_000, "values": [1]}
    array = {**INLINE, "full": True, "attributes": {"q": attribute}}
    path = written(tmp_path, {}, {"/a": array})
    done = run("convert", path, "-o", str(tmp_path / "out.json"))
    assert done.returncode == 1 and "20000 axes" in done.stderr, done.stderr


def test_elements_take_no_memory_before_they_are_read(tmp_path):
    large = {f"a{number}/.zarray": zarray([0], [1], "|V60000000", 0) for number in range(100)}
    done = run("inspect", written(tmp_path, large))
    assert done.returncode == 0, done.stderr
    done = run("inspect", written(tmp_path, {"a/.zarray": zarray([0], [1], "|V2000000000", 0)}))
    assert "elements of 2000000000 bytes" in done.stdout + done.stderr


def test_signs_at_the_braces_of_templates_are_no_signs(tmp_path):
    generated = [{"key": "a/{{i}}", "url": "n{{-i}}", "dimensions": {"i": [1]}}]
    refs = {"a/.zarray": zarray([2], [1], "|u1")}
    done = run("inspect", written(tmp_path, refs, gen=generated))
    assert done.returncode == 1 and "control of white space" in done.stderr, done.stderr


def test_templates_and_dimensions_are_charged_for_what_they_read(tmp_path):
    called = {"u": "x", "f": "{{" + " " * 120_000 + "'x'}}"}
    refs = {"a/.zarray": zarray([100_000], [1], "|u1")}
    refs |= {f"a/{number}": ["{{f()}}", 0, 1] for number in range(10_000)}
    done = run("inspect", written(tmp_path, refs, templates=called))
    assert done.returncode == 1 and "more than the set's size justifies" in done.stderr, done.stderr
    long = [{"key": "a/0", "url": "u", "dimensions": {"t": ["y" * 2**20], "i": {"stop": 1_000_000}}}]
    done = run("inspect", written(tmp_path, {"a/.zarray": zarray([1], [1], "|u1")}, gen=long))
    assert done.returncode == 1 and "more than the set's size justifies" in done.stderr, done.stderr
