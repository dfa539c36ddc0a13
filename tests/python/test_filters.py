"""What h5py writes through each filter, `chunkref read` gives back: broad, generated, bit by bit."""

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from chunkref_cli import chunkref
from conftest import CORPUS

FEWEST = {
    "common": 85, "simple": 240, "bitshuffle": 250, "blosc": 400, "blosc2": 500, "szip": 250,
    "nbit": 20, "scaleoffset": 120, "pipelines": 120, "fills": 18, "masks": 9,
}  # fmt: skip


def write(family: str, path: Path) -> dict[str, bytes]:
    """The datasets, which a program without netCDF4 writes, as it reads them."""
    program, expected = Path(__file__).with_name("filter_cases.py"), path.with_suffix(".npz")
    # netCDF4 sets this to plugins that bring its own libhdf5.
    environment = {name: value for name, value in os.environ.items() if name != "HDF5_PLUGIN_PATH"}
    subprocess.run([sys.executable, program, family, path, expected], check=True, env=environment)
    with np.load(expected) as datasets:
        return {name: datasets[name].tobytes() for name in datasets.files}


def read(path: Path, name: str, out: Path) -> bytes | str:
    """The bytes that chunkref gives, or what it says on standard error."""
    run = chunkref("read", path, name, "-o", out)
    return run.stderr.strip() if run.returncode else np.load(out).tobytes()


@pytest.mark.parametrize("family", FEWEST)
def test_every_filter_reads_as_in_h5py(family: str, tmp_path: Path) -> None:
    path = tmp_path / "filters.h5"
    datasets = write(family, path)
    assert len(datasets) >= FEWEST[family]
    different = []
    for name, expected in datasets.items():
        found = read(path, name, tmp_path / "out.npy")
        if found != expected:
            different.append(f"{name}: {found if isinstance(found, str) else 'other values'}")
    assert different == []


def test_a_wrong_checksum_is_an_error(tmp_path: Path) -> None:
    path, out = tmp_path / "checksum.h5", tmp_path / "out.npy"
    names = list(write("checksums", path))
    assert len(names) == 3
    with h5py.File(path) as file:
        places = [file[name].id.get_chunk_info(0).byte_offset for name in names]
    assert not any(isinstance(read(path, name, out), str) for name in names)
    spoilt = bytearray(path.read_bytes())
    for place in places:
        spoilt[place + 99] ^= 0x20
    path.write_bytes(spoilt)
    with h5py.File(path) as file:
        for name in names:
            with pytest.raises(OSError):
                file[name][()]
            found = read(path, name, out)
            assert isinstance(found, str) and "checksum" in found and "does not match" in found


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus lies beside the project")
@pytest.mark.parametrize("name", ["h5ex_d_bitgroom", "h5ex_d_granularbr"])
def test_rounded_values_are_read_as_they_are(name: str, tmp_path: Path) -> None:
    """No plugin for these is at hand, so their chunks are taken from the file."""
    source = CORPUS / "hdf5/format" / f"{name}.h5"
    expected = np.zeros((32, 64), "<f4")
    with h5py.File(source) as file:
        dataset = file["DS1"].id
        for index in range(dataset.get_num_chunks()):
            row, column = start = dataset.get_chunk_info(index).chunk_offset
            _, chunk = dataset.read_direct_chunk(start)
            place = expected[row : row + 4, column : column + 8]
            place[...] = np.frombuffer(chunk, "<f4").reshape(4, 8)
    # The example that wrote them counts without a sign, and keeps three digits.
    row, column = np.indices((32, 64), dtype="u8")
    assert np.allclose(expected, (row * column - column).astype("f4"), rtol=2e-2)
    out = tmp_path / "out.npy"
    run = chunkref("read", source, "DS1", "-o", out)
    assert run.returncode == 0, run.stderr
    assert np.load(out).tobytes() == expected.tobytes()
    references = tmp_path / "out.json"
    run = chunkref("scan", source, "-o", references)
    assert run.returncode == 0, run.stderr
    assert '"filters\\":null' in references.read_text().replace(" ", "")
