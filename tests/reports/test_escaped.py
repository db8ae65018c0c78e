"""Texts of the data in Markdown."""

import pytest

from tfmmrec.reports.markdown import escaped


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a|b", r"a\|b"),
        ("two\n lines\u2028and\tmore", "two lines and more"),
        ("<script>x</script>", "&lt;script>x&lt;/script>"),
        ("<!-- /tfmmrec -->", "&lt;!-- /tfmmrec -->"),
        ("[a](b) ![c][d]", r"[a\](b) ![c\][d]"),
        ("`*\\", r"\`\*\\"),
        ("&lt; & Co", "&amp;lt; & Co"),
        ("0.3 [0.2, 0.4], p < 0.001", "0.3 [0.2, 0.4], p < 0.001"),
    ],
)
def test_texts_of_the_data_are_no_markup(text, line):
    assert escaped(text) == line
