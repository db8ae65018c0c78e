"""The commands of `tfmmrec`: their arguments, and how they call their stage.

Stages are imported inside the functions: they load TensorFlow, which only the command that runs
should pay for.
"""

import dataclasses
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonargparse

from tfmmrec.cli.nested_overrides import unfold_overrides
from tfmmrec.cli.parser import Parser
from tfmmrec.errors import ConfigError, TfmmrecError
from tfmmrec.legacy_keras import keras_problem


@dataclasses.dataclass(frozen=True)
class Command:
    """A subcommand.

    Attributes:
        help: one line.
        declare: adds the arguments.
        run: does the work with the parsed options.
        examples: command lines, without `tfmmrec`.
        after_interrupt: how an interrupted command is continued; "" if it starts anew.
    """

    help: str
    declare: Callable[[Parser], Any]
    run: Callable[[Any], int | None]
    examples: tuple[str, ...] = ()
    after_interrupt: str = ""


def _config(kind: type, options: Any) -> Any:
    """Builds a config from the options that carry its fields' names."""
    values = {field.name: options[field.name] for field in dataclasses.fields(kind)}
    return kind(
        **{
            name: value.as_dict()
            if isinstance(value, jsonargparse.Namespace)
            else unfold_overrides(value)
            for name, value in values.items()
        }
    )


def _positional(parser: Parser, name: str, text: str) -> None:
    parser.add_argument(name, type=Path, help=text)


def _out(parser: Parser, text: str) -> None:
    parser.add_argument("--out", type=Path, required=True, help=text)


def _config_file(parser: Parser) -> None:
    parser.add_argument("--config", action="config", help="a YAML file with any of the keys below")


def _declare_pack(parser: Parser) -> None:
    from tfmmrec.config.packing import PackConfig

    _positional(parser, "dataset", "the dataset file, DATASET.yaml")
    _out(parser, "the data folder to write")
    parser.add_class_arguments(PackConfig, as_group=False, skip={"gzip", "quiet"})
    parser.add_argument("--gzip", action="store_true", help="compress the shards")


def _pack(options: Any) -> None:
    from tfmmrec.config.packing import PackConfig
    from tfmmrec.data.packing import pack
    from tfmmrec.data.packing.log_summary import log_lines
    from tfmmrec.data.packing.summary import summary_lines

    statistics = pack(options.dataset, options.out, _config(PackConfig, options))
    lines = [*summary_lines(options.out, statistics), *log_lines(statistics["interactions"])]
    print("\n".join(lines))


def _declare_check(parser: Parser) -> None:
    from tfmmrec.config.data_validation import CheckConfig

    _positional(parser, "data", "a data folder")
    parser.add_class_arguments(CheckConfig, as_group=False, skip={"media", "quiet"})
    parser.add_argument("--media", action="store_true", help="decode every image and sound as well")
    parser.add_argument("--quiet", action="store_true", help="print only the verdict")


def _check(options: Any) -> None:
    from tfmmrec.config.data_validation import CheckConfig
    from tfmmrec.reports.data_validation.validate import check

    check(options.data, _config(CheckConfig, options))


def _declare_train(parser: Parser) -> None:
    from tfmmrec.config.train_config import TrainConfig

    _positional(parser, "data", "a data folder")
    _config_file(parser)
    _out(parser, "the run folder to write")
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run")
    parser.add_class_arguments(TrainConfig, as_group=False, skip={"quiet"})


def _train(options: Any) -> None:
    from tfmmrec.config.train_config import TrainConfig
    from tfmmrec.training.train import train

    config = _config(TrainConfig, options)
    metrics = train(options.data, options.out, config, resume=options.resume)
    if not metrics:  # a process that only served others has none
        return
    objective = config.objective_spec.name
    if objective in metrics:
        held_out = metrics.get("num_held_out")
        chosen_on = f"{held_out} held-out events" if held_out else "the valid split"
        result = f"{objective} {metrics[objective]:.4f} on {chosen_on}, after its best epoch"
    else:
        result = "not measured, since there is no valid split; the last epoch"
    print(f"{options.out}: {result}, {metrics['epoch']}; trained in {metrics['seconds']:.0f} s")
    run = shlex.quote(str(options.out))
    print(f"Next: tfmmrec evaluate {run}, which compares it with baselines on the test split")


def _declare_encode(parser: Parser) -> None:
    from tfmmrec.config.train_config import TrainConfig

    _positional(parser, "data", "a data folder")
    _config_file(parser)
    parser.add_class_arguments(TrainConfig, as_group=False, skip={"quiet"})


def _encode(options: Any) -> None:
    from tfmmrec.config.train_config import TrainConfig
    from tfmmrec.data.dataset import Dataset
    from tfmmrec.encoders.encoded_features import encode_entities

    config = _config(TrainConfig, options)
    dataset = Dataset(options.data, cache=config.cache)
    for entity in ("items", "users"):
        for line in encode_entities(dataset, entity, config).summary_lines(entity):  # type: ignore[arg-type]
            print(line)


def _declare_evaluate(parser: Parser) -> None:
    _positional(parser, "run", "a run folder")
    parser.add_argument("--split", default="test", help="valid or test (default)")
    parser.add_argument("--report", type=Path | None, help="also write an HTML page")
    parser.add_argument(
        "--modality_attribution",
        action="store_true",
        help="compute the Shapley attribution of NDCG@10 to each modality",
    )
    parser.add_argument(
        "--cutoffs", type=list[int] | None, help="the k of HR@k and NDCG@k (default [10, 20])"
    )
    parser.add_argument(
        "--allow_leakage",
        action="store_true",
        help="evaluate despite temporal leakage, as in random splits",
    )


def _evaluate(options: Any) -> None:
    from tfmmrec.reports.evaluation.console import print_metrics
    from tfmmrec.reports.evaluation.stored_metrics import stored_metrics

    run, split, report = options.run, options.split, options.report
    names = ("modality_attribution", "cutoffs", "allow_leakage", "seed")
    given = {name: options[name] for name in names}
    stored = stored_metrics(run, split, **given) if report is None else None
    if stored is not None:
        print_metrics(stored)
        print(f"Read from {run}/metrics.{split}.json: nothing has changed since")
        return
    # Imports TensorFlow, which takes seconds.
    from tfmmrec.reports.evaluation.evaluate_run import evaluate_run

    result = evaluate_run(run, split=split, report=report, quiet=options.quiet, **given)
    print_metrics(result.metrics)
    if report is not None:
        print(report)


def _declare_compare(parser: Parser) -> None:
    parser.add_argument("runs", type=Path, nargs="+", help="run folders trained on the same data")
    parser.add_argument("--split", default="test", help="valid or test (default)")
    parser.add_argument("--report", type=Path | None, help="also write an HTML page")


def _compare(options: Any) -> None:
    from tfmmrec.reports.evaluation.compare_runs import compare_runs, configs_of
    from tfmmrec.reports.evaluation.console import print_comparison

    names = ("runs", "split", "report", "seed", "quiet")
    comparison = compare_runs(**{name: options[name] for name in names})
    print_comparison(comparison, options.split, configs_of(options.runs))


def _declare_explain(parser: Parser) -> None:
    _positional(parser, "run", "a run folder")
    parser.add_argument("--user", required=True, help="the id of a user")
    parser.add_argument("--item", required=True, help="the id of an item")


def _explain(options: Any) -> None:
    from tfmmrec.reports.explain import explain, print_explanation

    names = ("run", "user", "item", "quiet")
    print_explanation(explain(**{name: options[name] for name in names}))


def _declare_tune(parser: Parser) -> None:
    from tfmmrec.tuning import TuneConfig

    _positional(parser, "data", "a data folder")
    _config_file(parser)
    _out(parser, "the folder that gets best.yaml, trials.jsonl and tuning.html")
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run")
    parser.add_class_arguments(TuneConfig, as_group=False, skip={"quiet", "train.quiet"})


def _tune(options: Any) -> None:
    from tfmmrec.config.train_config import TrainConfig
    from tfmmrec.reports.tuning.console import print_search
    from tfmmrec.reports.tuning.page import write_tuning_page
    from tfmmrec.tuning import TuneConfig, tune

    options = options.clone()
    options["train"] = _config(TrainConfig, options["train"])
    config = _config(TuneConfig, options)
    found = tune(options.data, options.out, config, resume=options.resume)
    if found:  # a worker has none
        write_tuning_page(options.out)
        print_search(options.data, options.out)


def _declare_tune_fusion(parser: Parser) -> None:
    _positional(parser, "run", "a run folder, trained with fusion.kind late and refit false")
    _out(parser, "the run folder to write")
    parser.add_argument("--tuner", default="bayesian", help="bayesian (default) or random")
    parser.add_argument(
        "--trials", type=int, default=100, help="number of weights to try (default 100)"
    )
    parser.add_argument("--objective", default="ndcg@10", help="hr@K, ndcg@K (default 10) or mrr")


def _tune_fusion(options: Any) -> None:
    from tfmmrec.reports.tuning.console import print_tuned_fusion
    from tfmmrec.tuning.late_fusion.tune_fusion import tune_fusion

    names = ("run", "out", "tuner", "trials", "objective", "seed", "quiet")
    print_tuned_fusion(options.out, tune_fusion(**{name: options[name] for name in names}))


def _declare_update(parser: Parser) -> None:
    _positional(parser, "run", "a run folder")
    parser.add_argument("--data", type=Path, required=True, help="the data folder to update to")
    _out(parser, "the run folder to write")


def _update(options: Any) -> None:
    from tfmmrec.models.update_run import update

    names = ("run", "data", "out", "quiet")
    counts = update(**{name: options[name] for name in names})
    for entity, own in counts.items():
        print(f"{options.out}: {entity}: " + ", ".join(f"{n} {what}" for what, n in own.items()))


def _declare_recommend(parser: Parser) -> None:
    _positional(parser, "run", "a run folder")
    parser.add_argument(
        "--users",
        type=str | None,
        help="all (default), a file with one id per line, an id, or ID,ID; one with a comma: "
        '"A, B",ID',
    )
    parser.add_argument("--k", type=int | None, help="items per user (default 10)")
    parser.add_argument("--out", type=Path | None, help="the file recs.jsonl (default: print)")
    parser.add_argument(
        "--split", type=str | None, help="recommend as of the moment before valid or test"
    )
    parser.add_argument("--candidates", type=Path | None, help="a file with one item id per line")
    parser.add_argument(
        "--history", type=str | None, help="ITEM,ITEM: of a user who is not in the data"
    )
    parser.add_argument(
        "--user",
        type=str,
        action="append",
        default=[],
        metavar="FEATURE=VALUE",
        help="a feature of a user who is not in the data; may be repeated",
    )
    parser.add_argument("--exclude", type=str, default="", help="ITEM,ITEM: items to leave out")
    parser.add_argument(
        "--where",
        type=str,
        action="append",
        default=[],
        metavar="FEATURE=VALUE",
        help="only items with this category, or number (=, !=, <, <=, >, >=); may be repeated",
    )


def _recommend(options: Any) -> None:
    import json

    from tfmmrec.reports.recommendations import print_recommendations
    from tfmmrec.serving.batch_recommend import recommend

    names = ("run", "users", "k", "out", "split", "candidates", "history", "exclude", "where")
    user = dict(_feature_value(text) for text in options.user)
    lines = recommend(**{name: options[name] for name in (*names, "quiet")}, user=user)
    if options.out is not None:
        print(f"{options.out}: {len(lines)} users")
    elif sys.stdout.isatty():
        print_recommendations(options.run, lines)
    else:
        for line in lines:
            print(json.dumps(line, ensure_ascii=False))


def _feature_value(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise ConfigError(f"--user: write FEATURE=VALUE. Received: {text!r}")
    return name.strip(), value


def _declare_search(parser: Parser) -> None:
    from tfmmrec.modalities import search_options

    _positional(parser, "run", "a run folder")
    for kind, option in search_options().items():
        value = Path | None if option.is_file else str | None
        parser.add_argument(f"--{kind}", type=value, help=option.help)
    parser.add_argument("--item", type=str | None, help="the id of an item")
    parser.add_argument("--k", type=int | None, help="number of items (default 10)")


def _search(options: Any) -> None:
    from tfmmrec.modalities import search_options
    from tfmmrec.serving.search import search

    names = ("run", "item", "k", *search_options())
    answer = search(**{name: options[name] for name in names})
    if sys.stdout.isatty():
        print("   score  item  texts      (a score of 1: the same content)", file=sys.stderr)
    for found in answer:
        texts = "  ".join(str(v) for k, v in found.items() if k not in ("item", "score"))
        print(f"{found['score']:8.4f}  {found['item']}  {texts[:100]}")


def _declare_export(parser: Parser) -> None:
    _positional(parser, "run", "a run folder")
    _out(parser, "the model's folder, MODELS/NAME; a version is added in it")


def _export(options: Any) -> None:
    from tfmmrec.serving.export import export

    print(export(options.run, options.out, quiet=options.quiet))


def _declare_serve(parser: Parser) -> None:
    _positional(parser, "model", "the model's folder, MODELS/NAME")
    parser.add_argument("--port", type=int, default=8501, help="port of the REST server")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--cors", type=str | None, help="allowed origin of web pages; * for all")


def _serve(options: Any) -> None:
    from tfmmrec.serving.rest_server import serve

    names = ("port", "host", "cors", "quiet", "debug")
    serve(options.model, **{name: options[name] for name in names})


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


COMMANDS = {
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
            "check films --html films.html",
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
    "train": Command(
        "train a model on a data folder",
        _declare_train,
        _train,
        (
            "train films --out run",
            "train films --out run --config train.yaml --epochs 20 --query.kind gru",
            "train films --out run --resume",
        ),
        "the same command with --resume continues it",
    ),
    "evaluate": Command(
        "evaluate a model and baselines on a split",
        _declare_evaluate,
        _evaluate,
        (
            "evaluate run --report report.html",
            "evaluate run --split valid --cutoffs 5,10,50",
        ),
    ),
    "compare": Command(
        "compare runs on the same targets",
        _declare_compare,
        _compare,
        ("compare run1 run2 --report compare.html",),
    ),
    "explain": Command(
        "explain a score by modalities and history",
        _declare_explain,
        _explain,
        ("explain run --user u17 --item i42",),
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
    "recommend": Command(
        "write the best items for users",
        _declare_recommend,
        _recommend,
        (
            "recommend run --users u17,u18 --k 5",
            "recommend run --users ids.txt --out recs.jsonl",
            'recommend run --history i42,i7 --user age=30 --where "year>=1990"',
        ),
    ),
    "search": Command(
        "find items by text, image or audio",
        _declare_search,
        _search,
        (
            'search run --text "a red bicycle"',
            'search run --text "title=a red bicycle"',
            "search run --image bicycle.jpg --k 20",
        ),
    ),
    "export": Command(
        "write a SavedModel for TensorFlow Serving",
        _declare_export,
        _export,
        ("export run --out models/films",),
    ),
    "serve": Command(
        "serve a model over REST, for development",
        _declare_serve,
        _serve,
        ("serve models/films --port 8501",),
    ),
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
