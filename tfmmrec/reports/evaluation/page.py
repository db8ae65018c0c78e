"""An evaluation as one HTML page, plots included, which needs no network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from tfmmrec.data.storage import read_json, write_text
from tfmmrec.evaluation.attribution.modality_ablation import ModalityAblation, attribute_scores
from tfmmrec.evaluation.evaluate import EvaluationResult
from tfmmrec.evaluation.ranking.segment_result import MODEL, TITLES, K, SegmentResult
from tfmmrec.evaluation.slices import popularity_classes
from tfmmrec.reports.bokeh import drawings
from tfmmrec.reports.evaluation.tables import figures, segment_tables
from tfmmrec.reports.html import render
from tfmmrec.reports.item_cards import ItemCards, UserCard, user_cards
from tfmmrec.reports.tables import Table

# Items whose pictures the page holds for hovering.
_MOST_SHOWN = 400


def write_report(
    path: Path,
    run: Path,
    result: EvaluationResult,
    *,
    seed: int = 0,
) -> None:
    """Writes the page of an evaluation.

    Args:
        path: of the page; one that stands there is replaced.
        run: the run folder.
        result: the evaluation of the run.
        seed: of the selection of users.

    Raises:
        DataError: it cannot be written.
    """
    metrics, segments = result.metrics, result.segments
    scripts, drawn = drawings(_plots(run, result))
    users = _users(result, segments[0], seed) if segments else []
    content = read_json(run / "run.json")
    page = render(
        "evaluation.html",
        command="evaluate",
        name=result.bundle.dataset.schema.name,
        run=run.resolve().name,
        split=result.split,
        verdict=metrics["verdict"],
        ahead=bool(segments) and metrics[segments[0].part]["lead"]["low"] > 0,
        parts=[_part(own, metrics[own.part], result.split) for own in segments],
        outcomes=_outcome_tables(metrics["outcomes"]),
        scripts=scripts,
        plots=drawn,
        users=users,
        k=K,
        encoders=_encoders(content),
        config=yaml.safe_dump(content["config"], sort_keys=False, allow_unicode=True),
        manifest=content["manifest_sha256"],
    )
    write_text(path, page)


def _part(own: SegmentResult, told: Mapping[str, Any], split: str) -> dict[str, Any]:
    """A part's tables."""
    counts = f"{told['targets']:,} choices of {told['users']:,} users, {told['items']:,} items"
    tables = segment_tables(f"{split}: {counts} ranked", told, list(own.ranks))
    return {"title": TITLES[own.part], "told": told, "tables": list(tables)}


def _plots(run: Path, result: EvaluationResult) -> dict[str, Any]:
    """The plots by their title."""
    from tfmmrec.reports.evaluation import plots

    found: dict[str, Any] = {}
    bundle, metrics, segments = result.bundle, result.metrics, result.segments
    metric = bundle.config.objective_spec.name
    # What was chosen between, and then what was chosen.
    for history in [*sorted(run.glob("candidates/*/history.json")), run / "history.json"]:
        if history.is_file():
            whose = f" of {history.parent.name}" if history.parent != run else ""
            found[f"Learning{whose}"] = plots.learning_curves(read_json(history), metric)
    for name, parts in metrics["outcomes"].items():
        for part, told in parts.items():
            if told is not None and told["curve"]:
                title = f"Calibration of {name}s, {TITLES[part].lower()}"
                found[title] = plots.calibration(told["curve"])
    if not segments:
        return found
    first = segments[0]
    for metric in ("hr", "ndcg"):
        found[f"{metric.upper()} by the length of lists"] = plots.by_cutoff(first.ranks, metric)
    told = metrics[first.part]
    for part in (own.part for own in segments):
        if metrics[part]["modalities"] is not None:
            title = f"What modalities are worth, {TITLES[part].lower()}"
            found[title] = plots.modalities(metrics[part]["modalities"])
    for group in dict.fromkeys(own["group"] for own in told["slices"]):
        own = [one for one in told["slices"] if one["group"] == group]
        found[f"By {group}"] = plots.slices(own, told[MODEL][f"ndcg@{K}"])
    counts = first.targets.histories.counts(bundle.dataset.count("items"))
    rows = _shown_items(counts, first.candidate_mask)
    columns = ItemCards(bundle.dataset, rows).columns(rows.tolist())
    recommended = np.bincount(first.lists[MODEL].recommended, minlength=len(counts))
    found["What lists name, by popularity"] = plots.popularity(
        counts[rows], recommended[rows], columns
    )
    groups = np.array(["head", "middle", "tail"])[popularity_classes(counts)[rows]].tolist()
    found["Items in the plane of their vectors"] = plots.item_map(
        result.item_vectors[rows], groups, columns
    )
    return found


def _users(result: EvaluationResult, first: SegmentResult, seed: int) -> list[UserCard]:
    """Some users with what they are recommended, and what of it is which modality."""
    bundle, vectors = result.bundle, result.item_vectors
    pairs = zip(first.targets.user.tolist(), first.targets.item.tolist(), strict=True)
    histories = first.targets.histories

    def shares(users: np.ndarray, items: np.ndarray) -> Mapping[str, np.ndarray]:
        queries = [own for _, own in result.scorer.queries(vectors, histories, users)]
        by_modality = ModalityAblation(bundle)
        return attribute_scores(bundle, by_modality, np.concatenate(queries), items)

    return user_cards(
        bundle.dataset,
        first.lists[MODEL],
        histories,
        set(pairs),
        shares if result.metrics[first.part]["modalities"] is not None else None,
        seed=seed,
    )


def _shown_items(counts: np.ndarray, candidate_mask: np.ndarray) -> np.ndarray:
    """Rows of items from the most to the least popular, evenly, 400 at most."""
    rows = np.flatnonzero(candidate_mask)
    rows = rows[np.argsort(-counts[rows], kind="stable")]
    step = max(1, -(-len(rows) // _MOST_SHOWN))
    return rows[::step]


def _outcome_tables(outcomes: Mapping[str, Any]) -> list[Table]:
    return [
        figures(
            f"{name}: {TITLES[part].lower()}, {measured['events']:,} events",
            {who: row for who, row in measured.items() if isinstance(row, dict)},
            digits=4,
        )
        for name, parts in outcomes.items()
        for part, measured in parts.items()
        if measured is not None
    ]


def _encoders(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What encoded each feature, as the run says."""
    return [
        (f"{side}.{name}", str(told.get("handle", told["encoder"])))
        for side, encoders in run["encoders"].items()
        for name, told in encoders.items()
    ]
