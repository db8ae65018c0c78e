"""One table on the console and in Markdown."""

import io

import rich.console

from tfmmrec.reports.tables import Table, markdown_table


def test_markdown():
    expected = "| name | n |\n| --- | --- |\n| a | 1 |\n| b |  |"
    assert markdown_table(["name", "n"], [["a", "1"], ["b", ""]]) == expected
    assert Table("title", ["name", "n"], [["a", "1"], ["b", ""]]).to_markdown() == expected


def test_the_console_shows_text_of_the_data_as_it_is():
    out = io.StringIO()
    table = Table("title", ["name", "n"], [["[bold]a[/bold]", "1"], ["b", "10"]])
    rich.console.Console(file=out, width=60).print(table.to_rich())
    lines = [line.rstrip() for line in out.getvalue().splitlines() if line.strip()]
    assert lines[0].strip() == "title" and "[bold]a[/bold]" in out.getvalue()
    # Numbers are aligned at the right.
    assert lines[-2].endswith(" 1") and lines[-1].endswith("10")
    assert len(lines[-2]) == len(lines[-1])


def test_a_style_is_that_of_a_cell():
    table = Table("", ["name", "state"], [["a", "ok"]], texts=["state"], styles={"ok": "green"})
    console = rich.console.Console(file=io.StringIO(), width=60)
    styles = {cell.plain: str(cell.style) for cell in table.to_rich().columns[1].cells}
    assert styles == {"ok": "green"}
    console.print(table.to_rich())
