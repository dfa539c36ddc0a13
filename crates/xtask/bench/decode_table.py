"""A table of decoding speeds: python decode_table.py RATES.json CRITERION_FOLDER OUT.md

The rates are those of measure_libhdf5.py, the folder is what criterion keeps of `decode`.
"""

import json
import pathlib
import sys


def ours(folder: pathlib.Path, size: int) -> float:
    """Megabytes a second, by the quickest sample."""
    samples = json.loads((folder / "new/sample.json").read_text())
    return size / min(map(lambda time, count: time / count, samples["times"], samples["iters"])) * 1e3


def main() -> None:
    rates, folder, out = map(pathlib.Path, sys.argv[1:])
    lines = ["| filter, data | chunk, kB | stored, kB | chunkref, MB/s | libhdf5, MB/s | ratio |", "|---|---|---|---|---|---|"]
    for name, case in json.loads(rates.read_text()).items():
        if name.startswith("none"):
            continue
        rate = ours(folder / name.replace(">", "_"), case["bytes"])
        sizes = f"{case['bytes'] / 1e3:.0f} | {case['stored'] / 1e3:.0f}"
        lines.append(f"| {name} | {sizes} | {rate:.0f} | {case['rate']:.0f} | {rate / case['rate']:.1f} |")
    out.write_text("\n".join(lines) + "\n")


main()
