"""Says where a score comes from: what the item is, and what the user chose before."""

import dataclasses
from pathlib import Path

import numpy as np
import rich.console
import rich.table
import tensorflow as tf

from tfmmrec.data.histories import Histories
from tfmmrec.data.interactions import SPLITS
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.evaluation.attribution.modality_ablation import ModalityAblation, attribute_scores
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.embedding_model import UserInputs
from tfmmrec.models.run_folder import load_run
from tfmmrec.models.scorer import Scorer
from tfmmrec.models.unscorable_items import unscorable_items
from tfmmrec.reports.item_cards import ItemCards

_MOST_PLAYERS = 10


@dataclasses.dataclass(frozen=True)
class Explanation:
    """Where the score of an item for a user comes from.

    Attributes:
        score: as `tfmmrec recommend` gives it.
        modalities: how much of the score each modality of the item, and its id, make up: Shapley
            values, which add up to the score.
        history: the items that the user chose, oldest first, with their names and how much lower
            the score would be without each.
    """

    score: float
    modalities: dict[str, float]
    history: list[tuple[str, str, float]]


def explain(run: str | Path, *, user: str, item: str, quiet: bool = False) -> Explanation:
    """Explains the score of an item for a user as of now.

    A modality is taken from the item alone, not from the items of the history. What the score is
    without the parts of a history is measured one at a time, so that two items that say the same
    may both seem to say nothing.

    Args:
        run: a run folder.
        user: an id.
        item: an id.
        quiet: no progress bars.

    Raises:
        DataError: there is no such user or item, or nothing is known of the item.
        ConfigError: the model does not rank by scores of vectors, or has too many modalities.
    """
    bundle = load_run(run, quiet=quiet)
    dataset, model = bundle.dataset, bundle.model
    for kind, name, rows in (("user", user, dataset.user_rows), ("item", item, dataset.item_rows)):
        if name not in rows:
            raise DataError(f"--{kind}: {name!r} is no {kind} of {dataset.folder}")
    if model.ranks_by != "retrieval":
        raise ConfigError(f"explain: {run} ranks by {model.ranks_by}, not by scores of choices")
    by_modality = ModalityAblation(bundle)
    if len(by_modality.players) > _MOST_PLAYERS:
        raise ConfigError(f"explain: {run} has more than {_MOST_PLAYERS} modalities")
    row = dataset.item_rows[item]
    if unscorable_items(bundle)[row]:
        raise DataError(f"--item: nothing is known of {item!r}: no content, no events to train on")
    vectors = Scorer(bundle.model).item_vectors()
    histories = dataset.histories(SPLITS, with_times=bundle.model.reads_times)
    past, queries = _queries(bundle, vectors, histories, dataset.user_rows[user])
    shares = attribute_scores(bundle, by_modality, queries[:1], np.array([row], np.int32))
    whole, *without = _scores(bundle, queries, vectors[row : row + 1])
    cards = ItemCards(dataset, past)
    return Explanation(
        float(whole),
        {name: float(own[0, 0]) for name, own in shares.items()},
        [
            (dataset.item_ids[place], cards.name(int(place)), float(whole - left))
            for place, left in zip(past, without, strict=True)
        ],
    )


def _queries(
    bundle: ModelBundle, vectors: np.ndarray, histories: Histories, user: int
) -> tuple[np.ndarray, tf.Tensor]:
    """The items that are read of a history; and vectors of the user, whole and without each."""
    first = max(
        histories.offsets[user], histories.offsets[user + 1] - bundle.model.query_tower.max_history
    )
    places = np.arange(first, histories.offsets[user + 1])
    kept = [places, *(np.delete(places, number) for number in range(len(places)))]
    shape = (len(kept), bundle.model.query_tower.max_history)
    past, times = np.full(shape, -1, np.int32), np.zeros(shape, np.int64)
    for number, own in enumerate(kept):
        past[number, : len(own)] = histories.items[own]
        if histories.times is not None:
            times[number, : len(own)] = histories.times[own]
    users = np.full(len(kept), user, np.int32)
    queries = bundle.model.query_vectors(
        bundle.model.index(tf.constant(vectors)),
        UserInputs(
            tf.constant(past),
            bundle.model.users.gather(users),
            tf.constant(users),
            tf.constant(times) if bundle.model.reads_times else None,
        ),
    )
    return histories.items[places], queries


def _scores(bundle: ModelBundle, queries: tf.Tensor, vector: np.ndarray) -> np.ndarray:
    """The scores of one item, `[queries]`."""
    return bundle.model.score(queries, bundle.model.index(tf.constant(vector))).numpy()[:, 0]


def print_explanation(
    told: Explanation, most: int = 10, console: rich.console.Console | None = None
) -> None:
    """Prints the shares of the modalities, and the items of the history that count most."""
    console = console or rich.console.Console()
    table = rich.table.Table(title=f"score {told.score:.4f}")
    for head, justify in (("of the item", "left"), ("adds", "right")):
        table.add_column(head, justify=justify)  # type: ignore[arg-type]
    for name, share in told.modalities.items():
        table.add_row(name, f"{share:+.4f}")
    console.print(table)
    if told.history:
        table = rich.table.Table(title="what the user chose before")
        for head, justify in (("item", "left"), ("", "left"), ("adds", "right")):
            table.add_column(head, justify=justify)  # type: ignore[arg-type]
        for item, name, share in sorted(told.history, key=lambda own: -abs(own[2]))[:most]:
            table.add_row(item, name, f"{share:+.4f}")
        console.print(table)
