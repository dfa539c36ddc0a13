#!/usr/bin/env python3
"""Makes the large files that `cargo xtask bench` measures with; every value comes from a fixed seed.

generate.py chunks OUT.h5 [--side 1000]  one dataset of side x side chunks under a version 1 B-tree
generate.py granule OUT.h5               an altimetry granule: 1,000 datasets in 100 groups, 22,000
                                         chunks, old-style structures, appended to in turn so that
                                         the metadata lies scattered among the data
generate.py paged OUT.h5                 the same in pages of 8 MiB, metadata apart from data
generate.py map OUT.nc                   a sea surface temperature map of 17999 x 36000, as netCDF-C
                                         writes it: 4 variables, 1,296 chunks
generate.py beam OUT.h5                  the photons of one beam, appended to in turn: 14 variables of
                                         3,376,706, whose last chunk is not full
generate.py sst OUT.nc                   a map as above of one variable that is as hard to inflate as
                                         true temperatures: 324 chunks, 1,296 MB decoded
"""

import argparse
import zlib

import h5py
import numpy as np

BEAMS = ["gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"]
# Photons of a beam, chunk length: strong beams have four times as many.
PHOTONS = {"l": 3_300_000, "r": 850_000}
CHUNK = 10_000
TEXT = (
    "Derived by the processing system from the telemetry, referenced to the WGS84 ellipsoid; "
    "the theoretical basis document gives the algorithm, its parameters and its limits. "
)


def chunks(out, side):
    rng = np.random.default_rng(11)
    blobs = [
        zlib.compress(rng.integers(0, 40 + 5 * k, 64).astype("i2").tobytes(), 6) for k in range(16)
    ]
    with h5py.File(out, "w", libver=("earliest", "v108")) as f:
        d = f.create_dataset(
            "data",
            shape=(side * 8, side * 8),
            maxshape=(None, side * 8),
            chunks=(8, 8),
            dtype="i2",
            compression="gzip",
            compression_opts=6,
        )
        for i in range(side):
            for j in range(side):
                d.id.write_direct_chunk((i * 8, j * 8), blobs[(i * 7 + j) & 15])


def describe(dataset, name, rng):
    text = TEXT * 3
    dataset.attrs["long_name"] = np.bytes_(name.replace("_", " ").title().encode())
    dataset.attrs["description"] = np.bytes_(text[: int(rng.integers(60, 400))].encode())
    dataset.attrs["units"] = np.bytes_(b"meters")
    dataset.attrs["source"] = np.bytes_(b"theoretical basis document, section 4")
    dataset.attrs["valid_min"] = np.array([0], dataset.dtype)
    if dataset.dtype.kind == "f":
        dataset.attrs["_FillValue"] = np.array([3.4028235e38], dataset.dtype)


def fill(group, names, length, rng):
    """Creates the variables, then appends to all of them in turn, 20 chunks at a time."""
    made = []
    for k, name in enumerate(names):
        kind = "f8" if k % 4 == 0 else "f4" if k % 4 < 3 else "i1"
        d = group.create_dataset(
            name, (0,), kind, maxshape=(None,), chunks=(CHUNK,), compression="gzip", shuffle=True
        )
        describe(d, name, rng)
        values = np.cumsum(rng.integers(-3, 4, length)).astype(kind)
        made.append((d, values))
    step = 20 * CHUNK
    for start in range(0, length, step):
        end = min(length, start + step)
        for d, values in made:
            d.resize((end,))
            d[start:end] = values[start:end]
    scale = made[0][0]
    scale.make_scale(names[0])
    for d, _ in made[1:]:
        d.dims[0].attach_scale(scale)


def granule(out, newest="v108", **pages):
    rng = np.random.default_rng(5)
    with h5py.File(out, "w", libver=("earliest", newest), **pages) as f:
        for k in range(45):
            f.attrs[f"global_{k:02}"] = np.bytes_((TEXT * 2)[: 20 + 6 * k].encode())
        for beam in BEAMS:
            f.require_group(beam).attrs["groundtrack_id"] = np.bytes_(beam.encode())
            photons = PHOTONS[beam[-1]]
            fill(f.require_group(f"{beam}/heights"), ["delta_time"] + [f"ph_{k:02}" for k in range(14)], photons, rng)
            fill(f.require_group(f"{beam}/geolocation"), ["delta_time"] + [f"geo_{k:02}" for k in range(34)], 120_000, rng)
            fill(f.require_group(f"{beam}/geophys_corr"), ["delta_time"] + [f"cor_{k:02}" for k in range(13)], 120_000, rng)
            fill(f.require_group(f"{beam}/bckgrd_atlas"), ["delta_time"] + [f"bck_{k:02}" for k in range(11)], 80_000, rng)
            for surface in ("inlandwater", "land", "land_ice", "ocean", "sea_ice"):
                fill(f.require_group(f"{beam}/signal_find_output/{surface}"), ["delta_time", "mean", "sigma", "t", "z"], 4_200, rng)
            for part in range(9):
                g = f.require_group(f"ancillary_data/{beam}/part_{part}")
                for k in range(7):
                    d = g.create_dataset(f"value_{k}", (5,), "f4", chunks=(5,), maxshape=(None,))
                    d[...] = k
                    describe(d, f"value_{k}", rng)


def paged(out):
    granule(out, newest="v110", fs_strategy="page", fs_page_size=8 << 20)


MAP = [("analysed_sst", "i2", -32768), ("analysis_error", "i2", -32768), ("mask", "i1", -128), ("sea_ice_fraction", "i1", -128)]


def world_map(out):
    import netCDF4

    shape, chunk = (17999, 36000), (1023, 2047)
    with netCDF4.Dataset(out, "w") as nc:
        for k in range(40):
            nc.setncattr(f"global_{k:02}", (TEXT * 2)[: 20 + 6 * k])
        for name, length in (("time", 1), ("lat", shape[0]), ("lon", shape[1])):
            nc.createDimension(name, length)
            nc.createVariable(name, "i4" if name == "time" else "f4", (name,))[:] = np.arange(length)
        nc["time"].units = "seconds since 1981-01-01"
        for name, kind, fill in MAP:
            v = nc.createVariable(
                name, kind, ("time", "lat", "lon"), zlib=True, chunksizes=(1, *chunk), fill_value=fill
            )
            v.long_name, v.comment = name.replace("_", " "), TEXT
    rng = np.random.default_rng(7)
    with h5py.File(out, "r+") as f:
        for name, kind, _ in MAP:
            # A plain with noise here and there, of which a chunk takes about 90 kB.
            blobs = []
            for k in range(6):
                values = np.full(chunk, 1000 + k if kind == "i2" else k, kind)
                values[:: 12 + k] = rng.integers(0, 60, values[:: 12 + k].shape)
                split = np.frombuffer(values.tobytes(), "u1").reshape(-1, values.itemsize).T
                blobs.append(zlib.compress(split.tobytes(), 7))
            for i in range(-(-shape[0] // chunk[0])):
                for j in range(-(-shape[1] // chunk[1])):
                    f[name].id.write_direct_chunk((0, i * chunk[0], j * chunk[1]), blobs[(i * 5 + j) % 6])


HEIGHTS = [
    ("delta_time", "f8"), ("dist_ph_across", "f4"), ("dist_ph_along", "f4"), ("h_ph", "f4"), ("lat_ph", "f8"),
    ("lon_ph", "f8"), ("pce_mframe_cnt", "u4"), ("ph_id_channel", "u1"), ("ph_id_count", "i1"), ("ph_id_pulse", "u1"),
    ("quality_ph", "i1"), ("signal_class_ph", "i1"), ("signal_conf_ph", "i1"), ("weight_ph", "u1"),
]


def photons(name, kind, rng):
    """Values of 3,376,706 photons: noise around something smooth."""
    t = np.arange(3_376_706)
    if name == "delta_time":
        return 128_300_000.0 + t // 4 * 1e-4
    if name == "lat_ph":
        return 60.0 + t * 6.3e-7 + rng.normal(0, 1e-6, t.size)
    if name == "lon_ph":
        return -40.0 - t * 1.1e-7 + rng.normal(0, 1e-6, t.size)
    if kind == "f4":
        return (500 + 300 * np.sin(t / 9e4) + rng.normal(0, 6, t.size)).astype(kind)
    return rng.integers(0, 60, t.size).astype(kind)


def beam(out):
    rng = np.random.default_rng(13)
    with h5py.File(out, "w", libver=("earliest", "v108")) as f:
        group = f.require_group("gt1l/heights")
        made = []
        for name, kind in HEIGHTS:
            d = group.create_dataset(
                name, (0,), kind, maxshape=(None,), chunks=(CHUNK,), compression="gzip", compression_opts=6, shuffle=True
            )
            describe(d, name, rng)
            made.append((d, photons(name, kind, rng)))
        length, step = len(made[0][1]), 20 * CHUNK
        for start in range(0, length, step):
            for d, values in made:
                d.resize((min(length, start + step),))
                d[start:] = values[start : start + step]
        scale = made[0][0]
        scale.make_scale("delta_time")
        for d, _ in made[1:]:
            d.dims[0].attach_scale(scale)


def temperatures(shape, chunk, row, column):
    """A chunk of waves over sea, and none on land."""
    y = (row * chunk[0] + np.arange(chunk[0]))[:, None] / shape[0]
    x = (column * chunk[1] + np.arange(chunk[1]))[None, :] / shape[1]
    land = np.sin(44 * x) * np.cos(31 * y) > 0.35
    waves = 12_000 * np.sin(3.14 * y) + 900 * np.sin(40 * x + 11 * y) + 60 * np.sin(900 * x * y)
    return np.where(land, -32768, np.round(waves)).astype("<i2")


def sst(out):
    import netCDF4

    shape, chunk = (17999, 36000), (1023, 2047)
    with netCDF4.Dataset(out, "w") as nc:
        for name, length in (("time", 1), ("lat", shape[0]), ("lon", shape[1])):
            nc.createDimension(name, length)
            nc.createVariable(name, "i4" if name == "time" else "f4", (name,))[:] = np.arange(length)
        nc["time"].units = "seconds since 1981-01-01"
        v = nc.createVariable(
            "analysed_sst", "i2", ("time", "lat", "lon"), zlib=True, chunksizes=(1, *chunk), fill_value=-32768
        )
        v.long_name = "analysed sea surface temperature"
    blobs = {}
    with h5py.File(out, "r+") as f:
        for i in range(-(-shape[0] // chunk[0])):
            for j in range(-(-shape[1] // chunk[1])):
                # Each made one serves for the neighbours, too: making all takes a minute.
                at = (i - i % 3, j - j % 3)
                if at not in blobs:
                    values = temperatures(shape, chunk, *at)
                    split = np.frombuffer(values.tobytes(), "u1").reshape(-1, 2).T
                    blobs[at] = zlib.compress(split.tobytes(), 7)
                f["analysed_sst"].id.write_direct_chunk((0, i * chunk[0], j * chunk[1]), blobs[at])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    p = commands.add_parser("chunks")
    p.add_argument("out")
    p.add_argument("--side", type=int, default=1000)
    for name in ("granule", "paged", "map", "beam", "sst"):
        commands.add_parser(name).add_argument("out")
    args = parser.parse_args()
    if args.command == "chunks":
        chunks(args.out, args.side)
    else:
        makers = {"granule": granule, "paged": paged, "map": world_map, "beam": beam, "sst": sst}
        makers[args.command](args.out)
