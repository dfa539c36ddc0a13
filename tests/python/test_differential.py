"""Every dataset that is not refused reads through its references as it does through h5py."""

from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import exceptions
from conftest import CORPUS, Findings, cases, check_as_expected, name_of
from matrix_files import FILES

CASES = cases()


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{name_of(path)}-{threshold}" for path, threshold in CASES]
)
def test_reads_as_h5py_does(case: tuple[Path, int], findings: Findings) -> None:
    path, threshold = case
    name = name_of(path)
    finding = findings.submit(path, threshold).result()
    # netCDF-C dies of some files, though not of what it reads.
    dies = threshold != 0 and name in exceptions.NETCDF_ABORTS
    check_as_expected(name, finding, "netCDF4" if dies else None)


@pytest.mark.parametrize("entry", exceptions.DIFFERENCES, ids=lambda entry: f"{entry.file}:{entry.path}")
def test_exception_is_still_needed(entry: exceptions.Exception_, findings: Findings) -> None:
    if entry.file.startswith("corpus/") and not CORPUS.is_dir():
        pytest.skip("the corpus is not there")
    if entry.file.startswith("matrix/"):
        names = [name for name in FILES if fnmatchcase(f"matrix/{name}", entry.file)]
        found = [(f"matrix/{name}", findings.submit_matrix(name)) for name in names]
    else:
        cases = [case for case in CASES if fnmatchcase(name_of(case[0]), entry.file)]
        found = [(name_of(path), findings.submit(path, threshold)) for path, threshold in cases]
    matched = [
        difference
        for name, future in found
        for difference in future.result().differences
        if entry.covers(name, difference)
    ]
    assert matched, f"nothing differs so any more: {entry}"


def test_exceptions_name_files_that_exist() -> None:
    names = {name_of(path) for path, _ in CASES} | {f"matrix/{name}" for name in FILES}
    listed = exceptions.FAILURES.keys() | exceptions.NETCDF_ABORTS.keys()
    listed |= exceptions.NETCDF_UNRELIABLE.keys()
    gone = {name for name in listed - names if CORPUS.is_dir() or not name.startswith("corpus/")}
    assert not gone


def test_something_was_compared(findings: Findings) -> None:
    """The comparison can't pass by comparing nothing."""
    fixtures = [findings.submit(*case).result() for case in CASES if name_of(case[0]).startswith("fixtures")]
    assert len(fixtures) >= 20
    assert sum(finding.compared for finding in fixtures) >= 500
    assert sum(finding.outcomes["decoded"] for finding in fixtures) >= 10
    reasons = {reason for finding in fixtures for reason in finding.not_comparable}
    assert not [reason for reason in reasons if reason.startswith("h5py")]
