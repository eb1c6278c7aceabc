"""
same.py VPNSCOPE PCAPS [all | NAME... | +KIND... | /N]: every recording changed in ways that change nothing of what happened, as captures
of the same packets differ between one tool, host or mirror and another; the report must be the same. One change in THIN is
tried, always the same ones; with "all", or of the named recordings or kinds of changes, every one; with /N one in N. Exit status 1:
something else was said.
"""

import concurrent.futures
import glob
import json
import os
import subprocess
import sys
import tempfile
import zlib

import same_files as files
import same_kinds as kinds

WORKERS, THIN, SHOWN = 2, 67, 6
SETTINGS = (("--ike-keys", "ike_keys"), ("--keylog", "keylog"), ("--trusted-root", "trusted_root"), ("--server-name", "server_name"))


class Recording:
    """What a truth file tells of a recording, and its frames."""

    def __init__(self, directory, truth):
        self.name, self.capture, self.ike = truth["scenario"], truth["capture"], "ike" in truth or "calls" in truth
        self.settings = [a for flag, key in SETTINGS if truth.get(key) for a in (flag, truth[key])]
        self.link, self.frames = files.read(os.path.join(directory, self.capture))
        self.large = {f.data for f in self.frames if len(f.data) > 200}


def recordings_in(directory):
    for path in sorted(glob.glob(os.path.join(directory, "*.truth.json"))):
        with open(path, encoding="utf-8") as source:
            truth = json.load(source)
        if truth["capture"].endswith((".pcap", ".pcap.gz")):
            try:
                yield Recording(directory, truth)
            except ValueError:
                continue


class Runner:
    def __init__(self, program, directory, scratch):
        self.program, self.directory, self.scratch = program, directory, scratch

    def report(self, settings, paths, given=None):
        done = subprocess.run([self.program, "--json"] + settings + paths, cwd=self.directory, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=120, check=False, input=given)
        if done.returncode not in (0, 1):
            raise RuntimeError(done.stderr.decode())
        return {**json.loads(done.stdout.decode("utf-8")), "status": done.returncode}

    def changed(self, job):
        """The report of a change: its files, or its octets through a pipe."""
        number, recording, change = job
        if change.piped:
            return self.report(recording.settings, ["-"], change.contents[0])
        paths = []
        for i, content in enumerate(change.contents):
            paths.append(os.path.join(self.scratch, "%d-" % number + change.name % i + "." + change.ending))
            with open(paths[-1], "wb") as target:
                target.write(content)
        try:
            return self.report(recording.settings, paths)
        finally:
            for path in paths:
                os.remove(path)


def differences(a, b, path=""):
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted(a.keys() | b.keys()):
            yield from differences(a.get(key), b.get(key), path + "." + key)
    elif isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            yield "%s: %d instead of %d" % (path, len(b), len(a))
        for i, (x, y) in enumerate(zip(a, b)):
            yield from differences(x, y, "%s[%d]" % (path, i))
    elif a != b:
        yield "%s: %s instead of %s" % (path, json.dumps(b)[:300], json.dumps(a)[:300])


def contradictions(report):
    """What does not add up within one report."""
    found, known = report["findings"], {s["id"]: s for s in report["sessions"]}
    attempts = [s for s in report["sessions"] if any(x["type"] != "probe" for x in s["exchanges"])]
    if report["statistics"]["sessions"] != len(attempts):
        yield "%d sessions in the statistics, %d in the list" % (report["statistics"]["sessions"], len(attempts))
    if (report.pop("status") == 1) != any(f["severity"] != "info" for f in found):
        yield "the exit status is not that of the findings"
    for i, f in enumerate(found):
        for s in (known.get(n) for n in f["sessions"]):
            if s is None or i not in s["findings"]:
                yield "%s and its sessions do not name each other" % f["id"]
            elif f["severity"] == "critical" and f["client_error"] and (s["client_error"] or {}).get("code") != f["client_error"]:
                yield "%s says %d, its session %s" % (f["id"], f["client_error"], s["client_error"])
        for e in f["evidence"]:
            if e["frame"] is not None and not 1 <= e["frame"] <= report["captures"][e["capture"]]["packets"]:
                yield "%s: no frame %d" % (f["id"], e["frame"])


def wrong_in(runner, job, whole, report):
    """Each difference, as a line of text."""
    change = job[2]
    for line in contradictions(report):
        yield line
    bases = [runner.report(job[1].settings, ["-"], base) for base in change.bases] or [json.loads(json.dumps(whole))]
    for base in bases:
        base.pop("status")
    if change.judge:
        yield from change.judge(bases, report)
    else:
        yield from differences(change.whole(bases[0]), change.changed(report))


def changes_of(recording, others):
    def related(other):  # the same packets may be in both
        return other.name.split("-")[:2] == recording.name.split("-")[:2] or not other.large.isdisjoint(recording.large)

    def fits(other):
        return other.settings == recording.settings and other.link == recording.link == 1 and not related(other)

    yield from kinds.changes(recording)
    fitting = [other for other in others if fits(other)]
    movable = [other for other in fitting if not other.ike]  # IKE's hashes are of its addresses
    for together, choice in ((kinds.merged, movable), (kinds.followed, fitting)):
        if choice:
            yield together(recording, choice[len(recording.frames) % len(choice)])


class Choice:
    """Which changes are tried: by the names of recordings, the kinds of changes, or one in THIN."""

    def __init__(self, words):
        self.thin = next((int(w[1:]) for w in words if w[0] == "/"), 1 if words else THIN)
        self.names = {w for w in words if w[0] not in "+/" and w != "all"}
        self.kinds = {w[1:] for w in words if w[0] == "+"}

    def of(self, jobs):
        for job in jobs:
            chosen = zlib.crc32((job[1].name + job[2].label).encode()) % self.thin == 0
            if chosen and (not self.kinds or job[2].label.split()[0] in self.kinds):
                yield job


def main():
    program, directory = (os.path.abspath(p) for p in sys.argv[1:3])
    choice, wrong, runs, made = Choice(sys.argv[3:]), [], 0, 0
    recordings = list(recordings_in(directory))
    with tempfile.TemporaryDirectory() as scratch, concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        runner = Runner(program, directory, scratch)
        for recording in recordings:
            if choice.names and recording.name not in choice.names:
                continue
            jobs = [(number, recording, change) for number, change in enumerate(changes_of(recording, recordings), made)]
            made += len(jobs)
            jobs = list(choice.of(jobs))
            whole = runner.report(recording.settings, [recording.capture]) if jobs else None
            for job, report in zip(jobs, pool.map(runner.changed, jobs)):
                runs += 1
                found = list(wrong_in(runner, job, whole, report))
                if found:
                    wrong.append("%s, %s: %s" % (recording.name, job[2].label, "\n    ".join(found[:SHOWN])))
    print("\n".join(wrong))
    print("%d changes, %d told something else" % (runs, len(wrong)))
    return 1 if wrong or runs == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
