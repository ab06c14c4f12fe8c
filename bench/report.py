# SPDX-License-Identifier: GPL-2.0-or-later
"""What the measurements say: ratios, rates, and the tables of speed.md."""

import os
import time

import goals
from columns import MODES
from measure import mean, spread
from workloads import WORKLOADS


class Data:
    """All measurements of a run of the benchmark, and what follows of them."""

    def __init__(self, bench, origin):
        self.options = bench.options
        self.samples = bench.samples
        self.titles = bench.titles
        self.notes = bench.notes
        self.origin = origin
        self.count = None
        self.startup = {}
        self.peers = {}

    def of(self, arch, program, column):
        """The samples of a column, in the order of the rounds."""
        rounds = self.samples.get(arch, {}).get(program, {}).get(column, {})
        return [rounds[number] for number in sorted(rounds)]

    def ratio(self, arch, program, column, field):
        """The Spread of ratios to plain QEMU in the same round; None without any."""
        rows = self.samples.get(arch, {}).get(program, {})
        plain = rows.get("plain", {})
        return spread(getattr(sample, field) / getattr(plain[number], field)
                      for number, sample in rows.get(column, {}).items()
                      if number in plain and getattr(plain[number], field) > 0)

    def programs(self, arch, real=False):
        return [name for name in self.samples.get(arch, {})
                if WORKLOADS[name][1] or not real]

    def mean_ratio(self, arch, column, field):
        """Over the real programs that have one."""
        ratios = [self.ratio(arch, name, column, field) for name in self.programs(arch, True)]
        return mean(ratio.middle for ratio in ratios if ratio)

    def rate(self, arch, program, column, figure):
        """Millions a second of wall time."""
        return spread(sample.figures[figure] / sample.wall / 1e6
                      for sample in self.of(arch, program, column))

    def mean_rate(self, arch, column, figure):
        rates = [self.rate(arch, name, column, figure) for name in self.programs(arch, True)]
        return mean(rate.middle for rate in rates if rate)

    def bytes_per_insn(self, arch, program, column="all"):
        """Of a stream with everything in it.  The producer alone counts no instructions."""
        counted = self.of(arch, program, "all")
        written = self.of(arch, program, column)
        if not counted or not written or not counted[0].figures["insns"]:
            return None
        return written[0].figures["stream_bytes"] / counted[0].figures["insns"]

    def mean_bytes(self, arch, column="all"):
        return mean(self.bytes_per_insn(arch, name, column)
                    for name in self.programs(arch, True))


def table(head, rows):
    """A table in Markdown whose columns line up."""
    rows = [head] + [["" if cell is None else str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = ["| " + " | ".join(cell.ljust(width) if i == 0 else cell.rjust(width)
                               for i, (cell, width) in enumerate(zip(row, widths))) + " |"
             for row in rows]
    rule = "|" + "|".join("-" * (width + 1) + ("-" if i == 0 else ":")
                          for i, width in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule] + lines[1:]) + "\n"


def cell(value, form="%.2f"):
    return "-" if value is None else form % value


def columns_of(data, arch):
    native = ["native"] if arch == os.uname().machine else []
    return native + list(data.options.modes)


def column_title(column):
    return MODES[column].title if column in MODES else column


def ratios(data, arch, field):
    columns = columns_of(data, arch)
    rows = []
    for name in data.programs(arch):
        plain = spread(getattr(sample, field) for sample in data.of(arch, name, "plain"))
        row = [data.titles[name], plain.text() + " s" if plain else "failed"]
        for column in columns:
            ratio = data.ratio(arch, name, column, field)
            row.append(ratio.text() if ratio else "failed")
        rows.append(row)
    rows.append(["**geometric mean of the real programs**", ""]
                + [cell(data.mean_ratio(arch, column, field)) for column in columns])
    return table(["", "plain QEMU"] + [column_title(column) for column in columns], rows)


def rates(data, arch):
    rows = []
    for name in data.programs(arch):
        samples = data.of(arch, name, "all")
        if not samples:
            continue
        figures = samples[0].figures
        rows.append([data.titles[name], figures["insns"], figures["events"],
                     cell(data.bytes_per_insn(arch, name)),
                     cell(data.bytes_per_insn(arch, name, "producer")), figures["desc_bytes"],
                     data.rate(arch, name, "all", "insns").text(1),
                     data.rate(arch, name, "all", "events").text(1),
                     spread(sample.figures["events"] / sample.cpu / 1e6
                            for sample in samples).text(1)])
    rows.append(["**geometric mean of the real programs**", "", "", cell(data.mean_bytes(arch)),
                 cell(data.mean_bytes(arch, "producer")), "",
                 cell(data.mean_rate(arch, "all", "insns"), "%.1f"),
                 cell(data.mean_rate(arch, "all", "events"), "%.1f"), ""])
    return table(["", "instructions", "events", "bytes/insn", "producer's",
                  "descriptor bytes",
                  "M insns/s", "M events/s", "M events/CPU s"], rows)


def peers(data, name):
    rows = [[row.title, row.sees, row.insns, row.cpu.text(), row.wall.text()]
            for row in data.peers[name]]
    return table(["", "sees", "instructions", "CPU ns/insn", "wall ns/insn"], rows)


def starts(data):
    titles = {"plain": "plain QEMU", "session": "session", "traced": "session, traced",
              "inside": "in-process", "inside traced": "in-process, traced",
              "first": "first session"}
    rows = [[name] + ["%.2f" % figures[key] for key in titles]
            for name, figures in data.startup.items()]
    return table([""] + list(titles.values()), rows)


def text(data):
    parts = ["# Speed\n\n"
             "%s, %d cores, load %.1f at the end; %s.  %d rounds%s.\n"
             "Reference: %s.\n"
             "Cells are medians, with the least and the most.\n"
             % (processor(), os.cpu_count(), os.getloadavg()[0],
                time.strftime("%Y-%m-%d", time.gmtime()), data.options.n,
                ", a quarter of the work" if data.options.quick else "", data.origin)]
    for arch in data.samples:
        if not data.samples[arch]:
            continue
        parts += ["## %s: CPU time, as multiples of plain QEMU's\n\n" % arch
                  + ratios(data, arch, "cpu"),
                  "## %s: wall time, as multiples of plain QEMU's\n\n" % arch
                  + ratios(data, arch, "wall")]
        if "all" in data.options.modes:
            parts.append("## %s: everything, with a callback an event\n\n" % arch
                         + rates(data, arch))
    if data.count:
        parts.append("`lt run --count` with all events, gzip -6: %s times plain QEMU's wall time.\n"
                     % data.count.text())
    for name in data.peers:
        parts.append("## Other tools on %s\n\n" % name + peers(data, name))
    if data.startup:
        parts.append("## Starts: an empty guest, milliseconds\n\n" + starts(data))
    if data.notes:
        parts.append("## Notes\n\n" + "".join("- %s\n" % note for note in data.notes))
    parts.append("## Goals\n\n" + table(["goal", "measured", ""], goals.rows(data)))
    return "\n".join(parts)


def processor():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return "an unknown processor"


def raw(data):
    """All that was measured, for other programs."""
    return {
        "reference": data.origin,
        "rounds": data.options.n,
        "quick": data.options.quick,
        "samples": {arch: {name: {column: [dict(round=number, cpu=sample.cpu, wall=sample.wall,
                                                **sample.figures)
                                           for number, sample in rounds.items()]
                                  for column, rounds in rows.items()}
                           for name, rows in programs.items()}
                    for arch, programs in data.samples.items()},
        "count": data.count and data.count._asdict(),
        "startup": data.startup,
        "peers": {name: [dict(row._asdict(), cpu=row.cpu._asdict(), wall=row.wall._asdict())
                         for row in rows] for name, rows in data.peers.items()},
        "goals": [dict(zip(("goal", "measured", "result"), row)) for row in goals.rows(data)],
        "notes": data.notes,
    }
