"""The committed fixtures open, and the generators still write them."""

import subprocess
import sys
from pathlib import Path

import h5py
import pytest

from conftest import FIXTURES

GRANULES = FIXTURES / "granules"
FILES = sorted(path for path in GRANULES.iterdir() if path.suffix in (".h5", ".nc"))


def test_there_are_fixtures() -> None:
    assert len(FILES) >= 20
    assert sum(path.stat().st_size for path in GRANULES.iterdir()) < 2_500_000


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_opens(path: Path) -> None:
    with h5py.File(path, "r") as file:
        assert len(file) or len(file.attrs)


def test_generators_write_the_committed_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "granules"
    subprocess.run([sys.executable, FIXTURES / "generate.py", folder], check=True)
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    committed = {path.name: path.read_bytes() for path in GRANULES.iterdir()}
    assert written.keys() == committed.keys()
    assert [name for name in written if written[name] != committed[name]] == []
