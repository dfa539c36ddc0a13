"""The comparison finds what it is there to find: references made by hand, then spoilt."""

import base64
import copy
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

import exceptions
from compare import compare, types, unequal, values
from compare_decoded import NotComparable, decoded
from differential import open_references
from references import Difference, References

DATA = np.arange(12, dtype="<i4").reshape(3, 4)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.h5"
    with h5py.File(path, "w") as file:
        chunked = file.create_dataset("group/chunked", data=DATA, chunks=(2, 4))
        chunked.attrs["units"] = "m"
        chunked.attrs["factor"] = np.float32(0.1)
        file.create_dataset("contiguous", data=DATA)
    return path


def array_document(chunks: list[int]) -> dict:
    return {
        "zarr_format": 2,
        "shape": [3, 4],
        "chunks": chunks,
        "dtype": "<i4",
        "order": "C",
        "fill_value": None,
        "compressor": None,
        "filters": None,
    }


def right_references(source: Path) -> tuple[dict, dict]:
    """The references and the report that are right for the source."""
    with h5py.File(source) as file:
        infos = [file["group/chunked"].id.get_chunk_info(index) for index in range(2)]
        start = file["contiguous"].id.get_offset()
    refs = {
        ".zgroup": {"zarr_format": 2},
        "group/.zgroup": {"zarr_format": 2},
        "group/chunked/.zarray": array_document([2, 4]),
        "group/chunked/.zattrs": {
            "_ARRAY_DIMENSIONS": ["y", "x"],
            "units": "m",
            "factor": float(np.float32(0.1)),
        },
        "group/chunked/0.0": [str(source), infos[0].byte_offset, infos[0].size],
        "group/chunked/1.0": [str(source), infos[1].byte_offset, infos[1].size],
        "contiguous/.zarray": array_document([1, 4]),
        "contiguous/.zattrs": {"_ARRAY_DIMENSIONS": ["y", "x"]},
        **{f"contiguous/{row}.0": [str(source), start + 16 * row, 16] for row in range(3)},
    }
    report = {
        "datasets": [
            {"path": "/group/chunked", "outcome": "referenced", "reason": None},
            {"path": "/contiguous", "outcome": "referenced", "reason": None},
        ],
        "attributes_refused": [],
        "links": [],
    }
    return refs, report


def differences(source: Path, refs: dict, report: dict) -> list[Difference]:
    out = source.parent / "out.json"
    texts = {key: json.dumps(value) if isinstance(value, dict) else value for key, value in refs.items()}
    out.write_text(json.dumps({"version": 1, "refs": texts}))
    items = list(compare(source, References(out), report, open_references(out)))
    return [item for item in items if isinstance(item, Difference)]


def test_right_references_have_no_differences(source: Path) -> None:
    refs, report = right_references(source)
    assert differences(source, refs, report) == []


def shift(key):
    def change(refs, _):
        refs[key][1] += 4

    return change


def replace(key, field, value):
    def change(refs, _):
        refs[key][field] = value

    return change


def drop(key):
    def change(refs, _):
        del refs[key]

    return change


def refuse(refs, report):
    report["datasets"][0].update(outcome="refused", reason="no reason at all")


def forget(refs, report):
    del report["datasets"][1]


def inline_wrongly(refs, _):
    wrong = base64.b64encode(bytes(32)).decode()
    refs["group/chunked/0.0"] = f"base64:{wrong}"


def elsewhere(refs, _):
    refs["contiguous/0.0"][0] += ".other"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        pytest.param(shift("group/chunked/0.0"), "places", id="chunk offset"),
        pytest.param(shift("group/chunked/0.0"), "values", id="values behind it"),
        pytest.param(shift("contiguous/1.0"), "places", id="gap in a run"),
        pytest.param(drop("group/chunked/1.0"), "places", id="chunk left out"),
        pytest.param(drop("group/chunked/1.0"), "values", id="fill in its place"),
        pytest.param(inline_wrongly, "values", id="wrong inlined bytes"),
        pytest.param(elsewhere, "places", id="another file"),
        pytest.param(replace("group/chunked/.zarray", "dtype", ">i4"), "type", id="byte order"),
        pytest.param(replace("contiguous/.zarray", "shape", [2, 4]), "shape", id="shape"),
        pytest.param(replace("contiguous/.zarray", "fill_value", 0), "fill value", id="fill value"),
        pytest.param(replace("group/chunked/.zattrs", "units", "km"), "attributes", id="attribute"),
        pytest.param(replace("group/chunked/.zattrs", "factor", 0.1), "attributes", id="digits"),
        pytest.param(replace("group/chunked/.zattrs", "more", 1), "attributes", id="made up"),
        pytest.param(refuse, "names", id="refused and written"),
        pytest.param(forget, "names", id="not in the report"),
        pytest.param(drop("contiguous/.zarray"), "names", id="not written"),
    ],
)
def test_what_is_wrong_is_found(change, rule: str, source: Path) -> None:
    refs, report = copy.deepcopy(right_references(source))
    change(refs, report)
    assert rule in {difference.rule for difference in differences(source, refs, report)}


def test_bits_decide() -> None:
    zero = np.array([0.0])
    assert unequal(zero, np.array([-0.0]), None)
    quiet, other = np.array([0x7FF8 << 48, 0x7FF8 << 48 | 1], "u8").view("f8")
    assert unequal(np.array([quiet]), np.array([other]), None)
    assert unequal(np.array([quiet]), np.array([quiet]), None) is None
    assert unequal(zero.astype("f4"), zero, None)


def test_padding_of_strings() -> None:
    blanks = np.array([b"ab  "])
    assert unequal(np.array([b"ab"], "S4"), blanks, h5py.h5t.STR_SPACEPAD) is None
    assert unequal(np.array([b"ab"], "S4"), blanks, h5py.h5t.STR_NULLPAD)
    ended = np.array([b"ab\0c"])
    assert unequal(np.array([b"ab"], "S4"), ended, h5py.h5t.STR_NULLTERM) is None


def test_exceptions_cover_only_what_they_name() -> None:
    entry = exceptions.Exception_("corpus/a.h5", "values", "/x*", "a reason")
    assert entry.covers("corpus/a.h5", Difference("values", "/x1", ""))
    assert not entry.covers("corpus/a.h5", Difference("type", "/x1", ""))
    assert not entry.covers("corpus/b.h5", Difference("values", "/x1", ""))
    assert not entry.covers("corpus/a.h5", Difference("values", "/y", ""))


def lzf(path: Path, data: np.ndarray) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=data, chunks=(2, 4), compression="lzf")
    return path


@pytest.mark.parametrize(
    ("other", "rules"),
    [
        (DATA, []),
        (DATA + (DATA == 11), ["values"]),
        (DATA.astype("<u4"), ["type"]),
        (DATA[:2], ["shape", "values"]),
    ],
    ids=["the same", "a value", "a type", "a shape"],
)
def test_decoded_datasets_are_compared(other: np.ndarray, rules: list[str], tmp_path: Path) -> None:
    one, other_path = lzf(tmp_path / "one.h5", DATA), lzf(tmp_path / "other.h5", other)
    with h5py.File(other_path) as file:
        found = list(decoded(one, "/data", file["data"], [types, values]))
    assert [difference.rule for difference in found] == rules


def test_a_filter_that_h5py_lacks_is_not_comparable(tmp_path: Path) -> None:
    path = tmp_path / "unknown.h5"
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((2,))
    plist.set_filter(305, h5py.h5z.FLAG_OPTIONAL, ())
    with h5py.File(path, "w") as file:
        space = h5py.h5s.create_simple((4,))
        h5py.h5d.create(file.id, b"data", h5py.h5t.STD_I32LE, space, dcpl=plist)
    with h5py.File(path) as file:
        found = list(decoded(path, "/data", file["data"], [types, values]))
    assert found == [NotComparable("h5py has no plugin for filter 305")]
