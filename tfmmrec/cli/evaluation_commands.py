"""The commands that evaluate, compare and explain models."""

from pathlib import Path
from typing import Any

from tfmmrec.cli.command import Command, add_positional
from tfmmrec.cli.parser import Parser
from tfmmrec.config.checks import check_choice
from tfmmrec.models.output_path import check_output_path
from tfmmrec.models.run_file import read_run


def _declare_evaluate(parser: Parser) -> None:
    add_positional(parser, "run", "a run folder")
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


def _check_split(split: str) -> None:
    check_choice("--split", split, ("valid", "test"))


def _evaluate(options: Any) -> None:
    from tfmmrec.reports.evaluation.console import print_metrics
    from tfmmrec.reports.evaluation.stored_metrics import stored_metrics

    run, split, report = options.run, options.split, options.report
    _check_split(split)
    read_run(run)
    check_output_path("--report", report)
    names = ("modality_attribution", "cutoffs", "allow_leakage", "seed")
    given = {name: options[name] for name in names}
    stored = stored_metrics(run, split, **given) if report is None else None
    if stored is not None:
        print_metrics(stored)
        print(f"Read from {run}/metrics.{split}.json: nothing has changed since")
        return
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
    _check_split(options.split)
    for run in options.runs:
        read_run(run)
    check_output_path("--report", options.report)
    from tfmmrec.reports.evaluation.compare_runs import compare_runs, configs_of
    from tfmmrec.reports.evaluation.console import print_comparison

    names = ("runs", "split", "report", "seed", "quiet")
    comparison = compare_runs(**{name: options[name] for name in names})
    print_comparison(comparison, options.split, configs_of(options.runs))
    if options.report is not None:
        print(options.report)


def _declare_explain(parser: Parser) -> None:
    add_positional(parser, "run", "a run folder")
    parser.add_argument("--user", required=True, help="the id of a user")
    parser.add_argument("--item", required=True, help="the id of an item")


def _explain(options: Any) -> None:
    read_run(options.run)
    from tfmmrec.reports.explain import explain, print_explanation

    names = ("run", "user", "item", "quiet")
    print_explanation(explain(**{name: options[name] for name in names}))


EVALUATION_COMMANDS = {
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
}
