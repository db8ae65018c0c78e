"""The page of a search."""

import re

import pytest

from tests.browser import needs_chromium, said_by_a_browser

pytest.importorskip("bokeh", reason="plots need tfmmrec[report]")

from tfmmrec.reports.tuning import plots
from tfmmrec.reports.tuning.page import write_page
from tfmmrec.reports.tuning.tables import search_summary

EVIL = "</script><script>alert(1)</script><b>"
START = 1_790_000_000.0
SPACE = [
    {"name": "fusion.kind", "type": "choice", "values": ["weighted", "gated", "concat"]},
    {"name": "learning_rate", "type": "float", "min": 0.001, "max": 0.1, "sampling": "log"},
    {"name": "fusion.concat.units", "type": "int", "min": 10, "max": 50, "sampling": "linear"},
    {"name": f"weights.{EVIL}", "type": "boolean"},
    {"name": "dim", "type": "fixed", "values": [8]},
]
WEIGHTS = {"title": 0.25, "plot": 0.25, "poster": 0.25, EVIL: 0.25}


def trial(number, values, value=None, **changes):
    """A trial of 60 seconds, begun `number` minutes after the first."""
    begun = START + 60 * number
    metrics = {} if value is None else {"metrics": {"epoch": 7, "loss": 5.0, "ndcg@10": value}}
    return {
        "trial": number,
        "stage": "search",
        "rerun_of": None,
        "seed": 0,
        "values": values,
        **metrics,
        "history": [],
        "weights": None,
        "seconds": {"training": 59.0, "total": 60.0},
        "started": begun,
        "ended": begun + 60,
        "worker": "tuner0",
        **changes,
    }


def search(direction="max"):
    """A search of five trials, one of which failed, with three re-runs, one of which failed."""
    rate = "learning_rate"
    return {
        "name": "movies",
        "verdict": f"trial 2 is best {EVIL}",
        "objective": {"name": "ndcg@10", "direction": direction},
        "space": SPACE,
        "modalities": {"title": "text", "plot": "text", "poster": "image", EVIL: EVIL},
        "trials": [
            trial(0, {"fusion.kind": "weighted"}, 0.2, stage="base", weights=WEIGHTS),
            trial(1, {"fusion.kind": "gated", rate: 0.01, f"weights.{EVIL}": True}, 0.4),
            trial(2, {"fusion.kind": "concat", rate: 0.1, "fusion.concat.units": 20}, 0.3),
            trial(3, {"fusion.kind": "gated", rate: 0.001}, error=f"no memory {EVIL}"),
            trial(4, {"fusion.kind": "weighted", rate: 0.01}, 0.1, weights=dict(title=1.0)),
            trial(5, {"fusion.kind": "gated"}, 0.28, stage="rerun", rerun_of=2, seed=1),
            trial(6, {"fusion.kind": "gated"}, 0.26, stage="rerun", rerun_of=2, seed=2),
            trial(
                7, {"fusion.kind": "gated"}, stage="rerun", rerun_of=1, seed=1, error="no memory"
            ),
        ],
        "finalists": [
            {
                "trial": 2,
                "search_metric": 0.3,
                "seeds": {"1": 0.28, "2": 0.26},
                "mean": 0.27,
                "std": 0.01,
                "best": True,
            },
            {"trial": 1, "search_metric": 0.4, "seeds": {}, "mean": 0.4, "std": 0.0, "best": False},
        ],
        "best_yaml": f"fusion:\n  kind: concat # {EVIL}\n",
    }


def empty():
    """A search of which nothing came."""
    failed = [trial(0, {}, stage="base", error="no memory")]
    return {**search(), "trials": failed, "finalists": []}


def shown(page):
    """A page without what its scripts hold."""
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def columns(plot, place):
    return plot.renderers[place].data_source.data


def by_label(plot):
    """The x and y of each entry of a plot's legend."""
    found = {}
    for item in plot.legend[0].items:
        [drawn] = item.renderers
        names = drawn.glyph.x, drawn.glyph.y
        data = drawn.data_source.data
        found[item.label.value] = [list(data[getattr(n, "field", n)]) for n in names]
    return found


@pytest.mark.parametrize("content", [search(), search("min"), empty()], ids=["max", "min", "empty"])
def test_texts_stay_texts_and_nothing_is_fetched(content, tmp_path):
    write_page(tmp_path / "tuning.html", content)
    page = (tmp_path / "tuning.html").read_text()
    assert EVIL not in page and "<b>" not in shown(page) and "&lt;b&gt;" in shown(page)
    assert "://" not in shown(page) and not re.search("<link|<img|<iframe", shown(page))
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"
    assert f"{policy}; script-src 'unsafe-inline'; font-src data:" in page


def test_what_stands_in_the_tables(tmp_path):
    write_page(tmp_path / "tuning.html", search())
    text = re.sub(
        r"\s+", " ", re.sub(r"<[^>]+>", "", shown((tmp_path / "tuning.html").read_text()))
    )
    assert "2 (best) fusion.kind: concat, learning_rate: 0.1, fusion.concat.units: 20" in text
    # Trial 1 has no other seed that finished: what it found, and nothing of seeds.
    assert "0.3000 0.2700 ± 0.0100 0.2800 0.2600" in text and "0.4000 2" not in text
    assert "0 base 0.2000 7 60 fusion.kind: weighted" in text
    assert "6 2 with seed 2 0.2600 7 60" in text
    assert "3 search 60 fusion.kind: gated, learning_rate: 0.001 no memory &lt;/script&gt;" in text
    assert "fusion: kind: concat #" in text


def test_what_was_tried_and_changed_is_said():
    tried, best = search_summary(search())
    # Five trials and three reruns, one of which failed; one trial failed.
    assert tried.startswith("Tried: 5 trials, of which 1 failed; fusion.kind: weighted, ")
    assert "learning_rate: 0.001 to 0.1" in tried
    assert search_summary(search(), max_ranges=4)[0] == tried
    short = search_summary(search(), max_ranges=2)[0]
    assert short.startswith("Tried: 5 trials, of which 1 failed; ")
    assert short.endswith(", whose ranges are in tuning.html")
    changes = "fusion.kind: concat, learning_rate: 0.1, fusion.concat.units: 20"
    assert best == f"The best differs from the base in: {changes}"
    # Without a finished trial, no trial is the best.
    assert len(search_summary(empty())) == 1


def test_lines_of_trials_end_where_they_have_no_value():
    plot = plots.coordinates(search())
    own = columns(plot, 0)
    names = ["fusion.kind", "learning_rate", "fusion.concat.units", f"weights.{EVIL}", "ndcg@10"]
    assert list(plot.xaxis.major_label_overrides.values()) == names
    # From the worst to the best by other seeds, which is drawn last and thick; off is -0.2.
    assert own["metric"] == [0.1, 0.2, 0.4, 0.3] and own["width"] == [1.5, 1.5, 1.5, 5.0]
    # The last of three kinds, the greatest rate, (20 - 10) / 40, off, (0.3 - 0.1) / 0.3.
    assert own["ys"][3] == pytest.approx([1.0, 1.0, 0.25, -0.2, 2 / 3])
    assert own["ys"][1] == pytest.approx([0.0, -0.2, -0.2, -0.2, 1 / 3])
    assert own["text"][1] == "trial 0 (base)\nndcg@10 0.2000\nfusion.kind: weighted"


@pytest.mark.parametrize(
    ("names", "prefix", "rests"),
    [
        (["fusion.weights.title", "fusion.weights.year"], "fusion.weights", ["title", "year"]),
        (["fusion.kind", "fusion.concat.units"], "fusion", ["kind", "concat.units"]),
        (["fusion.kind", "dim"], "", ["fusion.kind", "dim"]),
        (["fusion", "fusion.kind"], "", ["fusion", "fusion.kind"]),
        (["fusion.kind"], "fusion", ["kind"]),
    ],
)
def test_axes_are_named_without_what_all_keys_begin_with(names, prefix, rests):
    assert plots.without_prefix(names) == (prefix, rests)


def test_the_better_is_the_redder():
    for direction, reddest in (("max", -1), ("min", 0)):
        plot = plots.coordinates(search(direction))
        mapper = plot.renderers[0].glyph.line_color.transform
        red, green, blue = bytes.fromhex(mapper.palette[reddest].removeprefix("#"))
        assert red > 2 * green and red > 2 * blue
        # Of 0.1, 0.2, 0.3 and 0.4 a fifth of the worst: 0.1 + 0.6 * 0.1, or 0.4 - 0.6 * 0.1.
        ends = (0.16, 0.4) if direction == "max" else (0.1, 0.34)
        assert (mapper.low, mapper.high) == pytest.approx(ends)


def test_the_best_so_far_and_what_failed_over_time():
    found = by_label(plots.over_time(search()))
    assert found["search"] == [[1, 2, 3, 5], [0.2, 0.4, 0.3, 0.1]]
    assert found["best so far"] == [[1, 2, 3, 5], [0.2, 0.4, 0.4, 0.4]]
    assert found["rerun"] == [[6, 7], [0.28, 0.26]]
    # The floor is 0.08 of 0.4 - 0.1 below 0.1.
    assert found["failed"][0] == [4, 8] and found["failed"][1] == pytest.approx([0.076, 0.076])
    assert by_label(plots.over_time(search("min")))["best so far"][1] == [0.2, 0.2, 0.2, 0.1]


def test_finalists_as_found_and_with_other_seeds():
    found = by_label(plots.finalists_plot(search()))
    assert found["in the search"] == [[0.3, 0.4], ["trial 2 (best)", "trial 1"]]
    assert found["other seeds"] == [[0.28, 0.26], ["trial 2 (best)"] * 2]
    assert found["mean of other seeds"] == [[0.27], ["trial 2 (best)"]]
    assert plots.finalists_plot(empty()) is None


def test_weights_stand_in_a_triangle_of_three_modalities():
    content = search()
    own = columns(plots.weights(content), 1)
    # Trial 4 is text alone; trial 0 is half text, a quarter image and a quarter the third:
    # 1/4 + 1/2 * 1/4, and a quarter of the root of 3/4.
    assert own["x"].tolist() == pytest.approx([0.0, 0.375])
    assert own["y"].tolist() == pytest.approx([0.0, 0.2165064])
    assert own["text"][1].endswith(f"weight of {EVIL}: 0.25")
    assert plots.weights({**content, "modalities": dict.fromkeys(WEIGHTS, "text")}) is None
    assert plots.weights(empty()) is None


def test_what_counts_is_drawn_with_the_greatest_on_top():
    plot = plots.importance_bars({"rate": 0.75, "kind": 0.25})
    assert columns(plot, 0)["name"] == ["kind", "rate"]
    assert plots.importance_bars({"rate": 0.0}) is None and plots.importance_bars({}) is None


@needs_chromium
def test_the_page_in_a_browser(tmp_path):
    for name, content in (("page", search()), ("empty", empty())):
        path = tmp_path / f"{name}.html"
        write_page(path, content)
        assert said_by_a_browser(path, path.with_suffix(".png")) == []
