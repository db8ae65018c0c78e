"""Tests of the HTML page: self-contained, with escaped text."""

import base64
import html.parser
import io
import re
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import soundfile

from tfmmrec.config.data_validation import CheckConfig
from tfmmrec.errors import DataError
from tfmmrec.modalities import Audio, Image, Number
from tfmmrec.reports.data_validation.validate import check
from tfmmrec.reports.svg_charts import draw
from tfmmrec.reports.tables import Bars, Histogram
from tfmmrec.reports.value_html import render_value

VOID = {"meta", "img", "line", "rect", "link", "br"}


class Page(html.parser.HTMLParser):
    """Collects the tags, and refuses those that do not close in turn."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        # SVG's line closes itself; a rect holds its tooltip.
        if tag not in VOID - {"rect"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data

    def attributes(self, tag: str, name: str) -> list[str]:
        return [attributes[name] for found, attributes in self.tags if found == tag]


@pytest.fixture(scope="module")
def path(packed, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("report") / "new" / "report.html"
    check(packed, CheckConfig(report=out, quiet=True))
    return out


@pytest.fixture(scope="module")
def page(path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def test_it_needs_nothing_but_itself(page):
    names = {name for _, attributes in page.tags for name in attributes}
    assert "href" not in names and "srcset" not in names
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "object")
        assert attributes.get("src", "data:").startswith("data:")
        assert not [name for name in attributes if name.startswith("on")]


def test_text_of_the_data_is_escaped(page, path):
    assert "<script>" not in path.read_text(encoding="utf-8")
    assert "<script>alert(1)</script>" in page.text


def test_what_it_shows(page):
    for text in ("valid; ", "Events over time", "Combinations of modalities (items)", "Один"):
        assert text in page.text
    for text in ("unknown item", "Rejected when packing", "missing: poster, theme"):
        assert text in page.text
    # All five items stand in a sample of up to 24.
    assert sum(tag == "article" for tag, _ in page.tags) == 5
    assert len(page.attributes("audio", "src")) == 2


def test_pictures_are_thumbnails(page):
    uris = page.attributes("img", "src")
    assert len(uris) == 2
    for uri in uris:
        data = base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))
        # 400 x 300 within 200 x 200.
        assert PIL.Image.open(io.BytesIO(data)).size == (200, 150)


def test_the_same_seed_gives_the_same_page(packed, path, tmp_path):
    check(packed, CheckConfig(report=tmp_path / "again.html", quiet=True))
    assert (tmp_path / "again.html").read_bytes() == path.read_bytes()


def test_faults_stand_in_the_report_too(data, tmp_path):
    (data / "vocabulary" / "cold_item_ids.txt").unlink()
    (data / "items" / "<b>.txt").write_text("mine")
    with pytest.raises(DataError):
        check(data, CheckConfig(report=tmp_path / "report.html", quiet=True))
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<b>.txt" not in text
    page = Page(text)
    assert "2 anomalies" in page.text and "cold_item_ids.txt: the file is missing" in page.text
    assert "<b>.txt: not in MANIFEST.json" in page.text
    (data / "schema.json").unlink()
    with pytest.raises(DataError):
        check(data, CheckConfig(report=tmp_path / "report.html", quiet=True))
    assert "schema.json: the file is missing" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("option", ["report", "schema"])
def test_nothing_is_written_into_the_data_folder(option, data):
    before = sorted(data.rglob("*"))
    with pytest.raises(
        DataError, match=f"is inside the data folder {data}; choose another --{option}"
    ):
        check(data, CheckConfig(**{option: data / "out"}))
    assert sorted(data.rglob("*")) == before


def test_a_report_that_cannot_be_written(packed, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="report: cannot be written"):
        check(packed, CheckConfig(report=tmp_path / "file" / "report", quiet=True))


def test_a_long_sound_is_cut_to_its_beginning():
    out = io.BytesIO()
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, (20 * 16000, 2))
    soundfile.write(out, noise, 16000, format="WAV")
    shown = render_value(Audio(), out.getvalue())
    (data,) = re.findall(r"data:audio/mpeg;base64,([^\"]+)", shown)
    waveform, rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
    # Six of twenty seconds; MP3 pads to whole frames.
    assert waveform.ndim == 1 and 5.9 < len(waveform) / rate < 6.3
    assert "20.0 s, the first 6" in shown


def test_what_cannot_be_shown_is_said():
    assert "cannot be displayed" in render_value(Image(), b"no picture")
    assert "cannot be played" in render_value(Audio(), b"no sound")
    assert render_value(Number(), 1990.0) == "<p>1990</p>"


def test_a_histogram_stacks_its_series():
    chart = Histogram("<t>", ["0", "1", "2"], {"train": [3, 0], "test": [1, 2]})
    drawn = draw(chart)
    assert "<t>" not in drawn and "&lt;t&gt;" in drawn
    # The highest bin, of four, is 146 of 150 high: 36.5 an event.
    assert re.findall(r'rect class="series(\d)".*? y="([\d.]+)".*?height="([\d.]+)"', drawn) == [
        ("0", "40.5", "109.5"),
        ("1", "4.0", "36.5"),
        ("1", "77.0", "73.0"),
    ]


def test_bars_are_as_long_as_their_counts():
    drawn = draw(Bars("t", [("<War>", 4), ("Drama", 1)]))
    assert "&lt;War&gt;" in drawn
    assert re.findall(r"width:([\d.]+)%", drawn) == ["45.0", "11.2"]
