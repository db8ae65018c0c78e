"""Markdown tables."""

from tfmmrec.reports.markdown_table import markdown_table


def test_a_table():
    assert markdown_table(["name", "n"], [["a", "1"], ["b", ""]]) == (
        "| name | n |\n| --- | --- |\n| a | 1 |\n| b |  |"
    )
