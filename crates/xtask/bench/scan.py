#!/usr/bin/env python3
"""Local scans, chunkref beside its peers: scan.py --chunkref BIN --data DIR [--runs N] [--out FILE.md]

Runs are interleaved, so that a busy machine slows all alike; medians are shown. "work" is the time
of the scan without the start of the interpreter and imports (for chunkref: the whole process),
"CPU" and "peak" are of the whole process, from wait4.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = ["h5py", "async-hdf5", "virtualizarr", "kerchunk"]
FILES = {
    "chunks": ("1,000,000 chunks, v1 B-tree", "chunks.h5"),
    "granule": ("1,000 datasets, 22,000 chunks", "granule.h5"),
}


def measure(command, environment=None, stderr=False):
    """Runs a command; wall seconds, CPU seconds, peak MB, standard output (or error)."""
    start = time.perf_counter()
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    if stderr:
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    child = subprocess.Popen(command, env=environment, **streams)
    output = (child.stderr or child.stdout).read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    wall = time.perf_counter() - start
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output


def run(tool, path, out, chunkref):
    if tool == "chunkref":
        wall, cpu, peak, _ = measure([chunkref, "scan", path, "-o", out, "--inline-threshold", "0"])
        return wall, cpu, peak
    command = [sys.executable, os.path.join(HERE, "peers.py"), tool, path, out]
    for attempt in range(3):
        try:
            _, cpu, peak, output = measure(command)
            return float(output.split()[-2]), cpu, peak
        except SystemExit as died:
            # async-hdf5 ends with "munmap_chunk(): invalid pointer" once in a while.
            print(died, file=sys.stderr)
    raise SystemExit(f"{tool} does not read {path}")


def make(kind, path):
    """Makes a file unless it is there."""
    if os.path.exists(path):
        return
    print(f"making {os.path.basename(path)}", file=sys.stderr, flush=True)
    subprocess.run([sys.executable, os.path.join(HERE, "generate.py"), kind, path + ".part"], check=True)
    os.rename(path + ".part", path)


def table(title, rows):
    mine = rows["chunkref"]
    lines = [f"### {title}", "", "| tool | work, s | x chunkref | CPU, s | peak, MB |", "|---|---|---|---|---|"]
    for tool, (work, cpu, peak) in rows.items():
        lines.append(f"| {tool} | {work:.2f} | {work / mine[0]:.1f} | {cpu:.2f} | {peak:.0f} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chunkref", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer-runs", type=int, default=3)
    parser.add_argument("--out")
    args = parser.parse_args()
    os.makedirs(args.data, exist_ok=True)
    text = []
    for kind, (title, name) in FILES.items():
        path = os.path.abspath(os.path.join(args.data, name))
        make(kind, path)
        results = {tool: [] for tool in ["chunkref", *PEERS]}
        with tempfile.TemporaryDirectory() as folder:
            for k in range(args.runs):
                for tool, measured in results.items():
                    if tool == "chunkref" or k < args.peer_runs:
                        print(f"{name}: {tool}, run {k + 1}", file=sys.stderr, flush=True)
                        measured.append(run(tool, path, os.path.join(folder, "out.json"), args.chunkref))
        rows = {tool: tuple(statistics.median(column) for column in zip(*m)) for tool, m in results.items()}
        text.append(table(f"{title} ({os.path.getsize(path) / 1e6:.0f} MB)", rows))
    text = "\n".join(text)
    print(text)
    if args.out:
        with open(args.out, "w") as f:
            f.write(text)


if __name__ == "__main__":
    main()
