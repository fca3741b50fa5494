"""Bar charts in SVG: groups along the bottom, a logarithmic axis, a number on each bar."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

WIDTH: Final = 960
HEIGHT: Final = 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 64, 40
_COLOURS: Final = ("#0b7285", "#66a80f", "#868e96", "#e8590c", "#ae3ec9", "#f08c00", "#364fc7", "#2b8a3e")

Groups = Mapping[str, Mapping[str, float]]
"""Group → series → value (> 0)."""


def bar_chart(title: str, unit: str, groups: Groups) -> str:
    """The chart as an SVG document. Raises ValueError if no value is positive."""
    values = [value for group in groups.values() for value in group.values() if value > 0]
    if not values:
        raise ValueError(f"the chart {title!r} has no positive value")
    series = list(dict.fromkeys(name for group in groups.values() for name in group))
    axis = _Axis(min(values), max(values))
    parts = [_text(_LEFT, 20, f"{title} ({unit}, logarithmic)", size=15), *_legend(series), *axis.lines()]
    parts += _bars(groups, series, axis)
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'role="img" aria-label="{escape(title)}">\n<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


class _Axis:
    """Maps values to heights on a logarithmic scale that spans whole powers of ten."""

    def __init__(self, least: float, most: float) -> None:
        self._low = math.floor(math.log10(least) - 1e-9)
        self._high = max(math.ceil(math.log10(most) + 1e-9), self._low + 1)

    def y(self, value: float) -> float:
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return HEIGHT - _BOTTOM - share * (HEIGHT - _BOTTOM - _TOP)

    def lines(self) -> list[str]:
        found = []
        for power in range(self._low, self._high + 1):
            y = self.y(10.0**power)
            found.append(f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dee2e6"/>')
            found.append(_text(_LEFT - 6, y + 4, f"{10.0**power:g}", anchor="end"))
        return found


def _bars(groups: Groups, series: Sequence[str], axis: _Axis) -> list[str]:
    width = (WIDTH - _LEFT - _RIGHT) / len(groups)
    bar = width * 0.86 / len(series)
    found = []
    for number, (name, group) in enumerate(groups.items()):
        left = _LEFT + number * width
        found.append(_text(left + width / 2, HEIGHT - 14, name, anchor="middle", size=13))
        for place, each in enumerate(series):
            if group.get(each, 0) > 0:
                found += _bar(left + width * 0.07 + place * bar, bar, group[each], axis, _colour(place))
    return found


def _bar(x: float, width: float, value: float, axis: _Axis, colour: str) -> list[str]:
    y = axis.y(value)
    height = HEIGHT - _BOTTOM - y
    return [
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width * 0.92:.1f}" height="{height:.1f}" fill="{colour}"/>',
        _text(x + width * 0.46, y - 3, f"{value:.3g}" if value < 1000 else f"{value:.0f}", anchor="middle", size=9),
    ]


def _legend(series: Sequence[str]) -> list[str]:
    found, x = [], float(_LEFT)
    for place, name in enumerate(series):
        found.append(f'<rect x="{x:.0f}" y="32" width="11" height="11" fill="{_colour(place)}"/>')
        found.append(_text(x + 16, 42, name, size=12))
        x += 34 + 6.6 * len(name)
    return found


def _colour(place: int) -> str:
    return _COLOURS[place % len(_COLOURS)]


def _text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 11) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="#212529">{escape(words)}</text>'
    )
