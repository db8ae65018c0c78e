"""The HTML page of an evaluation, with its plots, which needs no network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tfmmrec.data.storage import read_json, write_text
from tfmmrec.evaluation.attribution.modality_ablation import ModalityAblation, attribute_scores
from tfmmrec.evaluation.evaluate import EvaluationResult
from tfmmrec.evaluation.ranking.segment_result import SegmentResult
from tfmmrec.evaluation.segments import MODEL, TITLES, K
from tfmmrec.evaluation.slices import POPULARITY_CLASSES, popularity_classes
from tfmmrec.evaluation.verdict import model_verdict
from tfmmrec.models.run_file import RUN
from tfmmrec.reports.bokeh import drawings
from tfmmrec.reports.evaluation.tables import (
    baseline_notes,
    evaluation_notes,
    format_difference,
    items_ranked,
    never_chosen_note,
    outcome_tables,
    segment_tables,
)
from tfmmrec.reports.html import render
from tfmmrec.reports.item_cards import ItemCards, UserCard, user_cards
from tfmmrec.reports.number_format import metric_label

# Maximum number of items in the plots of items; the page embeds their images for hovering.
_MAX_ITEMS = 400
# Cards of more users are folded.
_NUM_USERS_SHOWN = 3


def write_report(
    path: Path,
    run: Path,
    result: EvaluationResult,
    *,
    seed: int = 0,
) -> None:
    """Writes the page of an evaluation.

    Args:
        path: of the page; an existing file is replaced.
        run: the run folder.
        result: the evaluation of the run, with its modality attribution.
        seed: of the sample of users.

    Raises:
        DataError: it cannot be written.
    """
    metrics, segments = result.metrics, result.segments
    headline, others = _headline_plots(result), _plots(run, result)
    scripts, plots = drawings({**headline, **others})
    content = read_json(run / RUN)
    page = render(
        "evaluation.html",
        command="evaluate",
        name=result.bundle.dataset.schema.name,
        run=run.resolve().name,
        split=result.split,
        verdict=metrics["verdict"],
        notes=evaluation_notes(metrics),
        segments=[_segment(own, metrics[own.name], result.split) for own in segments],
        outcomes=outcome_tables(metrics["outcomes"], f"{result.split}: {_OUTCOME_TITLE}"),
        scripts=scripts,
        headline=plots[: len(headline)],
        plots=plots[len(headline) :],
        users=_users(result, segments[0], seed) if segments else [],
        num_shown=_NUM_USERS_SHOWN,
        k=K,
        encoders=_encoders(content),
        config=yaml.safe_dump(content["config"], sort_keys=False, allow_unicode=True),
        manifest=content["manifest_sha256"],
    )
    write_text(path, page)


_MEANINGS = {
    "warm": "items that the model knows from training",
    "cold": "new items, ranked by their content",
    "new_users": "users whose history the model did not train on",
}
_OUTCOME_TITLE = "{outcome} of {events:,} events, {segment}"


def _segment(segment: SegmentResult, summary: Mapping[str, Any], split: str) -> dict[str, Any]:
    """The title, the verdict, the summary and the tables of a segment."""
    title = (
        f"{split}: {summary['targets']:,} targets of {summary['users']:,} users, "
        f"{items_ranked(segment.name, summary)}"
    )
    tables = segment_tables(title, summary, list(segment.ranks))
    return {
        "title": TITLES[segment.name],
        "meaning": _MEANINGS[segment.name],
        "verdict": model_verdict(summary),
        "standing": summary["lead"]["verdict"],
        "worse": [own for own in summary["slices"] if own["worse"]],
        "summary": summary,
        "difference": format_difference(summary["lead"]),
        "notes": [*baseline_notes(summary), *filter(None, [never_chosen_note(summary)])],
        "tables": list(tables),
    }


def _headline_plots(result: EvaluationResult) -> dict[str, Any]:
    """The model beside its baselines, a plot per segment."""
    from tfmmrec.reports.evaluation import plots

    found = {}
    for segment in result.segments:
        summary, metric = result.metrics[segment.name], f"ndcg@{K}"
        rows = {
            name: (summary[name][metric], *summary["intervals"][name][metric])
            for name in segment.ranks
        }
        title = f"{TITLES[segment.name]}: {metric_label(metric)} with 95 % intervals"
        found[title] = plots.models(rows, metric_label(metric))
    return found


def _plots(run: Path, result: EvaluationResult) -> dict[str, Any]:
    """The plots by title."""
    from tfmmrec.reports.evaluation import plots

    found: dict[str, Any] = {}
    bundle, metrics, segments = result.bundle, result.metrics, result.segments
    objective = bundle.config.objective_spec.name
    # The candidates of query: auto first, then the run itself.
    for history in [*sorted(run.glob("candidates/*/history.json")), run / "history.json"]:
        if history.is_file():
            whose = f" of {history.parent.name}" if history.parent != run else ""
            found[f"Learning curves{whose}"] = plots.learning_curves(read_json(history), objective)
    for name, by_segment in metrics["outcomes"].items():
        for segment, measured in by_segment.items():
            if measured is not None and measured["calibration_curve"]:
                title = f"Calibration of {name}s, {TITLES[segment].lower()}"
                found[title] = plots.calibration(measured["calibration_curve"])
    if not segments:
        return found
    first = segments[0]
    for metric in ("hr", "ndcg"):
        found[f"{metric.upper()}@k by list length k"] = plots.by_cutoff(first.ranks, metric)
    for segment in (own.name for own in segments):
        if metrics[segment]["modality_attribution"] is not None:
            title = f"Modality attribution, {TITLES[segment].lower()}"
            found[title] = plots.attribution(metrics[segment]["modality_attribution"])
    summary = metrics[first.name]
    for group in dict.fromkeys(own["group"] for own in summary["slices"]):
        slices = [own for own in summary["slices"] if own["group"] == group]
        found[f"NDCG@{K} by {group}"] = plots.slices(slices, summary[MODEL][f"ndcg@{K}"])
    counts = bundle.histories.counts(bundle.dataset.count("items"))
    rows = _plotted_items(counts, first.candidate_mask)
    columns = ItemCards(bundle.dataset, rows).columns(rows.tolist())
    num_lists = np.bincount(first.lists[MODEL].recommended, minlength=len(counts))
    found["Recommendations by popularity of the item"] = plots.popularity(
        counts[rows], num_lists[rows], columns
    )
    groups = np.array(POPULARITY_CLASSES)[popularity_classes(counts)[rows]].tolist()
    found["Item embeddings in two dimensions"] = plots.item_map(
        result.item_vectors[rows], groups, columns
    )
    return found


def _users(result: EvaluationResult, segment: SegmentResult, seed: int) -> list[UserCard]:
    """Cards of some users, with the modality attribution of their recommendations."""
    bundle, vectors = result.bundle, result.item_vectors
    pairs = zip(segment.targets.user.tolist(), segment.targets.item.tolist(), strict=True)
    histories = segment.targets.histories

    def attribute(users: np.ndarray, items: np.ndarray) -> Mapping[str, np.ndarray]:
        queries = [own for _, own in result.scorer.queries(vectors, histories, users)]
        return attribute_scores(bundle, ModalityAblation(bundle), np.concatenate(queries), items)

    has_attribution = result.metrics[segment.name]["modality_attribution"] is not None
    return user_cards(
        bundle.dataset,
        {"recommended items": segment.lists[MODEL]},
        histories,
        set(pairs),
        attribute if has_attribution else None,
        seed=seed,
    )


def _plotted_items(counts: np.ndarray, candidate_mask: np.ndarray) -> np.ndarray:
    """Rows of at most 400 items, evenly spaced from the most to the least popular."""
    rows = np.flatnonzero(candidate_mask)
    rows = rows[np.argsort(-counts[rows], kind="stable")]
    step = max(1, -(-len(rows) // _MAX_ITEMS))
    return rows[::step]


def _encoders(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(feature, encoder) pairs from run.json."""
    return [
        (f"{entity}.{name}", str(described.get("handle", described["encoder"])))
        for entity, encoders in run["encoders"].items()
        for name, described in encoders.items()
    ]
