"""What is not a whole HDF5 file: one clear line, an exit code, and no output touched."""

import resource
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from chunkref_cli import binary, chunkref
from conftest import CORPUS, FIXTURES, LONG

TIMEOUT_S = 20
# Address space, in bytes: a bound for the process and what its threads reserve, far under what
# an allocation by a size from the file would take.
MEMORY_BYTES = 2 * 1024**3
FAILURE, USAGE = 1, 2
WORDS_OF_A_PANIC = ("panicked", "RUST_BACKTRACE", "overflow its stack", "memory allocation of")

GRANULE = FIXTURES / "granules" / "atl03_like.h5"
LATEST = FIXTURES / "granules" / "layouts_latest.h5"
LOGIN_PAGE = b"""<!DOCTYPE html>
<html><head><title>Earthdata Login</title></head>
<body><form action="/login"><input name="username"></form></body></html>
"""


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def scan(source: Path | str, out: Path, *more: str) -> subprocess.CompletedProcess:
    return chunkref(
        "scan", source, "-o", out, *more, timeout_s=TIMEOUT_S, preexec_fn=limited
    )


def assert_no_crash(run: subprocess.CompletedProcess) -> None:
    """Not ended by a signal, and no word of a panic."""
    assert run.returncode in (0, FAILURE), f"exit {run.returncode}: {run.stderr}"
    assert not [word for word in WORDS_OF_A_PANIC if word in run.stderr], run.stderr


def assert_refused(source: Path | str, folder: Path) -> str:
    """Fails with one line, writes nothing, and leaves what was there; returns the line."""
    fresh, kept = folder / "fresh.json", folder / "kept.json"
    kept.write_bytes(b"what was here before\n")
    for out in (fresh, kept):
        run = scan(source, out)
        assert_no_crash(run)
        assert run.returncode == FAILURE, f"exit {run.returncode}: {run.stderr}"
        assert run.stderr.count("\n") == 1 and run.stderr.endswith("\n"), run.stderr
        assert len(run.stderr) > 20
    assert kept.read_bytes() == b"what was here before\n"
    left = {path.name for path in folder.iterdir()} - {Path(source).name}
    assert left == {"kept.json"}, "something was written"
    return run.stderr


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x89HDF\r\n\x1a", id="seven bytes of the signature"),
        pytest.param(b"\x89HDF\r\n\x1a\n", id="the signature alone"),
        pytest.param(LOGIN_PAGE, id="login page"),
        pytest.param(b"CDF\x01" + bytes(100), id="netCDF classic"),
        pytest.param(bytes(5000), id="zeros"),
        pytest.param(b"\x89HDF\r\n\x1a\n" + b"\xff" * 5000, id="signature and ones"),
    ],
)
def test_not_hdf5(content: bytes, tmp_path: Path) -> None:
    source = tmp_path / "source.h5"
    source.write_bytes(content)
    line = assert_refused(source, tmp_path)
    assert "source.h5" in line, "the line names the file"


def test_login_page_is_called_by_its_name(tmp_path: Path) -> None:
    source = tmp_path / "source.h5"
    source.write_bytes(LOGIN_PAGE)
    assert "html" in assert_refused(source, tmp_path).lower()


def test_missing_file(tmp_path: Path) -> None:
    line = assert_refused(tmp_path / "nowhere.h5", tmp_path)
    assert "nowhere.h5" in line


def test_directory(tmp_path: Path) -> None:
    source = tmp_path / "folder.h5"
    source.mkdir()
    assert "folder.h5" in assert_refused(source, tmp_path)


def cuts(size: int) -> list[int]:
    """Dense where the superblock and the first headers lie, then spread over the file."""
    first = list(range(1, 100, 7 if not LONG else 1))
    steps = 40 if not LONG else 1000
    return sorted({*first, *(size * step // steps for step in range(1, steps)), size - 1})


@pytest.mark.parametrize("source", [GRANULE, LATEST], ids=lambda path: path.name)
def test_truncated(source: Path, tmp_path: Path) -> None:
    whole = source.read_bytes()
    cut = tmp_path / "cut.h5"
    for length in cuts(len(whole)):
        cut.write_bytes(whole[:length])
        line = assert_refused(cut, tmp_path)
        (tmp_path / "kept.json").unlink()
        assert "cut.h5" in line, f"cut at {length}: {line}"


@pytest.mark.parametrize("source", [GRANULE, LATEST], ids=lambda path: path.name)
def test_damaged(source: Path, tmp_path: Path) -> None:
    """Bytes overwritten: it may scan or fail, but it ends, and by itself."""
    whole = source.read_bytes()
    damaged, out = tmp_path / "damaged.h5", tmp_path / "out.json"
    for number in range(60 if not LONG else 2000):
        at = number * 7919 % (len(whole) // 8)
        changed = bytearray(whole)
        changed[at : at + 4] = b"\xff\xff\xff\x7f" if number % 2 else b"\x00\x01\x00\xff"
        damaged.write_bytes(changed)
        run = scan(damaged, out)
        assert_no_crash(run)
        assert out.exists() == (run.returncode == 0)
        out.unlink(missing_ok=True)


MALFORMED = sorted((CORPUS / "malformed").rglob("*")) if CORPUS.is_dir() else []


@pytest.mark.parametrize(
    "source", [path for path in MALFORMED if path.is_file()], ids=lambda path: path.name
)
def test_malformed_corpus(source: Path, tmp_path: Path) -> None:
    """None crashes it; what fails does so with one line and no output."""
    out = tmp_path / "out.json"
    run = scan(source, out)
    assert_no_crash(run)
    assert out.exists() == (run.returncode == 0)
    if run.returncode:
        assert run.stderr.count("\n") == 1, run.stderr
        assert [path.name for path in tmp_path.iterdir()] == []


def test_not_hdf5_in_the_corpus_is_refused(tmp_path: Path) -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus is not there")
    for source in sorted((CORPUS / "malformed" / "not-hdf5").iterdir()):
        line = assert_refused(source, tmp_path)
        assert source.name in line


PARTS = CORPUS / "hdf5" / "multifile"
PARTS_OF_SETS = {
    "family/family_v16-000000.h5": "with family_v16-000001.h5 beside it, it may be a member of a file family",
    "family/family_v16-000003.h5": "with family_v16-000000.h5 beside it, it may be a member of a file family",
    "multi/multi_file_v16-s.h5": "driver NCSAmult; h5repack",
    "multi/multi_file_v16-r.h5": "with multi_file_v16-s.h5 beside it, it may be a part of a split file",
    "split/tsplit_file-m.h5": "driver NCSAmult; h5repack",
    "split/tsplit_file-r.h5": "with tsplit_file-m.h5 beside it, it may be a part of a split file",
    "subfiling/test_subfiling_stripe_sizes.h5": "the stub of a subfiling set",
    "subfiling/test_subfiling_stripe_sizes.h5.subfile.config": "the configuration of a subfiling set",
    "onion/tst_onion_dset_1d.h5.onion": "the onion history of an HDF5 file",
}


@pytest.mark.parametrize(("name", "words"), PARTS_OF_SETS.items())
def test_part_of_a_set_in_the_corpus(name: str, words: str, tmp_path: Path) -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus is not there")
    assert words in assert_refused(PARTS / name, tmp_path)


@pytest.mark.parametrize("version", ["earliest", "latest"])
@pytest.mark.parametrize(
    ("driver", "options", "words"),
    [
        ("family", {"memb_size": 3000}, {"0000": "driver NCSAfami; h5repart", "0002": "member of a file family"}),
        ("split", {}, {"m": "driver NCSAmult; h5repack", "r": "a part of a split file"}),
    ],
)
def test_part_of_a_set(driver: str, options: dict, words: dict, version: str, tmp_path: Path) -> None:
    folder, out = tmp_path / "set", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    name = {"family": "set-%04d.h5", "split": "set"}[driver]
    with h5py.File(folder / name, "w", driver=driver, libver=version, **options) as file:
        file["data"] = np.arange(1000)
    for part, expected in words.items():
        assert expected in assert_refused(folder / f"set-{part}.h5", out)
        (out / "kept.json").unlink()


def test_the_first_and_only_part_of_a_subfiling_set_is_read(tmp_path: Path) -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus is not there")
    source = PARTS / "subfiling" / "test_subfiling_stripe_sizes.h5.subfile_1_of_1"
    out = tmp_path / "out.json"
    assert scan(source, out).returncode == 0
    # The count of parts in the driver information block.
    content = bytearray(source.read_bytes())
    assert content[0x68:0x70] == b"Subfilin" and content[0x84] == 1
    content[0x7C:0x84] = (500).to_bytes(8, "little")
    content[0x84] = 3
    part = tmp_path / "spoilt.h5.subfile_1_of_3"
    part.write_bytes(content)
    out.unlink()
    assert "one part of a subfiling set of 3 (h5fuse" in assert_refused(part, tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="no command"),
        pytest.param(["scna"], id="unknown command"),
        pytest.param(["scan"], id="no file"),
        pytest.param(["scan", GRANULE, "--no-such-option"], id="unknown option"),
        pytest.param(["scan", GRANULE, "-o", "o.json", "--inline-threshold", "many"], id="no number"),
    ],
)
def test_usage(arguments: list, tmp_path: Path) -> None:
    run = subprocess.run(
        [binary(), *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert run.returncode == USAGE, run.stderr
    assert run.stderr
    assert list(tmp_path.iterdir()) == []


def test_output_folder_that_is_not_there(tmp_path: Path) -> None:
    run = scan(GRANULE, tmp_path / "nowhere" / "out.json")
    assert run.returncode == FAILURE
    assert "nowhere" in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_limit_of_memory_is_in_force() -> None:
    """Else the bound above would bound nothing."""
    code = f"bytearray({MEMORY_BYTES})"
    run = subprocess.run([sys.executable, "-c", code], preexec_fn=limited, capture_output=True, check=False)
    assert run.returncode != 0 and b"MemoryError" in run.stderr
