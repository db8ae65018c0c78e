"""Numbers as they pass by: exact ends and count, quantiles from a bounded sample."""

import math

import numpy as np


class Distribution:
    """What is known of many numbers in constant memory.

    Each number draws a key, and the smallest keys stay: a uniform sample, whole while there are
    no more than `limit` numbers.

    Args:
        seed: of the sample (default 0).
        limit: the size of the sample (default 50,000).

    Attributes:
        count: how many numbers passed.
        least: the smallest, NaN when there is none.
        most: the largest, NaN when there is none.
    """

    def __init__(self, *, seed: int = 0, limit: int = 50_000):
        self.limit = limit
        self.count = 0
        self.least = self.most = math.nan
        self._random = np.random.default_rng(seed)
        self._values = np.zeros(0)
        self._keys = np.zeros(0)
        self._added: list[np.ndarray] = []
        self._num_added = 0

    def add(self, values: object) -> None:
        """Takes numbers in; those that are not finite are passed over."""
        added = np.asarray(values, np.float64).ravel()
        added = added[np.isfinite(added)]
        if not len(added):
            return
        self.count += len(added)
        self.least = float(np.fmin(self.least, added.min()))
        self.most = float(np.fmax(self.most, added.max()))
        self._added.append(added)
        self._num_added += len(added)
        if self._num_added > self.limit:
            self.sample()

    def sample(self) -> np.ndarray:
        """The sample, float64 `[at most limit]`."""
        added = np.concatenate([np.zeros(0), *self._added])
        self._added, self._num_added = [], 0
        self._values = np.concatenate([self._values, added])
        self._keys = np.concatenate([self._keys, self._random.random(len(added))])
        if len(self._values) > self.limit:
            kept = np.argpartition(self._keys, self.limit)[: self.limit]
            self._values, self._keys = self._values[kept], self._keys[kept]
        return self._values

    def five(self) -> tuple[float, float, float, float, float]:
        """The least, the quartiles and the most; NaN when there are no numbers."""
        if not self.count:
            return (math.nan,) * 5
        quartiles = np.quantile(self.sample(), [0.25, 0.5, 0.75])
        return (self.least, *map(float, quartiles), self.most)  # type: ignore[return-value]

    def edges(self, bins: int = 30) -> np.ndarray:
        """Edges of at most `bins` bins that hold all numbers; ratios for a long tail."""
        if not self.count:
            return np.array([0.0, 1.0])
        # Bins of whole numbers begin at whole numbers, or some would hold more of them than others.
        whole = bool((self.sample() == np.round(self.sample())).all())
        median = self.five()[2]
        if self.least > 0 and self.most > 20 * median:
            edges = np.geomspace(self.least, self.most, bins + 1)
            # Rounding must leave no number outside.
            edges[0], edges[-1] = self.least, self.most
            return np.unique(np.round(edges)) if whole else edges
        if whole:
            step = -(-(self.most - self.least + 1) // bins)
            return np.arange(self.least, self.most + 1 + step, step)
        if self.least == self.most:
            return np.array([self.least - 0.5, self.most + 0.5])
        return np.linspace(self.least, self.most, bins + 1)

    def histogram(self, edges: np.ndarray) -> list[float]:
        """How many of all numbers lie between the edges, as the sample estimates it."""
        sample = self.sample()
        scale = self.count / max(1, len(sample))
        return [float(count) * scale for count in np.histogram(sample, edges)[0]]
