"""Tests of the statistics of numbers: quantiles that float32 tells apart."""

import math

import numpy as np
import pytest

from tfmmrec.modalities.counters import NumberCounter


def counted(numbers: list[float]) -> dict:
    counter = NumberCounter()
    for number in numbers:
        counter.count([number])
    return counter.statistics()


def test_dates_as_whole_numbers_have_distinct_quantiles():
    # Above 2^24, float32 holds every second whole number: 20200101 and 20200103 are rounded to a
    # multiple of 4.
    statistics = counted([20200100.0, 20200101.0, 20200102.0, 20200103.0, 20200104.0])
    assert statistics["quantiles"] == [20200100.0, 20200102.0, 20200104.0]
    assert statistics["rounded"] == 2


def test_whole_numbers_of_24_bits_are_not_rounded():
    assert "rounded" not in counted([2020.0, 16_777_215.0, 16_777_216.0, 0.1])


@pytest.mark.parametrize(
    "numbers",
    [
        [-3e38, 0.0, 3e38],
        [3.4e38, 3.4028e38, -3.4e38],
        [1e-45, 2e-45, 0.0, 1e-38, 2e-38],
        [1_500_000_000.0 + second for second in range(600)],
        [9_780_000_000_000.0 + number for number in range(40)],
        [7.0] * 5,
        [0.0, -0.0],
        [],
    ],
)
def test_quantiles_are_finite_and_differ_by_a_normal_float32(numbers: list[float]):
    quantiles = counted(numbers)["quantiles"]
    assert quantiles and all(math.isfinite(quantile) for quantile in quantiles)
    single = np.asarray(quantiles, np.float32)
    np.testing.assert_array_equal(single, quantiles)
    assert (np.diff(single.astype(np.float64)) >= 1.1754943e-38).all()


def test_merged_counters_equal_one_of_all_rows():
    first, second = NumberCounter(), NumberCounter()
    first.count([20200101.0])
    second.count([20200103.0])
    second.count([2020.0])
    first.merge(second.state())
    assert first.statistics() == counted([20200101.0, 20200103.0, 2020.0])
