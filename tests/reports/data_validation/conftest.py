"""A small packed catalog; tests that modify it take a copy."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import soundfile
import yaml

from tfmmrec.config.packing import PackConfig
from tfmmrec.data.packing import pack
from tfmmrec.data.storage import checksum

# Row 2 has nothing, 4 a picture that is none, 5 repeats an id, 6 has no number for a year.
ITEMS = [
    "id,title,poster,theme,genres,year",
    "a,Один,1.png,1.wav,War|Drama,1990",
    "b,,,,,",
    "c,<script>alert(1)</script>,1.png,,Drama,2000",
    "d,Four,broken.png,,Comedy|Drama,1980",
    "a,Again,,,,",
    "f,Seven,,1.wav,Drama,soon",
]
# u1 has five positives: the last two are test and valid; u3 stands in no table of users.
LOG = [
    "user,item,time,stars",
    *("u1,a,86400,5", "u1,b,172800,4", "u1,c,259200,5", "u1,d,345600,4", "u1,f,432000,5"),
    *("u2,a,86400,1", "u3,c,86400,5", "u3,zz,1,5"),
]


def write_catalog(folder: Path) -> Path:
    folder.mkdir()
    PIL.Image.new("RGB", (400, 300), "red").save(folder / "1.png")
    (folder / "broken.png").write_bytes(b"no picture")
    soundfile.write(folder / "1.wav", np.zeros(4000), 8000)
    (folder / "items.csv").write_text("\n".join(ITEMS) + "\n", encoding="utf-8")
    (folder / "users.csv").write_text("id,age\nu1,30\nu2,\n")
    (folder / "log.csv").write_text("\n".join(LOG) + "\n")
    features = {
        "title": {"modality": "text"},
        "poster": {"modality": "image"},
        "theme": {"modality": "audio"},
        "genres": {"modality": "categorical", "separator": "|"},
        "year": {"modality": "number"},
    }
    content = {
        "name": "films",
        "items": {"table": "items.csv", "id": "id", "features": features},
        "users": {"table": "users.csv", "id": "id", "features": {"age": {"modality": "number"}}},
        "interactions": {
            **{"table": "log.csv", "user": "user", "item": "item", "time": "time"},
            **{"rating": "stars", "positive": "stars >= 4"},
        },
    }
    (folder / "films.yaml").write_text(yaml.safe_dump(content))
    return folder / "films.yaml"


@pytest.fixture(scope="session")
def packed(tmp_path_factory) -> Path:
    """The catalogue as a data folder, to be read only."""
    folder = tmp_path_factory.mktemp("checking")
    pack(
        write_catalog(folder / "films"),
        folder / "data",
        PackConfig(max_rejects=1.0, quiet=True),
    )
    return folder / "data"


@pytest.fixture
def data(packed, tmp_path) -> Path:
    """A copy of the catalogue's data folder, to be spoilt."""
    return shutil.copytree(packed, tmp_path / "data")


@pytest.fixture
def update_checksum(data) -> Callable[[str], None]:
    """Writes a file's new checksum into the manifest, so that its content alone is wrong."""

    def write(name: str) -> None:
        path = data / "MANIFEST.json"
        manifest = json.loads(path.read_text())
        manifest["files"][name]["sha256"] = checksum(data / name)
        path.write_text(json.dumps(manifest))

    return write
