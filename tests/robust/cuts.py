"""
cuts.py VPNSCOPE PCAPS [all]: recordings of IKE, SSTP and address translation, cut and mixed as users' captures are.

A healthy session stays healthy however little of it was captured; a failure may fade into a weaker one, or into nothing,
and never turns into another that is certain. One cut in THIN is tried, always the same ones; with "all" every one.
Exit status 1: something else was said.
"""

import collections
import concurrent.futures
import glob
import json
import os
import socket
import subprocess
import sys
import tempfile

import cut_kinds as kinds
import cut_packets as files

ONE_SIDED, SHORT = "capture-one-sided", "capture-truncated-packets"
WORKERS = 2
THIN = 11
LATER_US = 120 * 1000000  # longer than any silence that is judged
LONG = dict.fromkeys(("ike-psk", "ike-device", "ike-user-peap", "ike-user-mschapv2", "ike-fragments", "nat-home"),
                     "ike-user-gcm.pcap")
LONG.update(dict.fromkeys(("sstp-mschapv2", "sstp-peap", "sstp-peap-keys", "sstp-resumed"), "sstp-eap-tls.pcap"))

# What may be said of a healthy session beyond its recording's own findings; how many cuts of each recording are made.
HEALTHY = {
    kinds.begun_late: (set(), 3),
    kinds.ended_early: (set(), 5),
    kinds.middle: (set(), 3),
    kinds.to_server: ({ONE_SIDED}, 1),
    kinds.to_client: ({ONE_SIDED}, 1),
    kinds.port_500: (set(), 1),
    kinds.port_4500: ({ONE_SIDED}, 3),
    kinds.one_client: (set(), 2),
    kinds.no_esp: (set(), 4),
    kinds.esp_one_way: (set(), 1),
    kinds.esp_only: (set(), 1),
    kinds.snap_length: ({SHORT}, 1),
    kinds.doubled: (set(), 1),
    kinds.one_lost: (set(), 4),
    kinds.one_lost_no_esp: (set(), 4),
    kinds.some_lost: (set(), 2),
    kinds.jumbled: (set(), 1),
}

# The same of SSTP: TCP connections, in clear or with the TLS secrets.
HEALTHY_SSTP = {
    kinds.begun_late: (set(), 8),
    kinds.ended_early: (set(), 12),
    kinds.middle: (set(), 6),
    kinds.to_server: ({ONE_SIDED}, 1),
    kinds.to_client: ({ONE_SIDED}, 1),
    kinds.one_client: (set(), 2),
    kinds.snap_length: ({SHORT}, 1),
    kinds.doubled: (set(), 1),
    kinds.one_lost: (set(), 12),
    kinds.some_lost: (set(), 3),
    kinds.jumbled: (set(), 1),
}

# L2TP and PPTP: of their packets only PPTP's are numbered.
HEALTHY_CALLS = {
    kinds.begun_late: (set(), 8),
    kinds.ended_early: (set(), 12),
    kinds.middle: (set(), 6),
    kinds.to_server: ({ONE_SIDED}, 1),
    kinds.to_client: ({ONE_SIDED}, 1),
    kinds.snap_length: ({SHORT}, 1),
    kinds.doubled: (set(), 1),
    kinds.one_lost: (set(), 40),
    kinds.some_lost: (set(), 12),
    kinds.jumbled: (set(), 4),
}

# What a failing session may be taken for instead, whole or in part. A hint is always allowed: it says what it rests on.
FAILING = {
    kinds.begun_late: 4,
    kinds.ended_early: 4,
    kinds.to_server: 1,
    kinds.to_client: 1,
    kinds.one_lost: 4,
    kinds.no_esp: 2,
    kinds.snap_length: 1,
}
KIN = {
    "ike-backend-split": {"ike-auth-unanswered"},  # without its IKE_SA_INIT the other server is not known
    "ike-auth-unanswered": {"ike-backend-split"},
    "ike-fragments-lost": {"ike-auth-unanswered", "ike-backend-split"},
    "eap-client-rejected-certificate": {"ike-auth-failed"},  # the alert lost, the failure seen
    "eap-credentials-rejected": {"ike-auth-failed"},
    "cert-untrusted-root": {"ike-auth-failed", "cert-unseen"},
    "sstp-crypto-binding-failed": {"sstp-call-abort"},  # what the client signed is lost, the abort is seen
    "backend-down": {"sstp-refused"},  # too few probes for a series
    "sstp-no-answer": {"sstp-tls-alert"},  # without the client's FIN, the server's is the first
}
# Its fragments are lost indeed; the whole shows them come to nothing in another way.
ALSO = {"ike-fragments-dropped-client": {"ike-fragments-lost"}}


def address(text):
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def is_healthy(truth):
    if "sstp" in truth:
        return truth["sstp"]["healthy"]
    if "calls" in truth:
        return "warning" in truth["forbid_severity"]
    return "warning" in truth["forbid_severity"] and all(
        a.get("expected_outcome") == "established" for a in truth["ike"]["associations"])


def options(truth):
    out = ["--trusted-root", truth["trusted_root"], "--server-name", truth["server_name"]]
    if truth.get("ike_keys"):
        out += ["--ike-keys", truth["ike_keys"]]
    if truth["keylog"]:
        out += ["--keylog", truth["keylog"]]
    return out


class Runner:
    def __init__(self, program, directory, scratch):
        self.program, self.directory, self.scratch = program, directory, scratch

    def report(self, arguments):
        done = subprocess.run([self.program, "--json"] + arguments, cwd=self.directory, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, check=False)
        return json.loads(done.stdout.decode("utf-8"))

    def cut(self, job):
        number, truth, link, packets = job[:4]
        path = os.path.join(self.scratch, "%d.pcap" % number)
        files.write(path, link, packets)
        try:
            return self.report(options(truth) + [path])
        finally:
            os.remove(path)


def grave(report):
    return [f for f in report["findings"] if f["severity"] != "info"]


def wrong_findings(report, job):
    """Ids with severity and confidence that may not be said of this cut."""
    healthy, allowed = job[4], job[5]
    for f in grave(report):
        weak = not healthy and f["confidence"] == "hint"
        if f["id"] not in allowed and not weak:
            yield "%s %s %s: %s" % (f["severity"], f["confidence"], f["id"], f["title"])


def wrong_verdicts(report, job):
    """Translation: none is no harmless guess where there is some, and source NAT is never guessed."""
    whole = job[6]
    for v in report["translation"]:
        before = whole.get(v["server"])
        guessed = v["verdict"] == "snat" and before != "snat"
        denied = v["verdict"] == "none" and before in ("snat", "client-side-nat", "dnat-only")
        if (guessed or denied) and before is not None:
            yield "translation at %s: %s, whole: %s" % (v["server"], v["verdict"], before)


def followed(recording, other):
    """Another login two minutes later, so that silences are long enough to be judged."""
    apart = recording.packets[-1].when + LATER_US - other.packets[0].when
    return recording.packets + [p.at(p.when + apart) for p in other.packets]


def streams(truth, recording, directory):
    yield "", recording.packets
    name = truth["scenario"]
    if name in LONG:
        other = files.Recording(os.path.join(directory, LONG[name]))
        if other.link == recording.link:
            yield "then another login, ", followed(recording, other)
        if other.link == recording.link and "ike" in truth:  # the lab's SSTP clients have the same ports
            yield "mixed with another login, ", sorted(
                recording.packets + [p.at(p.when - other.packets[0].when + recording.packets[0].when)
                                     for p in other.packets], key=lambda p: p.when)


def jobs_of(truth, runner, first):
    recording = files.Recording(os.path.join(runner.directory, truth["capture"]))
    rows = truth["sstp"]["connections"] if "sstp" in truth else truth["calls"] if "calls" in truth else truth["ike"]["associations"]
    servers = {address(row["server"] if "calls" in truth else row["server"]["address"]) for row in rows}
    whole = runner.report(options(truth) + [truth["capture"]])
    verdicts = {v["server"]: v["verdict"] for v in whole["translation"]}
    own = {f["id"] for f in grave(whole)} | ALSO.get(truth["scenario"], set())
    healthy = is_healthy(truth)
    tables = HEALTHY_SSTP if "sstp" in truth else HEALTHY_CALLS if "calls" in truth else HEALTHY
    table = [(kind, *rest) for kind, rest in tables.items()] if healthy else [
        (kind, {ONE_SIDED, SHORT}.union(*(KIN.get(i, set()) for i in own)), most) for kind, most in FAILING.items()]
    if "radius" in truth["scenario"] or "both-nics" in truth["scenario"] or truth["scenario"] == "nic-one":
        verdicts = {}  # what RADIUS tells of addresses is not what hashes tell
    number = first
    for what, packets in streams(truth, recording, runner.directory):
        for kind, allowed, most in table:
            for label, rest in kind(packets, servers, most):
                if rest:
                    label = "%s%s %s" % (what, kind.__name__, label)
                    yield (number, truth, recording.link, rest, healthy, own | allowed, verdicts, label)
                    number += 1


def truths_in(directory):
    for path in sorted(glob.glob(os.path.join(directory, "*.truth.json"))):
        with open(path, encoding="utf-8") as source:
            truth = json.load(source)
        several = "further_captures" in truth or "together_with" in truth
        plain = "sstp" in truth or "calls" in truth and "ike" not in truth
        own = plain and truth["capture"].endswith(".pcap") or "ike" in truth and not truth["keylog"]
        if own and not several:
            yield truth


def main():
    program, directory = (os.path.abspath(p) for p in sys.argv[1:3])
    every = sys.argv[3:] == ["all"]
    counts, wrong, runs, made = collections.Counter(), [], 0, 0
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        runner = Runner(program, directory, scratch)
        for truth in truths_in(directory):
            jobs = list(jobs_of(truth, runner, made))
            made += len(jobs)
            jobs = [job for job in jobs if every or job[0] % THIN == 0]
            runs += len(jobs)
            for job, report in zip(jobs, pool.map(runner.cut, jobs)):
                for text in list(wrong_findings(report, job)) + list(wrong_verdicts(report, job)):
                    wrong.append("%s, %s: %s" % (truth["scenario"], job[7], text))
                counts.update(f["id"] for f in grave(report) if job[4])
    print("\n".join(wrong))
    print("%d cuts, %d wrong; of healthy sessions was said: %s" % (runs, len(wrong), dict(counts)))
    return 1 if wrong or runs < 300 else 0


if __name__ == "__main__":
    sys.exit(main())
