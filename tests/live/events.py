"""
events.py VPNSCOPE PCAPS: what happens is told while it happens: findings as lines of JSON within a second of the packet that decides,
sessions when they end, a status line on a terminal and none elsewhere; a reader that goes away and a full disk are one clear line each.
"""

import fcntl
import json
import os
import pty
import pwd
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

import cable
from sniffer import Sniffer

TIMEOUT = 60
AT_ONCE = 1.0


def play(name):
    cable.play("player0", cable.frames("%s/%s.pcap" % (sys.argv[2], name)))


# What decides is among the last packets, which follow each other within milliseconds; with keys where there are some.
DECIDED = [("nps-untrusted-root", "cert-untrusted-root"), ("sstp-untrusted-root", "cert-untrusted-root"),
           ("ike-untrusted-nps", "cert-untrusted-root"), ("ike-no-proposal", "ike-no-proposal-chosen"),
           ("ike-computer-refused", "ike-auth-failed"), ("sstp-nak", "sstp-call-nak"), ("sstp-http-503", "sstp-http-error"),
           ("sstp-reset-after-hello", "sstp-tls-alert"), ("sstp-refused", "sstp-refused"),
           ("server-alert-version", "eap-tls-handshake-failed")]


def keys(name):
    """Its keys, as options."""
    found = []
    for option, ending in (("--keylog", ".keylog"), ("--ike-keys", ".ikev2_decryption_table")):
        if os.path.exists("%s/%s%s" % (sys.argv[2], name, ending)):
            found += [option, "%s/%s%s" % (sys.argv[2], name, ending)]
    return found


def told_at_once():
    """
    The finding comes within a second of the packet that decides, though nothing more comes; what was told is in the report; and
    the session is over at once, or when it has been silent for as long as its protocol takes.
    """
    for name, finding in DECIDED:
        sniffer = Sniffer("sniffed0", "--jsonl", *keys(name))
        recorded = cable.frames("%s/%s.pcap" % (sys.argv[2], name))
        cable.play("player0", recorded, most_gap=1)
        last, seen = time.monotonic(), []
        while not any(e["event"] == "finding" and e["id"] == finding for e in seen):
            event = sniffer.line(last + AT_ONCE - time.monotonic())
            assert event is not None, "%s: not told within %d s of its last packet: %s" % (name, AT_ONCE, seen)
            seen.append(event)
        late = time.monotonic() - last
        lines, errors, status = sniffer.end(signal.SIGTERM)
        seen += [json.loads(line) for line in lines]
        summary, ended = seen[-1], [e for e in seen if e["event"] == "session_ended"]
        assert (status, errors, summary["event"]) == (1, "", "summary"), (status, errors)
        assert summary["captures"][0]["packets"] == len(recorded)
        assert any(finding in e["findings"] for e in ended), ended
        told = {(e["id"], e["title"]) for e in seen if e["event"] == "finding"}
        assert told <= {(f["id"], f["title"]) for f in summary["findings"]}, (told, summary["findings"])
        print("%s: %s told %.2f s after its last packet" % (name, finding, late))


def whole_told():
    """What all connections together show is looked at each ten seconds; a connection of SSTP is over five seconds after TCP's end."""
    for name, finding in (("sstp-one-server-down", "backend-attempts-to-dead"), ("nat-snat-radius-radius", "snat-hides-clients")):
        sniffer = Sniffer("sniffed0", "--jsonl")
        cable.play("player0", cable.frames("%s/%s.pcap" % (sys.argv[2], name)), most_gap=1)
        last, event = time.monotonic(), {"event": None}
        while event["event"] != "finding" or event["id"] != finding:
            event = sniffer.line(last + 15 + AT_ONCE - time.monotonic())
            assert event is not None, "%s: %s is not told while sniffing" % (name, finding)
        late = time.monotonic() - last
        summary = json.loads(sniffer.end()[0][-1])
        assert event["exchange"] is None and finding in {f["id"] for f in summary["findings"]}, (event, summary["findings"])
        print("%s: %s told %.2f s after its last packet" % (name, finding, late))


def ends_by_timers():
    """A login ends with its last packet, a connection of SSTP five seconds after TCP's end."""
    for name, wait in (("nps-untrusted-root", 0), ("sstp-untrusted-root", 5)):
        sniffer = Sniffer("sniffed0", "--jsonl")
        play(name)
        last, event = time.monotonic(), {"event": None}
        while event["event"] != "session_ended":
            event = sniffer.line(last + wait + AT_ONCE - time.monotonic())
            assert event is not None, "%s: no end within %d s of its last packet" % (name, wait + AT_ONCE)
        sniffer.end()
        print("%s: over %.2f s after its last packet" % (name, time.monotonic() - last))


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


def status_line():
    """On a terminal only: counts, and findings as they are raised."""
    ours, theirs = pty.openpty()
    sniffer = Sniffer("sniffed0", stderr=theirs)
    os.close(theirs)
    play("nps-untrusted-root")
    shown, end = b"", time.monotonic() + TIMEOUT
    wanted = re.compile(rb"\r\x1b\[K8 packets, 0 lost; 0 sessions open; 1 failed, 0 established: 10\.20\.0\.21 0")
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


def status_line_fits():
    """As many servers as the terminal is wide, each with its established connections, and how many more there are."""
    servers = ["172.20.30.11=vpn1"] + ["172.20.30.%d=vpn%d" % (20 + i, i) for i in range(2, 9)]
    options = [word for server in servers for word in ("--backend", server)]
    packets = len(cable.frames(sys.argv[2] + "/ike-many.pcap"))
    for columns, rest in ((80, b"vpn1 4, \\+7 more"), (100, b"vpn1 4, vpn2 0, vpn3 0, \\+5 more"),
                          (140, b"vpn1 4, vpn2 0, vpn3 0, vpn4 0, vpn5 0, vpn6 0, vpn7 0, vpn8 0")):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        sniffer = Sniffer("sniffed0", *options, stderr=theirs)
        os.close(theirs)
        play("ike-many")
        shown, end = b"", time.monotonic() + TIMEOUT
        wanted = re.compile(b"\r\x1b\\[K%d packets, 0 lost; \\d+ sessions open; \\d+ failed, 4 established: %s(?=\r|$)" % (packets, rest))
        while not wanted.search(shown) and time.monotonic() < end:
            if select.select([ours], [], [], 1)[0]:
                shown += os.read(ours, 65536)
        assert wanted.search(shown), (columns, shown[-400:])
        for line in re.findall(rb"\x1b\[K([^\r\n]*)", shown):
            assert len(line) < columns, line
        sniffer.end()
        os.close(ours)
    print("the status line at 80, 100 and 140 columns")


def into_files():
    """
    --output after rights were given up: the folder is made and is nobody's, a file that is full is followed by another one, and
    one that is renamed away by a new one within two seconds of SIGHUP, whether anything happens or not.
    """
    nobody = pwd.getpwnam("nobody").pw_uid
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = folder + "/logs/events.jsonl"
        sniffer = Sniffer("sniffed0", "--jsonl", "--output", path, "--rotate-size", "1", "--rotate-files", "3")
        cable.wait_for(lambda: os.path.exists(path), TIMEOUT, "the file")
        assert os.stat(path).st_uid == nobody
        play("nps-untrusted-root")
        cable.wait_for(lambda: "session_ended" in open(path, encoding="ascii").read(), AT_ONCE, "the events")
        os.rename(path, path + "-away")
        sniffer.process.send_signal(signal.SIGHUP)
        cable.wait_for(lambda: os.path.exists(path), 2, "a new file")
        with open(path, "ab") as f:  # nearly full; it counts from the next SIGHUP on
            f.write(b'{"event":"earlier"}\n' * 52428)
        sniffer.process.send_signal(signal.SIGHUP)
        time.sleep(1.5)
        play("peap-mschapv2")
        cable.wait_for(lambda: os.path.exists(path + ".1"), 2, "the next file")
        lines, errors, status = sniffer.end()
        assert (lines, errors, status) == ([], "", 1), (lines, errors, status)
        names = [path + "-away", path + ".1", path]
        texts = [open(name, encoding="ascii").read() for name in names]
        events = [json.loads(line) for text in texts for line in text.splitlines() if "earlier" not in line]
        assert all(text.endswith("\n") and len(text) <= 1 << 20 for text in texts), [len(text) for text in texts]
        kinds = [e["event"] for e in events if e["event"] != "balance_window"]  # one, or two around a full minute
        assert kinds == ["session_started", "finding", "finding", "session_ended", "session_started", "session_ended", "summary"], kinds
        assert all(os.stat(name).st_uid == nobody for name in names)
    print("--output: rotated by size and by SIGHUP without rights")


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
    whole_told()
    ends_by_timers()
    reader_goes_away()
    disk_is_full()
    status_line()
    status_line_fits()
    into_files()
    ends_by_itself()


main()
