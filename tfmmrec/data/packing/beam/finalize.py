"""The last step of the launcher: merges the entries of all workers into the data folder."""

import heapq
import shutil
from collections.abc import Iterator
from typing import Any

from tfmmrec.data.packing.beam.job import Job
from tfmmrec.data.packing.interaction_packer import COUNTS
from tfmmrec.data.packing.pack import close_folder
from tfmmrec.data.packing.statistics import Rejects, Tally
from tfmmrec.data.packing.table_statistics import entity_statistics, interaction_statistics
from tfmmrec.data.vocabulary import category_file, write_vocabulary


def finish(job: Job) -> dict[str, Any]:
    """Writes schema, vocabularies of features, rejects, statistics and, last, the manifest.

    Raises:
        DataError: a table has no valid row, or too many rows or values are rejected.
    """
    job.dataset.schema().save(job.folder / "schema.json")
    files: dict[str, Any] = {}
    with (job.folder / "rejects.jsonl").open("w", encoding="utf-8") as lines:
        rejects = Rejects(lines)
        statistics = _join(job, rejects, files)
    shutil.rmtree(job.scratch)
    close_folder(job.folder, statistics, rejects, files)
    return statistics


def _join(job: Job, rejects: Rejects, files: dict[str, Any]) -> dict[str, Any]:
    """Merges the entries of all tables; `files` gets the manifest entries of the shards."""
    statistics: dict[str, Any] = {"items": _join_entity("items", job, rejects, files)}
    statistics["users"] = {"count": 0, "features": {}}
    if "users" in job.tables:
        statistics["users"] = _join_entity("users", job, rejects, files)
    for note in job.read_notes("unlisted"):
        files.update(note["files"])
    _, num_users = job.read_note("log", 0)["unlisted"]
    statistics["users"]["count"] = num_users
    statistics["interactions"] = _join_interactions(job, rejects, files)
    return statistics


def _join_entity(entity: str, job: Job, rejects: Rejects, files: dict[str, Any]) -> dict[str, Any]:
    table, tally, num_before = job.tables[entity], Tally(job.features(entity)), rejects.num_read

    def noted() -> Iterator[Any]:
        for note in job.read_notes(entity):
            tally.join(note["tally"])
            files.update(note["files"])
            rejects.num_read += note["num_read"]
            yield from note["rejects"]

    def unreadable() -> Iterator[Any]:
        for reject in job.read_rejects(entity):
            rejects.num_read += 1
            yield reject

    # Both are sorted by row.
    for row, field, reason in heapq.merge(noted(), unreadable(), key=lambda reject: reject[0]):
        rejects.add(table.source, row, field, reason)
    if not tally.num_rows:
        raise rejects.no_valid_row(table.source)
    for feature, categories in tally.vocabularies().items():
        write_vocabulary(job.folder / category_file(entity, feature), categories)
    num_read, limit = rejects.num_read - num_before, job.options.max_rejects
    return entity_statistics(
        job.dataset, entity, tally, rejects, num_read=num_read, max_rejects=limit
    )


def _join_interactions(job: Job, rejects: Rejects, files: dict[str, Any]) -> dict[str, Any]:
    table = job.dataset.interactions.source
    counts: dict[str, Any] = dict.fromkeys(COUNTS, 0)
    for note in job.read_notes("histories"):
        files.update(note["files"])
        for name, number in note["counts"].items():
            counts[name] += number
    counts |= job.read_note("log", 0)["facts"]
    num_read = counts["count"]
    for row, field, reason in job.read_rejects("interactions"):
        num_read += 1
        rejects.add(table, row, field, reason)
    rejects.num_read += num_read
    if not counts["count"]:
        raise rejects.no_valid_row(table)
    return interaction_statistics(
        job.dataset, counts, rejects, num_read=num_read, max_rejects=job.options.max_rejects
    )
