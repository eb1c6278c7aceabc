"""
faults.py VPNSCOPE PCAPS CLOCK: what goes wrong outside is one line each, and nothing that was seen is lost: interfaces that go down,
are removed, come back (the program has no rights any more then); clocks that are set; signals at any moment; readers that
stall or go away; files that may grow no further.
"""

import glob
import json
import os
import pty
import random
import resource
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

import cable
import logs
from sniffer import Sniffer, TIMEOUT

DOWN, UP = "%s: the interface is down; it is waited for", "%s: the interface is up again"
GONE, BACK = "%s: the interface was removed; one of this name is waited for", "%s: the interface is back"
OTHER = "%s: another kind of interface has taken its name: it is sniffed no longer"


def frames(name):
    return cable.frames("%s/%s.pcap" % (sys.argv[2], name))


def play(name, end="player0"):
    return cable.play(end, frames(name))


def said(errors):
    return [line.removeprefix("vpnscope: ") for line in errors.splitlines()]


def captures(lines):
    return [(c["packets"], c["lost"], c["damage"]) for c in json.loads(lines[-1])["captures"]]


def sessions(lines):
    return [event["outcome"] for event in map(json.loads, lines) if event["event"] == "session_ended"]


def rights(process):
    with open("/proc/%d/status" % process.pid, encoding="ascii") as f:
        return {line.split(":")[0]: line.split()[1] for line in f if line.startswith(("Uid", "Cap"))}


def removed_and_made_again():
    """On two interfaces: one has all the trouble, the other goes on."""
    cable.lay("player1", "sniffed1")
    sniffer = Sniffer("sniffed1", "-i", "sniffed0", "--jsonl")
    cable.wait_for(lambda: cable.sniffs(sniffer.process, 2), TIMEOUT, "sniffing on both")
    sent = play("nps-untrusted-root", "player1")
    cable.command("ip", "link", "set", "sniffed1", "down")
    time.sleep(0.3)
    cable.command("ip", "link", "set", "sniffed1", "up")
    time.sleep(0.3)
    sent += play("peap-mschapv2", "player1")
    cable.command("ip", "link", "del", "sniffed1")
    other = play("nps-wrong-name")
    time.sleep(1)
    assert rights(sniffer.process) == {"Uid": "65534", **{"Cap" + kind: "0" * 16 for kind in ("Inh", "Prm", "Eff", "Amb", "Bnd")}}
    cable.lay("player1", "sniffed1")
    time.sleep(0.3)
    sent += play("eap-tls", "player1")
    cable.command("ip", "link", "del", "sniffed1")  # and at once again
    cable.lay("player1", "sniffed1")
    time.sleep(0.3)
    sent += play("peap-tls12", "player1")
    other += play("peap-mschapv2")
    time.sleep(0.5)
    lines, errors, status = sniffer.end()
    assert [line % "sniffed1" for line in (DOWN, UP, GONE, BACK, GONE, BACK)] == said(errors), errors
    assert captures(lines) == [(sent, 0, None), (other, 0, None)] and status == 1, (captures(lines), sent, other, status)
    assert sorted(sessions(lines)) == ["established"] * 4 + ["rejected"] * 2, sessions(lines)
    print("an interface that goes down, comes up, is removed and made again, twice: one line each, no packet lost")


def gone_for_good():
    sniffer = Sniffer("sniffed1", "-i", "sniffed0", "--jsonl")
    sent = play("nps-untrusted-root", "player1")
    cable.command("ip", "link", "del", "sniffed1")
    other = play("peap-mschapv2")
    time.sleep(0.5)
    lines, errors, status = sniffer.end()
    assert said(errors) == [GONE % "sniffed1"] and status == 2, (errors, status)
    assert captures(lines) == [(sent, 0, "the interface was removed"), (other, 0, None)], captures(lines)
    print("an interface that does not come back: one line, its packets are reported, and the other goes on")


def of_another_kind():
    cable.lay("player1", "sniffed1")
    sniffer = Sniffer("sniffed1", "--jsonl")
    sent = play("nps-untrusted-root", "player1")
    cable.command("ip", "link", "del", "sniffed1")
    time.sleep(0.5)
    if subprocess.run(["ip", "tuntap", "add", "mode", "tun", "name", "sniffed1"], capture_output=True, check=False).returncode != 0:
        print("not tried: another kind of interface of the same name (no tun devices here)")
        sniffer.end()
        return
    lines, errors, status = sniffer.over()  # nothing is left to sniff
    assert said(errors) == [line % "sniffed1" for line in (GONE, OTHER)] and status == 2, (errors, status)
    assert captures(lines)[0][:2] == (sent, 0), captures(lines)
    cable.command("ip", "link", "del", "sniffed1")
    print("another kind of interface of the same name: one line, and the report")


def clock_is_set():
    """For the program alone: the kernel goes on stamping packets as before."""
    for step, words in ((10800, "forward by 10"), (-10800, "back by 10")):
        os.environ.update(LD_PRELOAD=sys.argv[3], CLOCK_STEP_S=str(step), CLOCK_AFTER_MS="500")
        sniffer = Sniffer("sniffed0", "--jsonl")
        del os.environ["LD_PRELOAD"]
        sent = play("nps-untrusted-root")
        time.sleep(2.5)
        lines, errors, status = sniffer.end()
        assert len(said(errors)) == 1 and said(errors)[0].startswith("the clock was set " + words), errors
        assert (captures(lines), sessions(lines), status) == ([(sent, 0, None)], ["rejected"], 1), (lines, status)
    print("a clock that is set: one line")


def stepped(recorded, at, seconds):
    return [(when + (seconds if i >= at else 0), data) for i, (when, data) in enumerate(recorded)]


def capture(recorded):
    out = struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, cable.ETHERNET)
    for when, data in recorded:
        seconds, fraction = divmod(round(when * 1e9), 10 ** 9)
        out += struct.pack("<IIII", seconds, fraction, len(data), len(data)) + data
    return out


def offline(data, *more):
    done = subprocess.run([sys.argv[1], "--trusted-root", sys.argv[2] + "/pki/root.pem", *more, "-"], input=data,
                          capture_output=True, timeout=TIMEOUT, check=False)
    assert done.stderr == b"" and done.returncode in (0, 1), (done.returncode, done.stderr)
    return done.stdout


def clock_steps_in_a_capture():
    """
    Set back by hours in the midst of a session: the session is the same. Set forward, it may look slow or unanswered, but each packet
    is read, and who comes later is judged as ever.
    """
    tried = 0
    for name in ("peap-mschapv2", "eap-tls", "ike-user-peap", "ike-many", "sstp-many", "l2tp-mschapv2", "nps-untrusted-root"):
        recorded = frames(name)
        plain = json.loads(offline(capture(recorded), "--json"))
        for at in range(1, len(recorded), max(1, len(recorded) // 7)):
            back = json.loads(offline(capture(stepped(recorded, at, -10800)), "--json"))
            assert [s["outcome"] for s in back["sessions"]] == [s["outcome"] for s in plain["sessions"]], (name, at)
            assert [f["id"] for f in back["findings"]] == [f["id"] for f in plain["findings"]], (name, at)
            later = [(when + 30000, data) for when, data in frames("peap-tls12" if name == "peap-mschapv2" else "peap-mschapv2")]
            forth = json.loads(offline(capture(stepped(recorded, at, 10800) + later), "--json"))
            assert forth["captures"][0]["packets"] == len(recorded) + len(later), (name, at)
            assert forth["sessions"][-1]["outcome"] == "established", (name, at, forth["sessions"][-1])
            tried += 2
    print("%d captures whose clock jumps by three hours: set back, sessions and findings are the same" % tried)


def there_and_back():
    """One packet of another time, as of a driver that stamps wrongly, changes no verdict; and with each packet another is survived."""
    recorded = frames("nps-untrusted-root")
    for wrong in range(len(recorded)):
        for seconds in (10800, -10800):
            one = [(when + (seconds if i == wrong else 0), data) for i, (when, data) in enumerate(recorded)]
            report = json.loads(offline(capture(one), "--json"))
            assert [s["outcome"] for s in report["sessions"]] == ["rejected"], (wrong, seconds, report["sessions"])
            assert "cert-untrusted-root" in [f["id"] for f in report["findings"]], (wrong, seconds)
    jumping = [(when + (10800 if i % 2 else 0), data) for i, (when, data) in enumerate(recorded)]
    report = json.loads(offline(capture(jumping), "--json"))
    assert report["captures"][0]["packets"] == len(recorded), report["captures"]
    print("one packet of another time: the verdict stands")


def stopped_and_continued():
    sniffer = Sniffer("sniffed0", "--jsonl")
    for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGPIPE):
        sniffer.process.send_signal(number)
    sniffer.process.send_signal(signal.SIGSTOP)
    sent = play("nps-untrusted-root") + play("peap-mschapv2")
    time.sleep(2)
    sniffer.process.send_signal(signal.SIGCONT)
    seen = []
    while len(seen) < 2:
        event = sniffer.line(TIMEOUT)
        assert event is not None, seen
        if event["event"] == "session_ended":
            seen.append(event["outcome"])
    sent += play("eap-tls")
    time.sleep(0.3)
    lines, errors, status = sniffer.end(signal.SIGTERM)
    assert (errors, status, captures(lines)) == ("", 1, [(sent, 0, None)]), (errors, status, lines[-1])
    assert seen + sessions(lines) == ["rejected", "established", "established"], (seen, lines)
    print("other signals, stopped for two seconds and continued: nothing is lost")


def hung_up():
    """Whose terminal goes away is asked to end; not so who was told to live on."""
    sniffer = Sniffer("sniffed0", "--jsonl")
    sent = play("nps-untrusted-root")
    time.sleep(0.3)
    lines, errors, status = sniffer.end(signal.SIGHUP)
    assert (errors, status, captures(lines)) == ("", 1, [(sent, 0, None)]), (errors, status, lines)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sniffer = Sniffer("sniffed0", "--jsonl")
    signal.signal(signal.SIGHUP, before)
    sniffer.process.send_signal(signal.SIGHUP)
    sent = play("nps-untrusted-root")
    time.sleep(0.3)
    lines, errors, status = sniffer.end()
    assert (errors, status, captures(lines)) == ("", 1, [(sent, 0, None)]), (errors, status, lines)
    print("a terminal that goes away: the report, unless nohup said otherwise")


def asked_to_end_at_any_moment():
    """From before its beginning on; what was sent when it sniffed already is in the report."""
    chance, died, reported = random.Random(1), 0, 0
    begin = time.monotonic()
    sniffer = Sniffer("sniffed0", "--json")
    longest = 2 * (time.monotonic() - begin)
    sniffer.end()
    for i in range(30):
        number = (signal.SIGINT, signal.SIGTERM)[i % 2]
        process = subprocess.Popen([sys.argv[1], "-i", "sniffed0", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(chance.uniform(0, longest) if i > 1 else longest)
        process.send_signal(number)
        text, errors = process.communicate(timeout=TIMEOUT)
        if process.returncode == -number:  # it had not yet come to catch it
            assert (text, errors) == (b"", b""), (text, errors)
            died += 1
        else:
            assert process.returncode == 0 and json.loads(text)["captures"][0]["format"] == "live", (process.returncode, errors)
            reported += 1
    assert reported > 0
    print("asked to end within %.0f ms: %d reports, %d times before it began" % (longest * 1000, reported, died))


def play_many():
    """So that the report is greater than what a pipe holds."""
    for path in sorted(glob.glob(sys.argv[2] + "/nps-*.pcap") + glob.glob(sys.argv[2] + "/peap-*.pcap")):
        cable.play("player0", cable.frames(path))


def asked_to_end_while_it_reports():
    """The reader takes its time with a report that no pipe holds; once more SIGTERM changes nothing."""
    sniffer = Sniffer("sniffed0", "--json")
    play_many()
    time.sleep(0.3)
    sniffer.process.send_signal(signal.SIGINT)
    cable.wait_for(lambda: not cable.sniffs(sniffer.process) or wrote(sniffer.process), TIMEOUT, "the report to begin")
    time.sleep(1)
    sniffer.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    text, errors, status = sniffer.over()
    report = json.loads("".join(text))
    assert (errors, status) == ("", 1) and len(report["sessions"]) > 0, (errors, status)
    assert len("".join(text)) > 70000, len("".join(text))
    print("asked to end again while it writes a report of %d bytes: it is whole" % len("".join(text)))


def wrote(process):
    """True when it waits for who reads a pipe."""
    try:
        with open("/proc/%d/wchan" % process.pid, encoding="ascii") as f:
            return "pipe" in f.read()
    except OSError:
        return True


def asked_to_end_while_a_pipe_is_silent():
    process = subprocess.Popen([sys.argv[1], "--jsonl", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    recorded = capture(frames("nps-untrusted-root"))
    process.stdin.write(recorded[:-20])  # the last packet is not whole
    process.stdin.flush()
    time.sleep(1)
    process.send_signal(signal.SIGTERM)
    status = process.wait(TIMEOUT)
    lines, errors = process.stdout.read().decode().splitlines(), process.stderr.read().decode()
    assert status == 2 and captures(lines)[0][0] == len(frames("nps-untrusted-root")) - 1, (status, lines)
    assert len(said(errors)) == 1 and said(errors)[0].startswith("standard input: the file ends in the packet record"), errors
    print("asked to end while a pipe is silent: what came is reported")


def told_while_the_pipe_is_open():
    process = subprocess.Popen([sys.argv[1], "--jsonl", "--trusted-root", sys.argv[2] + "/pki/root.pem", "-"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(capture(frames("nps-untrusted-root")))
    process.stdin.flush()
    begin, seen = time.monotonic(), []
    while not seen or seen[-1]["event"] != "session_ended":
        seen.append(json.loads(process.stdout.readline()))
    late = time.monotonic() - begin
    assert late < 1 and "cert-untrusted-root" in [e.get("id") for e in seen], (late, seen)
    process.stdin.close()
    assert process.wait(TIMEOUT) == 1
    print("a pipe: the finding is told %.2f s after its last packet, while it is open" % late)


def refused_logins(first, count):
    """Of clients of their own, each behind noise of which the ring holds little."""
    noise = logs.ethernet(logs.datagram(bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2)), (40000, 40001), bytes(1400)))
    for number in range(first, first + count):
        yield from [noise] * 10 + [logs.ethernet(frame) for frame in logs.refusal(number)]


def reader_stalls():
    """For some seconds, in which more happens than a pipe takes and more is sent than the ring holds: nothing is lost, no line either."""
    sniffer = Sniffer("sniffed0", "--jsonl", "--ring", "2")
    logins, sent, begin = 480, 0, time.monotonic()
    with cable.raw("player0") as s:
        for number in range(logins):
            for frame in refused_logins(number, 1):
                s.send(frame)
                sent += 1
            time.sleep(max(0, begin + (number + 1) / 120 - time.monotonic()))  # no more than are looked at at once
    seen = []
    while len([e for e in seen if e["event"] == "session_ended"]) < logins:
        seen.append(sniffer.line(TIMEOUT))
        assert seen[-1] is not None, "%d events" % len(seen)
    sent += play("nps-untrusted-root")
    time.sleep(0.3)
    lines, errors, status = sniffer.end()
    report = json.loads(lines[-1])
    assert (errors, status, captures(lines)) == ("", 1, [(sent, 0, None)]), (errors, status, captures(lines), sent)
    assert report["statistics"]["sessions"] == logins + 1 and sessions(lines)[-1] == "rejected", report["statistics"]
    print("a reader who stalls for %.0f s: %d packets, none lost, %d logins told and in the report" %
          (time.monotonic() - begin, sent, logins))


def terminal_stands_still():
    """As after Ctrl-S: packets are read on, and what was found meanwhile is shown when it goes on."""
    ours, theirs = pty.openpty()
    sniffer = Sniffer("sniffed0", "--json", "--ring", "2", stderr=theirs)
    termios.tcflow(theirs, termios.TCOOFF)
    sent = play("nps-untrusted-root")
    with cable.raw("player0") as s:
        for frame in refused_logins(0, 300):
            s.send(frame)
            sent += 1
            time.sleep(0.001)
    termios.tcflow(theirs, termios.TCOON)
    shown, end = b"", time.monotonic() + TIMEOUT
    while b"established: " not in shown.split(b"cert-untrusted-root")[-1] and time.monotonic() < end:
        if select.select([ours], [], [], 1)[0]:
            shown += os.read(ours, 65536)
    lines, _, status = sniffer.end()
    os.close(theirs)
    os.close(ours)
    report = json.loads("".join(lines))
    assert shown.count(b"cert-untrusted-root") == 1, shown
    assert (status, report["captures"][0]["packets"], report["captures"][0]["lost"]) == (1, sent, 0), (status, report["captures"], sent)
    print("a terminal that stands still: %d packets, none lost; what was found is shown later" % sent)


def report_reader_goes_away():
    """Of a report that no pipe holds."""
    sniffer = Sniffer("sniffed0", "--json")
    play_many()
    time.sleep(0.3)
    sniffer.process.send_signal(signal.SIGINT)
    sniffer.process.stdout.read(1000)
    sniffer.process.stdout.close()
    status = sniffer.process.wait(TIMEOUT)
    errors = [line for line in sniffer.process.stderr.read().decode().splitlines() if "seccomp" not in line]
    assert (status, errors) == (2, ["vpnscope: standard output: not everything could be written"]), (status, errors)
    print("the report's reader goes away: one line")


def greatest_file():
    """The system allows no greater file (SIGXFSZ)."""
    with tempfile.TemporaryFile() as out:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
        try:
            sniffer = Sniffer("sniffed0", "--jsonl", stdout=out)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        play("nps-untrusted-root")
        _, errors, status = sniffer.over()
        out.seek(0)
        written = out.read()
    assert status == 2 and said(errors)[0] == "standard output: not everything could be written" and len(written) == 1000, (errors, status)
    print("a file that may grow no further: said, and ended in order")


def main():
    cable.enter()
    cable.lay("player0", "sniffed0")
    removed_and_made_again()
    gone_for_good()
    of_another_kind()
    if "--unfiltered" not in sys.argv:  # what checks memory does not like to be preceded
        clock_is_set()
    clock_steps_in_a_capture()
    there_and_back()
    stopped_and_continued()
    hung_up()
    asked_to_end_at_any_moment()
    asked_to_end_while_it_reports()
    asked_to_end_while_a_pipe_is_silent()
    reader_stalls()
    terminal_stands_still()
    told_while_the_pipe_is_open()
    report_reader_goes_away()
    greatest_file()


main()
