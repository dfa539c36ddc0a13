"""Tables that `chunkref read` writes: columns of what lies along an axis twice, and elements of all types."""

import csv
import io
from pathlib import Path

import h5py
import numpy as np
import pytest

from chunkref_cli import chunkref


def table(*arguments) -> list[dict[str, str]]:
    run = chunkref("read", *arguments, "-o", "-", "--format", "csv")
    assert run.returncode == 0, run.stderr
    return list(csv.DictReader(io.StringIO(run.stdout)))


@pytest.fixture(scope="module")
def twice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Arrays with two axes of one dimension, as covariances and distances have them."""
    path = tmp_path_factory.mktemp("csv") / "twice.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.array([10.0, 20.0, 30.0])
        file["t"] = np.array([1.0, 2.0])
        for name in "xt":
            file[name].make_scale(name)

        def add(name: str, values: np.ndarray, axes: str, **attributes) -> None:
            dataset = file.create_dataset(name, data=values)
            for axis, scale in enumerate(axes):
                dataset.dims[axis].attach_scale(file[scale])
            dataset.attrs.update(attributes)

        add("area", 100 + np.arange(9).reshape(3, 3), "xx")
        add("weight", 7 + np.arange(3), "x")
        add("covariance", np.arange(18).reshape(2, 3, 3), "txx", coordinates="area weight")
        add("x_2", np.arange(3), "x")
        add("named", np.arange(9).reshape(3, 3), "xx", coordinates="x_2")
        add("plain", np.arange(6).reshape(3, 2), "xt", coordinates="area weight")
        for name in ["lat", "lon"]:
            add(name, np.arange(9.0).reshape(3, 3), "xx")
        file["phony"] = np.arange(16).reshape(4, 4)
    return path


def test_each_axis_of_a_dimension_has_a_column(twice: Path) -> None:
    rows = table(twice, "covariance")
    assert list(rows[0]) == ["t", "x", "x_2", "area", "weight", "weight_2", "covariance"]
    with h5py.File(twice) as file:
        x, area, weight, values = (file[name][()] for name in ["x", "area", "weight", "covariance"])
    for (t, one, other), row in zip(np.ndindex(values.shape), rows, strict=True):
        expected = [t + 1, x[one], x[other], area[one, other], weight[one], weight[other], values[t, one, other]]
        assert [float(cell) for cell in row.values()] == expected
    # Names are those of no others.
    assert list(table(twice, "named")[0]) == ["x", "x_3", "x_2", "x_2_2", "named"]
    rows = table(twice, "phony")
    assert [row["phony"] for row in rows] == [str(n) for n in range(16)]
    first, second, _ = rows[0]
    assert [(row[first], row[second]) for row in rows] == [(str(n // 4), str(n % 4)) for n in range(16)]


def test_what_lies_twice_along_a_dimension_is_no_coordinate_of_what_lies_there_once(twice: Path) -> None:
    assert list(table(twice, "plain")[0]) == ["x", "t", "weight", "plain"]


def test_a_box_along_two_axes_of_one_dimension_is_refused(twice: Path, tmp_path: Path) -> None:
    run = chunkref("read", twice, "area", "--bbox=2,2,5,5", "-o", tmp_path / "out.csv")
    assert run.returncode == 2
    assert 'two of its axes are of the dimension "x", along which /lat lies' in run.stderr


def test_a_coordinate_has_one_column(twice: Path) -> None:
    assert [list(row.items()) for row in table(twice, "t")] == [[("t", "1.0")], [("t", "2.0")]]


def test_elements_of_other_types(tmp_path: Path) -> None:
    path, out = tmp_path / "types.h5", tmp_path / "out.csv"
    half = np.array([0.1, -1.5, np.nan, 65504, np.inf, 6e-8, -0.0], ">f2")
    with h5py.File(path, "w") as file:
        file["bool"] = np.array([True, False])
        file["half"] = half
        file["latin"] = np.array([b"abc", b"caf\xe9"])
        file["record"] = np.array([(1, 2.5)], [("a", "i4"), ("b", ">f8")])
    assert [row["bool"] for row in table(path, "bool")] == ["true", "false"]
    found = [float(row["half"] or "nan") for row in table(path, "half")]
    np.testing.assert_array_equal(np.array(found, "f2"), half)
    for name, said in [
        ("latin", "latin: text that is not UTF-8; .npy and .nc hold it"),
        ("record", "record: elements of the type {a: int32, b: float64 (big-endian)}, which are no cells"),
    ]:
        run = chunkref("read", path, name, "-o", out)
        assert run.returncode == 1 and said in run.stderr, run.stderr
        assert not out.exists()


def test_the_standard_calendar_has_no_year_0(tmp_path: Path) -> None:
    path = tmp_path / "years.h5"
    with h5py.File(path, "w") as file:
        for name, calendar in [("standard", "standard"), ("proleptic", "proleptic_gregorian")]:
            file[name] = np.array([730000.5])
            file[name].attrs.update({"units": "days since 0000-01-01", "calendar": calendar})
    assert table(path, "standard")[0]["standard"] == "730000.5"
    assert table(path, "proleptic")[0]["proleptic"] == "1998-09-03T12:00:00"
