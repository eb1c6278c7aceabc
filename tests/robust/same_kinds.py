"""Changes of a recording that change nothing of what happened in it, and what of the report follows the change."""

import datetime
import gzip
import itertools
import random
import re
import subprocess

import same_files as files

SECOND = 10**9
TIME = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z$")
WORDS_TIME = re.compile(r"(?<=presented at )(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)")
FIXED_TIMES = ("not_before", "not_after", "this_update", "next_update", "revoked_at")
# What of a capture follows its file's format and size.
OF_THE_FILE = ("file", "format", "compression", "link_types", "interfaces", "bytes", "comments", "comment_total")


class Change:
    """One changed recording: its files and how reports are made comparable."""

    def __init__(self, label, contents, ending="pcap", piped=False, whole=None, changed=None, bases=(), judge=None, name="%d"):
        self.label, self.contents, self.ending, self.piped = label, contents, ending, piped
        self.name = name  # of the files, by their number
        self.bases = bases  # recordings to compare with instead
        self.whole, self.changed = whole or plain, changed or plain
        self.judge = judge  # what is wrong of (reports of the bases, changed), instead of a comparison


def plain(report):
    """Without what follows the file; times in as many digits as they need."""
    names = [c["file"] for c in report["captures"]]
    for capture in report["captures"]:
        for key in OF_THE_FILE:
            capture.pop(key, None)
    for key in ("bytes", "peak_state_bytes"):
        report["statistics"].pop(key, None)
    return mapped(report, "", same, lambda text: TIME.sub(lambda m: m.group(1) + (m.group(2) or ".").rstrip("0"), text), names)


# Of the frames, not of the logins: how many there are, and when the last one of an exchange came.
OF_THE_FRAMES = ("packets", "bytes", "syns", "ended", "last_frame", "syn_ack_to_ack_ms", "presented_in")
OF_THE_CAPTURE = ("capture-duplicates", "capture-truncated-packets")
OF_THE_CARD = ("nic-name-resolution", "nic-dns-client", "nic-smb", "nic-dhcp", "nic-discovery", "nic-same-subnet", "nic-unexpected-protocol")


def of_the_logins(report, lost=OF_THE_CAPTURE, keys=OF_THE_FRAMES):
    """Without the account of captures and traffic, which more frames change, and without findings that these bring."""
    report = plain(report)
    findings = report["findings"]
    kept = [i for i, f in enumerate(findings) if f["id"] not in lost]
    for s in report["sessions"]:
        s["findings"] = [kept.index(i) for i in s["findings"] if i in kept]
        for x in s["exchanges"]:
            x.pop("id")  # other conversations are numbered, too
    report["findings"] = [findings[i] for i in kept]
    if report["verdict"].startswith("Nothing to judge"):
        report["verdict"] = "Nothing to judge"  # what is there instead, follows
    for key in ("captures", "statistics", "protocols"):
        report.pop(key)
    return without(report, set(keys))


def told(report):
    """What is said of whom, in no order: sessions that begin at the same time have any order, and so have their numbers."""
    findings = [[f[k] for k in ("id", "severity", "confidence", "client_error", "session_total")] for f in report["findings"]]
    return {"verdict": report["verdict"], "findings": sorted(map(str, findings)), "sessions": sessions(report)}


def sessions(report):
    """Each with the worst that is said of it; not where the findings look at other sessions, too."""
    rows = []
    for s in report["sessions"]:
        ids = sorted(report["findings"][i]["id"] for i in s["findings"] if report["findings"][i]["severity"] == "critical")
        rows.append(str([s["protocol"], s["user"], s["client"]["address"], s["backend"], s["outcome"], s["client_error"], ids]))
    return sorted(rows)


def nothing_worse(bases, report):
    """A file that ends may hide things from the next one, and never shows what is not there: hints are allowed."""
    whole = bases[0]
    known = {(f["id"], f["severity"]) for f in whole["findings"]} | {(i, "warning") for i in OF_THE_CAPTURE}
    for f in report["findings"]:
        if f["severity"] != "info" and f["confidence"] != "hint" and (f["id"], f["severity"]) not in known:
            yield "%s %s %s: %s" % (f["severity"], f["confidence"], f["id"], f["title"])
    up = [sum(s["outcome"] == "established" for s in r["sessions"]) for r in (whole, report)]
    if up[0] != up[1]:
        yield "%d sessions established instead of %d" % (up[1], up[0])


def same_sessions(bases, report):
    for a, b in itertools.zip_longest(sessions(bases[0]), sessions(report)):
        if a != b:
            yield "%s instead of %s" % (b, a)


def each_as_alone(bases, report):
    """The sessions of both, each told as alone. Only who failed at a TLS server that nothing shows to be a VPN's counts no more beside
    servers that are known, and what happened at one that the other recording shows to be, is told for sure."""
    def surely(row):
        return re.sub(r", \[[^]]*\]\]$", "", row.replace("'strong'", "'certain'")) if row.startswith("['sstp', None") else row

    alone, together = ([surely(row) for row in rows] for rows in (sum(map(sessions, bases), []), sessions(report)))
    for row in together:
        if row in alone:
            alone.remove(row)
        else:
            yield "told together: " + row
    for row in alone:
        if not row.startswith("['sstp', None") or "'established'" in row:
            yield "told alone: " + row


def without(value, keys):
    if isinstance(value, dict):
        return {k: without(v, keys) for k, v in value.items() if k not in keys}
    return [without(v, keys) for v in value] if isinstance(value, list) else value


def mapped(value, key, frame, time, names=()):
    """The report with frame numbers and times of packets changed."""
    if isinstance(value, dict):
        return {k: mapped(v, k, frame, time, names) for k, v in value.items()}
    if isinstance(value, list):
        return [mapped(v, key, frame, time, names) for v in value]
    if isinstance(value, int) and not isinstance(value, bool) and (key == "frame" or key.endswith("_frame")):
        return frame(value)
    if isinstance(value, str) and key not in FIXED_TIMES and TIME.match(value):
        return time(value)
    if isinstance(value, str):
        for name in names:
            value = value.replace(" in %s are" % name, " in CAPTURE are")
        value = WORDS_TIME.sub(lambda m: time(m.group(1) + "T" + m.group(2) + "Z")[:19].replace("T", " "), value)
        return re.sub(r"\bframe (\d+)", lambda m: "frame %d" % frame(int(m.group(1))), value)
    return value


def same(x):
    return x


def later(seconds):
    def shifted(text):
        whole, part = TIME.match(text).groups()
        when = datetime.datetime.strptime(whole, "%Y-%m-%dT%H:%M:%S") + datetime.timedelta(seconds=seconds)
        return when.strftime("%Y-%m-%dT%H:%M:%S") + (part or "") + "Z"
    return shifted


def formats(r):
    pcap = files.pcap(r.link, r.frames)
    yield Change("big-endian", [files.pcap(r.link, r.frames, ">")])
    yield Change("nanoseconds", [files.pcap(r.link, r.frames, "<", True)])
    yield Change("piped", [pcap], piped=True)
    yield Change("gzip", [gzip.compress(pcap)], "pcap.gz")
    yield Change("pcapng", [files.pcapng(r.link, r.frames)], "pcapng")
    yield Change("pcapng-options", [files.pcapng(r.link, r.frames, options=True)], "pcapng")
    yield Change("pcapng-big-endian-nano", [files.pcapng(r.link, r.frames, ">", resolution=9)], "pcapng")
    yield Change("pcapng-interfaces", [files.pcapng(r.link, r.frames, interfaces=3, options=True)], "pcapng")
    third = len(r.frames) // 3
    parts = (r.frames[:third], "<", False), (r.frames[third:2 * third], ">", True), (r.frames[2 * third:], "<", True)
    yield Change("pcapng-sections", [b"".join(files.pcapng(r.link, part, order, options) for part, order, options in parts)], "pcapng")
    yield Change("zstd", [subprocess.run(["zstd", "-q", "-c"], input=pcap, stdout=subprocess.PIPE, check=True).stdout], "pcap.zst")
    yield Change("pcapng-piped", [files.pcapng(r.link, r.frames, options=True)], piped=True)


ANY_FRAME = {"vlan": files.vlan, "qinq": files.qinq, "sll": files.sll, "sll2": files.sll2, "vxlan": files.vxlan, "gre": files.gre,
             "erspan2": files.erspan2, "erspan3": files.erspan3, "tzsp": files.tzsp, "backbone": files.backbone, "service": files.service,
             "pseudowire": files.pseudowire, "protected": files.protected}
IP_FRAME = {"raw": files.raw, "pppoe": files.pppoe, "mpls": files.mpls, "gre-ip": files.gre_ip, "ipip": files.ipip}
LINKS = {"sll": 113, "sll2": 276, "raw": 101}


def wrappings(r):
    if r.link != files.ETHERNET:
        return
    without_card = lambda report: of_the_logins(report, lost=OF_THE_CAPTURE + OF_THE_CARD)
    only_ip = all(files.kind(f) in (files.IP4, files.IP6) for f in r.frames)
    table = {**ANY_FRAME, **(IP_FRAME if only_ip else {})}
    for name, wrap in table.items():
        judge = without_card if name in ("raw", "gre-ip", "ipip") else plain  # without MACs a server's other addresses are not known
        yield Change("in-%s" % name, [files.pcap(LINKS.get(name, r.link), [wrap(f) for f in r.frames])], whole=judge, changed=judge)


def shifts(r):
    for seconds in (3600, -3600):
        moved = [f.at(f.when + seconds * SECOND) for f in r.frames]
        yield Change("shifted %d s" % seconds, [files.pcap(r.link, moved)],
                     whole=lambda w, s=seconds: plain(mapped(w, "", same, later(s))))


def reordered(r):
    """Time stamps of a coarse clock: frames of the same one in any order, as long as each conversation keeps its own."""
    coarse = [f.at(f.when - f.when % (SECOND // 1000)) for f in r.frames]
    draw = random.Random(len(coarse))
    out, at = [], 0
    while at < len(coarse):
        end = at
        while end < len(coarse) and coarse[end].when == coarse[at].when:
            end += 1
        queues = {}
        for f in coarse[at:end]:
            queues.setdefault(hosts_of(r.link, f), []).append(f)
        queues = list(queues.values())
        while queues:
            queue = draw.choice(queues)
            out.append(queue.pop(0))
            if not queue:
                queues.remove(queue)
        at = end
    if [f.number for f in out] != [f.number for f in coarse]:
        yield Change("reordered", [files.pcap(r.link, out)], bases=[files.pcap(r.link, coarse)], whole=told, changed=told)


def hosts_of(link, f):
    """Both addresses, which is coarser than a conversation; all else is one."""
    at = LINK_HEADERS[link]
    if f.data[at - 2:at] == files.IP4 or link == 276 and f.data[:2] == files.IP4:
        return tuple(sorted((f.data[at + 12:at + 16], f.data[at + 16:at + 20])))
    return ()


def renumbered(label, r, frames, besides=("verdict",), content=None):
    """Other frames around or between those of the recording. That half of the frames are copies may be the verdict."""
    judge = lambda report: of_the_logins(report, keys=OF_THE_FRAMES + besides)
    place = {}
    for i, f in enumerate(frames, 1):
        place.setdefault(f.number, i)
    return Change(label, [content or files.pcap(r.link, frames)], "pcapng" if content else "pcap", changed=judge,
                  whole=lambda w: judge(mapped(w, "", lambda n: place.get(n, 0), same)))


LINK_HEADERS = {1: 14, 113: 16, 276: 20}


def doubled(r):
    twice = [f for a in r.frames for f in (a, files.Frame(a.when + 50000, a.original, a.data))]
    twice.sort(key=lambda f: f.when)
    yield renumbered("doubled", r, twice)
    copies = [f for a in r.frames for f in (a, files.Frame(a.when + 20000000, a.original, a.data, a.number))]
    copies.sort(key=lambda f: f.when)
    yield renumbered("pktmon", r, copies, content=files.pcapng(r.link, copies, identified=True))
    if r.link == files.ETHERNET:
        routed = [a for a in r.frames if files.kind(a) in (files.IP4, files.IP6)]
        hops = r.frames + [files.Frame(a.when + 80000, a.original, files.hop(a.data)) for a in routed]
        hops.sort(key=lambda f: f.when)
        yield renumbered("hop", r, hops)


def foreign(r):
    if r.link != files.ETHERNET:
        return
    draw, out = random.Random(len(r.frames)), []
    strangers = files.strangers()
    for f in r.frames:
        out.append(f)
        for _ in range(draw.randrange(3)):
            data = next(strangers)
            out.append(files.Frame(f.when + 1000, len(data), data))
    out.sort(key=lambda f: f.when)
    cut_short = any(f.original > len(f.data) for f in r.frames)  # how many of all may be the verdict
    yield renumbered("foreign", r, out, ("verdict",) if cut_short else ())


def rotated(r):
    count = len(r.frames)
    for cut in sorted({1, count // 4, count // 2, 3 * count // 4, count - 1}):
        if not 0 < cut < count:
            continue
        halves = r.frames[:cut], r.frames[cut:]
        yield Change("rotated %d" % cut, [files.pcap(r.link, half) for half in halves], judge=nothing_worse)
        yield Change("rotated pcapng %d" % cut, [files.pcapng(r.link, half) for half in halves], judge=nothing_worse, ending="pcapng")


def ring(r):
    """Numbered as by dumpcap, whose file ended just before the longest silence, and the next one is empty."""
    whens = [f.when for f in r.frames]
    long, cut = max((b - a, i) for i, (a, b) in enumerate(zip(whens, whens[1:]), 1)) if len(whens) > 1 else (0, 0)
    if long > 6 * SECOND and max(whens[:cut]) < min(whens[cut:]):
        parts = [files.pcapng(r.link, part) for part in (r.frames[:cut], [], r.frames[cut:])]
        yield Change("ring", parts, ending="pcapng", name="r_%05d_20260101120000", judge=same_sessions)


def changes(r):
    yield from formats(r)
    yield from wrappings(r)
    yield from shifts(r)
    yield from reordered(r)
    if r.name != "sstp-no-way-back":  # it is copies of SYN/ACK without identification that are counted there
        yield from doubled(r)
    yield from foreign(r)
    yield from rotated(r)
    yield from ring(r)


def elsewhere(data):
    """The same talk of other hosts of the same kind: the lab's networks become their neighbours, in headers and in text."""
    for old, new in NEIGHBOURS:
        data = data.replace(old.encode(), new.encode())
        if data[12:14] == files.IP4:
            before, after = (bytes(int(n) for n in t.rstrip(".").split(".")) for t in (old, new))
            head = data[14:34]
            for at in (12, 16):
                if head[at:at + len(before)] == before:
                    head = head[:at] + after + head[at + len(after):]
            head = head[:10] + b"\0\0" + head[12:]
            data = data[:14] + head[:10] + files.checksum(head).to_bytes(2, "big") + head[12:] + data[34:]
    return data


NEIGHBOURS = (("203.0.113.", "203.0.115."), ("198.51.100.", "198.51.101."), ("172.20.30.", "172.20.31."), ("10.20.1.", "10.21.1."),
              ("10.20.0.", "10.21.0."), ("192.168.178.", "192.168.179."))


def merged(one, other):
    """Two recordings at the same time, the second one of other hosts."""
    apart = one.frames[0].when - other.frames[0].when
    moved = [files.Frame(f.when + apart, f.original, elsewhere(f.data)) for f in other.frames]
    both = sorted(one.frames + moved, key=lambda f: f.when)
    return together("merged with", one, other, both, (one.frames, moved))


def followed(one, other):
    """A recording of the same hosts that begins long after the other one: by then all that is silent there has been for long."""
    after = max(f.when for f in one.frames) + 600 * SECOND
    moved = [files.Frame(f.when - other.frames[0].when + after, f.original, f.data) for f in other.frames]
    silence = [files.Frame(after, len(data), data) for data in itertools.islice(files.strangers(), 3)]
    return together("followed by", one, other, one.frames + moved, (one.frames + silence, moved))


def together(how, one, other, frames, parts):
    return Change("%s %s" % (how, other.name), [files.pcap(one.link, frames)], bases=[files.pcap(one.link, p) for p in parts], judge=each_as_alone)
