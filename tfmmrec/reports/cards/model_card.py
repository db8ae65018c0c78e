"""The model card, generated from a run and its evaluation.

Its sections are those of Mitchell et al. 2019, "Model Cards for Model Reporting", arXiv 1810.03993.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfmmrec.config.objective import objective_of
from tfmmrec.data.storage import read_json
from tfmmrec.evaluation.segments import TITLES, K
from tfmmrec.models.run_file import RUN
from tfmmrec.reports.cards.card_file import write_card
from tfmmrec.reports.cards.evaluation_facts import format_metric, outcome_summaries, segment_summary
from tfmmrec.reports.cards.model_facts import ModelFacts, UsedEncoder, training_date
from tfmmrec.reports.markdown import escaped, render_markdown
from tfmmrec.reports.number_format import metric_label

NAME = "model_card.md"


def write_model_card(run: Path, facts: ModelFacts, metrics: Mapping[str, Any]) -> bool:
    """Writes `model_card.md` into a run folder, or replaces its generated part.

    An evaluation on valid does not replace one on test.

    Args:
        run: the run folder.
        facts: of its model.
        metrics: of an `EvaluationResult`.

    Returns:
        Whether it was written.
    """
    if metrics["split"] != "test" and (run / "metrics.test.json").is_file():
        return False
    content = {**read_json(run / RUN), "trained_on": training_date(run)}
    title = f"# Model card: {escaped(facts.name)}, {escaped(run.resolve().name)}"
    text = render_model_card(content, facts, metrics)
    return write_card(run / NAME, text, title=title, owner=render_markdown("model_card_owner.md"))


def render_model_card(run: Mapping[str, Any], facts: ModelFacts, metrics: Mapping[str, Any]) -> str:
    """Renders the generated part of a card.

    Args:
        run: the content of run.json, and `trained_on`, an ISO date or None.
        facts: of the model.
        metrics: of an `EvaluationResult`.
    """
    segments = [segment_summary(name, metrics[name]) for name in TITLES if metrics.get(name)]
    outcomes = outcome_summaries(metrics.get("outcomes") or {})
    return render_markdown(
        "model_card.md",
        run=run,
        config=run["config"],
        facts=facts,
        split=metrics["split"],
        left_out={name: metrics.get(name) or 0 for name in ("num_repeats", "num_both_cold")},
        has_time=metrics.get("num_leaking", 0) is not None,
        encoders=[_encoder_row(used) for used in facts.encoders],
        segments=segments,
        unmeasured=[t.lower() for name, t in TITLES.items() if not _measured(metrics, name)],
        outcomes=outcomes,
        supported=any(own["better"] for own in [*segments, *outcomes]),
        candidates=_candidates(run),
        k=K,
    )


def _encoder_row(used: UsedEncoder) -> list[str]:
    trained = "yes" if used.trained else "no"
    return [f"{used.side}.{used.feature}", used.modality, used.handle, trained, used.license]


def _measured(metrics: Mapping[str, Any], segment: str) -> bool:
    return bool(metrics.get(segment)) or any(
        by_segment.get(segment) for by_segment in (metrics.get("outcomes") or {}).values()
    )


def _candidates(run: Mapping[str, Any]) -> str:
    """The candidates of `query: auto` with their metric; "" if there were none."""
    found = run["metrics"].get("candidates") or {}
    metric = objective_of(run["config"]["task"], run["config"].get("objective")).name
    stopped = run["metrics"].get("stopped_after") or {}
    values = ", ".join(
        f"{name} {format_metric(value)}"
        + (f" (stopped after {stopped[name]} epochs)" if name in stopped else "")
        for name, value in found.items()
    )
    return f"{values} ({metric_label(metric)} on valid)" if values else ""
