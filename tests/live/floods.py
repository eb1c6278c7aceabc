"""
floods.py VPNSCOPE PCAPS [--seconds N] [--rate N]: real sessions in the midst of floods (flood.py), of each kind and of all at once: their
verdicts are those of the recordings alone, memory keeps to its budget, and what was given up is counted. The floods take the
time in which a client would think.
"""

import argparse
import json
import re
import signal
import subprocess
import tempfile
import time

import cable
from flood import Flood
from fresh import Fresh

TIMEOUT = 120
MEMORY_MIB, RING_MIB = 8, 64
BESIDES_MIB = 40  # tables of a fixed size, certificates, the report
REAL = ["nps-untrusted-root", "peap-mschapv2", "ike-no-proposal", "ike-untrusted-server", "sstp-untrusted-root", "sstp-nak",
        "l2tp-wrong-password", "pptp-pap-refused", "eapol-untrusted-root", "ip-fragments"]


def verdict(session):
    return session["protocol"], session["user"], session["outcome"], (session["client_error"] or {}).get("code")


def alone(o, name):
    done = subprocess.run([o.vpnscope, "--json", "--trusted-root", o.pcaps + "/pki/root.pem", "%s/%s.pcap" % (o.pcaps, name)],
                          capture_output=True, text=True, check=False)
    return [verdict(session) for session in json.loads(done.stdout)["sessions"]]


def send(sockets, real, flood, rate, seconds):
    """The real turns one after the other, spread over the time, and as much of the flood in between as the rate asks for."""
    begin, sent = time.monotonic(), 0
    step = seconds / (len(real) + 1)
    for i, frames in enumerate(real + [[]]):
        while (now := time.monotonic() - begin) < (i + 1) * step:
            owed = int(rate * now) - sent
            for _ in range(min(owed, 200)):
                sockets.send(next(flood))
                sent += 1
            if owed <= 0:
                time.sleep(0.001)
        for frame in frames:
            sockets.send(frame)
    return sent


def turns(frames):
    """What a client says and what it is answered, at once; it thinks in between."""
    out, answered = [], True
    for frame in frames:
        asks = frame[6:12] == frames[0][6:12] and frame[26:30] == frames[0][26:30]
        if asks and answered:
            out.append([])
        out[-1].append(frame)
        answered = not asks
    return out


def interleave(o, names):
    """Of all recordings, each in its order, one turn of each after the other; of several clients."""
    left = [turns([data for _, data in Fresh("%s/%s.pcap" % (o.pcaps, name)).copy(i)]) for i, name in enumerate(names)]
    out = []
    while any(left):
        out += [frames.pop(0) for frames in left if frames]
    return out


def peak(process):
    with open("/proc/%d/status" % process.pid, encoding="ascii") as f:
        return int(re.search(r"RssAnon:\s+(\d+)", f.read()).group(1)) / 1024


def under(o, kind, expected):
    flood = Flood(lambda name: cable.frames("%s/%s.pcap" % (o.pcaps, name))).frames(10 ** 12, kind)
    real = interleave(o, REAL)
    real_count = sum(map(len, real))
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen([o.vpnscope, "-i", "sniffed0", "--json", "--memory", str(MEMORY_MIB), "--ring", str(RING_MIB), "--trusted-root",
                                    o.pcaps + "/pki/root.pem"], stdout=out, stderr=errors)
        cable.wait_for(lambda: cable.sniffs(process), TIMEOUT, "sniffing to begin")
        with cable.raw("player0") as end:
            sent = send(end, real, flood, o.rate, o.seconds)
        used = peak(process)
        process.send_signal(signal.SIGINT)
        status = process.wait(TIMEOUT)
        out.seek(0)
        report = json.loads(out.read())
    found = [verdict(session) for session in report["sessions"]]
    capture, counts = report["captures"][0], report["statistics"]
    missing = [v for v in expected if v not in found]
    print("%-8s %7d packets, %d lost, %3d real ones of %d sessions; memory %.1f MiB, state at its peak %.1f MiB; given up: %d%s" %
          (kind or "all", sent + real_count, capture["lost"], real_count, len(expected), used, counts["peak_state_bytes"] / 2 ** 20,
           counts["evicted"], "; missing: %s" % missing if missing else ""))
    assert status == 1 and capture["packets"] + capture["lost"] == sent + real_count, (status, capture)
    assert counts["peak_state_bytes"] <= MEMORY_MIB << 20, counts
    assert used <= MEMORY_MIB + BESIDES_MIB or o.unfiltered, used  # what looks for errors in memory needs some itself
    assert kind == "fragment" or counts["evicted"] > 0, counts
    return capture["lost"] > 0, missing, found


def main():
    p = argparse.ArgumentParser()
    p.add_argument("vpnscope")
    p.add_argument("pcaps")
    p.add_argument("--seconds", type=float, default=6)
    p.add_argument("--rate", type=int, default=15000)
    p.add_argument("--unfiltered", action="store_true")
    o = p.parse_args()
    cable.enter()
    cable.lay("player0", "sniffed0")
    expected = [v for name in REAL for v in alone(o, name)]
    for kind in (None, "syn", "ike", "radius", "fragment", "dns"):
        for tried in range(3):  # on a machine that is busy otherwise packets may be lost, and real ones among them
            lost, missing, _ = under(o, kind, expected)
            if not lost:
                break
        assert not missing, missing


main()
