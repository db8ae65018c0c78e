"""The key `positive`: its grammar, and errors that say what to write."""

import pytest

from tfmmrec.data.positive import Condition, parse_positive


@pytest.mark.parametrize(
    ("written", "column", "operator", "values"),
    [
        ("Book-Rating >= 5", "Book-Rating", ">=", (5.0,)),
        ("play time >= 5000", "play time", ">=", (5000.0,)),
        ("play time>=5e3", "play time", ">=", (5000.0,)),
        ("x > .5", "x", ">", (0.5,)),
        ("x < -1.5", "x", "<", (-1.5,)),
        ("评分 != 4", "评分", "!=", (4.0,)),
        ("made in >= 3", "made in", ">=", (3.0,)),
        ("rate in % >= 3", "rate in %", ">=", (3.0,)),
        ("'user's' >= 3".replace("'", '"', 1).replace("' >", '" >'), "user's", ">=", (3.0,)),
        ("`a, b <= and` == 'x y'", "a, b <= and", "==", ("x y",)),
        ('kind == "buy"', "kind", "==", ("buy",)),
        ("kind == add to cart", "kind", "==", ("add to cart",)),
        ('rating >= "4"', "rating", ">=", (4.0,)),
        ('code == "007"', "code", "==", ("007",)),
        ("kind in [buy, 'add to cart', 3]", "kind", "in", ("buy", "add to cart", 3.0)),
        ("kind in (1,2)", "kind", "in", (1.0, 2.0)),
        ("my kind not in [buy]", "my kind", "not in", ("buy",)),
        ("clicked", "clicked", "is", (True,)),
        ("was clicked", "was clicked", "is", (True,)),
        ("not clicked", "clicked", "is", (False,)),
        ("clicked == True", "clicked", "==", (True,)),
        ("clicked != false", "clicked", "!=", (False,)),
    ],
)
def test_one_condition(written, column, operator, values):
    assert parse_positive(written).alternatives == ((Condition(column, operator, values),),)


def test_and_binds_before_or():
    rule = parse_positive("a >= 1 and b or c in [x] AND not d")
    assert [[one.column for one in conditions] for conditions in rule.alternatives] == [
        ["a", "b"],
        ["c", "d"],
    ]
    assert rule.columns() == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("rating = 4", "write == instead of ="),
        ("rating => 4", "write >= instead of =>"),
        ("rating <> 4", "write != instead of <>"),
        ("rating >= good", ">= compares numbers, and good is none"),
        ("rating >= true", ">= compares numbers, and true is none"),
        ("'rating >= 4", "a quote is not closed"),
        *(
            (written, 'such as "rating >= 4"')
            for written in (
                "",
                ">= 4",
                "a >",
                "a > = 4",
                "a in []",
                "a in [b",
                "a == 1 == 2",
                "a and",
            )
        ),
        ("price [$] >= 3", 'such as "rating >= 4"'),
        (4, 'such as "rating >= 4"'),
        (True, 'such as "rating >= 4"'),
    ],
)
def test_what_is_no_rule_is_refused(written, message):
    with pytest.raises(ValueError, match=message.replace("[", r"\[")):
        parse_positive(written)
