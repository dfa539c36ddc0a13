"""Data in other files: whom a file may name, what is not there, and what a hostile file makes of it."""

import base64
import json
import resource
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from chunkref_cli import chunkref
from compare_elsewhere import is_elsewhere
from conftest import CORPUS, FIXTURES, name_of, opens
from differential import open_references

LONGEST_S = 20


def scan(source: Path, *options: str) -> dict[str, dict]:
    """The rows of the report by path, and its warnings under an empty one."""
    out = source.parent / "out.json"
    report = source.parent / "report.json"
    started = time.monotonic()
    run = chunkref("scan", source, "-o", out, "--report", report, "--inline-threshold", "0", *options)
    assert run.returncode == 0, run.stderr
    assert time.monotonic() - started < LONGEST_S
    document = json.loads(report.read_text())
    return {row["path"]: row for row in document["datasets"]} | {"": document["warnings"]}


def read(source: Path, array: str, *options: str) -> np.ndarray:
    out = source.parent / "out.npy"
    run = chunkref("read", source, array, "-o", out, *options)
    assert run.returncode == 0, run.stderr
    return np.load(out)


def mapped(path: Path, name: str, source: str, dataset: str, shape=(4,), kind="<i4") -> None:
    layout = h5py.VirtualLayout(shape, kind)
    layout[...] = h5py.VirtualSource(source, dataset, shape)
    with h5py.File(path, "a", libver="latest") as f:
        f.create_virtual_dataset(name, layout, fillvalue=7)


def numbers(path: Path, count: int = 4) -> None:
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as f:
        f["x"] = np.arange(count, dtype="<i4")


# --- whom a file may name --------------------------------------------------------------------


def test_a_file_outside_the_folder_needs_trust(tmp_path: Path) -> None:
    numbers(tmp_path / "other" / "source.h5")
    (tmp_path / "here").mkdir()
    granule = tmp_path / "here" / "granule.h5"
    outside = tmp_path / "other" / "source.h5"
    mapped(granule, "relative", "../other/source.h5", "x")
    mapped(granule, "absolute", str(outside), "x")
    with h5py.File(granule, "a") as f:
        f.create_dataset("raw", (4,), "<i4", external=[("../other/source.h5", 0, 16)])
    rows = scan(granule)
    for name in ("/relative", "/absolute", "/raw"):
        assert rows[name]["outcome"] == "refused", rows[name]
        assert "not trusted" in rows[name]["reason"]
    # By its last part an absolute name is looked for beside the granule.
    numbers(granule.with_name("source.h5"), 4)
    assert read(granule, "absolute").tolist() == [0, 1, 2, 3]
    rows = scan(granule, "--trust", str(tmp_path / "other"))
    assert {row["outcome"] for path, row in rows.items() if path} == {"referenced"}
    trust = "--trust", str(tmp_path / "other")
    assert read(granule, "relative", *trust).tolist() == [0, 1, 2, 3]
    assert read(granule, "absolute", *trust).tolist() == [0, 1, 2, 3]
    assert read(granule, "raw", *trust).tobytes() == outside.read_bytes()[:16]


def test_files_below_the_folder_are_found_as_libhdf5_finds_them(tmp_path: Path) -> None:
    numbers(tmp_path / "below" / "source.h5")
    granule = tmp_path / "granule.h5"
    for name in ("below/source.h5", "./below/source.h5", "below/../below/source.h5"):
        mapped(granule, name.replace("/", "_"), name, "x")
    with h5py.File(granule) as f:
        for name in f:
            assert f[name][...].tolist() == [0, 1, 2, 3]
            assert read(granule, name).tolist() == [0, 1, 2, 3]


# --- what is not there -----------------------------------------------------------------------


def test_only_what_is_not_there_is_fill(tmp_path: Path) -> None:
    granule = tmp_path / "granule.h5"
    numbers(tmp_path / "source.h5")
    (tmp_path / "not_hdf5.h5").write_bytes(b"not HDF5" * 100)
    (tmp_path / "folder.h5").mkdir()
    whole = (tmp_path / "source.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[: len(whole) // 2])
    with h5py.File(tmp_path / "source.h5", "a") as f:
        f["out"] = h5py.ExternalLink("nowhere.h5", "x")
        f["dangling"] = h5py.SoftLink("/nowhere")
    mapped(granule, "no_file", "nowhere.h5", "x")
    mapped(granule, "no_dataset", "source.h5", "nowhere")
    for name, source, dataset in [
        ("not_hdf5", "not_hdf5.h5", "x"),
        ("folder", "folder.h5", "x"),
        ("cut", "cut.h5", "x"),
        ("group", "source.h5", "/"),
        ("through", "source.h5", "x/y"),
        ("no_group", "source.h5", "nowhere/x"),
        ("link", "source.h5", "out"),
    ]:
        mapped(granule, name, source, dataset)
    rows = scan(granule)
    for name in ("no_file", "no_dataset"):
        assert read(granule, name).tolist() == [7] * 4
        assert any(name in warning and "not there" in warning for warning in rows[""])
    for path, row in rows.items():
        if path and not path.startswith("/no_file") and path != "/no_dataset":
            assert row["outcome"] == "refused", row
            assert ".h5" in row["reason"], row


def test_external_data_is_there_or_refused(tmp_path: Path) -> None:
    granule = tmp_path / "granule.h5"
    (tmp_path / "folder.raw").mkdir()
    (tmp_path / "short.raw").write_bytes(b"\1\0\0\0")
    with h5py.File(granule, "w") as f:
        for name in ("folder", "nowhere", "short"):
            f.create_dataset(name, (2,), "<i4", external=[(f"{name}.raw", 0, 8)])
    rows = scan(granule)
    for name in ("folder", "nowhere"):
        assert rows[f"/{name}"]["outcome"] == "refused"
        assert f"{name}.raw" in rows[f"/{name}"]["reason"]
    assert any("short.raw" in warning for warning in rows[""])
    assert read(granule, "short").tolist() == [1, 0]


# --- elements that are not as they are stored --------------------------------------------------


def three_bytes(order: h5py.h5t.TypeID) -> h5py.h5t.TypeID:
    kind = order.copy()
    kind.set_precision(24)
    kind.set_size(3)
    return kind


def test_converted_numbers_in_external_data_files(tmp_path: Path) -> None:
    """One run, chunks in several files, files that end within an element, and too few bytes."""
    granule = tmp_path / "granule.h5"
    t = h5py.h5t
    rng = np.random.default_rng(5)
    data = rng.bytes(3 * 1200)
    kinds = {"le": three_bytes(t.STD_I32LE), "be": three_bytes(t.STD_U32BE)}
    cuts = {"one": [3600], "rows": [1800, 1800], "within": [100, 3500], "short": [3000, 600]}
    with h5py.File(granule, "w") as f:
        for layout, lengths in cuts.items():
            start = 0
            for number, length in enumerate(lengths):
                held = length - 50 if layout == "short" and number else length
                (tmp_path / f"{layout}{number}.raw").write_bytes(data[start : start + held])
                start += length
            for order, kind in kinds.items():
                dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
                for number, length in enumerate(lengths):
                    dcpl.set_external(f"{layout}{number}.raw".encode(), 0, length)
                h5py.h5d.create(f.id, f"{layout}_{order}".encode(), kind, h5py.h5s.create_simple((20, 60)), dcpl)
    rows = scan(granule)
    outcome = {"one": "decoded", "rows": "decoded", "within": "inlined", "short": "inlined"}
    for layout in cuts:
        for order, into in [("le", t.STD_I32LE), ("be", t.STD_U32BE)]:
            name = f"{layout}_{order}"
            assert rows[f"/{name}"]["outcome"] == outcome[layout], rows[f"/{name}"]
            with h5py.File(granule) as f:
                expected = np.empty((20, 60), into.dtype)
                f[name].id.read(h5py.h5s.ALL, h5py.h5s.ALL, expected, mtype=into)
            found = read(granule, name)
            assert (found == expected).all() and found.dtype.itemsize == 4


def test_elements_of_variable_length_through_virtual_datasets(tmp_path: Path) -> None:
    """As the sources have them; nothing where no source is."""
    pair = np.dtype([("a", "<i2"), ("text", h5py.string_dtype())])
    kinds = {
        "sequences": h5py.vlen_dtype("<i4"),
        "reals": h5py.vlen_dtype("<f8"),
        "pairs": pair,
        "texts": h5py.string_dtype(),
    }
    with h5py.File(tmp_path / "source.h5", "w") as f:
        for name, kind in kinds.items():
            f.create_dataset(name, (3,), kind)
        f["sequences"][0] = np.arange(4)
        f["sequences"][2] = np.array([-7])
        f["reals"][1] = np.array([0.5, np.pi])
        f["pairs"][:] = np.array([(1, "one"), (2, ""), (-3, "three")], pair)
        f["texts"][:] = ["x", "", "yz"]
        arrays = f.create_dataset("arrays", (3,), np.dtype((h5py.string_dtype(), (2,))))
        arrays[:] = np.array([["a", "b"], ["c", ""], ["e", "f"]], h5py.string_dtype())
        f.create_dataset("references", (3,), h5py.ref_dtype)[0] = f["texts"].ref
    granule = tmp_path / "granule.h5"
    with h5py.File(granule, "w", libver="latest") as f, h5py.File(tmp_path / "source.h5") as source:
        for name in source:
            dcpl = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            space = h5py.h5s.create_simple((5,))
            space.select_hyperslab((1,), (3,))
            dcpl.set_virtual(space, b"source.h5", name.encode(), h5py.h5s.create_simple((3,)))
            kind = source[name].id.get_type()
            h5py.h5d.create(f.id, name.encode(), kind, h5py.h5s.create_simple((5,)), dcpl)
    rows = scan(granule)
    assert rows["/references"]["outcome"] == "refused"
    assert "references through a virtual dataset" in rows["/references"]["reason"]
    group = open_references(tmp_path / "out.json")
    with h5py.File(granule) as f:
        for name in kinds:
            assert rows[f"/{name}"]["outcome"] == "inlined", rows[f"/{name}"]
            # That h5py reads of the virtual dataset what the source has.
            own = [str(one) for one in f[name][1:4]]
            with h5py.File(tmp_path / "source.h5") as source:
                assert own == [str(one) for one in source[name][:]]
        for name in ("sequences", "reals"):
            dtype = group[name].attrs["_SEQUENCE_DTYPE"]
            for stored, expected in zip(group[name][:], f[name][:], strict=True):
                assert np.frombuffer(stored, dtype).tolist() == list(expected)
        assert group["texts"][:].tolist() == f["texts"].asstr()[:].tolist()
        found = [json.loads(text) for text in group["pairs"][:]]
        assert found == [{"a": int(a), "text": text.decode()} for a, text in f["pairs"][:]]
        assert rows["/arrays"]["outcome"] == "inlined"
        expected = [[text.decode() for text in row] for row in f["arrays"][:]]
        assert group["arrays"][:].tolist() == expected
        assert expected == [["", ""], ["a", "b"], ["c", ""], ["e", "f"], ["", ""]]


# --- hostile files ---------------------------------------------------------------------------


def test_cycles_are_refused(tmp_path: Path) -> None:
    mapped(tmp_path / "a.h5", "x", "b.h5", "x")
    mapped(tmp_path / "b.h5", "x", "a.h5", "x")
    mapped(tmp_path / "own.h5", "x", ".", "x")
    mapped(tmp_path / "own.h5", "y", "own.h5", "y")
    for name in ("a", "b", "own"):
        for path, row in scan(tmp_path / f"{name}.h5").items():
            if path:
                assert row["outcome"] == "refused", row
                assert "source of itself" in row["reason"], row


def test_nesting_is_bounded(tmp_path: Path) -> None:
    numbers(tmp_path / "level_0.h5")
    for level in range(1, 13):
        mapped(tmp_path / f"level_{level}.h5", "x", f"level_{level - 1}.h5", "x")
    assert scan(tmp_path / "level_5.h5")["/x"]["outcome"] == "referenced"
    assert read(tmp_path / "level_5.h5", "x").tolist() == [0, 1, 2, 3]
    row = scan(tmp_path / "level_12.h5")["/x"]
    assert row["outcome"] == "refused" and "nested deeper" in row["reason"], row


def test_many_ways_to_one_source_are_bounded(tmp_path: Path) -> None:
    """Levels of files, each of which names all of the level below: 16^5 ways to the last one."""
    width = 16
    for number in range(width):
        numbers(tmp_path / f"0_{number}.h5")
    for level in range(1, 6):
        # Of another type than the level below, so that its chunks can't be taken over.
        layout = h5py.VirtualLayout((4 * width,), ("<i4", "<i8")[level % 2])
        for other in range(width):
            source = h5py.VirtualSource(f"{level - 1}_{other}.h5", "x", (4 if level == 1 else 4 * width,))
            layout[4 * other : 4 * other + 4] = source[:4]
        for number in range(width):
            with h5py.File(tmp_path / f"{level}_{number}.h5", "w", libver="latest") as f:
                f.create_virtual_dataset("x", layout)
    assert scan(tmp_path / "3_0.h5")["/x"]["outcome"] == "decoded"
    assert read(tmp_path / "3_0.h5", "x").tolist() == [0, 1, 2, 3] * width
    row = scan(tmp_path / "5_0.h5")["/x"]
    assert row["outcome"] == "refused" and "too many" in row["reason"], row


def test_absurd_selections_are_bounded(tmp_path: Path) -> None:
    huge = 1 << 60
    with h5py.File(tmp_path / "source.h5", "w", libver="latest") as f:
        f.create_dataset("x", (huge,), "i1", chunks=(1 << 20,))
        f.create_dataset("y", (1 << 20, 1 << 20), "i1", chunks=(1 << 10, 1 << 10))
    granule = tmp_path / "granule.h5"
    layout = h5py.VirtualLayout((huge,), "i1")
    layout[1 : huge - 1 : 2] = h5py.VirtualSource("source.h5", "x", (huge,))[: huge // 2 - 1]
    rows = h5py.VirtualLayout((1 << 20, 1 << 20), "i1")
    # Lengths without common parts: there is no regular way to pair them.
    rows[: (1 << 19) + 1, : 1 << 19] = h5py.VirtualSource("source.h5", "y", (1 << 20, 1 << 20))[
        : 1 << 19, : (1 << 19) + 1
    ]
    with h5py.File(granule, "w", libver="latest") as f:
        f.create_virtual_dataset("strided", layout, fillvalue=1)
        f.create_virtual_dataset("unlike", rows)
    found = scan(granule)
    assert found["/strided"]["outcome"] == "decoded"
    assert found["/unlike"]["outcome"] == "refused" and "parts" in found["/unlike"]["reason"]
    run = chunkref("read", granule, "strided", "-o", tmp_path / "out.npy")
    assert run.returncode != 0 and "limit" in run.stderr


def test_more_sources_than_files_can_be_open(tmp_path: Path) -> None:
    count = 300
    layout = h5py.VirtualLayout((count, 4), "<i4")
    for number in range(count):
        numbers(tmp_path / f"{number}.h5")
        layout[number] = h5py.VirtualSource(f"{number}.h5", "x", (4,))
    granule = tmp_path / "granule.h5"
    with h5py.File(granule, "w", libver="latest") as f:
        f.create_virtual_dataset("x", layout)

    def few_handles() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))

    out = tmp_path / "out.json"
    run = chunkref("scan", granule, "-o", out, "--inline-threshold", "0", preexec_fn=few_handles)
    assert run.returncode == 0 and not run.stderr, run.stderr
    assert len(json.loads(out.read_text())["refs"]) > count


def test_numbered_sources_end_with_the_first_that_is_not_there(tmp_path: Path) -> None:
    granule = tmp_path / "granule.h5"
    for number in (0, 1, 3):
        numbers(tmp_path / f"part_{number}.h5")
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.VIRTUAL)
    space = h5py.h5s.create_simple((4,), (h5py.h5s.UNLIMITED,))
    here = space.copy()
    here.select_hyperslab((0,), (h5py.h5s.UNLIMITED,), (4,), (4,))
    plist.set_virtual(here, b"part_%b.h5", b"x", h5py.h5s.create_simple((4,)))
    with h5py.File(granule, "w", libver="latest") as f:
        h5py.h5d.create(f.id, b"x", h5py.h5t.STD_I32LE, space, dcpl=plist)
    assert read(granule, "x").tolist() == [0, 1, 2, 3] * 2
    # One that is there and can't be read is no end.
    (tmp_path / "part_2.h5").write_bytes(b"not HDF5")
    row = scan(granule)["/x"]
    assert row["outcome"] == "refused" and "part_2.h5" in row["reason"]


@pytest.mark.parametrize("libver", ["latest", ("v110", "v110")])
def test_a_narrow_scan_reads_the_sources_it_needs(tmp_path: Path, libver) -> None:
    numbers(tmp_path / "source.h5")
    granule = tmp_path / "granule.h5"
    mapped(granule, "wanted", "source.h5", "x")
    mapped(granule, "other", "not_there.h5", "x")
    rows = scan(granule, "--variable", "wanted")
    assert list(rows) == ["/wanted", ""] and not rows[""]
    run = chunkref("scan", granule, "-o", tmp_path / "out.json", "--stats")
    assert run.returncode == 0 and "requests" in run.stderr


# --- compact data ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 499, 500, 501, 4096, 64_000, 65_500])
@pytest.mark.parametrize("kind", ["u1", "<i4", ">f8", "S5", "<i2,<f4"])
def test_compact_data_of_any_size_is_inlined(tmp_path: Path, size: int, kind: str) -> None:
    granule = tmp_path / "granule.h5"
    dtype = np.dtype(kind)
    data = np.frombuffer(bytes(n % 95 + 32 for n in range(size * dtype.itemsize)), dtype)
    data = data[: max(1, size // dtype.itemsize)]
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    with h5py.File(granule, "w", libver="latest") as f:
        space = h5py.h5s.create_simple(data.shape)
        h5py.Dataset(h5py.h5d.create(f.id, b"x", h5py.h5t.py_create(dtype), space, plist))[...] = data
    assert scan(granule)["/x"]["outcome"] == "inlined"
    assert read(granule, "x").tobytes() == data.tobytes()
    refs = json.loads((tmp_path / "out.json").read_text())["refs"]
    assert base64.b64decode(refs["x/0"].removeprefix("base64:")) == data.tobytes()


# --- the fixtures and the corpus -------------------------------------------------------------


def files() -> list[Path]:
    fixtures = sorted((FIXTURES / "granules").glob("*.h5"))
    found = [path for path in fixtures if path.name.startswith(("external", "virtual"))]
    return found + sorted((CORPUS / "hdf5" / "multifile").glob("*/*.h5"))


@pytest.mark.parametrize("source", files(), ids=name_of)
def test_narrow_reads_are_what_h5py_reads(source: Path, tmp_path: Path) -> None:
    if not opens(source):
        return
    report = tmp_path / "report.json"
    run = chunkref("scan", source, "-o", tmp_path / "out.json", "--report", report)
    assert run.returncode == 0, run.stderr
    with h5py.File(source) as f:
        for row in json.loads(report.read_text())["datasets"]:
            if row["outcome"] not in ("referenced", "inlined", "decoded"):
                continue
            dataset = f[row["path"]]
            # Text of any length is no NumPy file; it is compared through references.
            if not is_elsewhere(dataset) or dataset.dtype.kind == "O":
                continue
            out = tmp_path / "out.npy"
            run = chunkref("read", source, row["path"], "-o", out)
            assert run.returncode == 0, run.stderr
            found = np.load(out)
            wanted = dataset[...]
            assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype), row
            assert found.tobytes() == wanted.tobytes(), row
