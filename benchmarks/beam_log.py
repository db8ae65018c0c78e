"""Times the packing of interactions on Beam, in this process.

python benchmarks/beam_log.py --num-rows 20000
"""

import contextlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

import tfmmrec.cli
from tfmmrec.data.catalog_writer import write_catalog
from tfmmrec.data.dataset_file import read_dataset_file


def main(
    *, num_rows: int = 20_000, num_users: int = 2_000, num_items: int = 1_000, repeats: int = 3
) -> None:
    """Generates a random log and prints the number of rows packed per second.

    Args:
        num_rows: number of rows of the log.
        num_users: number of users; no table lists them.
        num_items: number of items, which have an id only.
        repeats: number of measurements; the best and the first are printed.
    """
    with tempfile.TemporaryDirectory() as folder:
        dataset = draw_log(Path(folder) / "catalog", num_rows, num_users, num_items)
        seconds = [time_log(dataset)[1] for _ in range(repeats)]
    print(f"{num_rows / min(seconds):,.0f} rows/s (the first {num_rows / seconds[0]:,.0f} rows/s)")


def draw_log(folder: Path, rows: int, users: int, items: int, seed: int = 0) -> Path:
    """Writes a catalog whose events have random users and items; returns its dataset.yaml."""
    random = np.random.default_rng(seed)
    drawn = zip(
        random.integers(users, size=rows).tolist(),
        random.integers(items, size=rows).tolist(),
        random.integers(1_600_000_000, 1_700_000_000, size=rows).tolist(),
        strict=True,
    )
    return write_catalog(
        folder,
        name="log",
        items=({"item_id": f"i{n}"} for n in range(items)),
        item_features={},
        interactions=(
            {"user_id": f"u{user}", "item_id": f"i{item}", "timestamp": at}
            for user, item, at in drawn
        ),
    )


def time_log(dataset_file: Path, flags: Sequence[str] = ()) -> tuple[int, float]:
    """Packs only the interactions of a data set; the ids of items and listed users are prepared.

    Args:
        dataset_file: dataset file, as for `records/beam_pack.py`.
        flags: options of Beam; by default the pipeline runs in this process.

    Returns:
        The number of packed events, and the seconds from the start of the pipeline to its end,
        including reading, sorting, splitting and writing.
    """
    from apache_beam import Create

    from tfmmrec.data.beam.run import create_pipeline, run_pipeline
    from tfmmrec.data.packing.beam.entities import IDS
    from tfmmrec.data.packing.beam.job import BeamOptions, Job
    from tfmmrec.data.packing.beam.pipeline import PackInteractions

    with _folder() as folder:
        job = Job(read_dataset_file(dataset_file), folder, BeamOptions())
        job.make_folders()
        for side, name in IDS.items():
            job.write_ids(name, _ids(job, side))
        start = time.perf_counter()
        pipeline = create_pipeline(flags)
        items, users = (pipeline | side >> Create([0]) for side in IDS)
        pipeline | PackInteractions(job, items, users)
        run_pipeline(pipeline, job.errors, str(dataset_file))
        seconds = time.perf_counter() - start
        notes = list(job.read_notes("histories"))
    return sum(note["counts"]["count"] for note in notes), seconds


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "data").mkdir()
        yield Path(folder) / "data"


def _ids(job, side: str) -> list[str]:
    from tfmmrec.data.packing.beam.entities import read_entity

    if side not in job.tables:
        return []
    return list(dict.fromkeys(key for key, _ in read_entity(side, job) if not key.startswith("\n")))


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
