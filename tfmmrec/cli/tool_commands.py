"""The commands around the library: the demo and the doctor."""

from pathlib import Path
from typing import Any

from tfmmrec.cli.command import Command
from tfmmrec.cli.parser import Parser
from tfmmrec.errors import ConfigError, TfmmrecError
from tfmmrec.legacy_keras import keras_problem


def _declare_demo(parser: Parser) -> None:
    parser.add_argument("--out", type=Path, default=Path("demo"), help="the folder to write to")


def _demo(options: Any) -> None:
    from tfmmrec.cli.demo import demo

    demo(options.out, seed=options.seed, quiet=options.quiet)


def _declare_doctor(parser: Parser) -> None:
    parser.add_argument(
        "--tpu_check",
        type=Path | None,
        metavar="CONFIG",
        help="list the ops in the training step of this training file that a TPU cannot run",
    )
    parser.add_argument(
        "--data",
        type=Path | None,
        help="the data folder for the check (default: a small synthetic one)",
    )


def _doctor(options: Any) -> int:
    if options.tpu_check is None:
        if options.data is not None:
            raise ConfigError("--data: only --tpu-check CONFIG looks at data")
        from tfmmrec.cli.doctor import doctor

        return doctor()
    # Everything else of the doctor has to do without TensorFlow.
    problem = keras_problem()
    if problem is not None:
        raise TfmmrecError(problem)
    from tfmmrec.cli.tpu_check import tpu_check

    return tpu_check(options.tpu_check, options.data)


TOOL_COMMANDS = {
    "demo": Command(
        "run the whole pipeline on a synthetic catalog", _declare_demo, _demo, ("demo --out demo",)
    ),
    "doctor": Command(
        "report the installed versions and what is incompatible",
        _declare_doctor,
        _doctor,
        (
            "doctor",
            "doctor --tpu-check train.yaml --data films",
        ),
    ),
}
