"""Names by way of other names and other files: what h5py shows under them is there."""

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

import differential
from chunkref_cli import chunkref
from conftest import CORPUS, FIXTURES
from differential import open_references
from test_bad_input import limited

GRANULES = FIXTURES / "granules"
LINKED = CORPUS / "hdf5" / "multifile" / "external-links"
WITH_EXTERNAL_LINKS = [
    GRANULES / "link_external.h5",
    GRANULES / "link_target.h5",
    GRANULES / "links_latest.h5",
    *(sorted(LINKED.iterdir()) if LINKED.is_dir() else []),
]


def scan(source: Path, folder: Path, *more, **options) -> tuple[dict, dict]:
    """The references and the report of a scan."""
    out, report = folder / "out.json", folder / "report.json"
    run = chunkref("scan", source, "-o", out, "--report", report, *more, **options)
    assert run.returncode == 0, run.stderr
    return json.loads(out.read_text())["refs"], json.loads(report.read_text())


def reasons(report: dict) -> dict[str, str]:
    return {row["path"]: row["reason"] for row in report["links"]}


def datasets(report: dict) -> set[str]:
    return {row["path"] for row in report["datasets"]}


@pytest.mark.parametrize("threshold", [0, 500])
@pytest.mark.parametrize("source", WITH_EXTERNAL_LINKS, ids=lambda path: path.name)
def test_external_links_read_as_h5py_does(source: Path, threshold: int) -> None:
    finding = differential.find(source, threshold, False, lambda *_: None, external=True)
    assert finding.failure is None
    assert not finding.differences, "\n".join(map(str, finding.differences))
    assert not finding.refusals


def test_external_links_are_followed_only_if_asked_for(tmp_path: Path) -> None:
    _, report = scan(GRANULES / "link_external.h5", tmp_path)
    assert datasets(report) == {"/own", "/x"}
    assert all(reason.endswith("not followed") for reason in reasons(report).values())
    _, report = scan(GRANULES / "link_external.h5", tmp_path, "--external-links")
    assert datasets(report) >= {"/own", "/x", "/inside/dataset", "/inside/group/temperature", "/inside/onward"}
    links = reasons(report)
    assert "there is no such object in that file" in links["/inside/missing"]
    assert "not_there.h5: not found" in links["/no_file"]
    assert "not trusted (--trust)" in links["/untrusted"]
    assert "over 16 external links" in links["/ring"]
    assert "leads back to the group /" in links["/inside/group/back"]


def test_a_name_of_a_dimension_has_one_length(tmp_path: Path) -> None:
    """The x of the other file is longer than the granule's own."""
    refs, report = scan(GRANULES / "link_external.h5", tmp_path, "--external-links")
    lengths: dict[str, int] = {}
    for key, document in refs.items():
        if key.endswith("/.zarray"):
            attributes = json.loads(refs[key.replace(".zarray", ".zattrs")])
            for name, length in zip(attributes["_ARRAY_DIMENSIONS"], json.loads(document)["shape"], strict=True):
                assert lengths.setdefault(name, length) == length, key
    assert lengths["x"] == 5 and lengths["x_7"] == 7
    assert any("/inside/dataset" in warning and "x_7" in warning for warning in report["warnings"])


def write(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as f:
        f["group/data"] = np.full(300, value)
        f["group/alias"] = h5py.SoftLink("data")


@pytest.fixture
def family(tmp_path: Path) -> Path:
    """A granule with links below its folder, above it, and by an absolute name."""
    write(tmp_path / "granules" / "below" / "one.h5", 1)
    write(tmp_path / "granules" / "moved.h5", 2)
    write(tmp_path / "archive" / "above.h5", 3)
    granule = tmp_path / "granules" / "granule.h5"
    with h5py.File(granule, "w") as f:
        f["below"] = h5py.ExternalLink("below/one.h5", "/group")
        f["moved"] = h5py.ExternalLink("/elsewhere/moved.h5", "/group")
        f["above"] = h5py.ExternalLink("../archive/above.h5", "/group")
        f["soft"] = h5py.SoftLink("below/alias")
    return granule


def test_files_lead_no_farther_than_the_folder(family: Path, tmp_path: Path) -> None:
    refs, report = scan(family, tmp_path, "--external-links", "--inline-threshold", "0")
    assert datasets(report) == {"/below/alias", "/below/data", "/moved/alias", "/moved/data", "/soft"}
    assert refs["below/data/0"][0] == str(family.parent / "below" / "one.h5")
    assert list(reasons(report)) == ["/above"]
    group = open_references(tmp_path / "out.json")
    assert group["soft"][0] == 1 and group["moved/data"][0] == 2
    trusted = ("--trust", str(tmp_path / "archive"))
    _, report = scan(family, tmp_path, "--external-links", *trusted)
    assert reasons(report) == {}
    assert open_references(tmp_path / "out.json")["above/alias"][299] == 3


@pytest.mark.parametrize(
    ("more", "arrays"),
    [
        (["--group", "below"], {"/below/data", "/below/alias"}),
        (["--group", "below", "--variable", "alias"], {"/below/alias"}),
        (["--variable", "below/data"], {"/below/data"}),
        (["--variable", "soft"], {"/soft"}),
    ],
)
def test_narrow_scans_go_through_external_links(more: list[str], arrays: set[str], family: Path, tmp_path: Path) -> None:
    whole, _ = scan(family, tmp_path, "--external-links", "--inline-threshold", "0")
    refs, report = scan(family, tmp_path, "--external-links", "--inline-threshold", "0", *more)
    assert datasets(report) == arrays
    for path in arrays:
        mine = {key: value for key, value in refs.items() if key.startswith(path[1:] + "/")}
        assert mine == {key: value for key, value in whole.items() if key.startswith(path[1:] + "/")}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--group", "below"], "not followed (--external-links)"),
        (["--group", "below/nowhere", "--external-links"], "nowhere"),
        (["--group", "above", "--external-links"], "not trusted (--trust)"),
        (["--variable", "below/nowhere", "--external-links"], "nowhere"),
        (["--variable", "below", "--external-links"], "below"),
    ],
)
def test_what_is_not_reached_is_an_error(more: list[str], words: str, family: Path, tmp_path: Path) -> None:
    run = chunkref("scan", family, "-o", tmp_path / "out.json", *more)
    assert run.returncode == 1 and words in run.stderr, run.stderr
    assert not (tmp_path / "out.json").exists()


def test_a_spoilt_file_spoils_only_its_links(family: Path, tmp_path: Path) -> None:
    spoilt = family.parent / "moved.h5"
    spoilt.write_bytes(spoilt.read_bytes()[:1000])
    _, report = scan(family, tmp_path, "--external-links")
    assert datasets(report) == {"/below/alias", "/below/data", "/soft"}
    assert "truncated" in reasons(report)["/moved"]


def test_a_file_is_read_once_for_all_of_its_targets(tmp_path: Path) -> None:
    target, granule = tmp_path / "target.h5", tmp_path / "granule.h5"
    with h5py.File(target, "w") as f:
        for number in range(50):
            f[f"data_{number:02}"] = np.full(200, number)
    with h5py.File(granule, "w") as f:
        for number in range(50):
            f[f"link_{number:02}"] = h5py.ExternalLink("target.h5", f"/data_{number:02}")
    out = tmp_path / "out.json"
    run = chunkref("scan", granule, "-o", out, "--external-links", "--stats")
    assert run.returncode == 0, run.stderr
    group = open_references(out)
    assert [int(group[f"link_{number:02}"][0]) for number in range(50)] == list(range(50))
    bytes_read = int(next(line for line in run.stderr.splitlines() if "bytes" in line).split("bytes")[0].split()[-1].replace(",", ""))
    assert bytes_read < 4 * (target.stat().st_size + granule.stat().st_size), run.stderr


@pytest.mark.parametrize("kind", ["hard", "soft"])
def test_many_paths_over_few_groups_are_bounded(kind: str, tmp_path: Path) -> None:
    """40 groups, each with two names for the next: 2^40 paths."""
    source = tmp_path / "levels.h5"
    with h5py.File(source, "w") as f:
        f["level_0/data"] = np.arange(300)
        for number in range(1, 40):
            group = f.create_group(f"level_{number}")
            for name in ("left", "right"):
                below = f"/level_{number - 1}"
                group[name] = f[below] if kind == "hard" else h5py.SoftLink(below)
    refs, report = scan(source, tmp_path, timeout_s=60, preexec_fn=limited)
    assert "/level_0/data" in datasets(report)
    assert 100 < len(report["datasets"]) < 30_000
    assert sum(key.endswith(".zgroup") for key in refs) < 30_000
    assert len(report["links"]) < 30_000
    assert all("further names" in reason for reason in reasons(report).values())
    missed = "/level_39/" + "right/" * 38 + "right/data"
    assert missed in datasets(report) or any(missed.startswith(path + "/") for path in reasons(report))


def test_files_that_name_one_another_come_to_an_end(tmp_path: Path) -> None:
    """Each of 12 files links to the roots of all."""
    names = [f"file_{number:02}.h5" for number in range(12)]
    for name in names:
        with h5py.File(tmp_path / name, "w") as f:
            f["data"] = np.arange(300)
            for other in names:
                f[f"to_{other[:-3]}"] = h5py.ExternalLink(other, "/")
    _, report = scan(tmp_path / names[0], tmp_path, "--external-links", timeout_s=60, preexec_fn=limited)
    assert {"/data", *(f"/to_{name[:-3]}/data" for name in names[1:])} <= datasets(report)
    assert len(report["datasets"]) < 30_000


def test_the_granule_itself_may_be_the_other_file(tmp_path: Path) -> None:
    source = tmp_path / "self.h5"
    with h5py.File(source, "w") as f:
        f["group/data"] = np.arange(300)
        f["again"] = h5py.ExternalLink("self.h5", "/group")
    refs, report = scan(source, tmp_path, "--external-links", "--inline-threshold", "0")
    assert datasets(report) == {"/group/data", "/again/data"}
    assert refs["again/data/0"] == refs["group/data/0"]


def test_more_files_than_are_read_are_reported(tmp_path: Path) -> None:
    source = tmp_path / "many.h5"
    with h5py.File(source, "w") as f:
        for number in range(1100):
            f[f"link_{number:04}"] = h5py.ExternalLink(f"file_{number:04}.h5", "/")
    _, report = scan(source, tmp_path, "--external-links")
    assert len(report["links"]) == 1100
    assert sum("over 1000 files are named" in reason for reason in reasons(report).values()) == 101


def test_a_set_moved_elsewhere_still_reads(tmp_path: Path) -> None:
    for name in ("link_external.h5", "link_target.h5"):
        shutil.copy(GRANULES / name, tmp_path / name)
    refs, _ = scan(tmp_path / "link_external.h5", tmp_path, "--external-links", "--inline-threshold", "0")
    assert refs["inside/dataset/0.0"][0] == str(tmp_path / "link_target.h5")
