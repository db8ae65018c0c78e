"""A sketch of a distribution: exact minimum, maximum and count, quantiles from a bounded sample."""

import math

import numpy as np


class Distribution:
    """A distribution of numbers in constant memory.

    Each number draws a random key, and the numbers with the smallest keys are kept: a uniform
    sample, which is complete up to `limit` numbers.

    Args:
        seed: the seed of the sample (default 0).
        limit: the size of the sample (default 50,000).

    Attributes:
        count: the number of numbers.
        minimum: NaN if there are no numbers.
        maximum: NaN if there are no numbers.
    """

    def __init__(self, *, seed: int = 0, limit: int = 50_000):
        self.limit = limit
        self.count = 0
        self.minimum = self.maximum = math.nan
        self._random = np.random.default_rng(seed)
        self._values = np.zeros(0)
        self._keys = np.zeros(0)
        self._added: list[np.ndarray] = []
        self._num_added = 0

    def add(self, values: object) -> None:
        """Adds numbers; numbers that are not finite are ignored."""
        added = np.asarray(values, np.float64).ravel()
        added = added[np.isfinite(added)]
        if not len(added):
            return
        self.count += len(added)
        self.minimum = float(np.fmin(self.minimum, added.min()))
        self.maximum = float(np.fmax(self.maximum, added.max()))
        self._added.append(added)
        self._num_added += len(added)
        if self._num_added > self.limit:
            self.sample()

    def sample(self) -> np.ndarray:
        """Returns the sample, float64 `[at most limit]`."""
        added = np.concatenate([np.zeros(0), *self._added])
        self._added, self._num_added = [], 0
        self._values = np.concatenate([self._values, added])
        self._keys = np.concatenate([self._keys, self._random.random(len(added))])
        if len(self._values) > self.limit:
            kept = np.argpartition(self._keys, self.limit)[: self.limit]
            self._values, self._keys = self._values[kept], self._keys[kept]
        return self._values

    def five(self) -> tuple[float, float, float, float, float]:
        """Returns minimum, quartiles and maximum; NaN if there are no numbers."""
        if not self.count:
            return (math.nan,) * 5
        quartiles = np.quantile(self.sample(), [0.25, 0.5, 0.75])
        return (self.minimum, *map(float, quartiles), self.maximum)  # type: ignore[return-value]

    def edges(self, bins: int = 30) -> np.ndarray:
        """Returns the edges of at most `bins` bins; geometric for a long tail."""
        if not self.count:
            return np.array([0.0, 1.0])
        # Bins of whole numbers start at whole numbers, so that all cover equally many.
        whole = bool((self.sample() == np.round(self.sample())).all())
        median = self.five()[2]
        if self.minimum > 0 and self.maximum > 20 * median:
            edges = np.geomspace(self.minimum, self.maximum, bins + 1)
            # Rounding errors must not exclude a number.
            edges[0], edges[-1] = self.minimum, self.maximum
            return np.unique(np.round(edges)) if whole else edges
        if whole:
            step = -(-(self.maximum - self.minimum + 1) // bins)
            return np.arange(self.minimum, self.maximum + 1 + step, step)
        if self.minimum == self.maximum:
            return np.array([self.minimum - 0.5, self.maximum + 0.5])
        return np.linspace(self.minimum, self.maximum, bins + 1)

    def histogram(self, edges: np.ndarray) -> list[float]:
        """Returns the estimated count of numbers in each bin."""
        sample = self.sample()
        scale = self.count / max(1, len(sample))
        return [float(count) * scale for count in np.histogram(sample, edges)[0]]
