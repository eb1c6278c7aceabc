"""
metrics.py VPNSCOPE PCAPS: what Prometheus is told while packets are sniffed is what the report says of them in the end, and what
the recordings' truth says; whoever asks badly (garbage, large heads, a thousand connections, slowly) is refused, and holds up
neither packets nor others.
"""

import collections
import datetime
import http.client
import json
import os
import random
import resource
import socket
import subprocess
import sys
import threading
import time

import cable
import exposition
from sniffer import Sniffer, TIMEOUT

PORT = 9109
PLAYED = ["nps-untrusted-root", "peap-mschapv2", "eap-tls", "interleaved", "eapol-untrusted-root", "sstp-many", "sstp-untrusted-root",
          "sstp-http-503", "sstp-nak"]
A_SECOND = 1.1  # only so many certificates are judged at once in one
CALLERS = 1000
STALL = 2.0  # seconds; a good caller is answered within a turn of the loop


def recorded(name):
    return cable.frames("%s/%s.pcap" % (sys.argv[2], name))


def truth(name):
    with open("%s/%s.truth.json" % (sys.argv[2], name), encoding="utf-8") as f:
        return json.load(f)


def ask(path="/metrics", method="GET", host="127.0.0.1", port=PORT):
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def scrape(**where):
    answer, body = ask(**where)
    assert answer.status == 200 and answer.getheader("Content-Type") == exposition.CONTENT_TYPE, answer.getheaders()
    return exposition.Exposition(body)


def parts(report):
    """{(protocol, backend, outcome): number} of the exchanges of the report's sessions."""
    out = collections.Counter()
    for session in report["sessions"]:
        for x in session["exchanges"]:
            backend = "" if x["type"] == "eapol" else x["client" if x["type"] == "radius" else "server"]["address"]
            out[x["type"], backend, x["outcome"]] += 1
    return dict(out)


def whole_sessions(report):
    return dict(collections.Counter((s["protocol"], s["backend"] or "", s["outcome"]) for s in report["sessions"]))


def compare(numbers, report, end, sent):
    capture, statistics = report["captures"][0], report["statistics"]
    for name, expected in (("packets", capture["packets"]), ("bytes", capture["bytes"]), ("packets_lost", capture["lost"])):
        assert numbers.one("vpnscope_%s_total" % name, interface=end) == expected, (name, expected)
    assert capture["packets"] == sent and capture["lost"] == 0, capture
    assert numbers.one("vpnscope_evicted_total") == statistics["evicted"] == 0
    assert numbers.one("vpnscope_state_peak_bytes") == statistics["peak_state_bytes"], statistics
    assert 0 < numbers.one("vpnscope_state_bytes") < numbers.one("vpnscope_state_budget_bytes") == 256 << 20
    assert numbers.one("vpnscope_conversations_open") == 0 and numbers.one("vpnscope_interface_sniffed", interface=end) == 1
    counted = numbers.table("vpnscope_sessions_total")
    assert counted == parts(report) == whole_sessions(report), (counted, parts(report), whole_sessions(report))
    # What an info says of one session, others may still make worse: these are counted twice then.
    findings = collections.Counter((f["id"], f["severity"]) for f in report["findings"] if f["sessions"] and f["severity"] != "info")
    told = {key: n for key, n in numbers.table("vpnscope_findings_total").items() if key[1] != "info"}
    whole = {(f["id"], f["severity"]) for f in report["findings"] if not f["sessions"]}  # of all packets together: the certain ones
    assert {key: n for key, n in told.items() if key not in whole} == dict(findings) and told, (told, findings)
    infos = {f["id"] for f in report["findings"] if f["sessions"] and f["severity"] == "info"}
    assert infos <= {key[0] for key in numbers.table("vpnscope_findings_total") if key[1] == "info"} and infos, infos


def seconds_of(time_text):
    return datetime.datetime.strptime(time_text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc).timestamp()


def compare_certificates(numbers, report):
    """Servers' own: as the report has them, and as the lab installed them."""
    told = {(role, sha256): (name, until) for (role, name, sha256), until in
            numbers.table("vpnscope_certificate_not_after_timestamp_seconds").items()}
    expected = {(role, c["sha256"]): (c["subject"].split(",")[0].removeprefix("CN="), seconds_of(c["not_after"]))
                for c in report["certificates"] if c["leaf"] for role in c["roles"] if role != "client"}
    assert told == expected and told, (told, expected)
    installed = {("nps", l["certificates"][0]) for name in PLAYED for l in truth(name)["logins"] if l.get("certificates")}
    installed |= {("sstp", c["certificate_configured"]) for name in PLAYED for c in truth(name).get("sstp", {}).get("connections", [])}
    assert set(told) == installed, (set(told) ^ installed)


def compare_balance(numbers, report):
    compared = 0
    for result in report["balance"]:
        if result.get("jain") is None:
            continue
        group = dict(protocol=result["protocol"], basis=result["basis"], group=result["backends"][0]["address"])
        assert abs(numbers.one("vpnscope_balance_jain", **group) - result["jain"]) < 1e-12, (group, result["jain"])
        for b in result["backends"]:
            assert numbers.one("vpnscope_balance_attempts", backend=b["address"], **group) == b["attempts"], (group, b)
        compared += 1
    assert compared == len([1 for name, _ in numbers.samples if name == "vpnscope_balance_jain"]) > 0, compared


def compare_truth(numbers):
    """What the daemons of the lab said; of an encrypted login that failed only that it did not come to a tunnel shows."""
    logins = collections.Counter(l["expected_outcome"] for name in PLAYED if not name.startswith("eapol") for l in truth(name)["logins"])
    for outcome in ("established", "rejected", "unanswered"):
        assert numbers.one("vpnscope_sessions_total", protocol="radius", outcome=outcome) == logins[outcome], (outcome, logins)
    tunnels = [(b, c["expected_outcome"]) for name in PLAYED for b in truth(name).get("sstp", {}).get("backends", [])
               for c in truth(name)["sstp"]["connections"]]
    assert {b for b, _ in tunnels} == {"172.20.30.11"} and tunnels
    up = sum(outcome == "established" for _, outcome in tunnels)
    mine = lambda **more: numbers.one("vpnscope_sessions_total", protocol="sstp", backend="172.20.30.11", **more)
    assert (mine(outcome="established"), mine()) == (up, len(tunnels)), (up, len(tunnels))
    expected = {f for name in PLAYED for f in truth(name)["expect_findings"]}
    assert expected <= {pairs[0] for pairs in numbers.table("vpnscope_findings_total")}, expected


def numbers_are_the_reports():
    sniffer = Sniffer("sniffed0", "--metrics", str(PORT), "--json")
    before, sent = scrape(), 0
    for name in PLAYED:
        sent += cable.play("player0", recorded(name))
        time.sleep(A_SECOND)
        now = scrape()
        assert not now.counters_since(before), now.counters_since(before)
        before = now
    cable.wait_for(lambda: scrape().one("vpnscope_packets_total") == sent, TIMEOUT, "all packets")
    cable.wait_for(lambda: scrape().one("vpnscope_conversations_open") == 0, TIMEOUT, "all sessions to end")
    numbers = scrape()
    assert time.time() - 30 < numbers.one("vpnscope_last_packet_timestamp_seconds") < time.time()
    assert 0 < numbers.one("vpnscope_uptime_seconds") < 120 and numbers.one("vpnscope_process_peak_memory_bytes") > 1 << 20
    lines, errors, status = sniffer.end()
    assert (errors, status) == ("", 1), (errors, status)
    report = json.loads("\n".join(lines))
    compare(numbers, report, "sniffed0", sent)
    compare_balance(numbers, report)
    compare_certificates(numbers, report)
    compare_truth(numbers)
    print("%d packets, %d parts of sessions: as the report says, and the truth" % (sent, numbers.one("vpnscope_sessions_total")))


def listening():
    """Local addresses of sockets that listen, as the kernel writes them."""
    out = []
    for name in ("tcp", "tcp6"):
        with open("/proc/net/" + name, encoding="ascii") as f:
            out += [line.split()[1] for line in f.readlines()[1:] if line.split()[3] == "0A"]
    return out


def only_this_is_answered():
    sniffer = Sniffer("sniffed0", "--metrics", str(PORT))
    assert listening() == ["0100007F:%04X" % PORT], listening()
    answer, body = ask("/")
    assert (answer.status, body.count(b"\n")) == (200, 1), (answer.status, body)
    assert ask("/metrics?x=1")[0].status == 200
    answer, body = ask(method="HEAD")
    assert (answer.status, body) == (200, b"") and int(answer.getheader("Content-Length")) > 1000
    for path in ("/metrics/", "/Metrics", "/metric", "//metrics", "/../metrics", "/x", "*"):
        assert ask(path)[0].status == 404, path
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "HELLO"):
        answer, _ = ask(method=method)
        assert answer.status == 405 and answer.getheader("Allow") == "GET, HEAD", (method, answer.status)
    taken = subprocess.run([sys.argv[1], "-i", "sniffed0", "--metrics", str(PORT)], capture_output=True, text=True, timeout=TIMEOUT,
                           check=False)
    assert (taken.returncode, taken.stderr) == (2, "vpnscope: --metrics 127.0.0.1:%d: Address already in use\n" % PORT), taken.stderr
    assert sniffer.end()[1:] == ("", 0)
    sniffer = Sniffer("sniffed0", "--metrics", "[::1]:%d" % PORT)
    assert listening() == ["0" * 24 + "01000000:%04X" % PORT], listening()
    assert scrape(host="::1").one("vpnscope_interface_sniffed") == 1
    assert sniffer.end()[1:] == ("", 0)
    print("GET and HEAD of /metrics and / are answered, at the address given")


def open_one(seconds=TIMEOUT):
    s = socket.socket()
    s.settimeout(seconds)
    s.connect(("127.0.0.1", PORT))
    return s


def say(data, read=True):
    """Sends what may be cut short by whoever has had enough, and takes what comes."""
    with open_one() as s:
        try:
            s.sendall(data)
            return s.recv(1 << 16) if read else b""
        except (BrokenPipeError, ConnectionResetError):
            return b""


def garbage(dice):
    for _ in range(100):
        kind = dice.randrange(4)
        noise = dice.randbytes(dice.randrange(1, 3000))
        data = (noise, noise + b"\r\n\r\n", b"GET /metrics HTTP/1.1\r\nA: " + noise + b"\r\n\r\n",
                b"POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + noise)[kind]
        say(data, read=False)


def large_heads():
    """Refused as soon as they are too large, or hung up on; never answered with the page."""
    for data in (b"GET /" + b"a" * 1000000 + b" HTTP/1.1\r\n\r\n", b"GET /metrics HTTP/1.1\r\nA: " + b"b" * 1000000 + b"\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\n" + b"A: b\r\n" * 100000 + b"\r\n",
                 b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n" + b"c" * 1000000):
        answer = say(data)
        assert b" 200 " not in answer[:20], answer[:80]


def slow_caller():
    """A byte now and then; how long it was borne."""
    begin = time.monotonic()
    with open_one() as s:
        try:
            for byte in b"GET /metrics HTTP/1.1\r\nHost: " + b"a" * 1000:
                s.sendall(bytes([byte]))
                time.sleep(0.2)
                if time.monotonic() - begin > 30:
                    break
        except (BrokenPipeError, ConnectionResetError):
            pass
    return time.monotonic() - begin


def flood(seconds):
    """Good requests, as fast as eight callers can; how many were answered."""
    end, answers = time.monotonic() + seconds, []

    def call():
        while time.monotonic() < end:
            answers.append(ask()[0].status)

    callers = [threading.Thread(target=call) for _ in range(8)]
    for thread in callers:
        thread.start()
    for thread in callers:
        thread.join()
    assert set(answers) == {200}, set(answers)
    return len(answers)


class Player(threading.Thread):
    """Sends frames over and over until it is told to end."""

    def __init__(self, frames):
        super().__init__()
        self.frames, self.sent, self.over = frames, 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.is_set():
            self.sent += cable.play("player0", self.frames, 0.002)

    def end(self):
        self.over.set()
        self.join()
        return self.sent


def state(process):
    with open("/proc/%d/status" % process.pid, encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def answered(waits):
    """A good caller, who sees packets go on."""
    begin = time.monotonic()
    numbers = scrape()
    waits.append(time.monotonic() - begin)
    return numbers.one("vpnscope_packets_total")


def attack(waits):
    """Of each kind; returns how long a slow caller was borne, when there was room."""
    dice, borne = random.Random(20261122), []
    slow = [threading.Thread(target=lambda: borne.append(slow_caller())) for _ in range(5)]
    for thread in slow:
        thread.start()
    counts = [answered(waits)]
    while any(thread.is_alive() for thread in slow):
        time.sleep(0.5)
        counts.append(answered(waits))
    idle = []
    for i in range(CALLERS):
        idle.append(open_one())
        if i % 3 == 0:
            idle[-1].sendall(b"GET /metrics HTTP/1.1\r\n")  # and then nothing
        if i % 100 == 0:
            counts.append(answered(waits))
    garbage(dice)
    counts.append(answered(waits))
    large_heads()
    counts.append(answered(waits))
    hasty = [open_one() for _ in range(20)]
    for s in hasty:  # who asks and does not read
        s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
    counts.append(answered(waits))
    for s in idle + hasty:
        s.close()
    assert flood(2) > 100
    counts.append(answered(waits))
    assert counts == sorted(counts) and len(set(counts)) > len(counts) // 2, counts
    return max(borne)


def hostile_callers():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 2 * CALLERS), hard), hard))
    sniffer = Sniffer("sniffed0", "--metrics", str(PORT), "--json")
    player = Player(recorded("interleaved"))
    waits = []
    try:
        answered(waits)
        handles, memory = len(os.listdir("/proc/%d/fd" % sniffer.process.pid)), int(state(sniffer.process)["VmRSS"].split()[0])
        borne = attack(waits)
    finally:
        sent = player.end()
    cable.wait_for(lambda: scrape().one("vpnscope_packets_total") == sent, TIMEOUT, "all packets")
    now = state(sniffer.process)
    assert "--unfiltered" in sys.argv or now["Seccomp"] == "2", now["Seccomp"]
    assert now["Threads"] == "1", now["Threads"]
    cable.wait_for(lambda: len(os.listdir("/proc/%d/fd" % sniffer.process.pid)) <= handles + 1, TIMEOUT, "connections to be closed")
    grown = int(now["VmRSS"].split()[0]) - memory
    lines, errors, _ = sniffer.end()
    assert errors == "", errors
    report = json.loads("\n".join(lines))
    assert (report["captures"][0]["packets"], report["captures"][0]["lost"]) == (sent, 0), report["captures"]
    assert max(waits) < STALL, sorted(waits)[-5:]
    assert 4 < borne < 10, borne
    assert "--unfiltered" in sys.argv or grown < 16384, grown
    print("%d packets beside hostile callers: none lost; who asks well waits %.0f ms at most, who asks slowly is borne %.1f s; "
          "%d KiB more memory" % (sent, max(waits) * 1000, borne, grown))


def checks():
    """--check of an interface: nothing seen, a login that fails, one that comes through."""
    for name, code, begin in ((None, 3, "VPN UNKNOWN: Nothing to judge"), ("nps-untrusted-root", 2, "VPN CRITICAL: Error 864 "),
                              ("peap-mschapv2", 0, "VPN OK: ")):
        sniffer = Sniffer("sniffed0", "--check", "--duration", "2")
        if name is not None:
            cable.play("player0", recorded(name))
        lines, errors, status = sniffer.over()
        assert (status, errors, len(lines)) == (code, "", 1) and lines[0].startswith(begin), (status, errors, lines)
        assert lines[0].count("|") == 1 and " packets=%d;;;0" % len(recorded(name) if name else []) in lines[0], lines[0]
    print("--check of an interface: OK, CRITICAL, UNKNOWN")


def main():
    cable.enter()
    cable.command("ip", "link", "set", "lo", "up")
    cable.lay("player0", "sniffed0")
    exposition.check_itself()
    numbers_are_the_reports()
    only_this_is_answered()
    hostile_callers()
    checks()


main()
