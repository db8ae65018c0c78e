"""Items as a report shows them: a name, a picture, a sound."""

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

# Given rows of users and of items, by modality its part of the scores, [users, items].
ShareScores = Callable[[np.ndarray, np.ndarray], Mapping[str, np.ndarray]]

_NAME = 60
_SMALL = 96


@dataclasses.dataclass(frozen=True)
class UserCard:
    """A user with what they chose and what they are recommended.

    Attributes:
        id: of the user.
        history: the last items, the newest last.
        answers: the best items, best first.
    """

    id: str
    history: list[Markup]
    answers: list["Answer"]


@dataclasses.dataclass(frozen=True)
class Answer:
    """An item that is recommended.

    Attributes:
        tile: the item.
        chosen: whether the user chose it then.
        shares: how much of its score each modality makes up; empty where that is not known.
    """

    tile: Markup
    chosen: bool
    shares: Mapping[str, float]

    @property
    def total(self) -> float:
        """What the lengths of shares are measured by."""
        return sum(abs(share) for share in self.shares.values()) or 1.0


class ItemCards:
    """Reads what is shown of some items: of each kind of medium the first feature.

    Args:
        dataset: the data folder.
        rows: the items.
        audible: those of them that are shown with their sound (default none).
    """

    def __init__(self, dataset: Dataset, rows: Iterable[int], audible: Iterable[int] = ()):
        rows = sorted({int(row) for row in rows})
        self._ids = dataset.item_ids
        _, self._names = self._values(dataset, "text", rows)
        _, self._pictures = self._values(dataset, "picture", rows)
        audible = sorted({int(row) for row in audible})
        self._audio, self._sounds = self._values(dataset, "player", audible)

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
        """The item's first text, or its id."""
        text = self._names.get(row, b"").decode(errors="replace").strip() or self._ids[row]
        return text if len(text) <= _NAME else text[:_NAME] + "…"

    def columns(self, rows: Sequence[int]) -> dict[str, list[str]]:
        """What hovering over items shows, a column each."""
        small = [self._small(row) for row in rows]
        return {
            "name": [self.name(row) for row in rows],
            "picture": small,
            "shown": ["block" if picture else "none" for picture in small],
        }

    def tile(self, row: int) -> Markup:
        """One item as HTML."""
        parts = [Markup('<b dir="auto">{}</b>').format(self.name(row))]
        picture = self._small(row)
        if picture:
            parts.insert(0, Markup('<img src="{}" alt="" loading="lazy">').format(picture))
        if self._audio is not None and row in self._sounds:
            parts.append(render_value(self._audio, self._sounds[row]))
        return Markup("").join(parts)

    def _small(self, row: int) -> str:
        found = thumbnail(self._pictures[row], _SMALL) if row in self._pictures else None
        return found[0] if found else ""


def user_cards(
    dataset: Dataset,
    lists: TopItems,
    histories: Histories,
    chosen: set[tuple[int, int]],
    shares: ShareScores | None = None,
    *,
    num: int = 10,
    seed: int = 0,
) -> list[UserCard]:
    """Draws some users and shows what they chose and what they are recommended.

    Args:
        dataset: the data folder.
        lists: what is recommended.
        histories: what each user chose before.
        chosen: rows of users and items, what they chose then.
        shares: gives, for rows of users and of items, by modality what it makes up of the scores,
            `[users, items]`.
        num: how many users.
        seed: of the drawing.
    """
    order = np.random.default_rng(seed).permutation(len(lists.users))[:num]
    past = {place: histories.of_user(lists.users[place])[-6:] for place in order}
    recommended = lists.items[order]
    recommended = recommended[recommended >= 0]
    cards = ItemCards(
        dataset, [*recommended, *np.concatenate([[], *past.values()])], audible=recommended
    )
    items = np.unique(recommended).astype(np.int32)
    of_all = {} if shares is None else shares(lists.users[order], items)

    def answer(number: int, user: int, row: int) -> Answer:
        column = int(np.searchsorted(items, row))
        own = {name: float(values[number, column]) for name, values in of_all.items()}
        return Answer(cards.tile(row), (user, row) in chosen, own)

    return [
        UserCard(
            dataset.user_ids[user],
            [cards.tile(int(row)) for row in past[place]],
            [answer(number, user, row) for row in lists.items[place].tolist() if row >= 0],
        )
        for number, (place, user) in enumerate(zip(order, lists.users[order].tolist(), strict=True))
    ]
