"""`chunkref verify` on sets that others made."""

import base64
import copy
import json
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
from kerchunk.hdf import SingleHdf5ToZarr

from chunkref_cli import chunkref
from conftest import FIXTURES

GRANULES = FIXTURES / "granules"


def verified(path: Path, folder: Path) -> dict:
    refs = folder / "kerchunk.json"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        references = SingleHdf5ToZarr(str(path), inline_threshold=0, error="warn").translate()
    refs.write_text(json.dumps(references))
    run = chunkref("verify", refs, "--all", "--json")
    assert run.returncode in {0, 1}, run.stderr
    found = json.loads(run.stdout)
    assert (run.returncode == 0) == (not found["findings"] and not found["refused"])
    return found


@pytest.mark.parametrize("name", ["mur_like_20200601.nc", "atl03_like.h5"])
def test_sets_of_kerchunk_are_sound(name: str, tmp_path: Path) -> None:
    found = verified(GRANULES / name, tmp_path)
    assert found["findings"] == []
    assert found["decoded"] == found["chunks"] > 0
    assert found["rescanned"] > 0


def test_what_kerchunk_loses_is_found(tmp_path: Path) -> None:
    """Chunks whose filter mask says that a filter was skipped; Kerchunk has no word for it."""
    found = verified(GRANULES / "layouts_earliest.h5", tmp_path)
    wrong = {finding["path"] for finding in found["findings"]}
    assert wrong == {"/masks/mixed"}


def test_a_variable_is_found_under_the_name_that_it_has_in_hdf5(tmp_path: Path) -> None:
    """netCDF-C puts `_nc4_non_coord_` before the name of some, and Kerchunk keeps it."""
    found = verified(GRANULES / "dims.nc", tmp_path)
    assert found["findings"] == []
    assert found["rescanned"] > 0


def granule(path: Path, day: int) -> None:
    """A day: variables that are stored in all ways."""
    rng = np.random.default_rng(day)
    with h5py.File(path, "w") as file:
        file["time"] = np.array([float(2 * day), 2 * day + 1.0])
        file["time"].make_scale("time")
        file["time"].attrs["units"] = "days since 2020-01-01"
        file["x"] = np.arange(600.0)
        file["x"].make_scale("x")

        def put(name: str, values: np.ndarray | None, **options) -> h5py.Dataset:
            dataset = file.create_dataset(name, data=values, **options)
            dataset.dims[0].attach_scale(file["time"])
            dataset.dims[1].attach_scale(file["x"])
            return dataset

        number = rng.integers(1, 1000, (2, 600))
        put("plain", number.astype("f4"), chunks=(1, 300))
        put("gz", number.astype("f4"), chunks=(2, 300), compression="gzip", shuffle=True)
        put("shuffled", number.astype("i4"), chunks=(1, 300), shuffle=True)
        put("whole", number.astype("f8"))
        put("packed", number.astype("i2"), chunks=(1, 300)).attrs.update(
            {"scale_factor": 0.5, "_FillValue": np.int16(-1)}
        )
        sparse = put("sparse", None, shape=(2, 600), dtype="f4", chunks=(1, 300), fillvalue=-7.0)
        sparse[0, :300] = number[0, :300]


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict]:
    """References of one day and of three joined, with and without the extras."""
    folder = tmp_path_factory.mktemp("days")
    paths = [folder / f"day{day}.h5" for day in range(3)]
    for day, path in enumerate(paths):
        granule(path, day)
    sets = {}
    for name, files, options in (
        ("one", paths[:1], []),
        ("three", paths, ["--concat-dim", "time"]),
        ("inline", paths[:1], ["--inline-threshold", "5000"]),
    ):
        refs = folder / f"{name}.json"
        run = chunkref("scan", *files, *options, "-o", refs)
        assert run.returncode == 0, run.stderr
        sets[f"{name}, extras"] = json.loads(refs.read_text())
        bare = json.loads(refs.read_text())
        bare.pop("chunkref")
        bare["refs"].pop(".zmetadata", None)
        sets[name] = bare
    return sets


def findings(document: dict, folder: Path) -> list[dict]:
    path = folder / "set.json"
    path.write_text(json.dumps(document))
    run = chunkref("verify", path, "--all", "--json")
    assert run.returncode in {0, 1}, run.stderr
    found = json.loads(run.stdout)
    return found["findings"] + found["refused"]


@pytest.mark.parametrize("name", ["one", "three", "inline"])
@pytest.mark.parametrize("extras", ["", ", extras"])
def test_sound_sets_are_not_accused(days: dict, name: str, extras: str, tmp_path: Path) -> None:
    assert findings(days[name + extras], tmp_path) == []


def edited(refs: dict, key: str, **changes) -> None:
    document = json.loads(refs[key])
    document.update(changes)
    refs[key] = json.dumps(document)


def exchange(refs: dict, one: str, other: str) -> None:
    assert refs[one] != refs[other]
    refs[one], refs[other] = refs[other], refs[one]


def inlined(refs: dict, key: str, wrong: bool = False) -> None:
    path, offset, length = refs[key]
    data = Path(path.removeprefix("file://")).read_bytes()[offset : offset + length]
    data = bytes(length) if wrong else data
    refs[key] = "base64:" + base64.b64encode(data).decode()


def held(refs: dict, key: str) -> bytes:
    assert refs[key].startswith("base64:"), key
    return base64.b64decode(refs[key].removeprefix("base64:"))


def times(refs: dict, values: np.ndarray) -> None:
    refs["time/0"] = "base64:" + base64.b64encode(values.astype("<f8").tobytes()).decode()


def of_array(refs: dict, name: str) -> list[str]:
    return sorted(key for key in refs if key.startswith(f"{name}/") and "/.z" not in key)


def granules_exchanged(refs: dict, name: str, rows: int) -> None:
    """The first granule's chunks in the place of the second's."""
    for key in of_array(refs, name):
        row, column = key.split("/")[1].split(".")
        if int(row) < rows:
            exchange(refs, key, f"{name}/{int(row) + rows}.{column}")


def dropped(refs: dict, name: str) -> None:
    for key in of_array(refs, name):
        del refs[key]


def removed(refs: dict, name: str) -> None:
    for key in [key for key in refs if key.startswith(f"{name}/")]:
        del refs[key]


JOINED = {
    "chunks of two granules": lambda refs: exchange(refs, "plain/0.0", "plain/2.0"),
    "granules of plain": lambda refs: granules_exchanged(refs, "plain", 2),
    "granules of whole": lambda refs: granules_exchanged(refs, "whole", 1),
    "granules of gz": lambda refs: granules_exchanged(refs, "gz", 1),
    "granules of all but time": lambda refs: [
        removed(refs, "sparse"),
        *(
            granules_exchanged(refs, name, rows)
            for name, rows in {"plain": 2, "gz": 1, "shuffled": 2, "whole": 1, "packed": 2}.items()
        ),
    ],
    "longer": lambda refs: edited(refs, "plain/.zarray", shape=[7, 600]),
    "longer, compressed": lambda refs: edited(refs, "gz/.zarray", shape=[8, 600]),
    "longer, contiguous": lambda refs: edited(refs, "whole/.zarray", shape=[8, 600]),
    "other times": lambda refs: times(refs, np.array([0, 1, 2, 3, 4, 6])),
    "all of a granule is missing": lambda refs: [
        refs.pop(key) for key in of_array(refs, "plain") if int(key.split("/")[1][0]) > 3
    ],
}
ANY = {
    "fill value": lambda refs: edited(refs, "plain/.zarray", fill_value=1.0),
    "other fill value": lambda refs: edited(refs, "packed/.zarray", fill_value=5),
    "scale_factor": lambda refs: edited(refs, "packed/.zattrs", scale_factor=10.0),
    "no scale_factor": lambda refs: edited(refs, "packed/.zattrs", scale_factor=None),
    "a scale_factor more": lambda refs: edited(refs, "plain/.zattrs", scale_factor=2.0),
    "units": lambda refs: edited(refs, "time/.zattrs", units="days since 1920-01-01"),
    "dimensions": lambda refs: edited(refs, "gz/.zattrs", _ARRAY_DIMENSIONS=["x", "time"]),
    "dimensions of what is in the set in part": lambda refs: edited(
        refs, "sparse/.zattrs", _ARRAY_DIMENSIONS=["x", "time"]
    ),
    "a chunk in the set is another": lambda refs: inlined(refs, "plain/0.0", wrong=True),
    "one in the set, others exchanged": lambda refs: [
        inlined(refs, "plain/0.0"),
        exchange(refs, "plain/0.1", "plain/1.0"),
    ],
    "fill that is written out": lambda refs: refs.__setitem__(
        "sparse/1.0", "base64:" + base64.b64encode(bytes(1200)).decode()
    ),
    "no chunks at all": lambda refs: dropped(refs, "plain"),
}
IN_SET = {
    "byte order": lambda refs: edited(refs, "plain/.zarray", dtype=">f4"),
    "type": lambda refs: edited(refs, "plain/.zarray", dtype="<i4"),
    "values": lambda refs: times(refs, np.array([1.0, 2.0])),
    "scale_factor": lambda refs: edited(refs, "packed/.zattrs", scale_factor=10.0),
    "dimensions": lambda refs: edited(refs, "gz/.zattrs", _ARRAY_DIMENSIONS=["x", "time"]),
}
CHANGES = [
    *((name, "three", change) for name, change in JOINED.items()),
    *((name, kind, change) for name, change in ANY.items() for kind in ("one", "three")),
    *((name, "inline", change) for name, change in IN_SET.items()),
]


@pytest.mark.parametrize(
    ("kind", "change"), [change[1:] for change in CHANGES], ids=[f"{c[1]}: {c[0]}" for c in CHANGES]
)
def test_one_change_is_found(days: dict, kind: str, change, tmp_path: Path) -> None:
    document = copy.deepcopy(days[kind])
    change(document["refs"])
    assert findings(document, tmp_path)


def test_chunks_of_granules_exchanged_are_found_beside_the_extras(days: dict, tmp_path: Path) -> None:
    document = copy.deepcopy(days["three, extras"])
    exchange(document["refs"], "plain/0.0", "plain/2.0")
    wrong = {finding["path"] for finding in findings(document, tmp_path)}
    assert "/plain" in wrong


SAME = {
    "one chunk in the set": lambda refs: inlined(refs, "plain/0.0"),
    "several": lambda refs: [inlined(refs, key) for key in ("gz/0.0", "whole/0.0", "packed/1.1")],
    "all": lambda refs: [inlined(refs, key) for key in of_array(refs, "shuffled")],
    "times in hours": lambda refs: [
        times(refs, np.frombuffer(held(refs, "time/0")) * 24),
        edited(refs, "time/.zattrs", units="hours since 2020-01-01"),
    ],
    "a calendar that is the usual one": lambda refs: edited(
        refs, "time/.zattrs", calendar="standard"
    ),
}


@pytest.mark.parametrize("kind", ["one", "three"])
@pytest.mark.parametrize("name", SAME)
def test_what_means_the_same_is_not_accused(days: dict, kind: str, name: str, tmp_path: Path) -> None:
    document = copy.deepcopy(days[kind])
    SAME[name](document["refs"])
    assert findings(document, tmp_path) == []
