"""
events.py SCHEMA PROGRAM FOLDER: --jsonl tells of a capture what --json tells of it: each line is an event whose members are
valid against the schema; every exchange of a session ended once, with its outcome; what a finding says of one session was told;
and the last line's verdict, findings and statistics are the document's: telling as it happens changes nothing.
"""
import json
import pathlib
import subprocess
import sys

import jsonschema

EACH = 4  # every fourth recording, and those named here
ALWAYS = ("nps-untrusted-root", "sstp-untrusted-root", "sstp-wrong-name", "ike-untrusted-server", "nps-stapled-good", "sstp-probes-tls")
# What only the captures as a whole show, or many sessions together.
IN_THE_END = ("capture-", "nic-", "nat", "snat-", "dnat-", "client-side-nat", "probe-seen", "backend-", "affinity-", "radius-no-answer",
              "radius-slow", "cert-differs-between-servers")


def run(program, *arguments):
    done = subprocess.run([program, *arguments], capture_output=True, timeout=120, check=False)
    return done.returncode, done.stdout.decode("utf-8")


def part(schema, name):
    items = dict(schema["properties"][name]["items"])
    return jsonschema.Draft202012Validator({**items, "$defs": schema.get("$defs", {})})


def check_members(events, sessions, findings):
    for e in events[:-1]:
        if e["event"] == "session":
            names = e["findings"]
            value = {**{k: v for k, v in e.items() if k not in ("event", "time")}, "id": 1, "findings": []}
            for fault in sessions.iter_errors(value):
                yield f"session: {fault.message[:200]}"
            if not all(isinstance(n, str) for n in names):
                yield f"findings of a session: {names}"
        elif e["event"] == "finding":
            value = {**{k: v for k, v in e.items() if k not in ("event", "time", "exchange")}, "sessions": []}
            for fault in findings.iter_errors(value):
                yield f"finding: {fault.message[:200]}"
        elif e["event"] != "statistics":
            yield f"an event of another kind: {e['event']}"


def check_whole(events, document):
    summary = events[-1]
    if summary["event"] != "summary":
        yield "the last line is no summary"
        return
    for name in ("verdict", "captures", "findings", "statistics"):
        if summary[name] != document[name]:
            yield f"{name} of the summary are not the document's"
    ended = {x["id"]: x["outcome"] for e in events if e["event"] == "session" for x in e["exchanges"]}
    for session in document["sessions"]:
        for x in session["exchanges"]:
            if x["type"] != "probe" and ended.get(x["id"]) != x["outcome"]:
                yield f"exchange {x['id']} ended as {x['outcome']}, told was {ended.get(x['id'])}"
    told = {e["id"] for e in events if e["event"] == "finding"}
    for finding in document["findings"]:
        if finding["id"] not in told and not finding["id"].startswith(IN_THE_END):
            yield f"{finding['id']} was not told when it happened"


def main():
    schema = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    program, folder = sys.argv[2], pathlib.Path(sys.argv[3])
    sessions, findings = part(schema, "sessions"), part(schema, "findings")
    recordings = sorted(folder.glob("*.pcap"))
    chosen = [r for i, r in enumerate(recordings) if i % EACH == 0 or r.stem in ALWAYS]
    bad = lines = 0
    for path in chosen:
        options = ["--trusted-root", str(folder / "pki/root.pem"), "--server-name", "nps01.corp.contoso.com", str(path)]
        status, text = run(program, "--jsonl", *options)
        document_status, document = run(program, "--json", *options)
        events = [json.loads(line) for line in text.splitlines()]
        lines += len(events)
        complaints = list(check_members(events, sessions, findings)) + list(check_whole(events, json.loads(document)))
        if status != document_status:
            complaints.append(f"exit status {status}, with --json {document_status}")
        for complaint in complaints:
            print(f"{path.name}: {complaint}")
        bad += len(complaints)
    print(f"{lines} events of {len(chosen)} recordings, {bad} deviations")
    return 1 if bad or not lines else 0


sys.exit(main())
