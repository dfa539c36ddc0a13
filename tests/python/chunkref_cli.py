"""Runs the chunkref binary, `CHUNKREF_BIN`."""

import os
import subprocess
from pathlib import Path

TIMEOUT_S = 60


def binary() -> str:
    path = os.environ.get("CHUNKREF_BIN")
    if not path:
        raise RuntimeError("CHUNKREF_BIN is not set: `cargo xtask test` sets it to the built binary")
    return path


def chunkref(*arguments: str | Path, timeout_s: float = TIMEOUT_S, **options) -> subprocess.CompletedProcess:
    """Runs it with these arguments, both outputs taken as text."""
    return subprocess.run(
        [binary(), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=timeout_s,
        check=False,
        **options,
    )
