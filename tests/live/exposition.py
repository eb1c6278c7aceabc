"""A strict reader of Prometheus' text exposition format, version 0.0.4: what it does not allow is a ValueError."""

import re

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
PAIR = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"')
SAMPLE = re.compile(r"(%s)(?:\{(%s(?:,%s)*)\})? ([^ ]+)" % (NAME, LABEL, LABEL))
HELP = re.compile(r"# HELP (%s) ((?:[^\\]|\\\\|\\n)*)" % NAME)
TYPE = re.compile(r"# TYPE (%s) (counter|gauge)" % NAME)
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*(?:e[+-]?\d+)?|\.\d+|Inf|NaN)")
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def demand(good, what, line):
    if not good:
        raise ValueError("%s: %r" % (what, line))


def unescape(text):
    return re.sub(r'\\[\\"n]', lambda m: ESCAPES[m.group()], text)


class Exposition:
    """Samples: {(name, ((label, value), ...)): number}; types: {name: "counter" or "gauge"}."""

    def __init__(self, data):
        text = data.decode("utf-8")
        demand(text.endswith("\n") and "\r" not in text and "\0" not in text, "not lines", text[-80:])
        self.samples, self.types, self.helps = {}, {}, {}
        self.family = None
        for line in text[:-1].split("\n"):
            if line.startswith("#"):
                self.comment(line)
            else:
                self.sample(line)

    def comment(self, line):
        help_line, type_line = HELP.fullmatch(line), TYPE.fullmatch(line)
        demand(help_line or type_line, "neither HELP nor TYPE", line)
        if help_line:
            self.family = help_line.group(1)
            demand(self.family not in self.helps, "a second HELP, or a family in two pieces", line)
            self.helps[self.family] = help_line.group(2)
            return
        demand(type_line.group(1) == self.family and self.family not in self.types, "TYPE without its HELP", line)
        self.types[self.family] = type_line.group(2)
        demand((type_line.group(2) == "counter") == self.family.endswith("_total"), "a counter's name ends with _total", line)

    def sample(self, line):
        match = SAMPLE.fullmatch(line)
        demand(match, "no sample", line)
        name, labels, value = match.group(1), match.group(2) or "", match.group(3)
        demand(name == self.family and name in self.types, "a sample before its HELP and TYPE", line)
        demand(NUMBER.fullmatch(value), "no number", line)
        pairs = tuple((n, unescape(v)) for n, v in PAIR.findall(labels))
        demand(len(dict(pairs)) == len(pairs), "a label twice", line)
        demand((name, pairs) not in self.samples, "a sample twice", line)
        number = float(value)
        demand(self.types[name] != "counter" or number >= 0, "a counter below zero", line)
        self.samples[name, pairs] = number

    def one(self, name, **labels):
        """The sum of the samples that have these labels."""
        return sum(v for (n, pairs), v in self.samples.items() if n == name and labels.items() <= dict(pairs).items())

    def table(self, name):
        """{labels' values: number}, but for zeros."""
        return {tuple(v for _, v in pairs): value for (n, pairs), value in self.samples.items() if n == name and value != 0}

    def counters_since(self, before):
        """What of an earlier exposition's counters is less now, or gone."""
        return [key for key, value in before.samples.items()
                if before.types[key[0]] == "counter" and self.samples.get(key, -1) < value]


def refuses(text):
    try:
        Exposition(text.encode())
    except ValueError:
        return True
    return False


def check_itself():
    """The reader finds what is wrong, and takes what the format's description shows."""
    head = "# HELP a_total x\n# TYPE a_total counter\n"
    for bad in ("a_total 1\n", head + "a_total 1", head + "b_total 1\n", head + 'a_total{a="\\x"} 1\n', head + "a_total{a=b} 1\n",
                head + 'a_total{a="b} 1\n', head + 'a_total{1a="b"} 1\n', head + "a_total one\n", head + "a_total 1\na_total 2\n",
                head + 'a_total{a="1",a="2"} 1\n', head + "a_total -1\n", head + head, "# TYPE a_total counter\na_total 1\n",
                head.replace("a_total", "a") + "a 1\n", head + "a_total 1\n\n", head + 'a_total{a="b"}  1\n', head + "a_total 1 \n",
                head + 'a_total{a="b",} 1\n', "# hello\n" + head):
        assert refuses(bad), bad
    good = Exposition((head + 'a_total{path="C:\\\\DIR\\\\FILE.TXT",error="Cannot find file:\\n\\"FILE.TXT\\""} 1.458255915e9\n').encode())
    assert good.samples == {("a_total", (("path", "C:\\DIR\\FILE.TXT"), ("error", 'Cannot find file:\n"FILE.TXT"'))): 1458255915.0}
