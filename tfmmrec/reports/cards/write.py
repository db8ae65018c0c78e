"""The model card and the data card of a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfmmrec.models.bundle import ModelBundle
from tfmmrec.reports.cards.data_card import write_data_card
from tfmmrec.reports.cards.model_card import write_model_card
from tfmmrec.reports.cards.model_facts import model_facts


def write_cards(run: Path, bundle: ModelBundle, result: Mapping[str, Any]) -> None:
    """Writes `model_card.md` and `data_card.md` into a run folder; what owners wrote there stays.

    Args:
        run: the run folder.
        assembly: what was evaluated.
        result: what `evaluate` returns.

    Raises:
        DataError: a card cannot be written.
    """
    write_model_card(run, model_facts(bundle), result)
    write_data_card(run, bundle.dataset)
