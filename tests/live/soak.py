"""
soak.py VPNSCOPE PCAPS [--minutes N] [--rate N] [--memory MIB]
[--spool MIB]: sniffs for N minutes (half of one) while all recordings are played again and again as
other clients' (fresh.py), with noise of strangers in between (flood.py), --rate packets a second in all (1500). What the program
holds is sampled: when it has warmed up its memory must not grow any more, its descriptors stay as they are, its spool keeps
to its limit, it loses no packet, and each round of recordings shows the same verdicts as the one before.
"""

import argparse
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

import cable
from flood import Flood
from fresh import Fresh

TIMEOUT = 300
NOISE = 1 / 3
SAMPLES, GROWTH_KIB = 120, 2048
BRIEF, BRIEF_GROWTH_KIB = 10, 6144  # minutes in which tables are still being filled
SESSIONS = 350  # at least, in each round


def status(process, name):
    with open("/proc/%d/status" % process.pid, encoding="ascii") as f:
        for line in f:
            if line.startswith(name + ":"):
                return int(line.split()[1])
    return 0


def descriptors(process):
    """Their number, and the size of the files that have no name any more."""
    folder = "/proc/%d/fd" % process.pid
    number = spooled = 0
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        try:
            spooled += os.stat(path).st_size if os.readlink(path).endswith("(deleted)") else 0
            number += 1
        except FileNotFoundError:  # closed meanwhile, as some are while it begins
            pass
    return number, spooled


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


def check(samples, o):
    """After a third of the time nothing grows."""
    warm = samples[len(samples) // 3:]
    early, late = warm[:len(warm) // 3], warm[-(len(warm) // 3):]
    before, after = max(s["rss"] for s in early), max(s["rss"] for s in late)
    print("%d samples in %.1f minutes: private memory %d KiB at first, at most %d KiB in the third ninth, at most %d KiB in the last" %
          (len(samples), o.minutes, samples[0]["rss"], before, after))
    print("descriptors %s, spool at most %.1f MiB" % (sorted({s["descriptors"] for s in samples}), max(s["spool"] for s in samples) / 2 ** 20))
    steady = after <= before + (GROWTH_KIB if o.minutes > BRIEF else BRIEF_GROWTH_KIB)
    assert steady or o.unfiltered, (before, after)  # what looks for errors in memory keeps what was freed
    assert len({s["descriptors"] for s in samples}) == 1, [s["descriptors"] for s in samples]
    assert max(s["spool"] for s in samples) <= o.spool << 20


def processor_seconds(process):
    with open("/proc/%d/stat" % process.pid, encoding="ascii") as f:
        return sum(int(ticks) for ticks in f.read().rsplit(")", 1)[1].split()[11:13]) / os.sysconf("SC_CLK_TCK")


class Soaked:
    """The program, who reads its events to the last, and who plays for it."""

    def __init__(self, o):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen([o.vpnscope, "-i", "sniffed0", "--jsonl", "--memory", str(o.memory), "--spool", str(o.spool),
                                         "--trusted-root", o.pcaps + "/pki/root.pem"], stdout=subprocess.PIPE, stderr=self.errors)
        self.events = subprocess.Popen(["tail", "-n", "1"], stdin=self.process.stdout, stdout=subprocess.PIPE)
        self.process.stdout.close()
        cable.wait_for(lambda: cable.sniffs(self.process), TIMEOUT, "sniffing to begin")
        self.samples, self.rounds, self.cpu = [], 0, 0

    def sample(self):
        number, spooled = descriptors(self.process)
        self.samples.append({"rss": status(self.process, "RssAnon"), "descriptors": number, "spool": spooled})

    def end(self):
        """The summary, what it said on standard error, its exit status."""
        self.cpu = processor_seconds(self.process)
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(TIMEOUT)
        summary = json.loads(self.events.communicate(timeout=TIMEOUT)[0])
        self.errors.seek(0)
        return summary, self.errors.read().decode().splitlines(), code


def soak(o):
    recordings = [r for r in (Fresh(path) for path in sorted(glob.glob(o.pcaps + "/*.pcap"))) if r.recorded]
    noise = Flood(lambda name: cable.frames("%s/%s.pcap" % (o.pcaps, name))).frames(10 ** 12)
    soaked, player = Soaked(o), Player("player0", o.rate)
    begin, period = time.monotonic(), o.minutes * 60 / SAMPLES
    while (now := time.monotonic()) < begin + o.minutes * 60 and soaked.process.poll() is None:
        for _ in play(player, recordings, noise, soaked.rounds + 1):
            now = time.monotonic()
            if now >= begin + len(soaked.samples) * period:
                soaked.sample()
            if now >= begin + o.minutes * 60:
                break
        else:
            soaked.rounds += 1
    time.sleep(0.3)
    return player.sent, soaked


def main():
    p = argparse.ArgumentParser()
    p.add_argument("vpnscope")
    p.add_argument("pcaps")
    p.add_argument("--minutes", type=float, default=0.5)
    p.add_argument("--rate", type=int, default=1500)
    p.add_argument("--memory", type=int, default=16)
    p.add_argument("--spool", type=int, default=64)
    p.add_argument("--trace", action="store_true")
    p.add_argument("--unfiltered", action="store_true")
    o = p.parse_args()
    cable.enter()
    cable.lay("player0", "sniffed0")
    sent, soaked = soak(o)
    summary, errors, code = soaked.end()
    capture, counts = summary["captures"][0], summary["statistics"]
    errors = [line for line in errors if not (o.unfiltered and "seccomp" in line)]
    print("%d packets sent, %d seen, %d lost; %d rounds of all recordings; %.1f s of processor time" %
          (sent, capture["packets"], capture["lost"], soaked.rounds, soaked.cpu))
    print("%(sessions)d sessions; given up: %(evicted)d" % counts)
    print("state at its peak %.1f MiB of %d" % (counts["peak_state_bytes"] / 2 ** 20, o.memory))
    for line in errors:
        print("said: " + line)
    if o.trace:
        print(" ".join(str(s["rss"] // 1024) for s in soaked.samples[::4]))
    check(soaked.samples, o)
    assert capture["packets"] + capture["lost"] == sent, (capture, sent)
    assert counts["peak_state_bytes"] <= o.memory << 20, counts
    assert all("room for finished sessions" in line for line in errors) and len(errors) <= 2, errors
    assert code == (2 if errors else 1), code
    assert errors or counts["sessions"] >= SESSIONS * soaked.rounds, counts


main()
