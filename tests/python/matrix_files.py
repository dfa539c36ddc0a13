"""The files of the matrix: each is written, compared and thrown away in one process."""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "fixtures"))

from matrix.generate import FILES  # noqa: E402

import differential  # noqa: E402
from compare import Limits  # noqa: E402

# Chunks of one dataset that are read through zarr-python: places are compared for all.
WHOLE_CHUNKS = 200


def find(name: str, long: bool, say) -> differential.Finding:
    """What both ways of scanning a file give: with small datasets inlined, and with none."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        say("generate", differential.Finding())
        not_made = FILES[name](path, long)
        inlined = differential.find(
            path, 500, name.endswith(".nc"), say, Limits(WHOLE_CHUNKS, decode=False)
        )
        if inlined.failure:
            return inlined
        finding = differential.find(path, 0, False, say, Limits(WHOLE_CHUNKS))
        finding.differences += inlined.differences
        finding.not_comparable += inlined.not_comparable
        finding.not_made = not_made
        return finding
