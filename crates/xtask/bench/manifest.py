#!/usr/bin/env python3
"""Reference sets, chunkref beside its peers: manifest.py --measure BIN --icechunk PYTHON --data DIR
[--references N] [--streamed N] [--runs N] [--peer-runs N] [--out FILE.md]

Each step is a process of its own. Runs are interleaved, so that a busy machine slows all alike;
medians are shown. A peer that takes over 20 seconds is run once. Seconds are those of the work alone, without the start of the interpreter and
imports; the peak is that of the whole process.
"""

import argparse
import os
import shutil
import statistics
import sys

from scan import HERE, measure

LOOKUPS = 100_000
# Whoever takes longer is not run again.
SLOW_S = 20
KERCHUNK, VIRTUALIZARR, FSSPEC, ICECHUNK = "kerchunk", "virtualizarr", "fsspec", "icechunk"


def steps(count):
    """Title, what is done, the kind of set, and who else does it."""
    shown = f"{count:,}"
    return [
        (f"Write {shown} references as JSON", "write", "json", [KERCHUNK, VIRTUALIZARR]),
        (f"Write {shown} references as Parquet (Icechunk: as its own format)", "write", "parquet",
         [KERCHUNK, FSSPEC, VIRTUALIZARR, ICECHUNK]),
        (f"Load JSON of {shown} references and get the first chunk", "first", "json", [FSSPEC, VIRTUALIZARR]),
        (f"Open Parquet of {shown} references and get the first chunk", "first", "parquet",
         [FSSPEC, VIRTUALIZARR, ICECHUNK]),
        (f"Open Parquet of {shown} references and look up {LOOKUPS:,} at random", "random", "parquet",
         [FSSPEC, VIRTUALIZARR, ICECHUNK]),
    ]


class Bench:
    def __init__(self, args):
        self.args = args
        self.folder = os.path.join(args.data, "manifest")
        os.makedirs(self.folder, exist_ok=True)

    def set_of(self, tool, kind):
        """All read the set that chunkref writes, but Icechunk its own."""
        return os.path.join(self.folder, "icechunk" if tool == ICECHUNK else f"chunkref.{kind}")

    def run(self, tool, step, kind, count):
        path = os.path.join(self.folder, f"{tool}.{kind}") if step == "write" else self.set_of(tool, kind)
        if tool == ICECHUNK:
            path = self.set_of(tool, kind)
        if step == "write":
            remove(path)
        program = [sys.executable, os.path.join(HERE, "manifest_peers.py"), tool]
        if tool == "chunkref":
            program = [self.args.measure]
        elif tool == ICECHUNK:
            program[0] = self.args.icechunk
        number = {"write": [str(count)], "first": [], "random": [str(LOOKUPS)]}[step]
        environment = os.environ | {"REFERENCES": str(count), "PYTHONWARNINGS": "ignore"}
        wall, cpu, peak, output = measure([*program, step, path, *number], environment)
        seconds, found = output.splitlines()[-1].split(" ", 1)
        return float(seconds), cpu, peak, found

    def step(self, step, kind, peers, count):
        """Medians of seconds, CPU seconds and MB by tool, and what chunkref found."""
        results = {tool: [] for tool in ["chunkref", *peers]}
        found = None
        for k in range(self.args.runs):
            for tool, measured in results.items():
                if tool != "chunkref" and (k >= self.args.peer_runs or is_slow(measured)):
                    continue
                print(f"{step} {kind}: {tool}, run {k + 1}", file=sys.stderr, flush=True)
                *figures, last = self.run(tool, step, kind, count)
                measured.append(figures)
                found = last if tool == "chunkref" else found
        medians = {tool: [statistics.median(column) for column in zip(*runs)] for tool, runs in results.items()}
        return medians, found

    def streamed(self, count):
        path = os.path.join(self.folder, "streamed.parquet")
        remove(path)
        _, cpu, peak, output = measure([self.args.measure, "stream", path, str(count)])
        size = sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)
        remove(path)
        return float(output.split()[0]), cpu, peak, size / 1e6


def is_slow(measured):
    return any(seconds > SLOW_S for seconds, *_ in measured)


def remove(path):
    shutil.rmtree(path, ignore_errors=True) if os.path.isdir(path) else os.path.exists(path) and os.remove(path)


def table(title, rows):
    mine = rows["chunkref"][0]
    lines = [f"### {title}", "", "| tool | seconds | x chunkref | CPU, s | peak, MB |", "|---|---|---|---|---|"]
    for tool, (seconds, cpu, peak) in rows.items():
        digits = 3 if seconds < 0.1 else 2
        lines.append(f"| {tool} | {seconds:.{digits}f} | {seconds / mine:.1f} | {cpu:.2f} | {peak:.0f} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", required=True)
    parser.add_argument("--icechunk", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--references", type=int, default=1_000_000)
    parser.add_argument("--streamed", type=int, default=100_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer-runs", type=int, default=5)
    parser.add_argument("--out")
    args = parser.parse_args()
    bench, text = Bench(args), []
    for title, step, kind, peers in steps(args.references):
        rows, found = bench.step(step, kind, peers, args.references)
        text.append(table(title, rows))
        if (step, kind) == ("write", "parquet"):
            in_memory = f"In memory a reference takes {float(found):.1f} bytes in this set, which lies in 100 files."
    text.append(in_memory + "\n")
    text.append("### Written from a stream, without a manifest in memory\n")
    text.append("| references | seconds | CPU, s | peak, MB | on disk, MB |\n|---|---|---|---|---|")
    for count in (args.streamed // 10, args.streamed):
        print(f"stream: {count:,}", file=sys.stderr, flush=True)
        seconds, cpu, peak, size = bench.streamed(count)
        text.append(f"| {count:,} | {seconds:.1f} | {cpu:.1f} | {peak:.0f} | {size:.0f} |")
    text = "\n".join(text) + "\n"
    print(text)
    if args.out:
        with open(args.out, "w") as f:
            f.write(text)


if __name__ == "__main__":
    main()
