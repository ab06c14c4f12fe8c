# SPDX-License-Identifier: GPL-2.0-or-later
"""The goals that the library has for its speed, each with what was measured."""

YES, NO, UNKNOWN = "met", "**not met**", "not measured"


def verdict(known, met):
    return UNKNOWN if not known else YES if met else NO


def number(value, form="%.2f"):
    return "-" if value is None else form % value


def mean_below(data, column, field, limit, what):
    value = data.mean_ratio("x86_64", column, field)
    return [what + " <= %.2f" % limit, number(value), verdict(value, value and value <= limit)]


def writes(data):
    """CPU time has the library's work in it, which a second core does."""
    cpu, wall = (data.mean_ratio("x86_64", "writes", field) for field in ("cpu", "wall"))
    result = verdict(cpu, cpu and cpu <= 1.2 and wall <= 1.2)
    if result == NO and wall <= 1.2:
        result = "met in wall time only"
    return ["memory writes only <= 1.20", "CPU %s, wall %s" % (number(cpu), number(wall)), result]


def producer(data):
    value = data.mean_ratio("x86_64", "producer", "cpu")
    most, name = max(((ratio.middle, data.titles[program]) for program, ratio in
                      ((p, data.ratio("x86_64", p, "producer", "cpu"))
                       for p in data.programs("x86_64", True)) if ratio), default=(None, ""))
    return ["everything, producer (CPU) <= 1.35, no program over 1.8",
            "%s, most %s %s" % (number(value), number(most), name),
            verdict(value, value and value <= 1.35 and most <= 1.8)]


def callbacks(data):
    events, insns = (data.mean_rate("x86_64", "all", figure) for figure in ("events", "insns"))
    return ["everything, an empty callback an event: >= 400 M events/s, >= 120 M insns/s",
            "%s M events/s, %s M insns/s" % (number(events, "%.0f"), number(insns, "%.0f")),
            verdict(events, events and events >= 400 and insns >= 120)]


def stream(data):
    """As the producer alone writes it, where it does not help the library by storing what
    could be computed."""
    known = [data.mean_bytes("x86_64", column) for column in ("producer", "all")]
    value = known[0] or known[1]
    return ["raw stream <= 3 bytes an instruction",
            "producer %s, for callbacks %s" % tuple(map(number, known)),
            verdict(value, value and value <= 3)]


def python_pass(data):
    """Of the engine alone, and with a callback an event."""
    ratios = [data.ratio("x86_64", "pass", *which) for which in
              (("producer", "cpu"), ("all", "wall"), ("all", "cpu"))]
    values = [ratio and ratio.middle for ratio in ratios]
    known = values[1]
    result = verdict(known, known and known <= 1.3)
    if values[0] and values[0] <= 1.3 and result != YES:
        result = "met by the producer only"
    return ["`python3 -c pass`, everything <= 1.3",
            "producer %s; callbacks: wall %s, CPU %s" % tuple(map(number, values)), result]


def aarch64(data):
    """How much worse a column's mean is than x86_64's."""
    worse = {}
    for column in data.options.modes:
        values = [data.mean_ratio(arch, column, "cpu") for arch in ("aarch64", "x86_64")]
        if all(values):
            worse[column] = values[0] / values[1]
    said = ", ".join("%s %.2f" % pair for pair in worse.items())
    return ["aarch64: the same ratios (CPU) within 20 %", said or "-",
            verdict(worse, worse and max(worse.values()) <= 1.2)]


def count(data):
    value = data.count and data.count.middle
    return ["`lt run --count`, gzip -6 (wall) <= 8", number(value),
            verdict(value, value and value <= 8)]


def peers(data):
    """How many times the producer's CPU time others take on the loop, and how many times
    that of plain QEMU, which is what no producer can reach."""
    rows = {row.title: row.cpu.middle for row in data.peers.get("loop", [])}
    ours = next((cpu for title, cpu in rows.items() if title.endswith("producer only")), None)
    plain = rows.get("plain QEMU")
    for title, times in (("QEMU, plugin with empty callbacks", 5), ("Unicorn, empty hooks", 40),
                         ("valgrind lackey --trace-mem=yes", 1000), ("QEMU, execlog plugin", 1000)):
        value = rows[title] / ours if ours and title in rows else None
        yield ["loop, producer: >= %s x %s" % ("{:,}".format(times), title),
               "%s (of plain QEMU: %s)" % (number(value, "%.1f"),
                                           number(value and rows[title] / plain, "%.1f")),
               verdict(value, value and value >= times)]


def rows(data):
    """A list of goal, measured, verdict for each."""
    return [
        mean_below(data, "none", "cpu", 1.02, "linked in, no callbacks (CPU)"),
        mean_below(data, "coverage", "cpu", 1.10, "block coverage into a map (CPU)"),
        writes(data),
        producer(data),
        mean_below(data, "view", "wall", 2.0, "everything, block view on the second core (wall)"),
        callbacks(data),
        stream(data),
        python_pass(data),
        aarch64(data),
        count(data),
        *peers(data),
    ]
