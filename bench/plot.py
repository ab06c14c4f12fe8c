# SPDX-License-Identifier: GPL-2.0-or-later
"""A picture of the tables: ratios to plain QEMU as groups of bars for each
architecture, and nanoseconds an instruction of other tools, as SVG."""

import math
from xml.sax.saxutils import escape

from columns import MODES

WIDTH = 960
LEFT = 60
COLOURS = ("#4e79a7", "#76b7b2", "#59a14f", "#edc948", "#f28e2b", "#e15759", "#b07aa1", "#9c755f")
OURS, OTHERS = "#4e79a7", "#9d9d9d"


class Picture:
    def __init__(self):
        self.parts = []

    def text(self, x, y, words, size=12, anchor="start", turn=0):
        turned = ' transform="rotate(%d %.1f %.1f)"' % (turn, x, y) if turn else ""
        self.parts.append('<text x="%.1f" y="%.1f" font-size="%d" text-anchor="%s"%s>%s</text>'
                          % (x, y, size, anchor, turned, escape(words)))

    def bar(self, x, y, width, height, colour, hint):
        self.parts.append('<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s">'
                          "<title>%s</title></rect>"
                          % (x, y, width, max(height, 0), colour, escape(hint)))

    def line(self, x1, y1, x2, y2, colour):
        self.parts.append('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s"/>'
                          % (x1, y1, x2, y2, colour))

    def svg(self, height):
        return ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
                'viewBox="0 0 %d %d" font-family="sans-serif" fill="#222">\n'
                '<rect width="100%%" height="100%%" fill="#fff"/>\n%s\n</svg>\n'
                % (WIDTH, height, WIDTH, height, "\n".join(self.parts)))


def ticks(least, most):
    """1, 2 and 5 of each power of ten in the range."""
    power = math.floor(math.log10(least))
    while 10 ** power <= most:
        for digit in (1, 2, 5):
            if least <= digit * 10 ** power <= most:
                yield digit * 10 ** power
        power += 1


def groups(data, arch):
    """Name and ratios in wall time of each mode, for each program and their mean."""
    for name in data.programs(arch):
        found = {mode: data.ratio(arch, name, mode, "wall") for mode in data.options.modes}
        yield name, {mode: ratio.middle for mode, ratio in found.items() if ratio}
    found = {mode: data.mean_ratio(arch, mode, "wall") for mode in data.options.modes}
    yield "mean of real", {mode: ratio for mode, ratio in found.items() if ratio}


def ratio_panel(picture, data, arch, top):
    """Bars on a logarithmic scale from 1, plain QEMU, on; less goes down."""
    rows = [row for row in groups(data, arch) if row[1]]
    values = [value for _, bars in rows for value in bars.values()]
    if not values:
        return top
    least, most = min(values + [0.9]), max(values + [2]) * 1.1
    height, bottom = 220, top + 50 + 220

    def at(value):
        return bottom - height * math.log(value / least) / math.log(most / least)

    picture.text(LEFT, top + 18, "%s: wall time, times plain QEMU's" % arch, 15)
    x = LEFT
    for i, mode in enumerate(data.options.modes):
        picture.bar(x, top + 28, 10, 10, COLOURS[i % len(COLOURS)], MODES[mode].title)
        picture.text(x + 14, top + 37, MODES[mode].title)
        x += 30 + 6.5 * len(MODES[mode].title)
    for tick in ticks(least, most):
        picture.line(LEFT, at(tick), WIDTH - 10, at(tick), "#888" if tick == 1 else "#ddd")
        picture.text(LEFT - 6, at(tick) + 4, "%g" % tick, 11, "end")
    step = (WIDTH - 10 - LEFT) / len(rows)
    width = step * 0.8 / max(len(data.options.modes), 1)
    for i, (title, bars) in enumerate(rows):
        for j, mode in enumerate(data.options.modes):
            if mode in bars:
                y = sorted((at(bars[mode]), at(1)))
                picture.bar(LEFT + step * (i + 0.1) + width * j, y[0], width, y[1] - y[0],
                            COLOURS[j % len(COLOURS)],
                            "%s, %s: %.2f" % (title, MODES[mode].title, bars[mode]))
        picture.text(LEFT + step * (i + 0.5), bottom + 16, title, 11, "middle")
    return bottom + 40


def nanoseconds(value):
    return "{:,.0f}".format(value) if value >= 100 else "%.3g" % value


def peer_panel(picture, name, rows, top):
    """Nanoseconds an instruction, on a logarithmic scale."""
    picture.text(LEFT, top + 18, "Other tools on %s: CPU nanoseconds an instruction" % name, 15)
    rows = sorted(rows, key=lambda row: row.cpu.middle)
    values = [row.cpu.middle for row in rows]
    left, right = 330, WIDTH - 80
    least, most = min(values) / 2, max(values)
    for i, row in enumerate(rows):
        y = top + 30 + 20 * i
        length = (right - left) * math.log(row.cpu.middle / least) / math.log(most / least)
        picture.text(left - 8, y + 12, row.title, 12, "end")
        picture.bar(left, y, length, 15, OURS if row.ours else OTHERS, row.title)
        picture.text(left + length + 6, y + 12, nanoseconds(row.cpu.middle))
    return top + 30 + 20 * len(rows) + 20


def svg(data):
    picture = Picture()
    top = 10
    for arch in data.samples:
        top = ratio_panel(picture, data, arch, top)
    for name, rows in data.peers.items():
        if rows:
            top = peer_panel(picture, name, rows, top)
    return picture.svg(top + 10)
