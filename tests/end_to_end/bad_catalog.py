"""A catalog of invalid input, written, packed and read back.

`python -m tests.end_to_end.bad_catalog` prints the result of each case, the table of
docs/BAD_INPUT.md.
"""

import collections
import dataclasses
import io
import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import PIL.ImageOps
import yaml

from tests.end_to_end.bad_case import AS_IS, Case
from tests.end_to_end.bad_items import ITEMS
from tests.end_to_end.bad_media import PICTURES
from tests.end_to_end.bad_rows import EVENTS, EVENTS_HEADER, USERS, USERS_HEADER
from tfmmrec.config.packing import PackConfig
from tfmmrec.data.dataset import Dataset
from tfmmrec.data.packing import pack

import tensorflow as tf  # isort: skip  (behind tfmmrec, which chooses Keras 2)

TABLES = {"items.jsonl": ITEMS, "users.csv": USERS, "interactions.csv": EVENTS}
CASES = [(table, case) for table, cases in TABLES.items() for case in cases]
MEDIA = {"picture": "png", "sound": "wav"}
DATASET = {
    "items": {
        "table": "items.jsonl",
        "id": "item_id",
        "features": {
            "text": {"modality": "text"},
            "kept": {"modality": "text"},
            "number": {"modality": "number"},
            "genres": {"modality": "categorical"},
            "picture": {"modality": "image"},
            "sound": {"modality": "audio"},
        },
    },
    "users": {
        "table": "users.csv",
        "id": "user_id",
        "features": {
            "text": {"modality": "text"},
            "number": {"modality": "number"},
            "kept": {"modality": "text"},
        },
    },
    "interactions": {
        "table": "interactions.csv",
        "user": "user",
        "item": "item",
        "time": "time",
        "rating": "rating",
    },
    "split": {"by": "none"},
}


def row_id(case: Case) -> str:
    """The id of a case's row."""
    return str(case.name.replace(",", "") if case.id is None else case.id)


def write(folder: Path) -> Path:
    """Writes the catalog and returns its dataset file."""
    (folder / "media").mkdir(parents=True)
    (folder.parent / "outside.png").write_bytes(PICTURES["PNG"].data)
    (folder / "media" / "sound.png").write_bytes(PICTURES["PNG"].data)
    (folder / "media" / "in.png").symlink_to("sound.png")
    (folder / "media" / "out.png").symlink_to("../../outside.png")
    (folder / "up").symlink_to("..")
    os.mkfifo(folder / "media" / "pipe")
    # A byte order mark opens this table too.
    lines = [_item_line(folder, case) for case in ITEMS]
    (folder / "items.jsonl").write_bytes(b"\xef\xbb\xbf" + b"".join(lines))
    for table, header in (("users.csv", USERS_HEADER), ("interactions.csv", EVENTS_HEADER)):
        rows = [case.line.replace(b"%s", row_id(case).encode()) for case in TABLES[table]]  # type: ignore[union-attr]
        (folder / table).write_bytes(header + b"".join(rows))
    (folder / "dataset.yaml").write_text(yaml.safe_dump(DATASET))
    return folder / "dataset.yaml"


def _item_line(folder: Path, case: Case) -> bytes:
    if case.line is not None:
        return case.line + b"\n"
    value = case.value
    if case.field in MEDIA and isinstance(value, bytes):
        path = f"media/{'-'.join(re.findall('[A-Za-z0-9]+', case.name))}.{MEDIA[case.field]}"
        (folder / path).write_bytes(value)
        value = path
    row = {"item_id": row_id(case) if case.id is None else case.id, "kept": "kept"}
    if case.field != "item_id":
        row[str(case.field)] = value
    return json.dumps(row).encode() + b"\n"


@dataclasses.dataclass
class Packed:
    """The packed catalog, read back.

    Attributes:
        dataset: the data folder.
        rejects: (field, reason) of each reject, by table and row from 1.
        items, users: the stored values of each row, by id; absent ones are left out.
        events: (milliseconds, rating) of each user's one event, by the user's id.
    """

    dataset: Dataset
    rejects: dict[tuple[str, int], list[tuple[str | None, str]]]
    items: dict[str, dict[str, Any]]
    users: dict[str, dict[str, Any]]
    events: dict[str, tuple[int, float]]

    def stored(self, table: str, case: Case) -> Any:
        """What is stored of a case's field, or None."""
        if table == "interactions.csv":
            return self.events.get(row_id(case), (None, None))[case.field == "rating"]
        rows = self.items if table == "items.jsonl" else self.users
        return rows.get(row_id(case), {}).get(str(case.field))

    def rejects_of(self, table: str, case: Case) -> list[tuple[str | None, str]]:
        """The rejects of a case's row."""
        return self.rejects.get((table, TABLES[table].index(case) + 1), [])


def pack_catalog(folder: Path) -> Packed:
    """Writes the catalog into a folder, packs it and reads it back."""
    pack(write(folder / "catalog"), folder / "data", PackConfig(max_rejects=1.0, quiet=True))
    dataset = Dataset(folder / "data")
    rejects = collections.defaultdict(list)
    for line in (folder / "data" / "rejects.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        rejects[entry["table"], entry["row"]].append((entry["field"], entry["reason"]))
    events = dataset.events("train")
    return Packed(
        dataset,
        dict(rejects),
        _read_entity(dataset, "items", dataset.item_ids),
        _read_entity(dataset, "users", dataset.user_ids),
        {
            dataset.user_ids[user]: (int(time), float(rating))
            for user, time, rating in zip(events.user, events.time, events.rating, strict=True)
        },
    )


def _read_entity(dataset: Dataset, side: Any, ids: list[str]) -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {identity: {} for identity in ids}
    for name, modality in dataset.features(side).items():
        at = 0
        for batch in dataset.values(side, name, batch_size=16):
            present = modality.present(batch).numpy()
            values = batch.to_list() if hasattr(batch, "to_list") else batch.numpy().tolist()
            for value, there in zip(values, present, strict=True):
                if there:
                    rows[ids[at]][name] = value
                at += 1
    return rows


def expected(case: Case) -> Any:
    """What is to be stored of a case's field; "png" and "jpeg" stand for a picture drawn again."""
    if case.packed is not AS_IS:
        return case.packed
    return case.value.encode() if isinstance(case.value, str) else case.value


def same_pixels(stored: bytes, case: Case) -> bool:
    """Whether a picture that was drawn again holds the pixels of the first frame, upright."""
    start, tolerance = {"png": (b"\x89PNG", 0.0), "jpeg": (b"\xff\xd8\xff", 8.0)}[case.packed]
    pictures = []
    for data in (stored, case.value):
        if data.startswith(b"\x89PNG"):  # Pillow refuses large comments
            pixels = tf.io.decode_png(data, channels=3).numpy()
        else:
            upright = PIL.ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(data)))
            pixels = np.asarray(upright.convert("RGB"))
        pictures.append(pixels.astype(float))
    if not stored.startswith(start) or pictures[0].shape != pictures[1].shape:
        return False
    return float(np.abs(pictures[0] - pictures[1]).mean()) <= tolerance


def as_markdown(packed: Packed) -> str:
    """The cases as a Markdown table: where, what, what became of it, and the reason."""
    lines = ["| table | case | what happens | reason |", "|---|---|---|---|"]
    for table, case in CASES:
        rejects = packed.rejects_of(table, case)
        reason = "; ".join(reason for _, reason in rejects)
        what = _what_happened(packed, table, case, [field for field, _ in rejects])
        shown = reason.replace("|", "\\|").replace("\n", " ")
        lines.append(f"| {table} | {case.name} | {what} | {f'`{shown}`' if shown else ''} |")
    return "\n".join(lines) + "\n"


def _what_happened(packed: Packed, table: str, case: Case, rejected: list) -> str:
    if rejected:
        return (
            "the row is rejected"
            if case.row_lost or None in rejected
            else f"`{case.field}` is rejected"
        )
    if case.field in ("item_id", "user_id", None):
        return "packed"
    stored = packed.stored(table, case)
    if stored is None:
        return "absent"
    if case.packed in ("png", "jpeg"):
        return f"packed as {case.packed.upper()}, drawn again"
    if isinstance(stored, bytes) and stored == expected(case) and len(stored) > 40:
        return "packed as it is"
    return f"packed as `{stored if not isinstance(stored, bytes) else stored.decode()!r}`"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(as_markdown(pack_catalog(Path(folder))), end="")
