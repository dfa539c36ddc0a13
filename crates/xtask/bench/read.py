#!/usr/bin/env python3
"""Reads, chunkref beside its peers: read.py --measure BIN --server BIN --icechunk PYTHON --readers PYTHON
--data DIR [--runs N] [--peer-runs N] [--slow] [--only WORD] [--out FILE.md]

Each read is a process of its own. Runs are interleaved, so that a busy machine slows all alike; medians
are shown. Remote ones come from a server that waits 50 ms before each answer, sends 50 MB/s on each
connection, and counts requests and bytes. Whoever reads other values than h5py is said to.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import zlib
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

from remote import Server
from scan import HERE, make, measure

BEAM, PHOTONS = "beam.h5", "gt1l/heights/h_ph"
MAP, SST = "sst.nc", "analysed_sst"
TRACK = [PHOTONS, "gt1l/heights/lat_ph", "gt1l/heights/lon_ph"]
# 4 km along the track of the beam.
WEST, SOUTH, EAST, NORTH = BOUNDS = -41, 61, -39, 61.036
# 870 x 2111 of each of twenty maps: the Great Lakes.
BOX, DAYS, BEAMS = "0:20,13025:13895,8506:10617", 20, 4
# Sets that chunkref makes first: name, how, array, files.
SETS = [
    ("beam", "scan", PHOTONS, [BEAM]),
    ("track", "scan", TRACK, [BEAM]),
    ("map", "scan", SST, [MAP]),
    ("maps", "join", SST, [f"sst-{day:02}.nc" for day in range(DAYS)]),
    ("beams", "ragged", PHOTONS, [f"beam-{part}.h5" for part in range(BEAMS)]),
]
OF_SETS = ["xarray_kerchunk", "virtualizarr", "icechunk"]
OF_FILES = ["h5coro", "async_hdf5"]
# Takes minutes for a map, and is asked only with --slow.
SLOW = {"h5coro": SST}
SHOWN = {
    "xarray_kerchunk": "xarray, kerchunk",
    "virtualizarr": "zarr-python, obstore (VirtualiZarr)",
    "icechunk": "icechunk",
    "h5py": "h5py",
    "h5py_fsspec": "h5py, fsspec",
    "async_hdf5": "async-hdf5",
    "h5coro": "h5coro",
    "hidefix": "hidefix",
}


@dataclass
class Row:
    title: str
    bar: str
    # What chunkref does, and with what: a set, or a file.
    step: str
    name: str
    array: str
    remote: bool
    sets: list = field(default_factory=list)
    files: list = field(default_factory=list)
    slices: list = field(default_factory=list)
    # Arrays of latitude and longitude, and a box; instead of slices.
    box: list = field(default_factory=list)


ROWS = [
    Row("`h_ph` of one beam, 13.5 MB in 338 chunks, 50 ms away, references ready",
        "0.30 s, 12 requests, 9.5 MB", "set", "beam", PHOTONS, True, OF_SETS),
    Row("The same from the bare granule, of which nothing is known",
        "0.9 s, 10 MB", "file", BEAM, PHOTONS, True, files=[*OF_FILES, "h5py_fsspec"]),
    Row("The same, local, references ready (h5py, hidefix, h5coro and async-hdf5: the bare granule)",
        "none", "set", "beam", PHOTONS, False, OF_SETS, ["h5py", "hidefix", *OF_FILES]),
    Row("`analysed_sst`, 1,296 MB in 324 chunks, 50 ms away, references ready (h5coro, async-hdf5: the bare file)",
        "2.2 s, 100 MB beside the output", "set", "map", SST, True, OF_SETS, OF_FILES),
    Row("The same, local", "1.4 s", "set", "map", SST, False, OF_SETS, ["h5py", "hidefix", *OF_FILES]),
    Row(f"870 x 2111 of each of {DAYS} maps, joined, 50 ms away, references ready",
        "40 requests, 1.1 times the chunks touched", "set", "maps", SST, True, OF_SETS, slices=[BOX]),
    Row("`h_ph` in a box of 4 km along one beam, 50 ms away, references ready (latitude and longitude are read first)",
        "1.1 times `lat_ph`, `lon_ph` and the chunks touched of `h_ph`", "box", "track", PHOTONS, True,
        box=[*TRACK[1:], ",".join(map(str, BOUNDS))]),
    Row(f"{BEAMS} beams joined, whose last chunks are not full, 50 ms away, key by key through zarrs",
        "1.05 times the chunks of the granules", "keys", "beams", PHOTONS, True),
]


def serve(binary, folder):
    """On port 80 where it may be had: icechunk 1.1 takes the port out of a URL."""
    server = Server(binary, folder, "80")
    if not server.url:
        print("no port 80: icechunk will fail", file=sys.stderr)
        return Server(binary, folder)
    server.url = server.url.removesuffix(":80")
    return server


class Bench:
    def __init__(self, args):
        self.args = args
        self.data = os.path.abspath(args.data)
        self.server = serve(args.server, self.data)
        self.sets = os.path.join(self.data, "read")
        os.makedirs(self.sets, exist_ok=True)

    def at(self, name, remote):
        return f"{self.server.url}/{name}" if remote else os.path.join(self.data, name)

    def set_of(self, name, remote):
        return os.path.join(self.sets, f"{name}-{'remote' if remote else 'local'}.json")

    def prepare(self):
        make("beam", os.path.join(self.data, BEAM))
        make("sst", os.path.join(self.data, MAP))
        for name, how, array, files in SETS:
            for file in files:
                path = os.path.join(self.data, file)
                if not os.path.exists(path):
                    # One file under many names: what is read does not depend on what is in it.
                    os.link(os.path.join(self.data, BEAM if file.startswith("beam") else MAP), path)
            for remote in (True, False):
                urls = [self.at(file, remote) for file in files]
                given = {"scan": [*urls, *([array] if isinstance(array, str) else array)], "join": ["time", array, *urls], "ragged": [array, *urls]}
                measure([self.args.measure, how, self.set_of(name, remote), *given[how]])

    def run(self, tool, row):
        """Seconds, requests, bytes, peak MB, and what was read; None where it fails."""
        of_set = tool == "chunkref" and row.step != "file" or tool in row.sets
        source = self.set_of(row.name, row.remote)
        if not of_set:
            file = row.name if row.step == "file" else {"beam": BEAM, "map": MAP}[row.name]
            source = self.at(file, row.remote)
        python = {"icechunk": self.args.icechunk, "h5coro": self.args.readers, "hidefix": self.args.readers}
        command = [python.get(tool, sys.executable), os.path.join(HERE, "read_peers.py"), tool]
        if tool == "chunkref":
            command = [self.args.measure, row.step]
        self.server.counts()
        try:
            environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
            _, _, peak, output = measure([*command, source, row.array, *row.slices, *row.box], environment)
        except SystemExit:
            return None
        requests, moved = self.server.counts()
        said = json.loads(output.splitlines()[-1])
        return said["seconds"], requests, moved, peak * 1.048576, (said["read"], said["adler32"])

    def row(self, row):
        tools = ["chunkref", *row.sets, *row.files]
        slow = [tool for tool in tools if SLOW.get(tool) == row.array and not self.args.slow]
        results = {tool: [] for tool in tools if tool not in slow}
        failed = []
        for k in range(self.args.runs):
            for tool, runs in results.items():
                if tool in failed or tool != "chunkref" and k >= self.args.peer_runs:
                    continue
                print(f"{row.title}: {tool}, run {k + 1}", file=sys.stderr, flush=True)
                run = self.run(tool, row)
                runs.append(run) if run else failed.append(tool)
        if "chunkref" in failed:
            raise SystemExit(f"{row.title}: chunkref fails")
        return {tool: runs for tool, runs in results.items() if runs}, failed, slow

    def expected(self, row):
        """What h5py reads of a whole array, and the stored bytes of what is selected."""
        # By another process: those that are measured begin with the peak of this one.
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            return pool.submit(read_by_h5py, self.data, row).result()


def read_by_h5py(data, row):
    import h5py

    if row.box:
        with h5py.File(os.path.join(data, BEAM)) as f:
            return read_box(*(f[name] for name in TRACK))
    name = BEAM if row.array == PHOTONS else MAP
    files = next(files for title, _, array, files in SETS if array == row.array and row.name in (title, name))
    with h5py.File(os.path.join(data, name)) as f:
        array = f[row.array]
        slices = [tuple(map(int, part.split(":"))) for part in ",".join(row.slices).split(",") if part]
        chosen = tuple(slice(*bounds) for bounds in slices[1:]) if slices else ()
        # All granules are alike.
        read = array[(slice(None), *chosen)].tobytes() * len(files)
        stored = sum(
            info.size for info in map(array.id.get_chunk_info, range(array.id.get_num_chunks()))
            if all(at < stop and at + length > start for at, length, (start, stop)
                   in zip(info.chunk_offset[1:], array.chunks[1:], slices[1:]))
        )
        return (len(read), zlib.adler32(read)), stored * len(files)


def read_box(heights, latitude, longitude):
    """What lies in the box, and the stored bytes of both coordinates and of the chunks that it touches."""
    import numpy as np

    inside = np.flatnonzero(
        (latitude[:] >= SOUTH) & (latitude[:] <= NORTH) & (longitude[:] >= WEST) & (longitude[:] <= EAST)
    )
    read = heights[:][inside].tobytes()
    touched = np.unique(inside // heights.chunks[0])
    stored = latitude.id.get_storage_size() + longitude.id.get_storage_size()
    stored += sum(heights.id.get_chunk_info(int(k)).size for k in touched)
    return (len(read), zlib.adler32(read)), stored


def table(row, results, failed, slow, expected, stored):
    mine = statistics.median(run[0] for run in results["chunkref"])
    remote = "| requests | MB read | of the chunks " if row.remote else ""
    lines = [f"### {row.title}", "", f"Bar: {row.bar}.", "",
             f"| tool | seconds | x chunkref {remote}| peak, MB | beside the output, MB |",
             f"|---|---|---|---|{'---|---|---|' if row.remote else ''}---|"]
    wrong = []
    for tool, runs in results.items():
        seconds, requests, moved, peak = (statistics.median(run[k] for run in runs) for k in range(4))
        if any(run[4] != expected for run in runs):
            wrong.append(tool)
        counts = f"| {requests:.0f} | {moved / 1e6:.2f} | {moved / stored:.2f} " if row.remote else ""
        lines.append(
            f"| {SHOWN.get(tool, tool)} | {seconds:.2f} | {seconds / mine:.1f} {counts}"
            f"| {peak:.0f} | {peak - expected[0] / 1e6:.0f} |"
        )
    if "chunkref" in wrong:
        raise SystemExit(f"{row.title}: chunkref reads other values than h5py")
    left = "Takes minutes, and was left out (`--slow`)"
    for said, tools in (("Fails here", failed), ("Reads other values than h5py", wrong), (left, slow)):
        if tools:
            lines.append(f"\n{said}: {', '.join(SHOWN[tool] for tool in tools)}.")
    return "\n".join(lines) + "\n"


def versions(args):
    """The machine, and who was measured."""
    ask = "import importlib.metadata as m, sys; print(*(f'{n} {m.version(n)}' for n in sys.argv[1:]), sep=', ')"
    of = [
        (sys.executable, ["h5py", "xarray", "kerchunk", "fsspec", "zarr", "virtualizarr", "obstore", "async-hdf5"]),
        (args.icechunk, ["icechunk"]),
        (args.readers, ["h5coro", "hidefix"]),
    ]
    found = [subprocess.run([python, "-c", ask, *names], capture_output=True, text=True).stdout.strip()
             for python, names in of]
    return f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}; {', '.join(found)}."


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("measure", "server", "icechunk", "readers", "data"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer-runs", type=int, default=3)
    parser.add_argument("--slow", action="store_true", help="ask those too that take minutes")
    parser.add_argument("--only", default="", help="rows whose title has this")
    parser.add_argument("--out")
    args = parser.parse_args()
    os.makedirs(args.data, exist_ok=True)
    bench = Bench(args)
    bench.prepare()
    text = [versions(args) + "\n"]
    for row in ROWS:
        if args.only in row.title:
            text.append(table(row, *bench.row(row), *bench.expected(row)))
    text = "\n".join(text)
    print(text)
    if args.out:
        with open(args.out, "w") as f:
            f.write(text)


if __name__ == "__main__":
    main()
