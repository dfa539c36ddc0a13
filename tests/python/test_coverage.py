"""docs/coverage.md says what was compared: of the fixtures and the matrix, and of the corpus.

Run as a program with --write, it compares everything with the present binary and writes the page;
without --corpus its second part stays as it is. The test holds the first part to what it finds.
"""

import sys
from collections import Counter, defaultdict
from pathlib import Path

import exceptions
from conftest import CORPUS, FINDINGS, ROOT, Findings, cases, name_of
from coverage_rows import Coverage, Row
from differential import Finding
from matrix_files import FILES

PAGE = ROOT / "docs" / "coverage.md"
PARTS = ("fixtures and matrix", "corpus")
SECTIONS = {
    "file": "Files",
    "group": "Groups",
    "attribute": "Attributes",
    "type": "Element types",
    "shape": "Shapes",
    "storage": "Storage",
    "chunk index": "Chunk indexes",
    "chunks": "Chunks",
    "filter": "Filters",
    "pipeline": "Pipelines",
    "fill value": "Fill values",
}
# Groups and attributes are compared in every file, and have no outcome of their own.
WITHOUT_OUTCOME = ("group", "attribute")


def marks(part: str) -> tuple[str, str]:
    return f"<!-- begin: {part} -->", f"<!-- end: {part} -->"


def collect(findings: Findings, corpus: bool) -> dict[str, list[Finding]]:
    """By file. Where one is scanned twice, the scan that inlines nothing tells how datasets end."""
    found = defaultdict(list)
    for path, threshold in cases():
        if name_of(path).startswith("corpus/") == corpus:
            found[name_of(path)].append(findings.submit(path, threshold))
    if not corpus:
        for name in FILES:
            found[f"matrix/{name}"].append(findings.submit_matrix(name))
    return {name: [future.result() for future in futures] for name, futures in found.items()}


def table(found: dict[str, list[Finding]]) -> str:
    coverage, versions = Coverage(), defaultdict(Coverage)
    for name, scans in found.items():
        coverage.add(scans[-1].coverage)
        if name.startswith("matrix/") and (version := version_of(name)):
            versions[version].add(scans[-1].coverage)
    for version, one in versions.items():
        coverage.rows["file", f"matrix, version bound {version}"] = one.rows["file", "all files"]
    lines = [summary(found, coverage)]
    for section, title in SECTIONS.items():
        rows = {name: row for (kind, name), row in coverage.rows.items() if kind == section}
        if rows:
            lines += ["", f"### {title}", "", *section_lines(rows, section in WITHOUT_OUTCOME)]
    lines += ["", "### Refusals", "", *refusals(coverage)]
    return "\n".join(lines)


def version_of(name: str) -> str | None:
    last = name.removesuffix(".h5").rpartition("_")[2]
    return last if last in ("earliest", "v108", "v110", "v112", "v114", "v200") else None


def summary(found: dict[str, list[Finding]], coverage: Coverage) -> str:
    scans = [(name, scan) for name, all_of in found.items() for scan in all_of]
    differences = [(name, one) for name, scan in scans for one in scan.differences]
    accepted = sum(any(entry.covers(*one) for entry in exceptions.DIFFERENCES) for one in differences)
    failed = sum(bool(all_of[-1].failure) for all_of in found.values())
    whole = coverage.rows.get(("file", "all files"), Row())
    return (
        f"{len(found)} files, of which {failed} fail for a reason in `exceptions.py`; "
        f"{whole.count} datasets, {whole.compared} compared; "
        f"{len(differences) - accepted} differences, and {accepted} that `exceptions.py` accepts."
    )


def section_lines(rows: dict[str, Row], without_outcome: bool) -> list[str]:
    if without_outcome:
        lines = ["| feature | files | number |", "|---|---|---|"]
        return lines + [f"| {name} | {row.files} | {row.count} |" for name, row in sorted(rows.items())]
    lines = [
        "| feature | files | datasets | compared | referenced, inlined | decoded | dimension | refused |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in sorted(rows.items()):
        ends = row.outcomes
        written = ends["referenced"] + ends["inlined"]
        counts = [row.files, row.count, row.compared, written, ends["decoded"], ends["dimension"], ends["refused"]]
        lines.append(f"| {name} | {' | '.join(map(str, counts))} |")
    return lines


def refusals(coverage: Coverage) -> list[str]:
    reasons = coverage.rows.get(("file", "all files"), Row()).reasons
    lines = ["| datasets | reason |", "|---|---|"]
    # The same wherever the project lies.
    reasons = Counter({reason.replace(f"{ROOT}/", ""): count for reason, count in reasons.items()})
    for reason, count in sorted(reasons.items(), key=lambda one: (-one[1], one[0])):
        lines.append(f"| {count} | {reason.replace('|', chr(92) + '|')} |")
    return lines


def written(part: str) -> str:
    begin, end = marks(part)
    return PAGE.read_text().split(begin)[1].split(end)[0].strip()


def test_the_page_says_what_was_compared(findings: Findings) -> None:
    new = table(collect(findings, corpus=False))
    old, now = Counter(written(PARTS[0]).splitlines()), Counter(new.splitlines())
    assert not (now - old) + (old - now), "run this file with --write: " + "\n".join(
        [f"+ {line}" for line in now - old] + [f"- {line}" for line in old - now]
    )


def write(part: str, new: str) -> None:
    begin, end = marks(part)
    before, rest = PAGE.read_text().split(begin)
    PAGE.write_text(f"{before}{begin}\n\n{new}\n\n{end}{rest.split(end)[1]}")


def main() -> None:
    for corpus, part in enumerate(PARTS):
        if corpus and ("--corpus" not in sys.argv or not CORPUS.is_dir()):
            continue
        found = collect(FINDINGS, bool(corpus))
        new = table(found)
        if "--write" in sys.argv:
            write(part, new)
        else:
            print(new)
        for name, scans in found.items():
            for one in (one for scan in scans for one in scan.differences):
                if not any(entry.covers(name, one) for entry in exceptions.DIFFERENCES):
                    print(f"{name}: {one}", file=sys.stderr)


if __name__ == "__main__":
    main()
