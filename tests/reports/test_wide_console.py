"""Tables in a file or pipe are not wrapped at 80 columns."""

from tfmmrec.reports.tables import Table
from tfmmrec.reports.wide_console import wide_console


def test_a_table_in_a_pipe_keeps_its_lines(capsys):
    # Five cells of 24 characters are wider than 80 columns.
    wide_console().print(Table("", list("abcde"), [["x" * 24] * 5], texts=list("abcde")).to_rich())
    assert any(line.count("x") == 120 for line in capsys.readouterr().out.splitlines())
