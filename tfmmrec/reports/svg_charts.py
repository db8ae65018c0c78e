"""Charts as inline SVG and HTML, without scripts, in the colors of the page."""

import functools

from markupsafe import Markup

from tfmmrec.reports.tables import Bars, Chart, Histogram

# About the width of a column of the page, so that texts are not scaled.
_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 420, 150, 48, 24


@functools.singledispatch
def draw(chart: Chart) -> Markup:
    """Renders a chart; all texts are escaped."""
    raise TypeError(f"cannot draw a {type(chart).__name__}")


@draw.register
def _(chart: Histogram) -> Markup:
    num_bins = len(chart.labels) - 1
    totals = [sum(counts[place] for counts in chart.series.values()) for place in range(num_bins)]
    highest = max([*totals, 1])
    width = (_WIDTH - _LEFT) / num_bins
    parts = [
        Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
            _WIDTH, _HEIGHT + _BOTTOM, chart.title
        ),
        _text(_LEFT - 6, 12, f"{highest:,.0f}", "end"),
        _text(_LEFT - 6, _HEIGHT, "0", "end"),
        Markup('<line class="axis" x1="{0}" y1="{2}" x2="{1}" y2="{2}"/>').format(
            _LEFT, _WIDTH, _HEIGHT
        ),
    ]
    anchors = {0: "start"}
    if num_bins > 1:
        anchors |= {num_bins // 2: "middle", num_bins: "end"}
    for place, anchor in anchors.items():
        parts.append(_text(_LEFT + place * width, _HEIGHT + 16, chart.labels[place], anchor))
    for place in range(num_bins):
        parts += _column(chart, place, _LEFT + place * width, width, (_HEIGHT - 4) / highest)
    parts.append(Markup("</svg>"))
    return Markup("").join([*_legend(chart), *parts])


def _column(chart: Histogram, place: int, x: float, width: float, scale: float) -> list[Markup]:
    """The stacked bars of one bin, with its counts as tooltips."""
    bars, y = [], float(_HEIGHT)
    span = f"{chart.labels[place]} to {chart.labels[place + 1]}"
    for series, (name, counts) in enumerate(chart.series.items()):
        if not counts[place]:
            continue
        height = counts[place] * scale
        y -= height
        bars.append(
            Markup(
                '<rect class="series{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}">'
                "<title>{}</title></rect>"
            ).format(series, x, y, width * 0.92, height, f"{name} {span}: {counts[place]:,.0f}")
        )
    return bars


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(x, y, anchor, text)


def _legend(chart: Histogram) -> list[Markup]:
    if len(chart.series) < 2:
        return []
    names = [
        Markup('<span><i class="series{}"></i>{}</span>').format(place, name)
        for place, name in enumerate(chart.series)
    ]
    return [Markup('<p class="legend">{}</p>').format(Markup(" ").join(names))]


@draw.register
def _(chart: Bars) -> Markup:
    highest = max([count for _, count in chart.counts] + [1])
    rows = [
        Markup(
            '<div class="bar"><span title="{0}">{0}</span>'
            '<b style="width:{1:.1f}%"></b><em>{2}</em></div>'
        ).format(name, 45 * count / highest, f"{count:,}")
        for name, count in chart.counts
    ]
    return Markup('<div class="bars">{}</div>').format(Markup("").join(rows))
