"""What `chunkref export` writes, as zarr-python and xarray read it."""

import json
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray as xr
import zarr
from kerchunk.hdf import SingleHdf5ToZarr

from chunkref_cli import chunkref
from conftest import FIXTURES
from differential import open_references

GRANULES = FIXTURES / "granules"
DAYS = sorted(GRANULES.glob("mur_like_*.nc"))
FILES = sorted(
    path
    for path in GRANULES.iterdir()
    if path.suffix in {".nc", ".h5"} and not path.stem.startswith("virtual_source")
)


def export(*arguments) -> str:
    run = chunkref("export", *arguments)
    assert run.returncode == 0, run.stderr
    return run.stderr


def arrays(group: zarr.Group) -> dict[str, zarr.Array]:
    return {name: node for name, node in group.members(max_depth=None) if isinstance(node, zarr.Array)}


def same(found: np.ndarray, wanted: np.ndarray) -> bool:
    if found.dtype.kind == "V" or found.dtype.kind == "O":
        return found.tolist() == wanted.tolist()
    return np.array_equal(found, wanted, equal_nan=found.dtype.kind in "fc")


def native(dtype: np.dtype) -> np.dtype:
    """In the machine's order of bytes, where the type has one: that of strings of any length has none."""
    return dtype if dtype.kind == "T" else dtype.newbyteorder("=")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_are_exported_as_they_are(path: Path, tmp_path: Path) -> None:
    """All that references can say, and numbers that only the store decodes, as h5py reads them."""
    out, refs = tmp_path / "out.zarr", tmp_path / "refs.json"
    warned = export(path, out)
    run = chunkref("scan", path, "-o", refs)
    assert run.returncode == 0, run.stderr
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exported = arrays(zarr.open_group(out, mode="r", use_consolidated=True))
        referenced = arrays(open_references(refs))
        for name, array in exported.items():
            found = np.asarray(array[...])
            if name in referenced:
                wanted = referenced[name]
                assert same(found, np.asarray(wanted[...])), name
                # The order of bytes is a matter of the codec in Zarr v3.
                assert native(array.dtype) == native(wanted.dtype), name
                assert array.metadata.dimension_names == tuple(
                    wanted.attrs.asdict().get("_ARRAY_DIMENSIONS", ())
                ), name
            else:
                try:
                    with h5py.File(path) as file:
                        wanted = file[name][...]
                except (OSError, TypeError, ValueError):
                    continue  # numbers that h5py does not read
                # What Zarr has no type for is a wider number of the same value. Compounds and arrays
                # are spread out by the store, whose own tests compare them.
                kinds = found.dtype.kind + wanted.dtype.kind
                if kinds in {"ii", "uu", "ff"} and wanted.shape == found.shape:
                    assert np.array_equal(found, wanted, equal_nan=kinds == "ff"), name
    refused = {line.split(": ")[2].lstrip("/") for line in warned.splitlines() if ": refused: " in line}
    more = any(" more arrays were refused" in line for line in warned.splitlines())
    assert more or set(referenced) - set(exported) <= refused


def test_a_joined_set_opens_in_xarray_as_the_original(tmp_path: Path) -> None:
    refs, out = tmp_path / "days.json", tmp_path / "days.zarr"
    run = chunkref("scan", *DAYS, "--concat-dim", "time", "-o", refs)
    assert run.returncode == 0, run.stderr
    export(refs, out, "--codec", "gzip", "--chunks", "time=2,lat=100")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = xr.open_zarr(out, consolidated=True)
        parts = [xr.open_dataset(day, engine="netcdf4") for day in DAYS]
        wanted = xr.concat(parts, "time", data_vars="minimal", coords="minimal", compat="override")
    xr.testing.assert_equal(found, wanted)
    for name, variable in wanted.variables.items():
        assert found[name].dtype == variable.dtype, name
        assert found[name].attrs.keys() == variable.attrs.keys(), name
        for key, value in variable.attrs.items():
            assert np.array_equal(found[name].attrs[key], value), (name, key)
    assert zarr.open_array(out / "analysed_sst").chunks == (2, 100, 90)


def test_a_group_and_a_variable(tmp_path: Path) -> None:
    source, out = GRANULES / "atl03_like.h5", tmp_path / "out.zarr"
    export(source, out, "--group", "gt1l/heights", "--variable", "h_ph", "--codec", "none")
    exported = arrays(zarr.open_group(out, mode="r"))
    assert set(exported) == {"gt1l/heights/h_ph", "gt1l/heights/delta_time"}
    with h5py.File(source) as file:
        for name, array in exported.items():
            assert np.array_equal(array[...], file[name][...])


def test_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    out = tmp_path / "out.zarr"
    for arguments, code, said in (
        (["--variable", "nothing"], 1, "error: /nothing: no such array"),
        (["--chunks", "latt=3"], 2, "error: --chunks latt: no dimension of this name"),
        (["--codec", "gzip", "--level", "12"], 2, "error: --level 12: expected at most 9"),
        (["--chunks", "lat=0"], 2, "expected DIM=N with N above zero"),
    ):
        run = chunkref("export", DAYS[0], out, *arguments)
        assert run.returncode == code, run.stderr
        assert said in run.stderr
        assert not out.exists()


def test_strict(tmp_path: Path) -> None:
    """A set that holds what can't be read is exported without it."""
    refs = tmp_path / "refs.json"
    run = chunkref("scan", DAYS[0], "-o", refs)
    assert run.returncode == 0, run.stderr
    document = json.loads(refs.read_text())
    array = json.loads(document["refs"]["mask/.zarray"])
    array["dtype"] = "<U1"
    document["refs"]["mask/.zarray"] = json.dumps(array)
    refs.write_text(json.dumps(document))
    run = chunkref("export", refs, tmp_path / "out.zarr", "--strict")
    assert run.returncode == 3
    assert "/mask: refused: " in run.stderr
    assert set(arrays(zarr.open_group(tmp_path / "out.zarr"))) >= {"analysed_sst", "lat"}


def test_a_part_is_exported_with_its_coordinates(tmp_path: Path) -> None:
    """By labels, as xarray selects it; dimensions stay, with a length of 1."""
    source, out = DAYS[0], tmp_path / "out.zarr"
    export(source, out, "--variable", "analysed_sst", "--sel", "lat=40:49,lon=-95:-73", "--isel", "time=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = xr.open_zarr(out, consolidated=True)
        whole = xr.open_dataset(source, engine="netcdf4")
    ascending = bool(whole["lat"][0] < whole["lat"][-1])
    lat = slice(40, 49) if ascending else slice(49, 40)
    wanted = whole[["analysed_sst"]].isel(time=[0]).sel(lat=lat, lon=slice(-95, -73))
    assert 0 < wanted["analysed_sst"].size < whole["analysed_sst"].size
    xr.testing.assert_equal(found[["analysed_sst", "time", "lat", "lon"]], wanted)


def test_a_part_that_does_not_fit_is_a_usage_error(tmp_path: Path) -> None:
    run = chunkref("export", DAYS[0], tmp_path / "out.zarr", "--variable", "analysed_sst", "--sel", "depth=3")
    assert run.returncode == 2 and 'no dimension "depth"' in run.stderr, run.stderr
    assert not (tmp_path / "out.zarr").exists()


def test_a_part_in_which_nothing_lies_is_empty(tmp_path: Path) -> None:
    out = tmp_path / "out.zarr"
    part = ("--sel", "lat=200:300,lon=-95:-73")
    run = chunkref("export", DAYS[0], out, "--variable", "analysed_sst", *part)
    assert run.returncode == 0, run.stderr
    assert "warning: /analysed_sst: nothing along lat lies in what is asked for" in run.stderr
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = xr.open_zarr(out, consolidated=True)
        whole = xr.open_dataset(DAYS[0], engine="netcdf4")
    wanted = whole[["analysed_sst"]].isel(lat=slice(0, 0)).sel(lon=slice(-95, -73))
    assert wanted["analysed_sst"].size == 0 and wanted.sizes["lon"] > 0
    xr.testing.assert_equal(found[["analysed_sst", "time", "lat", "lon"]], wanted)


class Plain(BaseHTTPRequestHandler):
    """Ranges of one file, of which nothing tells whether it is still the same."""

    protocol_version = "HTTP/1.1"
    path_of_file: Path
    left = 0

    def log_message(self, *arguments) -> None:
        pass

    def do_GET(self) -> None:
        data = type(self).path_of_file.read_bytes()
        first, last = self.headers["Range"].removeprefix("bytes=").split("-")
        start, end = int(first), min(int(last or len(data)), len(data) - 1)
        if type(self).left == 0:
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        type(self).left -= 1
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{end}/{len(data)}")
        self.send_header("Content-Length", str(end + 1 - start))
        self.end_headers()
        self.wfile.write(data[start : end + 1])


def test_old_and_new_values_are_not_mixed(tmp_path: Path) -> None:
    """A server without ETag and Last-Modified, whose file is replaced by one of the same size."""
    source, out = tmp_path / "v.h5", tmp_path / "out.zarr"

    def write(value: float) -> None:
        with h5py.File(source, "w") as file:
            file.create_dataset("v", data=np.full((100, 1000), value), chunks=(1, 1000))

    write(1.0)
    handler = type("Handler", (Plain,), {"path_of_file": source, "left": 60})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v.h5"
    options = ("--memory", "100000", "--concurrency", "2")
    try:
        assert chunkref("export", url, out, *options).returncode == 1
        written = list((tmp_path / "out.zarr.partial").glob("**/c/*/*"))
        assert written
        write(2.0)
        handler.left = 10**6
        export(url, out, *options)
    finally:
        server.shutdown()
    assert np.unique(np.asarray(zarr.open_group(out, mode="r")["v"][...])).tolist() == [2.0]


def test_a_file_that_changed_is_not_gone_on_with(tmp_path: Path) -> None:
    source, refs, out = tmp_path / "v.h5", tmp_path / "refs.json", tmp_path / "out.zarr"

    def write(value: float) -> None:
        with h5py.File(source, "w") as file:
            file.create_dataset("v", data=np.full((100, 1000), value), chunks=(1, 1000))

    write(1.0)
    refs.write_text(json.dumps(SingleHdf5ToZarr(str(source), inline_threshold=0).translate()))
    whole = source.read_bytes()
    source.write_bytes(whole[: len(whole) // 2])
    assert chunkref("export", refs, out).returncode == 1
    write(2.0)
    run = chunkref("export", refs, out)
    assert run.returncode == 1
    assert "unfinished export of something else" in run.stderr


def test_labels_that_one_group_lacks_are_an_error(tmp_path: Path) -> None:
    """What another group has at these labels lies elsewhere in this one."""
    source, out = tmp_path / "two.h5", tmp_path / "out.zarr"
    with h5py.File(source, "w") as file:
        for group, labels in [("a", [10.0, 20, 30]), ("b", [1.0, 2, 3])]:
            file[f"{group}/lat"] = np.array(labels)
            file[f"{group}/lat"].make_scale("lat")
            file[f"{group}/v"] = np.arange(3)
            file[f"{group}/v"].dims[0].attach_scale(file[f"{group}/lat"])
    run = chunkref("export", source, out, "--sel", "lat=20")
    assert run.returncode == 2
    assert "/b/lat: no value 20" in run.stderr and "--group" in run.stderr
    assert not out.exists()
    assert chunkref("export", source, out, "--sel", "lat=20", "--group", "a").returncode == 0
    assert zarr.open(out)["a/v"][:].tolist() == [1]
