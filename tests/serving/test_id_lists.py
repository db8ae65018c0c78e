"""Unknown ids are refused with the closest known one."""

import pytest

from tfmmrec.errors import ConfigError, DataError
from tfmmrec.serving.id_lists import closest_id, item_ids, user_ids
from tfmmrec.serving.search import search


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("007", ["70", "7", "107"], "; did you mean '7'?"),
        ("7.0", ["70", "7"], "; did you mean '7'?"),
        ("7", ["77", "007"], "; did you mean '007'?"),
        ("a 1", ["A1", "a2"], "; did you mean 'A1'?"),
        # No other writing of a known id: a similar spelling.
        ("12354", ["99999", "12345"], "; did you mean '12345'?"),
        ("zebra", ["7", "8"], ""),
        ("7", [], ""),
    ],
)
def test_another_writing_comes_before_a_similar_spelling(name, known, hint):
    assert closest_id(name, known) == hint


def test_users_may_be_a_list(small):
    assert user_ids(["u1", "u2"], small) == ["u1", "u2"]
    assert user_ids("u1,u2", small) == ["u1", "u2"]
    assert user_ids("all", small) == small.user_ids
    with pytest.raises(ConfigError, match="Received: nothing"):
        user_ids([], small)


def test_options_name_the_closest_id(small, small_run, capsys):
    with pytest.raises(DataError, match=r"^--history: 'I3' is no item of .*; did you mean 'i3'\?$"):
        item_ids("history", "i1,I3", small)
    with pytest.raises(DataError, match=r"'U7' is neither .*; did you mean 'u7'\?; for somebody"):
        user_ids("U7", small)
    assert user_ids("u1,U7", small) == ["u1", "U7"]
    assert "first: 'U7'; did you mean 'u7'?\n" in capsys.readouterr().err
    with pytest.raises(DataError, match=r"^--item: 'I3' is no item of .*; did you mean 'i3'\?$"):
        search(small_run, item="I3")
