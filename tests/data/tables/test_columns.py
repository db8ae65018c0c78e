"""The error of a missing column: the columns that there are, and one of a similar name."""

import pytest

from tfmmrec.data.tables.columns import check_columns
from tfmmrec.errors import DataError


def refused(column: str, header: list[str], hint: str = "") -> str:
    with pytest.raises(DataError) as caught:
        check_columns("t.csv", [column], header, hint)
    return str(caught.value)


@pytest.mark.parametrize(
    ("column", "similar"), [("YEAR", "year"), ("titel", "Title"), ("first_name", "First Name")]
)
def test_a_similar_name_is_proposed(column, similar):
    listed = f"t.csv: no column {column!r}; the columns are Title, year, First Name"
    header = ["Title", "year", "First Name"]
    assert refused(column, header) == f"{listed}; did you mean {similar!r}?"
    assert refused(column, header, "look at it") == f"{listed}; look at it"


def test_without_a_similar_name_the_columns_end_the_message():
    assert refused("genre", ["id", "year"]) == "t.csv: no column 'genre'; the columns are id, year"


def test_what_is_cut_is_marked():
    assert refused("x", [f"c{n}" for n in range(34)]).endswith(" c28, c29, … and 4 more")
    assert refused("x", [f"c{n}" for n in range(30)]).endswith(" c28, c29")
    assert refused("x", ["a" * 40, "b" * 41]).endswith(f" {'a' * 40}, {'b' * 40}…")
