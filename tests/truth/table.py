"""The table of what deviates."""


def short(value):
    if isinstance(value, list):
        return "[" + " ".join(short(item) for item in value) + "]"
    if isinstance(value, (set, frozenset)):
        return short(sorted(value))
    text = str(value)
    return text[:12] + ".." if len(text) == 64 and " " not in text else text


class Table:
    """Rows of (subject, what, expected, got)."""

    def __init__(self):
        self.rows = []
        self.checks = 0
        self.subject = ""

    def differs(self, what, expected, got):
        self.checks += 1
        self.rows.append((self.subject, what, short(expected), short(got)))

    def check(self, what, expected, got):
        if expected == got:
            self.checks += 1
        else:
            self.differs(what, expected, got)

    def print(self):
        head = ("capture", "what", "truth", "vpnscope")
        widths = [max(len(row[i]) for row in self.rows + [head]) for i in range(3)]
        for row in [head] + self.rows if self.rows else []:
            print("%-*s  %-*s  %-*s  %s" % (widths[0], row[0], widths[1], row[1], widths[2], row[2], row[3]))
