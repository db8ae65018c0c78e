"""Whether float16 represents the encodings of a feature."""

import numpy as np

# Narrow encodings are numbers and vectors of measures, and take little space in any precision.
MIN_WIDTH = 16
# Of the root mean square of the rounding errors, in standard deviations.
_MAX_ERROR = 0.01
# A component of very low variance counts as one of this share of the mean deviation.
_MIN_DEVIATION = 0.01


class HalfPrecision:
    """Measures what rounding to float16 loses of encodings, a block at a time.

    The tower reads standardized encodings, so that an error counts relative to the standard
    deviation of its component. The encoding of a network has errors of about 0.0005. A price of
    10,000 to 10,010, or a Unix time, has errors of 1 and more: float16 has 11 significant bits.
    Values beyond 65,504 have no float16 at all, and values below 6e-8 become 0.

    Args:
        width: last axis of the encodings.
    """

    def __init__(self, width: int):
        self._num_vectors = 0
        self._sums, self._squares, self._errors = np.zeros([3, width])

    def add(self, block: np.ndarray) -> None:
        """Adds encodings, float32 `[rows, width]` or `[rows, n, width]`; zeros are missing ones."""
        vectors = block.reshape([-1, block.shape[-1]])
        vectors = vectors[vectors.any(axis=1)].astype(np.float64)
        self._num_vectors += len(vectors)
        with np.errstate(over="ignore", invalid="ignore"):
            errors = vectors.astype(np.float16) - vectors
            self._sums += vectors.sum(axis=0)
            self._squares += np.square(vectors).sum(axis=0)
            self._errors += np.square(errors).sum(axis=0)

    def is_enough(self) -> bool:
        """Whether float16 represents what was added; not if a value has none."""
        if not np.isfinite(self._errors).all():
            return False
        if not self._num_vectors:
            return True
        mean = self._sums / self._num_vectors
        variance = np.maximum(self._squares / self._num_vectors - np.square(mean), 0.0)
        deviation = np.sqrt(variance)
        deviation = np.maximum(deviation, _MIN_DEVIATION * deviation.mean())
        errors = np.sqrt(self._errors / self._num_vectors)
        relative = np.divide(errors, deviation, np.zeros_like(errors), where=errors > 0.0)
        return bool(np.sqrt(np.mean(np.square(relative))) <= _MAX_ERROR)
