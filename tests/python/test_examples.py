"""The examples in Rust give what xarray and numpy do."""

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import xarray

from conftest import FIXTURES

GRANULES = [FIXTURES / f"granules/mur_like_2020060{day}.nc" for day in range(1, 7)]
EXAMPLES = Path(os.environ.get("CHUNKREF_BIN", "target/debug/chunkref")).parent / "examples"


@pytest.mark.parametrize(
    ("variable", "rows", "columns"),
    [
        ("analysed_sst", (0, 180), (0, 360)),
        ("analysed_sst", (30, 95), (44, 91)),
        ("analysis_error", (45, 90), (90, 180)),
    ],
)
def test_mean_of_region(variable: str, rows: tuple[int, int], columns: tuple[int, int]) -> None:
    program = EXAMPLES / "mean_of_region"
    assert program.exists(), "made by: cargo build -p chunkref --examples"
    region = ",".join(f"{start}:{stop}" for start, stop in (rows, columns))
    command = [program, variable, "time", region, *GRANULES]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    found = re.fullmatch(
        rf"{variable}: mean (\S+)\n(\d+) elements, (\d+) without a value, in 6 steps\n"
        r"(\d+) bytes in (\d+) requests\n",
        run.stdout,
    )
    assert found, run.stdout
    values = []
    for granule in GRANULES:
        with xarray.open_dataset(granule) as dataset:
            values.append(dataset[variable].values[0, slice(*rows), slice(*columns)])
    expected = np.stack(values).astype("f8")
    assert float(found[1]) == pytest.approx(np.nanmean(expected), rel=1e-7)
    assert int(found[2]) == np.count_nonzero(~np.isnan(expected))
    assert int(found[3]) == np.count_nonzero(np.isnan(expected))
    assert 0 < int(found[5]) <= 6 * 4
