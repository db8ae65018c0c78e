"""Weights of terms by maximum likelihood, on choices that were drawn with known weights."""

import numpy as np
import pytest

from tfmmrec.training.conditional_logit import fit_weights


def choices(weights: list[float], num: int = 3000, alternatives: int = 8, seed: int = 0):
    """Draws choices by the softmax of the score, and puts the chosen alternative first."""
    draw = np.random.default_rng(seed)
    terms = draw.normal(size=[num, alternatives, len(weights)]).astype(np.float32)
    scores = terms @ np.array(weights) + draw.gumbel(size=[num, alternatives])
    chosen = scores.argmax(axis=1)
    rows = np.arange(num)
    terms[rows, 0], terms[rows, chosen] = terms[rows, chosen], terms[rows, 0].copy()
    return terms, np.ones([num, alternatives], bool)


def test_weights_are_recovered():
    terms, allowed = choices([1.5, 0.5, 0.0])
    found = fit_weights(terms, allowed, np.array([1.0, 1.0, 1.0]))
    assert found == pytest.approx([1.5, 0.5, 0.0], abs=0.1)


def test_weights_do_not_depend_on_the_scale_of_a_term():
    terms, allowed = choices([1.5, 0.5])
    whole = fit_weights(terms, allowed, np.array([1.0, 1.0]))
    scaled = fit_weights(terms * [1.0, 100.0], allowed, np.array([1.0, 0.01]))
    assert scaled * [1.0, 100.0] == pytest.approx(whole, rel=1e-3)


def test_a_term_that_harms_has_no_weight():
    terms, allowed = choices([1.0, -1.0])
    assert fit_weights(terms, allowed, np.array([1.0, 1.0]))[1] == 0.0


def test_a_term_may_be_allowed_to_harm():
    terms, allowed = choices([1.0, -1.0])
    free = np.array([False, True])
    found = fit_weights(terms, allowed, np.array([1.0, 1.0]), can_be_negative=free)
    assert found == pytest.approx([1.0, -1.0], abs=0.1)


def test_offsets_make_up_for_alternatives_that_are_sampled_more_often():
    # Alternatives 0 to 3 have a second term of 1. All of them, and an eighth of the 64 others.
    draw = np.random.default_rng(0)
    num, weights = 4000, np.array([1.0, 2.0])
    terms = draw.normal(size=[num, 68, 2]).astype(np.float32)
    terms[:, :, 1] = np.arange(68) < 4
    chosen = (terms @ weights + draw.gumbel(size=[num, 68])).argmax(axis=1)
    rows, sampled = np.arange(num), np.tile(np.arange(12), (num, 1))
    alternatives = np.concatenate([chosen[:, np.newaxis], sampled], axis=1)
    allowed = np.concatenate([np.ones([num, 1], bool), sampled != chosen[:, np.newaxis]], axis=1)
    offsets = np.where(alternatives < 4, 0.0, np.log(8.0))
    found = fit_weights(
        terms[rows[:, np.newaxis], alternatives], allowed, np.ones(2), offsets=offsets
    )
    assert found == pytest.approx(weights, abs=0.1)
    biased = fit_weights(terms[rows[:, np.newaxis], alternatives], allowed, np.ones(2))
    assert abs(biased[1] - weights[1]) > 0.5


def test_few_choices_leave_the_prior():
    terms, allowed = choices([0.0, 3.0], num=2)
    prior = np.array([2.0, 1.0])
    assert fit_weights(terms, allowed, prior, strength=1000.0) == pytest.approx(prior, abs=0.05)
    # A term that never varies cannot tell anything.
    terms[..., 1] = 1.0
    assert fit_weights(terms, allowed, prior)[1] == 1.0


def test_alternatives_that_are_not_allowed_do_not_count():
    terms, allowed = choices([1.5, 0.5])
    # As large as the others, so that the scales of the terms, and with them the prior, stay.
    wrong = np.random.default_rng(1).normal(size=[len(terms), 8, 2]) * [1.0, -1.0]
    more = np.concatenate([terms, wrong + terms[:, :1]], axis=1)
    mask = np.concatenate([allowed, np.zeros([len(terms), 8], bool)], axis=1)
    expected = fit_weights(terms, allowed, np.array([1.0, 1.0]))
    found = fit_weights(more, mask, np.array([1.0, 1.0]))
    assert found == pytest.approx(expected, abs=0.02)
    assert abs(fit_weights(more, np.ones_like(mask), np.array([1.0, 1.0])) - expected).max() > 0.2
