"""Packs a data set as an Apache Beam pipeline, on one machine or on a cluster.

    python records/beam_pack.py DATASET.yaml --out DATA
    python records/beam_pack.py DATASET.yaml --out DATA \
        --beam="--runner=FlinkRunner --flink_master=host:8081"

The folder holds what `tfmmrec pack` would write; records/README.md says what the workers need.
"""

import shlex
from pathlib import Path

import tfmmrec.cli
from tfmmrec.errors import ConfigError


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
        dataset: the dataset file, DATASET.yaml.
        out: the data folder to write.
        rows_per_shard: rows of items or users that one worker packs into one file.
        users_per_shard: users whose histories one worker puts in order.
        max_rejects: the share of rows or values, from 0 to 1, that may be broken.
        seed: of the choice of cold items and users.
        gzip: whether to compress the shards.
        beam: Beam's own options, as --beam="--runner=FlinkRunner ..."; by default all runs here.
    """
    try:
        from tfmmrec.data.packing.beam import BeamOptions, pack_on_beam
    except ModuleNotFoundError as error:
        if error.name != "apache_beam":
            raise
        raise ConfigError("Apache Beam is not installed; pip install 'tfmmrec[beam]'") from None
    options = BeamOptions(
        rows_per_shard=rows_per_shard,
        users_per_shard=users_per_shard,
        max_rejects=max_rejects,
        seed=seed,
        gzip=gzip,
    )
    statistics = pack_on_beam(dataset, out, options, flags=shlex.split(beam))
    print(f"{out}:", ", ".join(f"{part['count']} {name}" for name, part in statistics.items()))


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
