"""The learning rate by step, by hand."""

import json

from tfmmrec.testing import TestCase
from tfmmrec.training.learning_rate import LearningRate


def rates(schedule: str, warmup: float = 0.0, steps: int = 5) -> list[float]:
    rate = LearningRate(0.2, num_steps=steps - 1, schedule=schedule, warmup=warmup)
    copy = LearningRate.from_config(json.loads(json.dumps(rate.get_config())))
    return [float(copy(step)) for step in range(steps)]


class LearningRateTest(TestCase):
    def test_schedules(self):
        self.assertAllClose(rates("constant"), [0.2] * 5)
        self.assertAllClose(rates("linear"), [0.2, 0.15, 0.1, 0.05, 0.0])
        # (1 + cos(π / 4)) / 2 = 0.853553
        self.assertAllClose(rates("cosine"), [0.2, 0.1707107, 0.1, 0.0292893, 0.0])

    def test_a_warm_up_precedes_them(self):
        self.assertAllClose(rates("constant", 0.5), [0.1, 0.2, 0.2, 0.2, 0.2])
        self.assertAllClose(rates("linear", 0.5), [0.1, 0.2, 0.2, 0.1, 0.0])

    def test_after_the_end_it_stays_at_zero(self):
        self.assertAllClose(
            rates("linear", steps=3)[-1], LearningRate(0.2, num_steps=2, schedule="linear")(9)
        )
