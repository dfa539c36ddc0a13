"""`chunkref verify` on sets that others made."""

import json
import warnings
from pathlib import Path

import pytest
from kerchunk.hdf import SingleHdf5ToZarr

from chunkref_cli import chunkref
from conftest import FIXTURES

GRANULES = FIXTURES / "granules"


def verified(path: Path, folder: Path) -> dict:
    refs = folder / "kerchunk.json"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        references = SingleHdf5ToZarr(str(path), inline_threshold=0, error="warn").translate()
    refs.write_text(json.dumps(references))
    run = chunkref("verify", refs, "--all", "--json")
    assert run.returncode in {0, 1}, run.stderr
    found = json.loads(run.stdout)
    assert (run.returncode == 0) == (not found["findings"] and not found["refused"])
    return found


@pytest.mark.parametrize("name", ["mur_like_20200601.nc", "atl03_like.h5"])
def test_sets_of_kerchunk_are_sound(name: str, tmp_path: Path) -> None:
    found = verified(GRANULES / name, tmp_path)
    assert found["findings"] == []
    assert found["decoded"] == found["chunks"] > 0
    assert found["rescanned"] > 0


def test_what_kerchunk_loses_is_found(tmp_path: Path) -> None:
    """Chunks whose filter mask says that a filter was skipped; Kerchunk has no word for it."""
    found = verified(GRANULES / "layouts_earliest.h5", tmp_path)
    wrong = {finding["path"] for finding in found["findings"]}
    assert wrong == {"/masks/mixed"}
