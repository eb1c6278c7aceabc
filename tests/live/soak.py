"""
soak.py VPNSCOPE PCAPS [--minutes N] [--rate N] [--memory MIB]: sniffs for N minutes (half of one) while all recordings are played again and again as
other clients' (fresh.py), with noise of strangers in between (flood.py), --rate packets a second in all (1500). What the program
holds is sampled: when it has warmed up its memory must not grow any more, its descriptors stay as they are, its spool keeps
to its limit, it loses no packet, and each round of recordings shows the same verdicts as the one before.
"""

import argparse
import collections
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time

import cable
from flood import Flood
from fresh import Fresh

TIMEOUT = 120
SPOOL_MIB, NOISE = 64, 1 / 3
SAMPLES, GROWTH_KIB = 120, 2048
MARKS = [("nps-untrusted-root", "cert-untrusted-root"), ("ike-no-proposal", "ike-no-proposal-chosen")]


class Reader(threading.Thread):
    """Counts the events as they come."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self.stream, self.outcomes, self.last = stream, collections.Counter(), None
        self.start()

    def run(self):
        for line in self.stream:
            event = json.loads(line)
            self.last = event
            if event["event"] == "session_ended":
                self.outcomes[event["outcome"]] += 1


def status(process, name):
    with open("/proc/%d/status" % process.pid, encoding="ascii") as f:
        for line in f:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    return 0


def descriptors(process):
    """Their number, and the size of the files that have no name any more."""
    folder = "/proc/%d/fd" % process.pid
    names = os.listdir(folder)
    spooled = 0
    for name in names:
        path = os.path.join(folder, name)
        if os.readlink(path).endswith("(deleted)"):
            spooled += os.stat(path).st_size
    return len(names), spooled


class Player:
    """Sends at an even rate, a few frames at a time so that it mostly sleeps."""

    def __init__(self, end, rate):
        self.socket = cable.raw(end)
        self.rate, self.sent, self.begin = rate, 0, time.monotonic()

    def send(self, frame):
        self.socket.send(frame)
        self.sent += 1
        ahead = self.sent / self.rate - (time.monotonic() - self.begin)
        if ahead > 0.02:
            time.sleep(ahead)
        elif ahead < -1:  # the machine was busy: no burst to make up for it
            self.begin -= ahead


def play(player, recordings, noise, serial):
    owed = 0.0
    for recording in recordings:
        for _, frame in recording.copy(serial):
            player.send(frame)
            owed += NOISE
            while owed >= 1:
                player.send(next(noise))
                owed -= 1
        yield


def check(samples, minutes):
    """After a third of the time nothing grows."""
    warm = samples[len(samples) // 3:]
    early, late = warm[:len(warm) // 3], warm[-(len(warm) // 3):]
    before, after = max(s["rss"] for s in early), max(s["rss"] for s in late)
    print("%d samples in %.1f minutes: private memory %d KiB at first, at most %d KiB in the third ninth, at most %d KiB in the last" %
          (len(samples), minutes, samples[0]["rss"], before, after))
    print("descriptors %s, spool at most %.1f MiB" % (sorted({s["descriptors"] for s in samples}), max(s["spool"] for s in samples) / 2 ** 20))
    assert after <= before + GROWTH_KIB, (before, after)
    assert len({s["descriptors"] for s in samples}) == 1, [s["descriptors"] for s in samples]
    assert max(s["spool"] for s in samples) <= SPOOL_MIB << 20


def soak(vpnscope, pcaps, minutes, rate, memory):
    recordings = [Fresh(path) for path in sorted(glob.glob(pcaps + "/*.pcap"))]
    recordings = [r for r in recordings if r.recorded]
    noise = Flood(lambda name: cable.frames("%s/%s.pcap" % (pcaps, name))).frames(10 ** 12)
    errors = tempfile.TemporaryFile()
    process = subprocess.Popen([vpnscope, "-i", "sniffed0", "--jsonl", "--memory", str(memory), "--spool", str(SPOOL_MIB),
                                "--trusted-root", pcaps + "/pki/root.pem"], stdout=subprocess.PIPE, stderr=errors)
    reader = Reader(process.stdout)
    cable.wait_for(lambda: cable.sniffs(process), TIMEOUT, "sniffing to begin")
    player, samples, rounds = Player("player0", rate), [], []
    begin, end, period = time.monotonic(), time.monotonic() + minutes * 60, minutes * 60 / SAMPLES
    while time.monotonic() < end:
        before = reader.outcomes.copy()
        for _ in play(player, recordings, noise, len(rounds) + 1):
            if time.monotonic() - begin >= len(samples) * period:
                number, spooled = descriptors(process)
                samples.append({"rss": status(process, "RssAnon"), "descriptors": number, "spool": spooled})
            if time.monotonic() >= end or process.poll() is not None:
                break
        else:
            rounds.append(reader.outcomes - before)
    cpu = sum(os.sysconf("SC_CLK_TCK") and float(t) for t in open("/proc/%d/stat" % process.pid, encoding="ascii").read().split()[13:15])
    process.send_signal(signal.SIGINT)
    code = process.wait(TIMEOUT)
    reader.join(TIMEOUT)
    errors.seek(0)
    return player.sent, samples, rounds, cpu / os.sysconf("SC_CLK_TCK"), code, errors.read().decode().splitlines(), reader


def main():
    p = argparse.ArgumentParser()
    p.add_argument("vpnscope")
    p.add_argument("pcaps")
    p.add_argument("--minutes", type=float, default=0.5)
    p.add_argument("--rate", type=int, default=1500)
    p.add_argument("--memory", type=int, default=4)
    p.add_argument("--trace", action="store_true")
    p.add_argument("--unfiltered", action="store_true")
    o = p.parse_args()
    cable.enter()
    cable.lay("player0", "sniffed0")
    sent, samples, rounds, cpu, code, errors, reader = soak(o.vpnscope, o.pcaps, o.minutes, o.rate, o.memory)
    summary = reader.last
    capture = summary["captures"][0]
    errors = [line for line in errors if not (o.unfiltered and "seccomp" in line)]
    print("%d packets sent, %d seen, %d lost; %d rounds of all recordings; %.1f s of processor time; sessions %s" %
          (sent, capture["packets"], capture["lost"], len(rounds), cpu, dict(reader.outcomes)))
    print("state at its peak %.1f MiB; given up: %d" % (summary["statistics"]["peak_state_bytes"] / 2 ** 20, summary["statistics"]["evicted"]))
    print("established in each round: %s" % [r["established"] for r in rounds])
    for line in errors:
        print("said: " + line)
    if o.trace:
        print(" ".join(str(s["rss"] // 1024) for s in samples[::4]))
    check(samples, o.minutes)
    assert capture["packets"] + capture["lost"] == sent, (capture, sent)
    assert summary["event"] == "summary" and code in (1, 2), (code, summary["event"])
    assert all("room for finished sessions" in line for line in errors) and len(errors) <= 2, errors
    assert code == (2 if errors else 1)


main()
