"""Files under test, their comparison in the background, and the totals at the end."""

import os
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

# libhdf5 looks for external data files in the working folder, unless told otherwise before it starts.
os.environ["HDF5_EXTFILE_PREFIX"] = "${ORIGIN}"

import h5py
import pytest

import differential
import exceptions
import matrix_files
from differential import Finding
from source import walk

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures"
CORPUS = ROOT.parent / "shared" / "corpus"
LONG = os.environ.get("CHUNKREF_LONG") == "1"


def opens(path: Path) -> bool:
    try:
        with h5py.File(path, "r"):
            return True
    except OSError:
        return False


def hdf5_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and opens(path)]


def name_of(path: Path) -> str:
    """As the tests and exceptions.py name it, the same on every machine."""
    base, prefix = (FIXTURES, "fixtures") if path.is_relative_to(FIXTURES) else (CORPUS, "corpus")
    return f"{prefix}/{path.relative_to(base).as_posix()}"


# Shuffle, deflate and fletcher32: the filters that nearly every file has.
COMMON_FILTERS = {1, 2, 3}


def has_other_filters(path: Path) -> bool:
    with h5py.File(path, "r") as file:
        plists = [file[names[0]].id.get_create_plist() for names in walk(file).datasets]
        filters = {
            plist.get_filter(index)[0] for plist in plists for index in range(plist.get_nfilters())
        }
    return not filters <= COMMON_FILTERS


def cases() -> list[tuple[Path, int]]:
    """Files with their inline thresholds in bytes; without the corpus only the fixtures.

    Files with filters that few have are never compared by what a scan inlines alone.
    """
    fixtures = hdf5_files(FIXTURES)
    corpus = hdf5_files(CORPUS / "hdf5") if CORPUS.is_dir() else []
    not_inlined = fixtures + [path for path in corpus if LONG or has_other_filters(path)]
    return [(path, 500) for path in fixtures + corpus] + [(path, 0) for path in not_inlined]


class Findings:
    """The findings of all files; two are worked on while the tests wait for them in turn."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2))
        self.futures: dict[tuple[Path, int | bool], Future[Finding]] = {}

    def submit(self, path: Path, threshold: int) -> Future[Finding]:
        case = (path, threshold)
        if case not in self.futures:
            # xarray shows the same whether a chunk is inlined or not: once is enough.
            with_xarray = threshold != 0 and name_of(path) not in exceptions.NETCDF_UNRELIABLE
            self.futures[case] = self.pool.submit(
                differential.in_own_process, differential.find, path, threshold, with_xarray
            )
        return self.futures[case]

    def submit_matrix(self, name: str, long: bool = False) -> Future[Finding]:
        """A file of the matrix, by its name."""
        case = (Path("matrix", name), long)
        if case not in self.futures:
            self.futures[case] = self.pool.submit(
                differential.in_own_process, matrix_files.find, name, long
            )
        return self.futures[case]

    def done(self) -> list[Finding]:
        ended = [future for future in self.futures.values() if future.done()]
        return [future.result() for future in ended if not future.cancelled() and not future.exception()]


FINDINGS = Findings()


def check_as_expected(name: str, finding: Finding, dies_in: str | None = None) -> None:
    """A file is scanned, and differs in what exceptions.py lists alone."""
    if name in exceptions.FAILURES:
        message, _ = exceptions.FAILURES[name]
        assert finding.failure and message in finding.failure, "no longer fails so"
        return
    assert finding.failure is None, f"h5py opens it, chunkref does not: {finding.failure}"
    if dies_in:
        assert (finding.died or "").startswith(dies_in), f"{dies_in} no longer dies of it"
    else:
        assert finding.died is None, f"the process died during `{finding.died}`"
    unexplained = [
        difference
        for difference in finding.differences
        if not any(entry.covers(name, difference) for entry in exceptions.DIFFERENCES)
    ]
    assert not unexplained, f"{len(unexplained)} differences\n" + "\n".join(map(str, unexplained[:30]))


@pytest.fixture(scope="session")
def findings(request: pytest.FixtureRequest) -> Findings:
    wanted = parameters_of(request.session.items, "case")
    # The large ones first, so that none is left for the end alone.
    for case in sorted(wanted, key=lambda case: -case[0].stat().st_size):
        FINDINGS.submit(*case)
    for one in parameters_of(request.session.items, "matrix"):
        FINDINGS.submit_matrix(*one)
    return FINDINGS


def parameters_of(items: list[pytest.Item], name: str) -> list:
    """The values of one parameter of all tests that are run."""
    parameters = (getattr(getattr(item, "callspec", None), "params", {}) for item in items)
    return [one[name] for one in parameters if name in one]


def pytest_unconfigure() -> None:
    FINDINGS.pool.shutdown(wait=False, cancel_futures=True)


def pytest_terminal_summary(terminalreporter) -> None:
    found = FINDINGS.done()
    if not found:
        return
    terminalreporter.section("differential totals")
    terminalreporter.write_line(f"{len(found)} scans, {sum(bool(one.failure) for one in found)} failed")
    outcomes: Counter = sum((one.outcomes for one in found), Counter())
    for outcome, count in sorted(outcomes.items()):
        terminalreporter.write_line(f"{count:>7} datasets {outcome}")
    terminalreporter.write_line(f"{sum(one.compared for one in found):>7} datasets compared")
    terminalreporter.write_line(f"{sum(len(one.differences) for one in found):>7} differences")
    for title, counts in (
        ("refused", sum((one.refusals for one in found), Counter())),
        ("attributes refused", sum((one.attribute_refusals for one in found), Counter())),
        ("not comparable", sum((one.not_comparable for one in found), Counter())),
    ):
        for reason, count in counts.most_common():
            terminalreporter.write_line(f"{count:>7} {title}: {reason}")
