#!/usr/bin/env python3
"""Builds of many granules: build.py --chunkref BIN --server BIN --granule FILE.nc --data DIR --out FILE.md

The granules, of 1 MB each, lie in a bucket whose server waits 50 ms before each answer and counts
requests and bytes. A set of all is built, then again with 10 more, then again with none.
"""

import argparse
import os
import statistics
import subprocess
import tempfile

from scan import measure

LATENCY_MS = 50
NEW = 10


class Server:
    def __init__(self, binary, granule, count):
        command = [binary, granule, str(count), str(LATENCY_MS)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.url = self.process.stderr.readline().strip()

    def say(self, line=""):
        """Requests, bytes and granules since the last call."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return tuple(map(int, self.process.stderr.readline().split()))

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def build(chunkref, server, folder):
    """Seconds, CPU seconds, peak MB, then requests, bytes and granules that were asked for."""
    environment = {**os.environ, "AWS_ALLOW_HTTP": "true"}
    options = ["--anonymous", "--endpoint", server.url, "--concat-dim", "time"]
    output = os.path.join(folder, "set.json")
    command = [chunkref, "build", "s3://granules/*.nc", "-o", output, *options]
    server.say()
    wall, cpu, peak, _ = measure(command, environment)
    return (wall, cpu, peak, *server.say())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("chunkref", "server", "granule", "data", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    names = [f"{args.count:,} granules", f"again, with {NEW} new ones", "again, with none"]
    results = {name: [] for name in names}
    for _ in range(args.runs):
        server = Server(args.server, args.granule, args.count)
        with tempfile.TemporaryDirectory() as folder:
            results[names[0]].append(build(args.chunkref, server, folder))
            server.say(f"add {NEW}")
            results[names[1]].append(build(args.chunkref, server, folder))
            results[names[2]].append(build(args.chunkref, server, folder))
        server.end()
    lines = [
        "| build | seconds | granules/s | CPU, s | peak, MB | requests | MB read | granules read |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, runs in results.items():
        wall, cpu, peak, requests, moved, granules = (statistics.median(one) for one in zip(*runs))
        rate = f"{granules / wall:.0f}" if granules else ""
        lines.append(
            f"| {name} | {wall:.2f} | {rate} | {cpu:.2f} | {peak:.0f} | {requests:.0f} "
            f"| {moved / 1e6:.1f} | {granules:.0f} |"
        )
    text = "\n".join(lines) + "\n"
    print(text)
    with open(args.out, "w") as f:
        f.write(text)


if __name__ == "__main__":
    main()
