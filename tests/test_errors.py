"""Errors that users read are one line."""

import pytest

from tfmmrec.errors import did_you_mean, one_line


def test_the_message_of_an_error_as_one_line():
    assert one_line(ValueError("two\n  lines")) == "two lines"
    assert one_line(ValueError()) == "ValueError"
    assert one_line(ValueError("x" * 1000)) == "x" * 300
    assert one_line(ValueError("abc"), 2) == "ab"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("epoch", "; did you mean epochs?"),
        ("epohcs", "; did you mean epochs?"),
        ("max-reject", "; did you mean max_rejects?"),
        ("negatives.uniform", "; did you mean negatives.num_uniform?"),
        ("num_uniform", "; did you mean negatives.num_uniform?"),
        ("zebra", ""),
    ],
)
def test_the_closest_name_is_named(name, hint):
    assert did_you_mean(name, ["epochs", "max_rejects", "negatives.num_uniform", "seed"]) == hint
