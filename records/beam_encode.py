"""Fills the encoder cache of a data folder as an Apache Beam pipeline.

    python records/beam_encode.py DATA --config TRAIN.yaml
    python records/beam_encode.py DATA --config TRAIN.yaml \
        --beam="--runner=FlinkRunner --flink_master=host:8081"

The cache is the one that `tfmmrec encode` writes; `tfmmrec train` then encodes nothing.
records/README.md lists the requirements of the workers.
"""

import shlex
from pathlib import Path

import tfmmrec.cli
from tfmmrec.config.training_file import read_training_file
from tfmmrec.data.beam import needs_beam
from tfmmrec.data.storage import read_manifest


def main(data: Path, *, config: Path | None = None, beam: str = "") -> None:
    """Encodes the features of items and users on Apache Beam.

    Args:
        data: a data folder.
        config: a training file, whose keys features, encoders, finetune and cache say what to
            encode (default: all features by built-in encoders).
        beam: options of Beam, as --beam="--runner=FlinkRunner ..."; by default the pipeline runs
            in this process.
    """
    options = read_training_file(config)
    read_manifest(data)
    with needs_beam():
        from tfmmrec.encoders.beam import encode_on_beam
    for entity, encoded in encode_on_beam(data, options, flags=shlex.split(beam)).items():
        for line in encoded.summary_lines(entity):
            print(line)


if __name__ == "__main__":
    tfmmrec.cli.run_script(main)
