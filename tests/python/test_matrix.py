"""Every file of the matrix (fixtures/matrix) reads through its references as it does through h5py.

With CHUNKREF_LONG=1 the fuller product too.
"""

import pytest

from conftest import LONG, Findings, check_as_expected
from matrix_files import FILES

CASES = [(name, False) for name in FILES] + [(name, True) for name in FILES if LONG]


@pytest.mark.parametrize("matrix", CASES, ids=[f"{name}{'-long' * long}" for name, long in CASES])
def test_reads_as_h5py_does(matrix: tuple[str, bool], findings: Findings) -> None:
    finding = findings.submit_matrix(*matrix).result()
    check_as_expected(f"matrix/{matrix[0]}", finding)
    assert not [one for one in finding.not_comparable if one.startswith("h5py")]


# What HDF5 has no meaning for, or no room.
NOT_MADE = (
    "datatype class not supported by scaleoffset",
    "pixels per block greater than total number of elements in the chunk",
    "invalid datatype size",
    "operation not defined for specified datatype",
    "cannot find matched memory datatype",
    "object header message is too large",
)


def test_only_what_has_no_meaning_is_not_made(findings: Findings) -> None:
    """The matrix can't shrink unseen: what libhdf5 refuses to make is known."""
    found = [findings.submit_matrix(name).result() for name in FILES]
    reasons = {reason for finding in found for reason in finding.not_made.values()}
    assert not [reason for reason in reasons if not any(known in reason for known in NOT_MADE)]
    assert sum(finding.compared for finding in found) >= 9000
    assert sum(finding.outcomes["decoded"] for finding in found) >= 1000
