"""
merged.py VPNSCOPE PCAPS: two recordings of the same TLS connections, from both sides of a translator or a proxy that passes them on,
put into one file as a capture on all interfaces of that machine has them: a connection is one session, of the client that the lab
made it from.
"""

import collections
import glob
import json
import os
import struct
import subprocess
import sys
import tempfile

HEADER, RECORD = 24, 16


def records(path):
    """(time, record) of a pcap file in this machine's order, and its header."""
    with open(path, "rb") as f:
        data = f.read()
    magic = struct.unpack("<I", data[:4])[0]
    assert magic in (0xa1b2c3d4, 0xa1b23c4d), path
    out, at = [], HEADER
    while at < len(data):
        seconds, fraction, caught, _ = struct.unpack("<IIII", data[at:at + RECORD])
        out.append(((seconds, fraction), data[at:at + RECORD + caught]))
        at += RECORD + caught
    return out, data[:HEADER]


def merge(paths, to):
    parts = [records(path) for path in paths]
    assert len({header for _, header in parts}) == 1, paths
    with open(to, "wb") as f:
        f.write(parts[0][1])
        for _, record in sorted((r for part, _ in parts for r in part), key=lambda r: r[0]):
            f.write(record)


def hellos(folder, capture):
    """The random values of the connections' ClientHellos, as tshark shows them."""
    path = os.path.join(folder, capture.replace(".pcap", ".truth.json"))
    if not os.path.exists(path):
        return set()
    with open(path, encoding="utf-8") as f:
        return {c["client_random"] for c in json.load(f).get("sstp", {}).get("connections", [])}


def main():
    checked, wrong = 0, []
    for path in sorted(glob.glob(sys.argv[2] + "/*-both-sides.truth.json")):
        with open(path, encoding="utf-8") as f:
            truth = json.load(f)
        name, files = truth["scenario"], [truth["capture"], *truth["further_captures"]]
        made = truth.get("sstp", {}).get("connections")
        if not made or len(files) != 2 or {c["client_random"] for c in made} != hellos(sys.argv[2], files[1]):
            continue
        with tempfile.TemporaryDirectory() as folder:
            one = os.path.join(folder, "one.pcap")
            merge([os.path.join(sys.argv[2], file) for file in files], one)
            done = subprocess.run([sys.argv[1], "--json", one], capture_output=True, timeout=60, check=False)
        sessions = json.loads(done.stdout)["sessions"]
        clients = collections.Counter(s["exchanges"][0]["client"]["address"] for s in sessions)
        wanted = collections.Counter(c["client"]["address"] for c in made)
        checked += 1
        if clients != wanted:
            wrong.append("%s: sessions of %s, made were %s" % (name, dict(clients), dict(wanted)))
    print("\n".join(wrong))
    print("%d pairs of recordings, %d deviations" % (checked, len(wrong)))
    return 1 if wrong or checked < 2 else 0


sys.exit(main())
