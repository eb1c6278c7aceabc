"""
events.py SCHEMA PROGRAM FOLDER: --jsonl tells of a capture what --json tells of it: each line is an event, valid against
events.schema.json beside this file and, as far as it is a part of the document, against the document's schema; every exchange of a
session started once before it ended, and ended once, with its outcome; what a finding says of one session was told, and nothing
was told that the document has not; windows hold all that ended; and the last line's verdict, findings and statistics are the
document's: telling as it happens changes nothing.
"""
import json
import pathlib
import subprocess
import sys

import jsonschema

# What only the captures as a whole show, or many sessions together.
IN_THE_END = ("capture-", "nic-", "nat", "snat-", "dnat-", "client-side-nat", "probe-seen", "backend-", "affinity-", "radius-no-answer",
              "radius-slow", "cert-differs-between-servers")



def run(program, *arguments):
    done = subprocess.run([program, *arguments], capture_output=True, timeout=120, check=False)
    return done.returncode, done.stdout.decode("utf-8")


def part(schema, name):
    items = dict(schema["properties"][name]["items"])
    return jsonschema.Draft202012Validator({**items, "$defs": schema.get("$defs", {})})


def check_members(events, lines, sessions, findings):
    for e in events:
        for fault in lines.iter_errors(e):
            yield f"{e.get('event')}: {jsonschema.exceptions.best_match([fault]).message[:200]}"
    for e in events[:-1]:
        if e["event"] == "session_ended":
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


def check_order(events):
    """Each exchange starts once and ends once, in that order."""
    started, ended = [], []
    for e in events:
        if e["event"] == "session_started":
            started.append(e["exchange"])
        elif e["event"] == "session_ended":
            for x in e["exchanges"]:
                if x["id"] not in started:
                    yield f"exchange {x['id']} ended without a start"
                if e["started"] < e["exchanges"][0]["started"]:
                    yield f"exchange {x['id']} began before itself"
                ended.append(x["id"])
    if sorted(started) != sorted(ended) or len(set(ended)) != len(ended):
        yield f"started {sorted(started)}, ended {sorted(ended)}"


def check_windows(events):
    """What became of attempts at VPN servers is in the windows, each once."""
    tunnels = [e for e in events if e["event"] == "session_ended" and e["protocol"] not in ("radius", "eapol")]
    windows = [e for e in events if e["event"] == "balance_window" and e["basis"] == "tunnels"]
    wanted = (len(tunnels), len([e for e in tunnels if e["outcome"] == "established"]),
              len([e for e in tunnels if e["outcome"] in ("rejected", "aborted", "unanswered")]))
    counted = tuple(sum(b[name] for w in windows for b in w["backends"]) for name in ("attempts", "established", "failed"))
    if counted != wanted:
        yield f"windows hold {counted} attempts, established, failed; sessions that ended: {wanted}"
    for w in windows:
        counts = [b["attempts"] for b in w["backends"]]
        jain = sum(counts) ** 2 / (len(counts) * sum(c * c for c in counts)) if any(counts) else None
        if w["attempts"] != sum(counts) or (w["jain"] is None) != (jain is None) or (jain and abs(w["jain"] - jain) > 1e-9):
            yield f"Jain's index of {counts} is {jain}, told was {w['jain']}"


# Told of the first of several, and put otherwise, or taken back, when others tell more: a server answers some after all; who looks at
# a certificate again and again, as regularly as that, is a monitor.
REFINED = {"ike-no-answer": "ike-no-answer", "sstp-tls-alert": "probe-seen"}


def check_whole(events, document):
    summary = events[-1]
    if summary["event"] != "summary":
        yield "the last line is no summary"
        return
    for member in ("verdict", "captures", "findings", "statistics"):
        if summary[member] != document[member]:
            yield f"{member} of the summary are not the document's"
    ended = {x["id"]: x["outcome"] for e in events if e["event"] == "session_ended" for x in e["exchanges"]}
    for session in document["sessions"]:
        for x in session["exchanges"]:
            if x["type"] != "probe" and ended.get(x["id"]) != x["outcome"]:
                yield f"exchange {x['id']} ended as {x['outcome']}, told was {ended.get(x['id'])}"
    told = {e["id"] for e in events if e["event"] == "finding"}
    ids = {f["id"] for f in document["findings"]}
    whole = {(f["id"], f["title"]) for f in document["findings"]}
    for e in events:
        if e["event"] != "finding" or (e["exchange"] is None and e["id"] in ids):
            continue  # numbers in what is said of all of them grow
        if e["id"] in REFINED and REFINED[e["id"]] in ids:
            continue
        if (e["id"], e["title"]) not in whole:
            yield f"{e['id']} was told and is not in the document: {e['title']}"
    for finding in document["findings"]:
        if finding["id"] not in told and not finding["id"].startswith(IN_THE_END):
            yield f"{finding['id']} was not told when it happened"


def main():
    schema = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    program, folder = sys.argv[2], pathlib.Path(sys.argv[3])
    sessions, findings = part(schema, "sessions"), part(schema, "findings")
    lines_schema = jsonschema.Draft202012Validator(
        json.loads(pathlib.Path(__file__).with_name("events.schema.json").read_text(encoding="utf-8")))
    chosen = sorted([*folder.glob("*.pcap"), *folder.glob("*.pcap.gz")])
    bad = lines = 0
    for path in chosen:
        options = ["--trusted-root", str(folder / "pki/root.pem"), "--server-name", "nps01.corp.contoso.com", str(path)]
        status, text = run(program, "--jsonl", *options)
        document_status, document = run(program, "--json", *options)
        events = [json.loads(line) for line in text.splitlines()]
        lines += len(events)
        complaints = (list(check_members(events, lines_schema, sessions, findings)) + list(check_order(events)) + list(check_windows(events)) +
                      list(check_whole(events, json.loads(document))))
        if status != document_status:
            complaints.append(f"exit status {status}, with --json {document_status}")
        for complaint in complaints:
            print(f"{path.name}: {complaint}")
        bad += len(complaints)
    print(f"{lines} events of {len(chosen)} recordings, {bad} deviations")
    return 1 if bad or not lines else 0


sys.exit(main())
