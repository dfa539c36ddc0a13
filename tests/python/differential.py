"""Scans one file, compares the result, and says what it found as plain data.

Each file has a process of its own (libraries under test and reference libraries alike abort on
some inputs), forked from a server that has everything imported.
"""

import json
import multiprocessing
import multiprocessing.connection
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import fsspec
import zarr
from zarr.storage import FsspecStore

import compare_xarray
from chunkref_cli import chunkref
from compare import Limits, compare
from compare_decoded import NotComparable
from coverage_rows import Coverage, cover
from references import Difference, References, array_path

TIMEOUT_S = 300


@dataclass
class Finding:
    """What one scan of one file gave."""

    # The exit code and standard error of chunkref when it failed.
    failure: str | None = None
    outcomes: Counter = field(default_factory=Counter)
    refusals: Counter = field(default_factory=Counter)
    attribute_refusals: Counter = field(default_factory=Counter)
    compared: int = 0
    compared_paths: set[str] = field(default_factory=set)
    differences: list[Difference] = field(default_factory=list)
    # Sources that the reference libraries themselves can't read, by reason.
    not_comparable: Counter = field(default_factory=Counter)
    # What the process was doing when it died; `None` when it ended well.
    died: str | None = None
    # How each dataset ended, with what it has of the format.
    coverage: Coverage = field(default_factory=Coverage)
    # Of the matrix: datasets and attributes that libhdf5 refused to make, and why.
    not_made: dict[str, str] = field(default_factory=dict)


def open_references(path: Path) -> zarr.Group:
    fs = fsspec.filesystem("reference", fo=str(path), asynchronous=True, skip_instance_cache=True)
    store = FsspecStore(fs, read_only=True)
    return zarr.open_group(store, mode="r", zarr_format=2, use_consolidated=False)


def find(
    source: Path,
    threshold: int,
    with_xarray: bool,
    say: Callable[..., None],
    limits: Limits = Limits(),
    external: bool = False,
) -> Finding:
    """Everything about one file; `say` is told what comes next."""
    warnings.simplefilter("ignore")
    finding = Finding()
    with tempfile.TemporaryDirectory() as folder:
        out, report_path = Path(folder, "out.json"), Path(folder, "report.json")
        say("chunkref", finding)
        run = chunkref(
            *("scan", source, "-o", out, "--report", report_path, "--inline-threshold", threshold),
            *(["--external-links"] if external else []),
        )
        if run.returncode != 0:
            finding.failure = f"exit {run.returncode}: {run.stderr.strip()}"
            return finding
        report, references = json.loads(report_path.read_text()), References(out)
        for row in report["datasets"]:
            finding.outcomes[row["outcome"]] += 1
            if row["outcome"] == "refused":
                finding.refusals[row["reason"]] += 1
        for row in report["attributes_refused"]:
            finding.attribute_refusals[row["reason"]] += 1
        say("h5py and zarr", finding)
        for item in compare(source, references, report, open_references(out), limits, external):
            note(finding, item)
        finding.coverage = cover(source, report, finding)
        if with_xarray:
            say("netCDF4", finding)
            compare_netcdf(source, references, report, finding)
    return finding


def note(finding: Finding, item) -> None:
    if isinstance(item, Difference):
        finding.differences.append(item)
    elif isinstance(item, NotComparable):
        finding.not_comparable[item.reason] += 1
    else:
        finding.compared += 1
        finding.compared_paths.add(item)


def compare_netcdf(source: Path, references: References, report: dict, finding: Finding) -> None:
    written = (row for row in report["datasets"] if row["outcome"] in ("referenced", "inlined"))
    shown = {"/" + array_path(row["path"]) for row in written}
    finding.differences.extend(compare_xarray.dimensions(source, references, shown))
    refused = {("/" + array_path(row["path"]), row["name"]) for row in report["attributes_refused"]}
    for item in compare_xarray.datasets(source, references, shown, refused):
        if isinstance(item, Difference):
            finding.differences.append(item)
        else:
            finding.not_comparable[item] += 1


def serve(pipe, work: Callable[..., Finding], arguments: tuple) -> None:
    try:
        finding = work(*arguments, lambda *message: pipe.send(message))
        pipe.send(("done", finding))
    except BaseException:  # reported to the parent, which fails the test with it
        pipe.send(("failed", traceback.format_exc()))


CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["differential"])


def in_own_process(work: Callable[..., Finding], *arguments) -> Finding:
    """What `work` finds, called with the arguments and what is told of each stage; where the process
    dies what it had found until then.
    """
    mine, theirs = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=serve, args=(theirs, work, arguments))
    process.start()
    theirs.close()
    stage, finding = "start", Finding()
    try:
        while stage != "done":
            if not mine.poll(TIMEOUT_S):
                raise TimeoutError(f"{arguments[0]}: {stage} takes more than {TIMEOUT_S} s")
            stage, message = mine.recv()
            if stage == "failed":
                raise RuntimeError(f"{arguments[0]}: {message}")
            finding = message
    except EOFError:
        process.join()
        finding.died = f"{stage}, exit code {process.exitcode}"
    finally:
        process.kill()
        process.join()
        mine.close()
    return finding
