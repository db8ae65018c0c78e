"""The commands that pack, check and encode data."""

from typing import Any

from tfmmrec.cli.command import Command, add_config_file, add_out, add_positional, build_config
from tfmmrec.cli.parser import Parser
from tfmmrec.cli.preset_option import add_preset
from tfmmrec.data.storage import read_manifest


def _declare_pack(parser: Parser) -> None:
    from tfmmrec.config.packing import PackConfig

    add_positional(parser, "dataset", "the dataset file, DATASET.yaml")
    add_out(parser, "the data folder to write")
    parser.add_class_arguments(PackConfig, as_group=False, skip={"gzip", "quiet"})
    parser.add_argument("--gzip", action="store_true", help="compress the shards")


def _pack(options: Any) -> None:
    from tfmmrec.config.packing import PackConfig
    from tfmmrec.data.packing import pack
    from tfmmrec.data.packing.log_summary import log_lines
    from tfmmrec.data.packing.summary import summary_lines

    statistics = pack(options.dataset, options.out, build_config(PackConfig, options))
    lines = [*summary_lines(options.out, statistics), *log_lines(statistics["interactions"])]
    print("\n".join(lines))


def _declare_check(parser: Parser) -> None:
    from tfmmrec.config.data_validation import CheckConfig

    add_positional(parser, "data", "a data folder")
    parser.add_class_arguments(CheckConfig, as_group=False, skip={"media", "quiet"})
    parser.add_argument("--media", action="store_true", help="decode every image and sound as well")
    parser.add_argument("--quiet", action="store_true", help="print only the verdict")


def _check(options: Any) -> None:
    read_manifest(options.data)
    from tfmmrec.config.data_validation import CheckConfig
    from tfmmrec.reports.data_validation.validate import check

    check(options.data, build_config(CheckConfig, options))


def _declare_encode(parser: Parser) -> None:
    from tfmmrec.config.train_config import TrainConfig

    add_positional(parser, "data", "a data folder")
    add_config_file(parser)
    add_preset(parser)
    parser.add_class_arguments(TrainConfig, as_group=False, skip={"quiet"})


def _encode(options: Any) -> None:
    from tfmmrec.config.train_config import TrainConfig

    config = build_config(TrainConfig, options)
    read_manifest(options.data)
    from tfmmrec.data.dataset import Dataset
    from tfmmrec.encoders.encoded_features import encode_entities

    dataset = Dataset(options.data, cache=config.cache)
    for entity in ("items", "users"):
        for line in encode_entities(dataset, entity, config).summary_lines(entity):  # type: ignore[arg-type]
            print(line)


DATA_COMMANDS = {
    "pack": Command(
        "pack tables and media into a data folder",
        _declare_pack,
        _pack,
        (
            "pack films.yaml --out films",
            "pack films.yaml --out films --max-rejects 0.1",
        ),
        "the same command continues it",
    ),
    "check": Command(
        "validate a data folder and print its statistics",
        _declare_check,
        _check,
        (
            "check films --report films.html",
            "check films --media",
        ),
    ),
    "encode": Command(
        "fill the encoder cache of a data folder",
        _declare_encode,
        _encode,
        (
            "encode films",
            "encode films --encoders.poster hub:models/mobilenet.tar.gz",
        ),
        "the same command continues it",
    ),
}
