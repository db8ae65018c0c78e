"""Conditional logit: weights of a few terms of a score, by maximum likelihood."""

import numpy as np


def fit_weights(
    terms: np.ndarray,
    allowed: np.ndarray,
    prior: np.ndarray,
    *,
    offsets: np.ndarray | None = None,
    can_be_negative: np.ndarray | None = None,
    strength: float = 2.0,
) -> np.ndarray:
    """Fits the weights of the terms of a score to choices among alternatives.

    The probability of a choice is the softmax of the scores `Σ weight · term` over its
    alternatives (McFadden 1974, "Conditional logit analysis of qualitative choice behavior"). The
    estimate stays consistent if the alternatives are a random sample (McFadden 1978, "Modelling the
    choice of residential location"), or with the offset −ln q if each is in it with a probability q
    of its own. The log-likelihood is concave, so that its maximum is unique.

    Weights are at least 0, unless stated otherwise. A normal prior holds them near `prior` where
    there are few choices: its precision is `strength` times the variance of the term.

    Args:
        terms: `[choices, alternatives, terms]`; the first alternative is the chosen one.
        allowed: bool `[choices, alternatives]`, alternatives that count; the first always does.
        prior: the expected weights, `[terms]`.
        offsets: added to the scores, `[choices, alternatives]` (default none).
        can_be_negative: bool `[terms]` (default none).
        strength: of the prior, in choices (default 2).

    Returns:
        float64 `[terms]`.
    """
    # Imported here: SciPy takes a second, and only training needs it.
    import scipy.optimize

    scales = terms.std(axis=(0, 1), dtype=np.float64)
    used = scales > 1e-9
    scaled = (terms[..., used] / scales[used]).astype(np.float32)
    mean, num = prior[used] * scales[used], len(terms)
    offsets = np.zeros((1, 1), np.float32) if offsets is None else offsets
    chosen = scaled[:, 0].mean(axis=0, dtype=np.float64)

    def objective(weights: np.ndarray) -> tuple[float, np.ndarray]:
        """The negative mean log-posterior of the choices, and its gradient."""
        scores = np.where(allowed, scaled @ weights.astype(np.float32) + offsets, -np.inf)
        top = scores.max(axis=1, keepdims=True)
        shares = np.exp(scores - top)
        totals = shares.sum(axis=1, keepdims=True)
        likelihood = np.mean(scores[:, :1] - top - np.log(totals), dtype=np.float64)
        shares /= totals
        expected = np.einsum("ca,cat->t", shares, scaled, optimize=True) / num
        apart = weights - mean
        loss = strength / (2 * num) * np.square(apart).sum() - likelihood
        return float(loss), expected - chosen + strength / num * apart

    is_free = np.zeros(len(prior), bool) if can_be_negative is None else can_be_negative
    bounds = [(None if free else 0.0, None) for free in is_free[used]]
    found = scipy.optimize.minimize(objective, mean, jac=True, method="L-BFGS-B", bounds=bounds)
    weights = prior.astype(np.float64)
    weights[used] = found.x / scales[used]
    return weights
