"""How the datasets of one file ended, by what they have of the format."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import h5py

import features
from features import Feature
from source import walk


@dataclass
class Row:
    """What became of the datasets with one feature; of groups and attributes only their number."""

    files: int = 0
    count: int = 0
    compared: int = 0
    outcomes: Counter = field(default_factory=Counter)
    reasons: Counter = field(default_factory=Counter)

    def add(self, other: "Row") -> None:
        self.files += other.files
        self.count += other.count
        self.compared += other.compared
        self.outcomes += other.outcomes
        self.reasons += other.reasons


@dataclass
class Coverage:
    """The rows of one file, or of many."""

    rows: dict[Feature, Row] = field(default_factory=lambda: defaultdict(Row))

    def add(self, other: "Coverage") -> None:
        for feature, row in other.rows.items():
            self.rows[feature].add(row)


def cover(path: Path, report: dict, finding) -> Coverage:
    """Each dataset under the first of its names that the report has."""
    ended = {row["path"]: row for row in report["datasets"]}
    coverage = Coverage()
    with h5py.File(path) as file:
        source = walk(file)
        whole = list(features.of_file(path, file)) + [("file", "all files")]
        for names in source.datasets:
            name = next((name for name in names if name in ended), None)
            if name is None:
                continue
            compared = not finding.compared_paths.isdisjoint(names)
            for feature in {*features.of_dataset(file[name]), *whole}:
                note(coverage.rows[feature], ended[name], compared)
        for feature in features.of_objects(file, source):
            coverage.rows[feature].count += 1
        rows = [coverage.rows[feature] for feature in whole] + list(coverage.rows.values())
    for row in rows:
        row.files = 1
    return Coverage(dict(coverage.rows))


def note(row: Row, ended: dict, compared: bool) -> None:
    row.count += 1
    row.compared += compared
    row.outcomes[ended["outcome"]] += 1
    if ended["outcome"] == "refused":
        row.reasons[ended["reason"]] += 1
