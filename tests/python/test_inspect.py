"""What `chunkref inspect` says of sizes, beside what libhdf5 says; and its picture."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import h5py
import pytest

from chunkref_cli import chunkref
from conftest import FIXTURES

GRANULES = FIXTURES / "granules"
SOURCES = ["mur_like_20200601.nc", "atl03_like.h5", "layouts_latest.h5", "layouts_earliest.h5", "fills.nc"]
SVG = "{http://www.w3.org/2000/svg}"


def inspect(*arguments) -> str:
    run = chunkref("inspect", *arguments)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("name", SOURCES)
def test_sizes_are_those_of_libhdf5(name: str) -> None:
    said = json.loads(inspect(GRANULES / name, "--json"))
    compared = 0
    with h5py.File(GRANULES / name) as file:
        for array in said["arrays"]:
            dataset = file[array["path"]]
            if array["layout"] != "chunked" or dataset.shape is None:
                continue
            if list(dataset.shape) != array["shape"]:
                continue  # it is as long as its unlimited dimension
            chunks = dataset.id.get_num_chunks()
            assert array["references"] == chunks, array["path"]
            assert array["stored_bytes"] == dataset.id.get_storage_size(), array["path"]
            assert array["chunk_shape"] == list(dataset.chunks), array["path"]
            stored = [dataset.id.get_chunk_info(number) for number in range(chunks)]
            assert all(chunk.byte_offset + chunk.size <= said["sources"][0]["end"] for chunk in stored)
            compared += 1
    assert compared >= 3
    assert said["sources"][0]["size"] == (GRANULES / name).stat().st_size
    assert sum(array["stored_bytes"] for array in said["arrays"]) == said["stored_bytes"]
    assert sum(one["count"] for one in said["chunk_sizes"]) == said["references"]


@pytest.mark.parametrize("name", SOURCES)
def test_the_picture_is_one(name: str, tmp_path: Path) -> None:
    picture = tmp_path / "chunks.svg"
    inspect(GRANULES / name, "--plot", picture)
    root = ElementTree.parse(picture).getroot()
    assert root.tag == f"{SVG}svg"
    width, height = int(root.get("width")), int(root.get("height"))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert f"Chunks of {name}" in texts
    assert sum(text == "MB" for text in texts) == 2
    bars = [element for element in root.iter(f"{SVG}rect") if element.get("width") != "100%"]
    assert len(bars) > 10
    for bar in bars:
        x, y, wide, high = (int(bar.get(key)) for key in ("x", "y", "width", "height"))
        assert 0 <= x and x + wide <= width and 0 <= y and y + high <= height


def test_lanes_lie_where_libhdf5_finds_the_chunks(tmp_path: Path) -> None:
    path, picture = GRANULES / "mur_like_20200601.nc", tmp_path / "chunks.svg"
    inspect(path, "--plot", picture)
    root = ElementTree.parse(picture).getroot()
    bars = [element for element in root.iter(f"{SVG}rect") if element.get("height") == "13"]
    first = min(int(bar.get("y")) for bar in bars)
    left = min(int(bar.get("x")) for bar in bars if int(bar.get("y")) == first)
    size = path.stat().st_size
    with h5py.File(path) as file:
        sst = file["analysed_sst"].id
        start = min(sst.get_chunk_info(number).byte_offset for number in range(sst.get_num_chunks()))
    assert abs((left - 270) / 800 - start / size) <= 1 / 800
