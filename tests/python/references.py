"""A Kerchunk JSON file as it stands, and what a rule says of it."""

import base64
import json
from dataclasses import dataclass
from pathlib import Path

# netCDF-C gives this prefix to a variable that has the name of a dimension and is not its
# coordinate, and takes it off again when it reads.
NOT_COORDINATE = "_nc4_non_coord_"


def array_path(path: str) -> str:
    """The path of the array for the dataset at an HDF5 path, without the first slash."""
    group, _, name = path.strip("/").rpartition("/")
    name = name.removeprefix(NOT_COORDINATE) or name
    return f"{group}/{name}" if group else name


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it should be."""

    rule: str
    path: str
    detail: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.path}: {self.detail[:400]}"


class References:
    """The `refs` of a Kerchunk JSON file, as they stand in it."""

    def __init__(self, path: Path):
        document = json.loads(path.read_text())
        assert document["version"] == 1
        self.refs: dict = document["refs"]
        # The chunk keys of each array, found once.
        self.chunks: dict[str, dict[str, object]] = {}
        for key, value in self.refs.items():
            array, _, name = key.rpartition("/")
            if not name.startswith(".z"):
                self.chunks.setdefault(array, {})[name] = value

    def document(self, key: str):
        value = self.refs.get(key)
        return json.loads(value) if isinstance(value, str) else value

    def of(self, path: str, name: str):
        """The document `name` (`.zarray`, `.zattrs`, ...) of the object at an HDF5 path."""
        inner = array_path(path)
        return self.document(f"{inner}/{name}" if inner else name)

    def chunk_bytes(self, value) -> bytes | None:
        """The bytes of an inlined chunk; `None` for a reference."""
        if not isinstance(value, str):
            return None
        if value.startswith("base64:"):
            return base64.b64decode(value.removeprefix("base64:"))
        return value.encode()
