"""Explains a score by the modalities of the item and by the items of the history."""

import dataclasses
from pathlib import Path

import numpy as np
import rich.console
import tensorflow as tf

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.histories import Histories
from tfmmrec.data.interactions import SPLITS
from tfmmrec.errors import ConfigError, DataError
from tfmmrec.evaluation.attribution.modality_ablation import ModalityAblation, attribute_item
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.embedding_model import UserInputs
from tfmmrec.models.run_folder import load_run
from tfmmrec.reports.item_cards import ItemCards
from tfmmrec.reports.tables import Table
from tfmmrec.reports.wide_console import wide_console
from tfmmrec.serving.id_lists import unknown_id

_MAX_MODALITIES = 10
# Number of items of the history that the sentence names.
_MAX_NAMED = 3


@dataclasses.dataclass(frozen=True)
class Explanation:
    """The explanation of the score of an item for a user.

    Attributes:
        user: the id of the user.
        item: the id of the item.
        name: the first text of the item, or its id.
        score: as in the output of `tfmmrec recommend`.
        modalities: the Shapley value of each modality of the item, and of its id embedding; with
            `repeat`, they add up to the score.
        history: (id, name, contribution) of the items in the history, oldest first. The
            contribution is the loss in the score without the item.
        repeat: what is added to the score because the user chose the item before (default 0, as
            where repeats are not recommended).
        rated_low: the ids of the items in the history that the user rated below the bar of a
            positive, and did not choose (default none).
    """

    user: str
    item: str
    name: str
    score: float
    modalities: dict[str, float]
    history: list[tuple[str, str, float]]
    repeat: float = 0.0
    rated_low: frozenset[str] = frozenset()

    @property
    def sentence(self) -> str:
        """The explanation in words: the items of the history and the modality that raise the score.

        Contributions of 0 or less are no reasons. It also says if the user chose the item before.
        """
        chosen = sorted(self.history, key=lambda own: -own[2])[:_MAX_NAMED]
        names = {item: f'"{name}"' for item, name, contribution in chosen if contribution > 0}
        verb = "rated" if self.rated_low & names.keys() else "chose"
        reason = (
            f"because user {self.user} {verb} {_listed(list(names.values()))}"
            if names
            else "not because of any item in the history"
        )
        modality, most = max(self.modalities.items(), key=lambda own: own[1])
        modality = (
            f"; its {modality} count most"
            if modality.endswith("s")
            else (f"; its {modality} counts most")
        )
        before = ""
        if self.item in {own[0] for own in self.history}:
            before = " (rated before)" if self.item in self.rated_low else " (chosen before)"
        return f'"{self.name}"{before} {reason}{modality if most > 0 else ""}'


def _listed(names: list[str]) -> str:
    """a; a and b; a, b and c."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def explain(run: str | Path, *, user: str, item: str, quiet: bool = False) -> Explanation:
    """Explains the score of an item for a user, with all events of the user as the history.

    A modality is removed from the scored item only, not from the items of the history. The items of
    the history are removed one at a time, so that each of two redundant items may seem irrelevant.

    Args:
        run: a run folder.
        user: the id of a user.
        item: the id of an item.
        quiet: no progress bars.

    Raises:
        DataError: the user or the item does not exist, or the item cannot be scored.
        ConfigError: the model does not rank by retrieval scores, or has too many modalities.
    """
    bundle = load_run(run, quiet=quiet)
    dataset, model = bundle.dataset, bundle.model
    if user not in dataset.user_rows:
        raise unknown_id("user", user, "user", dataset)
    if item not in dataset.item_rows:
        raise unknown_id("item", item, "item", dataset)
    if model.ranks_by != "retrieval":
        raise ConfigError(f"explain: {run} ranks by {model.ranks_by}, not by retrieval scores")
    items = ModalityAblation(bundle)
    if len(items.modalities) > _MAX_MODALITIES:
        raise ConfigError(f"explain: {run} has more than {_MAX_MODALITIES} modalities")
    row = dataset.item_rows[item]
    vectors = np.asarray(bundle.catalog().item)
    if not bundle.model.index(tf.constant(vectors[row : row + 1])).scorable:
        raise DataError(
            f"--item: {item!r} cannot be scored: it has no content and no training events"
        )
    histories = dataset.histories(SPLITS, with_times=bundle.model.reads_times, with_ratings=True)
    history, histories_read, queries = _queries(bundle, vectors, histories, dataset.user_rows[user])
    products = _scores(bundle, queries, vectors[row : row + 1])
    repeats = _repeats(bundle, histories_read, row)
    whole, *without = products + repeats
    cards = ItemCards(dataset, [*history, row])
    return Explanation(
        user,
        item,
        cards.name(row),
        float(whole),
        attribute_item(bundle, items, queries[:1], row),
        [
            (dataset.item_ids[row], cards.name(int(row)), float(whole - left))
            for row, left in zip(history, without, strict=True)
        ],
        float(repeats[0]),
        _rated_low(dataset, history, dataset.user_rows[user]),
    )


def _rated_low(dataset: Dataset, history: np.ndarray, user: int) -> frozenset[str]:
    """The ids of the items of a history that are no positives; without ratings, all are."""
    if not dataset.schema.has_rating:
        return frozenset()
    chosen = dataset.histories(SPLITS).of_user(user)
    return frozenset(dataset.item_ids[row] for row in np.setdiff1d(history, chosen))


def _queries(
    bundle: ModelBundle, vectors: np.ndarray, histories: Histories, user: int
) -> tuple[np.ndarray, tf.Tensor, tf.Tensor]:
    """The items of the history that the model reads, histories, and embeddings of the user.

    The first history has all these items, the others are without one item each, `[1 + items, n]`;
    and so are the embeddings.
    """
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
    return histories.items[places], tf.constant(past), queries


def _repeats(bundle: ModelBundle, histories: tf.Tensor, item: int) -> np.ndarray:
    """What is added to the score of an item for each of several histories, `[histories]`."""
    if bundle.model.repeat_term is None:
        return np.zeros(len(histories), np.float32)
    added = tf.where(histories == item, bundle.model.repeat_term.added(histories), 0.0)
    return tf.reduce_sum(added, axis=1).numpy()


def _scores(bundle: ModelBundle, queries: tf.Tensor, vector: np.ndarray) -> np.ndarray:
    """The scores of one item for all queries, `[queries]`."""
    return bundle.model.score(queries, bundle.model.index(tf.constant(vector))).numpy()[:, 0]


def print_explanation(
    explanation: Explanation, num_items: int = 10, console: rich.console.Console | None = None
) -> None:
    """Prints the explanation in words, the attribution to modalities, and that to the history.

    Args:
        explanation: the explanation.
        num_items: number of items of the history, those that contribute most (default 10).
        console: where to print (default stdout).
    """
    console = console or wide_console()
    console.print(explanation.sentence, highlight=False, soft_wrap=True, markup=False)
    rows = [[name, f"{value:+.4f}"] for name, value in explanation.modalities.items()]
    if explanation.repeat:
        rows.append(["chosen before", f"{explanation.repeat:+.4f}"])
    title = f"score {explanation.score:.4f}"
    console.print(Table(title, ["modality of the item", "contribution"], rows).to_rich())
    if explanation.history:
        history = sorted(explanation.history, key=lambda own: -abs(own[2]))[:num_items]
        rows = [[item, name, f"{value:+.4f}"] for item, name, value in history]
        columns = ["item", "name", "contribution"]
        console.print(Table("history of the user", columns, rows, texts=["name"]).to_rich())
