"""Recommends to many users on the workers of a Beam runner."""

import dataclasses
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import apache_beam
from apache_beam.utils.shared import Shared

from tfmmrec.data.beam.run import create_pipeline, run_pipeline
from tfmmrec.data.beam.worker_errors import WorkerErrors
from tfmmrec.data.storage import (
    atomic_folder,
    atomic_write,
    refuse_existing,
    scratch_folder,
    write_text,
)
from tfmmrec.data.vocabulary import read_vocabulary, write_vocabulary
from tfmmrec.errors import ConfigError
from tfmmrec.models.output_path import check_output_path
from tfmmrec.models.run_folder import load_run
from tfmmrec.serving.batch_recommend import recommend_lines
from tfmmrec.serving.recommendations import Recommendations, to_json
from tfmmrec.serving.user_inputs import KnownUsers

_USERS = "users.txt"


@dataclasses.dataclass(frozen=True)
class RecommendJob:
    """What all workers need to know.

    Attributes:
        run: the run folder.
        k: number of items per user, None for the default.
        split: as `recommend` takes it.
        folder: the folder of the ids of the users and of the shards, which all workers share.
        users_per_shard: number of users whose lines one worker writes at a time.
    """

    run: Path
    k: int | None
    split: str | None
    folder: Path
    users_per_shard: int

    @property
    def errors(self) -> WorkerErrors:
        """Where workers report errors."""
        return WorkerErrors(self.folder / "errors")

    def shard(self, number: int) -> Path:
        """Returns the path of a shard."""
        return self.folder / "shards" / f"part-{number:05d}.jsonl"

    def load(self) -> Recommendations:
        """Loads the run; returns the lines of all users of the job, which are still to compute."""
        bundle = load_run(self.run, quiet=True)
        users = KnownUsers(bundle, read_vocabulary(self.folder / _USERS), self.split)
        return Recommendations(
            bundle, users, bundle.dataset.default_k(self.k), None, [], quiet=True
        )


def recommend_on_beam(
    run: Path,
    *,
    out: Path,
    users: str | None = None,
    k: int | None = None,
    split: str | None = None,
    users_per_shard: int = 8192,
    sharded: bool = False,
    flags: Sequence[str] = (),
) -> int:
    """Writes the lines of `recommend`, computed on the workers of a cluster.

    Args:
        run: the run folder; every worker needs it, its data folder and the folder of `out` under
            the same paths.
        out: the file to write; with `sharded`, a folder.
        users: as `recommend` takes it (default all).
        k: as `recommend` takes it.
        split: as `recommend` takes it.
        users_per_shard: number of users whose lines one worker writes at a time.
        sharded: whether `out` is a folder of files `part-00000.jsonl`, in the order of the users.
        flags: options of Beam, such as `--runner=FlinkRunner` (default: run in this process).

    Returns:
        The number of users.

    Raises:
        ConfigError: an option is invalid.
        DataError: the run, the users or `out` cannot be used, or a worker fails.
    """
    if users_per_shard < 1:
        raise ConfigError(f"users_per_shard must be at least 1. Received: {users_per_shard}")
    out = Path(os.path.abspath(out))
    check_output_path("--out", out)
    if sharded:
        refuse_existing(out)
    # Checks all options, before any worker starts.
    names = [*recommend_lines(run, users=users, k=k, split=split, quiet=True).users]
    with scratch_folder(out) as folder:
        job = RecommendJob(Path(os.path.abspath(run)), k, split, folder, users_per_shard)
        (job.folder / "shards").mkdir()
        write_vocabulary(job.folder / _USERS, [str(name) for name in names])
        numbers = range(-(-len(names) // users_per_shard))
        _run(job, numbers, flags)
        if sharded:
            with atomic_folder(out) as finished:
                for number in numbers:
                    shutil.move(job.shard(number), finished)
        else:
            write_text(out, (job.shard(number).read_text("utf-8") for number in numbers))
    return len(names)


def _run(job: RecommendJob, numbers: Sequence[int], flags: Sequence[str]) -> None:
    pipeline = create_pipeline(flags)
    (
        pipeline
        | apache_beam.Create(numbers)
        | "Spread" >> apache_beam.Reshuffle()
        | "Recommend" >> apache_beam.ParDo(WriteShard(job))
    )
    run_pipeline(pipeline, job.errors, str(job.run))


class WriteShard(apache_beam.DoFn):
    """Writes the lines of some users; a process loads the run once.

    A runner may write a shard again, or twice at the same time: the file is complete or absent.
    """

    def __init__(self, job: RecommendJob):
        self._job = job
        self._shared = Shared()

    def setup(self) -> None:
        with self._job.errors.reporting():
            self._lines = self._shared.acquire(self._job.load)

    def process(self, number: int) -> Iterator[int]:
        size = self._job.users_per_shard
        first, end = number * size, min((number + 1) * size, len(self._lines))
        with self._job.errors.reporting(), atomic_write(self._job.shard(number)) as file:
            for line in self._lines.part(first, end):
                file.write(to_json(line).encode())
        yield end - first
