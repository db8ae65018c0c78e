"""The commands that train, tune and update models."""

import os
import shlex
from pathlib import Path
from typing import Any

from tfmmrec.cli.command import Command, add_config_file, add_out, add_positional, build_config
from tfmmrec.cli.parser import Parser
from tfmmrec.cli.preset_option import add_preset
from tfmmrec.data.storage import read_manifest, refuse_existing
from tfmmrec.models.output_path import check_output_path
from tfmmrec.models.run_file import read_run


def _declare_train(parser: Parser) -> None:
    from tfmmrec.config.train_config import TrainConfig

    add_positional(parser, "data", "a data folder")
    add_config_file(parser)
    add_preset(parser)
    add_out(parser, "the run folder to write")
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run")
    parser.add_class_arguments(TrainConfig, as_group=False, skip={"quiet"})


def _train(options: Any) -> None:
    from tfmmrec.config.train_config import TrainConfig
    from tfmmrec.training.out_folder import check_out

    config = build_config(TrainConfig, options)
    # Before TensorFlow is imported. The processes of a cluster may see other folders.
    if "TF_CONFIG" not in os.environ and not (options.resume and options.out.exists()):
        check_out(options.out, resume=options.resume)
        read_manifest(options.data)
    from tfmmrec.training.train import train

    metrics = train(options.data, options.out, config, resume=options.resume)
    if not metrics:  # a process that only served others has none
        return
    objective = config.objective_spec.name
    if objective in metrics:
        held_out = metrics.get("num_held_out")
        chosen_on = f"{held_out} held-out events" if held_out else "the valid split"
        if "num_valid_users" in metrics:
            chosen_on = f"{metrics['num_valid_users']} drawn users of {chosen_on}"
        result = f"{objective} {metrics[objective]:.4f} on {chosen_on}, after its best epoch"
    else:
        result = "not measured, since there is no valid split; the last epoch"
    print(f"{options.out}: {result}, {metrics['epoch']}; trained in {metrics['seconds']:.0f} s")
    run = shlex.quote(str(options.out))
    print(f"Next: tfmmrec evaluate {run}, which compares it with baselines on the test split")


def _declare_tune(parser: Parser) -> None:
    from tfmmrec.config.tune_config import TuneConfig

    add_positional(parser, "data", "a data folder")
    add_config_file(parser)
    add_out(parser, "the folder that gets best.yaml, trials.jsonl and tuning.html")
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run")
    parser.add_class_arguments(TuneConfig, as_group=False, skip={"quiet", "train.quiet"})


def _tune(options: Any) -> None:
    from tfmmrec.config.train_config import TrainConfig
    from tfmmrec.config.tune_config import TuneConfig

    options = options.clone()
    options["train"] = build_config(TrainConfig, options["train"])
    config = build_config(TuneConfig, options)
    # Before TensorFlow is imported. A worker's folder is that of its chief.
    if not options.resume and "KERASTUNER_TUNER_ID" not in os.environ:
        refuse_existing(options.out)
        check_output_path("--out", options.out)
    read_manifest(options.data)
    from tfmmrec.reports.tuning.console import print_search
    from tfmmrec.reports.tuning.page import write_tuning_page
    from tfmmrec.tuning import tune

    found = tune(options.data, options.out, config, resume=options.resume)
    if found:  # a worker has none
        write_tuning_page(options.out)
        print_search(options.data, options.out)


def _declare_tune_fusion(parser: Parser) -> None:
    add_positional(parser, "run", "a run folder, trained with fusion.kind late and refit false")
    add_out(parser, "the run folder to write")
    parser.add_argument("--tuner", default="bayesian", help="bayesian (default) or random")
    parser.add_argument(
        "--trials", type=int, default=100, help="number of weights to try (default 100)"
    )
    parser.add_argument("--objective", default="ndcg@10", help="hr@K, ndcg@K (default 10) or mrr")


def _tune_fusion(options: Any) -> None:
    read_run(options.run)
    from tfmmrec.reports.tuning.console import print_tuned_fusion
    from tfmmrec.tuning.late_fusion.tune_fusion import tune_fusion

    names = ("run", "out", "tuner", "trials", "objective", "seed", "quiet")
    print_tuned_fusion(options.out, tune_fusion(**{name: options[name] for name in names}))


def _declare_update(parser: Parser) -> None:
    add_positional(parser, "run", "a run folder")
    parser.add_argument("--data", type=Path, required=True, help="the data folder to update to")
    add_out(parser, "the run folder to write")


def _update(options: Any) -> None:
    read_run(options.run)
    read_manifest(options.data)
    from tfmmrec.models.update_run import update

    names = ("run", "data", "out", "quiet")
    counts = update(**{name: options[name] for name in names})
    for entity, own in counts.items():
        print(f"{options.out}: {entity}: " + ", ".join(f"{n} {what}" for what, n in own.items()))


TRAINING_COMMANDS = {
    "train": Command(
        "train a model on a data folder",
        _declare_train,
        _train,
        (
            "train films --out run",
            "train films --out run --preset fast",
            "train films --out run --config train.yaml --epochs 20 --query.kind gru",
            "train films --out run --resume",
        ),
        "the same command with --resume continues it",
    ),
    "tune": Command(
        "search the options of a training with Keras Tuner",
        _declare_tune,
        _tune,
        (
            "tune films --out search",
            "tune films --out search --config tune.yaml --resume",
        ),
        "the same command with --resume continues it",
    ),
    "tune-fusion": Command(
        "search the weights of late fusion after training",
        _declare_tune_fusion,
        _tune_fusion,
        ("tune-fusion run --out tuned --trials 50",),
    ),
    "update": Command(
        "move a model to newer data without training",
        _declare_update,
        _update,
        ("update run --data films2 --out run2",),
    ),
}
