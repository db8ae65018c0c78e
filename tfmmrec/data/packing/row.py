"""Converts a row of items or users to a record."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tfmmrec.data.interactions.parsing import to_id
from tfmmrec.data.tfrecords import Values, encode_example
from tfmmrec.errors import BrokenValue, SomeBroken
from tfmmrec.modalities import Modality
from tfmmrec.modalities.media_file import find_media, is_found_by_slashes


class PackedRow(NamedTuple):
    """A packed row.

    Attributes:
        number: the number of the row in its table, from 1.
        id: the id of the row; None if it is invalid, and then there is no record.
        record: the serialized Example.
        values: the stored values by feature; absent values are left out.
        rejects: (field, reason) of each invalid value.
        not_found: the first path by feature that names a file that is not there.
        slashed: the first path by feature whose backslashes were read as slashes.
    """

    number: int
    id: str | None
    record: bytes
    values: Mapping[str, Any]
    rejects: tuple[tuple[str, str], ...]
    not_found: Mapping[str, str]
    slashed: Mapping[str, str]


def pack_row(
    number: int,
    row: Mapping[str, Any],
    id_column: str,
    features: Mapping[str, Modality],
    folder: Path,
) -> PackedRow:
    """Checks the values of a row, reads media, runs preprocessing steps and encodes the record.

    Args:
        number: the number of the row in its table.
        row: values by column.
        id_column: the column of the id.
        features: the declared features.
        folder: the folder to which paths are relative.
    """
    try:
        identity = to_id(row[id_column] if row[id_column] is not None else "")
    except BrokenValue as error:
        return PackedRow(number, None, b"", {}, ((id_column, str(error)),), {}, {})
    values: dict[str, Values] = {}
    packed: Mapping[str, Values]
    rejects: list[tuple[str, str]] = []
    not_found: dict[str, str] = {}
    slashed: dict[str, str] = {}
    for name, modality in features.items():
        value = row[name]
        if value is None:
            continue
        try:
            if isinstance(value, BrokenValue):
                raise value
            packed = modality.pack(value, folder)
        except SomeBroken as some:
            rejects.extend((name, reason) for reason in some.reasons)
            packed = some.packed
        except BrokenValue as error:
            rejects.append((name, str(error)))
            continue
        if modality.reads_files:
            paths = modality.paths(row[name])
            if len(packed.get("", ())) < len(paths):
                absent = [path for path in paths if _is_absent(path, folder)]
                not_found |= {name: absent[0]} if absent else {}
            by_slashes = [path for path in paths if is_found_by_slashes(path, folder)]
            slashed |= {name: by_slashes[0]} if by_slashes else {}
        for suffix, stored in packed.items():
            values[f"{name}_{suffix}" if suffix else name] = stored
    record = encode_example({"id": [identity.encode()], **values})
    return PackedRow(number, identity, record, values, tuple(rejects), not_found, slashed)


def _is_absent(path: str, folder: Path) -> bool:
    try:
        return find_media(path, folder) is None
    except BrokenValue:
        return False
