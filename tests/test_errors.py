"""Errors that users read are one line."""

from tfmmrec.errors import one_line


def test_the_message_of_an_error_as_one_line():
    assert one_line(ValueError("two\n  lines")) == "two lines"
    assert one_line(ValueError()) == "ValueError"
    assert one_line(ValueError("x" * 1000)) == "x" * 300
    assert one_line(ValueError("abc"), 2) == "ab"
