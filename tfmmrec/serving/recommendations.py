"""The lines of a batch recommendation, computed while they are read."""

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tqdm

from tfmmrec.data.storage import write_text
from tfmmrec.models.bundle import ModelBundle
from tfmmrec.models.unscorable_items import warn_unscorable_items
from tfmmrec.serving.batch_ranker import BatchRanker, UserBatch
from tfmmrec.serving.serving_model import ServingModel
from tfmmrec.serving.user_inputs import Users


def to_json(line: Mapping[str, Any]) -> str:
    """Returns a line of the file."""
    return json.dumps(line, ensure_ascii=False) + "\n"


class Recommendations:
    """The best items of users, computed in batches while they are iterated over.

    Its length is the number of users. An iteration yields a line per user, `{"user": …, "items":
    […], "scores": […]}`; each iteration computes them anew.

    Args:
        bundle: the model with its data.
        users: the users, in the order of the lines.
        k: the number of items per user.
        mask: bool `[items]`, the items that may be recommended; None for all.
        excluded: rows of items that are left out for all users.
        quiet: no progress bar.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        users: Users,
        k: int,
        mask: np.ndarray | None,
        excluded: Sequence[int],
        *,
        quiet: bool,
    ):
        self._bundle = bundle
        self._users = users
        self._k = k
        self._mask = mask
        self._excluded = excluded
        self._quiet = quiet

    def __len__(self) -> int:
        return len(self._users.names)

    @property
    def users(self) -> Sequence[str | None]:
        """The ids of the users in order; None for one who is not in the data."""
        return self._users.names

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return self._lines(0, len(self), len(self))

    def first(self, num: int) -> list[dict[str, Any]]:
        """Returns the lines of the first users, at most `num`, and computes no others."""
        num = min(num, len(self))
        return list(self._lines(0, num, num))

    def part(self, first: int, end: int) -> Iterator[dict[str, Any]]:
        """Yields the lines of the users from `first` to before `end`, as if with all others."""
        return self._lines(first, end, len(self))

    def write(self, out: Path) -> None:
        """Writes a JSON line per user to a file, which appears when all lines are written.

        Raises:
            DataError: the file cannot be written.
        """
        write_text(out, map(to_json, self))

    @functools.cached_property
    def _serving_model(self) -> ServingModel:
        serving_model = ServingModel(self._bundle)
        if self._mask is not None:
            unscorable = ~serving_model.item_index.scorable.numpy()
            warn_unscorable_items(unscorable & self._mask, self._bundle.dataset.item_ids)
        return serving_model

    def _lines(self, first: int, end: int, num_users: int) -> Iterator[dict[str, Any]]:
        """Computes the lines of some users; how they are computed is chosen for `num_users`."""
        item_ids = self._bundle.dataset.item_ids
        ranker = BatchRanker(
            self._serving_model, item_ids, num_users=num_users, k=self._k, mask=self._mask
        )
        ranked = ranker.rank(self._batches(first, end, ranker.batch_size))
        names = self._users.names[first:end]
        off = True if self._quiet else None
        with tqdm.tqdm(desc="recommend", total=len(names), unit="user", disable=off) as bar:
            for name, (items, scores) in zip(names, ranked, strict=True):
                yield {"user": name, "items": items, "scores": scores}
                bar.update()

    def _batches(self, first: int, end: int, batch_size: int) -> Iterator[UserBatch]:
        for start in range(first, end, batch_size):
            inputs, seen = self._users.batch(start, min(start + batch_size, end))
            yield inputs, [np.append(own, self._excluded).astype(np.int32) for own in seen]
