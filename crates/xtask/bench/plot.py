"""Bars as SVG, without a library: groups of them, on a logarithmic scale."""

import math
from html import escape

COLOURS = ["#0b6e4f", "#c8553d", "#8d6a9f", "#588b8b", "#b0a084", "#6b705c"]
LEFT, WIDTH, BAR, GAP, TOP = 300, 460, 15, 26, 56


def bars(title, groups):
    """`groups`: a title each, and a value above zero for each name."""
    names = list(dict.fromkeys(name for _, values in groups for name in values))
    every = [value for _, values in groups for value in values.values()]
    low, high = math.floor(math.log10(min(every))), math.ceil(math.log10(max(every)))
    place = lambda value: WIDTH * (math.log10(value) - low) / max(1, high - low)  # noqa: E731
    parts, y = [], TOP
    for group, values in groups:
        middle = y + len(values) * BAR / 2 + 4
        parts.append(f'<text x="{LEFT - 12}" y="{middle:.0f}" text-anchor="end">{escape(group)}</text>')
        for name, value in values.items():
            colour, end = COLOURS[names.index(name) % len(COLOURS)], place(value)
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{max(end, 1):.1f}" height="{BAR - 2}" fill="{colour}"/>')
            parts.append(f'<text x="{LEFT + end + 5:.1f}" y="{y + 11}">{escape(name)} {value:.2f} s</text>')
            y += BAR
        y += GAP
    grid = []
    for power in range(low, high + 1):
        x = LEFT + place(10.0**power)
        grid.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 12}" y2="{y - GAP + 6}" stroke="#ddd"/>')
        grid.append(f'<text x="{x:.1f}" y="{TOP - 18}" text-anchor="middle" fill="#666">{10.0**power:g}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 170}" height="{y}" '
        'font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="#fff"/>\n'
        f'<text x="{LEFT}" y="18" font-size="14">{escape(title)}</text>\n' + "\n".join(grid + parts) + "\n</svg>\n"
    )
