"""The held-out outcomes, by hand."""

from types import SimpleNamespace

import numpy as np

from tfmmrec.data.holdout import holdout_outcomes
from tfmmrec.data.outcomes import LabeledEvents


def test_of_new_users_only_what_stands_behind_their_past_is_asked():
    # User 1 is new: they chose 10 and 12, refused 11 between, 13 before and 14 behind.
    events = LabeledEvents(
        user=np.array([0, 0, 1, 1, 1, 1, 1], np.int32),
        item=np.array([10, 11, 13, 10, 11, 12, 14], np.int32),
        num_earlier=np.array([0, 1, 0, 0, 1, 1, 2], np.int32),
        clicked=np.array([True, False, False, True, False, True, False]),
        rating=np.full(7, np.nan, np.float32),
    )
    dataset = SimpleNamespace(
        cold_users=np.array([False, True]), outcomes=lambda splits: events, count=lambda entity: 2
    )
    asked = holdout_outcomes(dataset, "test")
    np.testing.assert_array_equal(asked.user, [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(asked.item, [10, 11, 11, 12, 14])
