"""A model card, filled in with what a run and its evaluation know.

Its sections are those of Mitchell et al. 2019, "Model Cards for Model Reporting", arXiv 1810.03993.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfmmrec.config.objective import objective_of
from tfmmrec.data.storage import read_json
from tfmmrec.evaluation.ranking.segment_result import TITLES, K
from tfmmrec.models.run_folder import RUN
from tfmmrec.reports.cards.card_file import write_card
from tfmmrec.reports.cards.evaluation_facts import figure, outcome_summaries, segment_summary
from tfmmrec.reports.cards.model_facts import ModelFacts, UsedEncoder, training_date
from tfmmrec.reports.markdown import escaped, render_markdown

NAME = "model_card.md"


def write_model_card(run: Path, facts: ModelFacts, result: Mapping[str, Any]) -> bool:
    """Writes `model_card.md` into a run folder, or the generated part of what stands there.

    What was measured on valid gives way to what was measured on test.

    Args:
        run: the run folder.
        facts: of its model.
        result: what `evaluate` returns.

    Returns:
        Whether it was written.
    """
    if result["split"] != "test" and (run / "metrics.test.json").is_file():
        return False
    told = {**read_json(run / RUN), "trained_on": training_date(run)}
    title = f"# Model card: {escaped(facts.name)}, {escaped(run.resolve().name)}"
    text = render_model_card(told, facts, result)
    return write_card(run / NAME, text, title=title, owner=render_markdown("model_card_owner.md"))


def render_model_card(run: Mapping[str, Any], facts: ModelFacts, result: Mapping[str, Any]) -> str:
    """Makes the generated part of a card.

    Args:
        run: the content of run.json, and `trained_on`, a date or None.
        facts: of the model.
        result: what `evaluate` returns.
    """
    parts = [
        segment_summary(title, result[part]) for part, title in TITLES.items() if result.get(part)
    ]
    outcomes = outcome_summaries(result.get("outcomes") or {})
    return render_markdown(
        "model_card.md",
        run=run,
        config=run["config"],
        facts=facts,
        split=result["split"],
        left_out={name: result.get(name) or 0 for name in ("num_repeats", "num_both_cold")},
        encoders=[_encoder_row(used) for used in facts.encoders],
        parts=parts,
        unmeasured=[title.lower() for part, title in TITLES.items() if not _measured(result, part)],
        outcomes=outcomes,
        supported=any(own["better"] for own in [*parts, *outcomes]),
        candidates=_candidates(run),
        k=K,
    )


def _encoder_row(used: UsedEncoder) -> list[str]:
    trained = "yes" if used.trained else "no"
    return [f"{used.side}.{used.feature}", used.modality, used.handle, trained, used.licence]


def _measured(result: Mapping[str, Any], part: str) -> bool:
    return bool(result.get(part)) or any(
        parts.get(part) for parts in (result.get("outcomes") or {}).values()
    )


def _candidates(run: Mapping[str, Any]) -> str:
    """What the training chose between, by what; "" where there was no choice."""
    found = run["metrics"].get("candidates") or {}
    metric = objective_of(run["config"]["task"], run["config"].get("objective")).name
    worths = ", ".join(f"{name} {figure(worth)}" for name, worth in found.items())
    return f"{worths} ({metric.upper()} on valid)" if worths else ""
