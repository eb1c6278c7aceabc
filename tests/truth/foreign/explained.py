"""Deviations with a reason: one a line, `capture | what | vpnscope's value | reason`; # begins a comment."""


def read(path):
    reasons = {}
    with open(path, encoding="utf-8") as source:
        for number, line in enumerate(source, 1):
            if line.strip() and not line.startswith("#"):
                words = [word.strip() for word in line.split("|", 3)]
                if len(words) != 4 or not words[3]:
                    raise SystemExit("%s line %d: not `capture | what | value | reason`" % (path, number))
                reasons[tuple(words[:3])] = words[3]
    return reasons


def take_out(deviations, reasons, whole):
    """Takes the explained rows out; with `whole`, tells reasons for what did not happen. Returns how many were explained."""
    happened = {(row[0], row[1], row[3]) for row in deviations.rows}
    deviations.rows = [row for row in deviations.rows if (row[0], row[1], row[3]) not in reasons]
    for capture, what, value in sorted(reasons.keys() - happened) if whole else []:
        deviations.subject = capture
        deviations.differs(what, "explained: " + value, "does not deviate so any more")
    return len(reasons.keys() & happened)
