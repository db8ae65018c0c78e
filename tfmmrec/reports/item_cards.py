"""Items in a report: a name, an image, a sound."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from markupsafe import Markup

from tfmmrec.data.dataset import Dataset
from tfmmrec.data.feature_values import values_by_row
from tfmmrec.data.histories import Histories
from tfmmrec.evaluation.metrics.beyond_accuracy import TopItems
from tfmmrec.modalities import Modality
from tfmmrec.reports.value_html import render_value, thumbnail

# Given rows of users and of items, the attribution of the scores by modality, [users, items].
AttributeScores = Callable[[np.ndarray, np.ndarray], Mapping[str, np.ndarray]]

# Maximum number of characters of a name, and the longer side of an image in pixels.
_MAX_NAME = 60
_IMAGE_SIZE = 96


@dataclasses.dataclass(frozen=True)
class UserCard:
    """A user with the most recent history and the recommendations.

    Attributes:
        id: of the user.
        history: the most recent items as HTML, the newest last.
        lists: the recommendations by the title of the list, best first.
    """

    id: str
    history: list[Markup]
    lists: Mapping[str, list["Recommendation"]]

    @property
    def attributed(self) -> list[str]:
        """The modalities to which the scores are attributed; empty if not computed."""
        every = [own for recommendations in self.lists.values() for own in recommendations]
        return list(every[0].attribution) if every else []


@dataclasses.dataclass(frozen=True)
class Recommendation:
    """A recommended item.

    Attributes:
        tile: the item as HTML.
        is_target: whether it is a target item of the user.
        attribution: the Shapley value of each modality for the score; empty if not computed.
    """

    tile: Markup
    is_target: bool
    attribution: Mapping[str, float]

    @property
    def total(self) -> float:
        """The sum of the absolute Shapley values, to which the bars are normalized."""
        return sum(abs(value) for value in self.attribution.values()) or 1.0


class ItemCards:
    """Reads the first text, image and audio feature of some items.

    Args:
        dataset: the data folder.
        rows: of the items.
    """

    def __init__(self, dataset: Dataset, rows: Iterable[int]):
        rows = sorted({int(row) for row in rows})
        self._ids = dataset.item_ids
        _, self._names = self._values(dataset, "text", rows)
        _, self._pictures = self._values(dataset, "picture", rows)
        self._audio, self._sounds = self._values(dataset, "player", rows)

    def _values(
        self, dataset: Dataset, display: str, rows: Sequence[int]
    ) -> tuple[Modality | None, dict[int, bytes]]:
        """Returns the modality and the (first) values of the first feature with this display."""
        for name, modality in dataset.features("items").items():
            one = modality.element or modality
            if one.display == display:
                found = values_by_row(dataset, "items", name, rows)
                return one, {r: v[0] if isinstance(v, list) else v for r, v in found.items()}
        return None, {}

    def name(self, row: int) -> str:
        """Returns the item's first text, or its id."""
        text = self._names.get(row, b"").decode(errors="replace").strip() or self._ids[row]
        return text if len(text) <= _MAX_NAME else text[:_MAX_NAME] + "…"

    def columns(self, rows: Sequence[int]) -> dict[str, list[str]]:
        """Returns the columns of the tooltips of items."""
        thumbnails = [self._thumbnail(row) for row in rows]
        return {
            "name": [self.name(row) for row in rows],
            "picture": thumbnails,
            "shown": ["block" if picture else "none" for picture in thumbnails],
        }

    def tile(self, row: int) -> Markup:
        """Renders an item as HTML."""
        parts = [Markup('<b dir="auto">{}</b>').format(self.name(row))]
        picture = self._thumbnail(row)
        if picture:
            parts.insert(0, Markup('<img src="{}" alt="" loading="lazy">').format(picture))
        if self._audio is not None and row in self._sounds:
            parts.append(render_value(self._audio, self._sounds[row]))
        return Markup("").join(parts)

    def _thumbnail(self, row: int) -> str:
        found = thumbnail(self._pictures[row], _IMAGE_SIZE) if row in self._pictures else None
        return found[0] if found else ""


def user_cards(
    dataset: Dataset,
    lists: Mapping[str, TopItems],
    histories: Histories,
    targets: set[tuple[int, int]],
    attribute: AttributeScores | None = None,
    *,
    num: int = 10,
    seed: int = 0,
) -> list[UserCard]:
    """Samples users, and renders their histories and recommendations.

    Args:
        dataset: the data folder.
        lists: the recommended items by the title of the list, each for the same users.
        histories: the history of each user.
        targets: (row of the user, row of the item) of the targets.
        attribute: computes the attribution of scores (default none).
        num: number of users (default 10).
        seed: of the sample.
    """
    users = next(iter(lists.values())).users
    places = np.random.default_rng(seed).permutation(len(users))[:num]
    users = users[places]
    history = {user: histories.of_user(user)[-6:] for user in users}
    chosen = {title: own.items[places] for title, own in lists.items()}
    items = np.unique(np.concatenate([own[own >= 0] for own in chosen.values()])).astype(np.int32)
    cards = ItemCards(dataset, [*items, *np.concatenate([[], *history.values()])])
    attributions = {} if attribute is None else attribute(users, items)

    def recommendation(place: int, user: int, row: int) -> Recommendation:
        column = int(np.searchsorted(items, row))
        own = {name: float(values[place, column]) for name, values in attributions.items()}
        return Recommendation(cards.tile(row), (user, row) in targets, own)

    return [
        UserCard(
            dataset.user_ids[user],
            [cards.tile(int(row)) for row in history[user]],
            {
                title: [recommendation(place, user, row) for row in own[place].tolist() if row >= 0]
                for title, own in chosen.items()
            },
        )
        for place, user in enumerate(users.tolist())
    ]
