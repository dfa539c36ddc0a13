"""The README's table of what is supported is what the fixtures show.

Run as a program with --write, it puts the table of the present binary into the README.
"""

import fnmatch
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from chunkref_cli import chunkref

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
BEGIN = "<!-- begin: tests/python/test_supported.py --write -->"
END = "<!-- end: tests/python/test_supported.py --write -->"

# So many reasons of one outcome are named.
MANY_REASONS = 4

# Feature, fixture, paths of its datasets.
FEATURES = [
    ("integers, floats, complex numbers; both byte orders", "types.h5", ["/numbers/*"]),
    ("strings of fixed length", "types.h5", ["/strings/fixed*", "/strings/null*", "/strings/space*"]),
    ("strings of variable length", "types.h5", ["/strings/variable*"]),
    ("booleans, enumerations, opaque, bit fields, array types", "types_others.h5", ["/others/*"]),
    ("compounds", "types_compounds.h5", ["/compounds/*"]),
    ("compounds and arrays within compounds", "elements_compounds.h5", ["/compounds/*"]),
    ("sequences of variable length", "elements_sequences.h5", ["/sequences/*"]),
    ("references to objects and regions", "elements_references.h5", ["/references/*"]),
    ("references of HDF5 1.12", "elements_latest.h5", ["/standard*"]),
    ("numbers that NumPy does not have, times", "elements_numbers.h5", ["/numbers/*"]),
    ("compact, contiguous", "layouts_latest.h5", ["/simple/*"]),
    ("chunk indexes of HDF5 1.10 and later", "layouts_latest.h5", ["/indexes/*"]),
    ("version 1 B-tree chunk index", "layouts_earliest.h5", ["/indexes/*"]),
    ("shuffle, deflate, fletcher32", "layouts_latest.h5", ["/filters/*"]),
    ("filter masks", "layouts_latest.h5", ["/masks/*"]),
    ("other filters", "layouts_latest.h5", ["/refused/*"]),
    ("fill values, absent chunks (HDF5)", "fills.h5", ["*"]),
    ("fill values, absent chunks (netCDF-4)", "fills.nc", ["*"]),
    ("dimensions of netCDF-4", "dims.nc", ["*"]),
    ("external data files", "external_segments.h5", ["/[!o]*", "/offset"]),
    ("virtual datasets", "virtual_latest.h5", ["/referenced/*", "/selections/*", "/nested*"]),
    ("unlimited and numbered sources of virtual datasets", "virtual_latest.h5", ["/unlimited/*"]),
    ("sources that are not there", "virtual_latest.h5", ["/absent/*"]),
    ("sources of other types", "virtual_latest.h5", ["/types/*", "/refused/narrower"]),
]


def outcomes(fixture: str, patterns: list[str], folder: Path) -> list[dict]:
    report = folder / f"{fixture}.report.json"
    if not report.exists():
        path = ROOT / "fixtures" / "granules" / fixture
        run = chunkref("scan", path, "-o", folder / "out.json", "--inline-threshold", "0", "--report", report)
        assert run.returncode == 0, run.stderr
    datasets = json.loads(report.read_text())["datasets"]
    found = [d for d in datasets if any(fnmatch.fnmatchcase(d["path"], p) for p in patterns)]
    assert found, f"{fixture}: nothing is called {patterns}"
    return found


def table(folder: Path) -> str:
    lines = ["| feature | datasets | how they end |", "|---|---|---|"]
    for feature, fixture, patterns in FEATURES:
        found = outcomes(fixture, patterns, folder)
        # A reason stands for what references do not hold; many of them are said by the first.
        reasons = {}
        for d in found:
            reasons.setdefault(d["outcome"], []).append(d["reason"])
        counts = Counter()
        for outcome, given in reasons.items():
            if len(set(given)) > MANY_REASONS:
                counts[f"{outcome} for reasons such as: {given[0]}"] = len(given)
            else:
                counts.update(f"{outcome}: {reason}" if reason else outcome for reason in given)
        # Those that can be read first.
        order = sorted(counts.items(), key=lambda one: (one[0].startswith("refused"), -one[1], one[0]))
        ends = "; ".join(f"{count} {how}" for how, count in order)
        lines.append(f"| {feature} | {len(found)} | {ends} |")
    return "\n".join(lines)


def written() -> str:
    return README.read_text().split(BEGIN)[1].split(END)[0].strip()


def test_the_readme_says_what_is_supported(tmp_path):
    assert written() == table(tmp_path), "run this file with --write"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        new = table(Path(folder))
    if "--write" in sys.argv:
        before, rest = README.read_text().split(BEGIN)
        README.write_text(f"{before}{BEGIN}\n\n{new}\n\n{END}{rest.split(END)[1]}")
    else:
        print(new)
