#!/usr/bin/env python3
"""Remote scans, chunkref beside its peers: remote.py --chunkref BIN --server BIN --data DIR --out FILE.md --plot FILE.svg

Every tool reads from the same server: 50 ms before each answer, 50 MB/s a connection. It counts
requests and bytes. Runs are interleaved; medians are shown.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile

from plot import bars
from scan import HERE, make, measure

PEERS = ["async-hdf5", "virtualizarr", "kerchunk, small", "kerchunk"]
ROWS = [
    ("1,000 datasets, 22,000 chunks, old layout", "granule", "granule.h5", [], PEERS),
    ("the same in pages of 8 MiB", "paged", "paged.h5", [], PEERS),
    ("the same in the old layout, one group", "granule", "granule.h5", ["--group", "gt1l/heights"], []),
    ("a map of 1,296 chunks", "map", "map.nc", [], PEERS),
    ("1,000,000 chunks, v1 B-tree", "chunks", "chunks.h5", [], ["async-hdf5"]),
]
LATENCY_MS, MB_PER_S = 50, 50


class Server:
    def __init__(self, binary, folder, *port):
        command = [binary, folder, str(LATENCY_MS), str(MB_PER_S), *port]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip().rstrip("/")

    def counts(self):
        """Requests and bytes since the last call."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return tuple(map(int, self.process.stdout.readline().split()))


def run(tool, url, out, options, chunkref, data):
    """Seconds, waves (None where the tool does not tell), peak MB."""
    if tool == "chunkref":
        # The start of the process is work too: all of it counts.
        command = [chunkref, "scan", url, "-o", out, "--stats", *options]
        wall, _, peak, said = measure(command, stderr=True)
        return wall, int(re.search(r"waves (\d+)", said)[1]), peak
    command = [sys.executable, os.path.join(HERE, "peers.py"), tool, url, out]
    try:
        _, _, peak, said = measure(command, {**os.environ, "BENCH_DATA": data})
    except SystemExit:
        return None  # it can't read the file
    return float(said.split()[-2]), None, peak


def table(title, rows):
    mine = rows["chunkref"]["seconds"]
    lines = [
        f"### {title}",
        "",
        "| tool | seconds | x chunkref | requests | MB read | waves | peak, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for tool, row in rows.items():
        waves = "" if row["waves"] is None else f"{row['waves']:.0f}"
        lines.append(
            f"| {tool} | {row['seconds']:.2f} | {row['seconds'] / mine:.1f} | {row['requests']:.0f} "
            f"| {row['bytes'] / 1e6:.2f} | {waves} | {row['peak']:.0f} |"
        )
    return "\n".join(lines) + "\n"


def medians(runs):
    seconds, waves, peak, requests, moved = zip(*runs)
    return {
        "seconds": statistics.median(seconds),
        "waves": None if waves[0] is None else statistics.median(waves),
        "peak": statistics.median(peak),
        "requests": statistics.median(requests),
        "bytes": statistics.median(moved),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("chunkref", "server", "data", "out", "plot"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer-runs", type=int, default=3)
    parser.add_argument("--peers", nargs="*", default=PEERS, help="only these")
    args = parser.parse_args()
    data = os.path.abspath(args.data)
    os.makedirs(data, exist_ok=True)
    for _, kind, name, _, _ in ROWS:
        make(kind, os.path.join(data, name))
    server = Server(args.server, data)
    text, drawn = [], []
    for title, _, name, options, peers in ROWS:
        results = {tool: [] for tool in ["chunkref", *(peer for peer in peers if peer in args.peers)]}
        with tempfile.TemporaryDirectory() as folder:
            for k in range(args.runs):
                for tool, measured in results.items():
                    # The slowest takes minutes: once is enough to see by how much.
                    most = args.runs if tool == "chunkref" else 1 if tool == "kerchunk" else args.peer_runs
                    if k >= most:
                        continue
                    print(f"{title}: {tool}, run {k + 1}", file=sys.stderr, flush=True)
                    server.counts()
                    out = os.path.join(folder, "out.json")
                    seconds = run(tool, f"{server.url}/{name}", out, options, args.chunkref, data)
                    if seconds:
                        measured.append((*seconds, *server.counts()))
        rows = {tool: medians(runs) for tool, runs in results.items() if runs}
        failed = [tool for tool, runs in results.items() if not runs]
        text.append(table(f"{title} ({os.path.getsize(os.path.join(data, name)) / 1e6:.0f} MB)", rows))
        if failed:
            text.append(f"Fails on this file: {', '.join(failed)}.\n")
        drawn.append((title, {tool: row["seconds"] for tool, row in rows.items()}))
    text = "\n".join(text)
    print(text)
    with open(args.out, "w") as f:
        f.write(text)
    with open(args.plot, "w") as f:
        f.write(bars("Seconds of a remote scan, 50 ms away (logarithmic)", drawn))


if __name__ == "__main__":
    main()
