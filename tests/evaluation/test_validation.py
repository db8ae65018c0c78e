"""What a training is judged by: with all users, with drawn ones, and without some."""

import numpy as np
import pytest

from tests.distribute.worlds import config
from tfmmrec.config.train_config import TrainConfig
from tfmmrec.errors import ConfigError
from tfmmrec.evaluation.ranking.rankers import model_ranker
from tfmmrec.evaluation.ranking.targets import targets_of
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
        without = validation.without_groups(validation.predict(vectors), groups)
        assert len(without) == expected
        assert all(each.keys() == whole.keys() for each in without)
        for name in metrics:
            values = [each[name] for each in without]
            assert np.mean(values) == pytest.approx(whole[name], rel=0.02)
            assert len(set(values)) > 1


def test_drawn_users_are_the_same_for_each_model_and_others_by_another_seed(small) -> None:
    drawn = {}
    for seed, kind in ((0, "mean"), (0, "transformer"), (1, "mean")):
        options = config(seed=seed, query={"kind": kind}, validation={"max_users": 5})
        bundle = build_bundle(small, options)
        validation = Validation(bundle, Scorer(bundle.model))
        assert (validation.num_users, validation.drawn) == (16, {"num_valid_users": 5})
        drawn[seed, kind] = validation._targets.user.tolist()
        assert len(drawn[seed, kind]) == 5
    assert drawn[0, "mean"] == drawn[0, "transformer"] != drawn[1, "mean"]


def test_the_metrics_of_drawn_users_are_those_of_their_targets(small) -> None:
    bundle = build_bundle(small, config(validation={"max_users": 5}))
    scorer = Scorer(bundle.model)
    validation, vectors = Validation(bundle, scorer), scorer.item_vectors()
    targets = targets_of(small, "valid")
    ranks = model_ranker(scorer, vectors, targets.histories).ranks(targets, ~small.cold_items)
    own = ranks[np.isin(targets.user, validation._targets.user)]
    # Each user has one target; the reciprocal ranks of the five count alike.
    assert validation.metrics(vectors)["mrr"] == pytest.approx(np.mean(1.0 / own), rel=1e-6)


def test_as_many_users_as_there_are_change_nothing(small) -> None:
    def metrics(**options):
        bundle = build_bundle(small, config(task="joint", negatives={}, contrastive={}, **options))
        scorer = Scorer(bundle.model)
        validation = Validation(bundle, scorer)
        return validation.drawn, validation.metrics(scorer.item_vectors())

    everyone = metrics()
    assert everyone == metrics(validation={"max_users": 20})
    few_drawn, few = metrics(validation={"max_users": 1})
    # One user of those with a rank, and one of those with a click.
    assert few_drawn == {"num_valid_users": 1} and few.keys() == everyone[1].keys()
    assert all(np.isfinite(value) for value in few.values())


def test_no_users_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"^validation\.max_users must be at least 1\. "):
        TrainConfig(validation={"max_users": 0})
