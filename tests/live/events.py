"""
events.py VPNSCOPE PCAPS: what happens is told while it happens: findings and sessions as lines of JSON within a second of their
end, a status line on a terminal and none elsewhere; a reader that goes away, a full disk and an interface that
vanishes are one clear line each.
"""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import cable

TIMEOUT = 60
AT_ONCE = 1.0


class Sniffer:
    """The program on one end of a cable, its lines as they come."""

    def __init__(self, end, *more, stdout=subprocess.PIPE, stderr=subprocess.PIPE):
        self.process = subprocess.Popen(
            [sys.argv[1], "-i", end, "--trusted-root", sys.argv[2] + "/pki/root.pem", *more], stdout=stdout, stderr=stderr)
        self.waiting = b""
        cable.wait_for(lambda: cable.sniffs(self.process), TIMEOUT, "sniffing to begin")

    def line(self, seconds):
        """The next event, None when none comes in time."""
        end = time.monotonic() + seconds
        out = self.process.stdout.fileno()
        while b"\n" not in self.waiting:
            left = end - time.monotonic()
            if left <= 0 or not select.select([out], [], [], left)[0]:
                return None
            read = os.read(out, 65536)
            if not read:
                return None
            self.waiting += read
        line, self.waiting = self.waiting.split(b"\n", 1)
        return json.loads(line)

    def end(self, signal_number=signal.SIGINT):
        """Asks it to end: the rest of its events, its words on standard error, its exit status."""
        self.process.send_signal(signal_number)
        return self.over()

    def over(self):
        text, errors = self.process.communicate(timeout=TIMEOUT)
        lines = (self.waiting + (text or b"")).decode().splitlines()
        self.waiting = b""
        errors = (errors or b"").decode()
        if "--unfiltered" in sys.argv:
            errors = "".join(line + "\n" for line in errors.splitlines() if "seccomp" not in line)
        return lines, errors, self.process.returncode


def play(name):
    cable.play("player0", cable.frames("%s/%s.pcap" % (sys.argv[2], name)))


def told_at_once():
    """
    The finding that decides comes when the session is over, then the session: a login with its last packet, a connection of
    SSTP five seconds after TCP's end, though nothing more comes.
    """
    for name, finding, outcome, wait in (("nps-untrusted-root", "cert-untrusted-root", "rejected", 0),
                                         ("sstp-untrusted-root", "cert-untrusted-root", "aborted", 5)):
        sniffer = Sniffer("sniffed0", "--jsonl")
        play(name)
        last, seen = time.monotonic(), []
        while not any(e["event"] == "session" for e in seen):
            event = sniffer.line(last + wait + AT_ONCE - time.monotonic())
            assert event is not None, "%s: no session within %d s of its last packet: %s" % (name, wait + AT_ONCE, seen)
            seen.append(event)
        late = time.monotonic() - last
        findings = [e for e in seen if e["event"] == "finding"]
        session = [e for e in seen if e["event"] == "session"][0]
        assert any(e["id"] == finding for e in findings), (name, findings)
        assert session["outcome"] == outcome and finding in session["findings"], session
        lines, errors, status = sniffer.end(signal.SIGTERM)
        summary = json.loads(lines[-1])
        assert (status, errors, summary["event"]) == (1, "", "summary"), (status, errors)
        assert summary["captures"][0]["packets"] == len(cable.frames("%s/%s.pcap" % (sys.argv[2], name)))
        assert any(f["id"] == finding for f in summary["findings"]), summary
        print("%s: told %.2f s after its last packet" % (name, late))


def reader_goes_away():
    sniffer = Sniffer("sniffed0", "--jsonl")
    sniffer.process.stdout.close()
    play("nps-untrusted-root")
    status = sniffer.process.wait(TIMEOUT)
    errors = [line for line in sniffer.process.stderr.read().decode().splitlines() if "seccomp" not in line]
    assert (status, errors) == (2, ["vpnscope: standard output: not everything could be written"]), (status, errors)
    print("a reader that goes away: one line")


def disk_is_full():
    with open("/dev/full", "wb") as full:
        sniffer = Sniffer("sniffed0", "--jsonl", stdout=full)
        play("nps-untrusted-root")
        _, errors, status = sniffer.over()
    assert (status, errors) == (2, "vpnscope: standard output: not everything could be written\n"), (status, errors)
    print("a full disk: one line")


def interface_vanishes():
    cable.lay("player1", "sniffed1")
    sniffer = Sniffer("sniffed1", "-i", "sniffed0", "--jsonl")
    cable.play("player1", cable.frames(sys.argv[2] + "/nps-untrusted-root.pcap"))
    cable.command("ip", "link", "set", "sniffed1", "down")
    time.sleep(0.3)
    cable.command("ip", "link", "set", "sniffed1", "up")
    cable.command("ip", "link", "set", "player1", "up")
    cable.play("player1", cable.frames(sys.argv[2] + "/peap-mschapv2.pcap"))
    time.sleep(0.5)
    cable.command("ip", "link", "del", "sniffed1")
    time.sleep(0.5)
    play("nps-wrong-name")
    time.sleep(0.5)
    lines, errors, status = sniffer.end()
    summary = json.loads(lines[-1])
    counts = [c["packets"] for c in summary["captures"]]
    expected = [len(cable.frames(sys.argv[2] + "/nps-untrusted-root.pcap")) + len(cable.frames(sys.argv[2] + "/peap-mschapv2.pcap")),
                len(cable.frames(sys.argv[2] + "/nps-wrong-name.pcap"))]
    assert counts == expected, (counts, expected)
    assert status == 2 and re.fullmatch(r"vpnscope: sniffed1: sniffing ended: [^\n]*\n", errors), (status, errors)
    print("an interface that goes down, comes back and vanishes: one line, and the other goes on")


def status_line():
    """On a terminal only: counts, and findings as they are raised."""
    ours, theirs = pty.openpty()
    sniffer = Sniffer("sniffed0", stderr=theirs)
    os.close(theirs)
    play("nps-untrusted-root")
    shown, end = b"", time.monotonic() + TIMEOUT
    wanted = re.compile(rb"\r\x1b\[K8 packets, 0 lost; 0 sessions open; ended: 1 failed, 0 established")
    while not wanted.search(shown) and time.monotonic() < end:
        if select.select([ours], [], [], 1)[0]:
            shown += os.read(ours, 65536)
    assert wanted.search(shown), shown
    assert re.search(rb"critical: [^\n]*\(cert-untrusted-root\)", shown), shown
    text = sniffer.end()[0]
    os.close(ours)
    assert text[0].startswith("Error 864 "), text[:2]
    sniffer = Sniffer("sniffed0")
    play("nps-untrusted-root")
    time.sleep(1.5)
    text, errors, status = sniffer.end()
    assert (errors, status) == ("", 1) and text[0].startswith("Error 864 "), (errors, status, text[:2])
    print("a status line on a terminal, none elsewhere")


def ends_by_itself():
    begin = time.monotonic()
    sniffer = Sniffer("sniffed0", "--duration", "2")
    text, errors, status = sniffer.over()
    assert (errors, status) == ("", 0) and 1.9 < time.monotonic() - begin < 10, (errors, status, text[:2])
    print("--duration: ends by itself")


def main():
    cable.enter()
    cable.lay("player0", "sniffed0")
    told_at_once()
    reader_goes_away()
    disk_is_full()
    interface_vanishes()
    status_line()
    ends_by_itself()


main()
