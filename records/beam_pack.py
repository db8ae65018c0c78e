"""Packs a data set as an Apache Beam pipeline, on one machine or on a cluster.

    python records/beam_pack.py DATASET.yaml --out DATA
    python records/beam_pack.py DATASET.yaml --out DATA \
        --beam="--runner=FlinkRunner --flink_master=host:8081"

The records are those that `tfmmrec pack` writes. records/README.md lists the requirements of the
workers.
"""

import shlex
from pathlib import Path

import tfmmrec.cli
from tfmmrec.data.beam import needs_beam
from tfmmrec.data.packing.summary import summary_lines


def main(
    dataset: Path,
    *,
    out: Path,
    rows_per_shard: int = 50_000,
    users_per_shard: int = 20_000,
    max_rejects: float = 0.05,
    seed: int = 0,
    gzip: bool = False,
    beam: str = "",
) -> None:
    """Packs tables and media into a data folder on Apache Beam.

    Args:
        dataset: dataset file, DATASET.yaml.
        out: data folder to write.
        rows_per_shard: number of rows of items or users per shard; one worker packs one shard.
        users_per_shard: number of users whose histories one worker sorts at a time.
        max_rejects: the share, from 0 to 1, of the rows of a table that may be rejected, and of its
            rows in which a feature may have a rejected value; unless it is 0, one of each may be.
        seed: seed of the selection of cold-start items and new users.
        gzip: whether to compress the shards.
        beam: options of Beam, as --beam="--runner=FlinkRunner ..."; by default the pipeline runs
            in this process.
    """
    with needs_beam():
        from tfmmrec.data.packing.beam import BeamOptions, pack_on_beam
    from tfmmrec.data.packing.log_summary import log_lines

    options = BeamOptions(
        rows_per_shard=rows_per_shard,
        users_per_shard=users_per_shard,
        max_rejects=max_rejects,
        seed=seed,
        gzip=gzip,
    )
    statistics = pack_on_beam(dataset, out, options, flags=shlex.split(beam))
    lines = [*summary_lines(out, statistics), *log_lines(statistics["interactions"])]
    print("\n".join(lines))


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
