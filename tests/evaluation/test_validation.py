"""What a training is judged by, with all users and without some."""

import numpy as np
import pytest

from tests.distribute.worlds import config
from tfmmrec.evaluation.validation import Validation
from tfmmrec.models.bundle import build_bundle
from tfmmrec.models.scorer import Scorer


@pytest.mark.parametrize(
    ("task", "metrics"), [("joint", ("mrr", "log_loss")), ("click", ("log_loss",))]
)
def test_each_user_is_left_out_once(small, task, metrics) -> None:
    """The folder's last choices: as many of each user, so that groups weigh the same."""
    bundle = build_bundle(small, config(task=task, negatives={}, contrastive={}))
    scorer = Scorer(bundle.model)
    validation, vectors = Validation(bundle, scorer), scorer.item_vectors()
    whole = validation.metrics(vectors)
    # Of twenty users, four chose an item last but one that nobody chose before.
    for groups, expected in ((1000, 16), (4, 4)):
        without = validation.without_groups(vectors, groups)
        assert len(without) == expected
        assert all(each.keys() == whole.keys() for each in without)
        for name in metrics:
            values = [each[name] for each in without]
            assert np.mean(values) == pytest.approx(whole[name], rel=0.02)
            assert len(set(values)) > 1
