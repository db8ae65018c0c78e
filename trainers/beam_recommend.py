"""Recommends to many users as an Apache Beam pipeline, on one machine or on a cluster.

    python trainers/beam_recommend.py RUN --users all --k 100 --out recs.jsonl
    python trainers/beam_recommend.py RUN --k 100 --out recs --sharded \
        --beam="--runner=FlinkRunner --flink_master=host:8081"

The lines are those that `tfmmrec recommend` writes. records/README.md lists the requirements of
the workers.
"""

import shlex
from pathlib import Path

import tfmmrec.cli
from tfmmrec.data.beam import needs_beam
from tfmmrec.models.run_file import read_run


def main(
    run: Path,
    *,
    out: Path,
    users: str | None = None,
    k: int | None = None,
    split: str | None = None,
    users_per_shard: int = 8192,
    sharded: bool = False,
    beam: str = "",
) -> None:
    """Writes the best items for users on Apache Beam.

    Args:
        run: a run folder.
        out: the file recs.jsonl; with --sharded, a folder of files part-00000.jsonl.
        users: all (default), a file with one id per line, an id, or ID,ID.
        k: items per user (default 10).
        split: recommend as of the moment before valid or test.
        users_per_shard: number of users whose lines one worker writes at a time.
        sharded: whether to leave the shards as they are instead of joining them in one file.
        beam: options of Beam, as --beam="--runner=FlinkRunner ..."; by default the pipeline runs
            in this process.
    """
    read_run(run)
    with needs_beam():
        from tfmmrec.serving.beam import recommend_on_beam
    num_users = recommend_on_beam(
        run,
        out=out,
        users=users,
        k=k,
        split=split,
        users_per_shard=users_per_shard,
        sharded=sharded,
        flags=shlex.split(beam),
    )
    print(f"{out}: {num_users} users")


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
