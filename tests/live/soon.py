"""
soon.py VPNSCOPE PCAPS: findings are told within a second of the packet that decides, and none that the finished report has not.
Recordings come through a pipe, frame by frame; between their frames and behind them come others that mean nothing, so that
capture time goes on as it does on an interface. Whenever the program has read all that there is, what it has told by then has the
time of the last frame.
"""

import array
import calendar
import concurrent.futures
import fcntl
import glob
import json
import os
import struct
import subprocess
import sys
import termios
import time

import cable

TIMEOUT = 120
SECOND = 10 ** 9
TICK = SECOND // 4
NANOSECONDS = 0xa1b23c4d
NOTHING = b"\xff" * 6 + b"\x02\0\0\0\0\x01" + b"\x88\xb5" + b"\0" * 46  # an EtherType for local experiments
STANDS = 600  # seconds
MARKS = (5.5, 31, 121, 127, 602, 1802)  # seconds of silence
KEYS = (("--keylog", ".keylog"), ("--ike-keys", ".ikev2_decryption_table"))

# With keys or without, the frame that decides (as tshark shows it), what must be told within a second of it, and nothing follows.
DECIDED = [
    ("nps-untrusted-root", False, 8, "cert-untrusted-root"),            # Access-Reject
    ("nps-untrusted-root", False, 7, "eap-client-rejected-certificate"),  # the alert alone: the server never answers
    ("server-alert-version", False, 7, "eap-tls-handshake-failed"),     # the server's alert in an Access-Reject
    ("sstp-untrusted-root", False, 10, "cert-untrusted-root"),          # Alert: Unknown CA
    ("sstp-untrusted-root-tls13", True, 12, "cert-untrusted-root"),
    ("sstp-nak", True, 17, "sstp-call-nak"),                            # SSTP_MSG_CALL_CONNECT_NAK
    ("sstp-abort", True, 388, "sstp-call-abort"),                       # SSTP_MSG_CALL_ABORT
    ("sstp-http-503", True, 15, "sstp-http-error"),                     # HTTP/1.1 503
    ("sstp-refused", False, 5, "sstp-refused"),                         # RST
    ("sstp-reset-after-hello", False, 6, "sstp-tls-alert"),             # RST after the ClientHello
    ("sstp-wrong-password", True, 31, "ppp-authentication-failed"),     # LCP Terminate after CHAP's failure with R=1
    ("sstp-untrusted-nps", True, 36, "cert-untrusted-root"),            # EAP-Failure inside of PPP
    ("ike-no-proposal", False, 2, "ike-no-proposal-chosen"),            # NO_PROPOSAL_CHOSEN
    ("ike-computer-refused", True, 5, "ike-auth-failed"),               # AUTHENTICATION_FAILED
    ("ike-computer-refused", False, 5, "ike-auth-failed"),              # by its length
    ("ike-child-no-proposal", True, 14, "ike-no-proposal-chosen"),      # for the child
    ("ike-untrusted-nps", True, 14, "cert-untrusted-root"),             # the client's alert inside of EAP
    ("ike-untrusted-server", True, 6, "cert-untrusted-root"),           # the client's Delete
    ("ike-untrusted-server", False, 6, "ike-auth-failed"),
    ("ike-wrong-password-peap", True, 23, "eap-credentials-rejected"),  # EAP-Failure
]
# Here nothing is told a second after the frame: what follows may make it good.
OPEN = [
    ("sstp-wrong-password", True, 30),  # CHAP's failure with R=1: another password is welcome
    ("ike-wrong-password", True, 9),    # EAP goes on
    ("ike-invalid-ke", False, 2),       # INVALID_KE_PAYLOAD: the client tries the other group
    ("ike-cookie", False, 2),           # COOKIE
    ("sstp-mschapv2", True, 20),
    ("peap-mschapv2", False, 6),
]
# What rests on silence, and how long after the last packet it is told at the latest.
SILENT = {"radius-no-answer": 121, "radius-fragments-lost": 121, "eap-client-silent-after-certificate": 121, "eap-unfinished": 1802,
          "eap-fragments-lost": 121, "ike-no-answer": 121, "ike-auth-unanswered": 121, "ike-fragments-lost": 1802, "ike-invalid-ke": 121,
          "ike-backend-split": 121, "ike-auth-failed": 121, "sstp-no-answer": 602, "ppp-negotiation-failed": 121}
# Read, it is told at once; by lengths, when the connection is over and nothing followed.
SILENT["sstp-http-error"] = 10
# That somebody only knocks rests on it that nothing follows.
KNOCKS = {"ike-weak-proposal"}
SILENT["knock"] = 602
# A tunnel that stands is waited for longer than a login: its server may speak again, its keys may yet be renewed. An 802.1X port is
# for two minutes, and then for the RADIUS login that belongs to it.
STANDING = {("ike-server-vanishes", "ike-no-answer"): 1802, ("ike-renewal-refused", "ike-no-proposal-chosen"): 1802,
            ("eapol-radius-dead", "radius-no-answer"): 127}
# Other sessions may show what this one does not; a client that never says what it makes of a certificate; what is of interest
# when the tunnel is up, or over.
LATER = {"cert-unseen", "cert-revoked", "sstp-tls-offloaded"}
# Seen from the client's side only a long search tells what the server sees of it, which is made in the end.
SEARCHED = {("nat-snat-client", "snat-hides-clients"), ("nat-snat-limit-outside", "snat-hides-clients")}
# Only the sessions of its neighbour say that it is a VPN server's port that nobody listens at; only the end of a tunnel that does not
# go on, that its client took a certificate of another root.
UNKNOWN_YET = {("sstp-one-server-down", "sstp-refused"), ("sstp-large-lost-inside", "cert-untrusted-root"),
               ("sstp-large-lost-inside-client", "cert-untrusted-root")}
# Only another client that is answered later says that the server answers some.
REFINED = {"ike-no-answer"}
# Only that they come as regularly for the fifth time says that they are a monitor's connections.
REGULAR = {("sstp-certificate-watched", "sstp-tls-alert")}


def nanoseconds(text):
    seconds, fraction = (text[:-1].split(".") + ["0"])[:2]
    return calendar.timegm(time.strptime(seconds, "%Y-%m-%dT%H:%M:%S")) * SECOND + int(fraction.ljust(9, "0"))


def frames_of(name):
    """(nanoseconds, bytes, length on the wire), and the link type."""
    with open("%s/%s.pcap" % (sys.argv[2], name), "rb") as f:
        data = f.read()
    formats = {b"\xd4\xc3\xb2\xa1": ("<", 1000), b"\x4d\x3c\xb2\xa1": ("<", 1), b"\xa1\xb2\xc3\xd4": (">", 1000)}
    if data[:4] not in formats:  # headers of other lengths
        return [], 0
    order, unit = formats[data[:4]]
    out, at = [], 24
    while at + 16 <= len(data):
        seconds, fraction, caught, length = struct.unpack(order + "IIII", data[at:at + 16])
        out.append((seconds * SECOND + fraction * unit, data[at + 16:at + 16 + caught], length))
        at += 16 + caught
    return out, struct.unpack(order + "I", data[20:24])[0] & 0xffff


def options_for(name, keys):
    out = ["--trusted-root", sys.argv[2] + "/pki/root.pem", "--server-name", "nps01.corp.contoso.com"]
    for option, ending in KEYS:
        path = "%s/%s%s" % (sys.argv[2], name, ending)
        if keys and os.path.exists(path):
            out += [option, path]
    return out


class Pipe:
    """The program behind a pipe; told: (capture time, event)."""

    def __init__(self, name, keys, link_type):
        self.process = subprocess.Popen([sys.argv[1], "--jsonl", *options_for(name, keys), "-r", "-"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
        self.told, self.text, self.now = [], b"", 0
        os.set_blocking(self.process.stdout.fileno(), False)
        self.process.stdin.write(struct.pack("<IHHiIII", NANOSECONDS, 2, 4, 0, 0, 262144, link_type))

    def send(self, when, data=NOTHING, length=None):
        length = len(data) if length is None else length
        self.process.stdin.write(struct.pack("<IIII", when // SECOND, when % SECOND, len(data), length) + data)
        self.now = when

    def idle(self):
        """It sleeps, and nothing waits in the pipe."""
        waiting = array.array("i", [0])
        fcntl.ioctl(self.process.stdin.fileno(), termios.FIONREAD, waiting)
        with open("/proc/%d/stat" % self.process.pid, encoding="ascii") as f:
            return waiting[0] == 0 and f.read().rsplit(")", 1)[1].split()[0] == "S"

    def take(self):
        try:
            while True:
                read = os.read(self.process.stdout.fileno(), 65536)
                if not read:
                    return
                self.text += read
        except BlockingIOError:
            pass

    def settle(self):
        """All was read; lines that came have this time."""
        quiet, end = 0, time.monotonic() + TIMEOUT
        while quiet < 2:
            assert time.monotonic() < end, "it does not come to rest"
            self.take()
            quiet = quiet + 1 if self.idle() else 0
            time.sleep(0.0003)
        self.take()
        *lines, self.text = self.text.split(b"\n")
        self.told += [(self.now, json.loads(line)) for line in lines]

    def pause(self):
        """What takes a part of the time at the most has its turn."""
        time.sleep(0.5)
        self.silence(self.now + 15 * SECOND)

    def silence(self, until):
        """Nothing but time: each quarter of a second at first, then less often."""
        begin = self.now
        marks = [begin + k * TICK for k in range(1, 5)] + [begin + int(mark * SECOND) for mark in MARKS]
        for mark in marks:
            while self.now < min(mark, until):
                self.send(min(self.now + (TICK if self.now - begin < 10 * SECOND else SECOND), mark, until))
                self.take()
            self.settle()
            if self.now >= until:
                return

    def over(self):
        self.process.stdin.close()
        os.set_blocking(self.process.stdout.fileno(), True)
        text = self.text + self.process.stdout.read()
        self.process.wait(TIMEOUT)
        self.told += [(None, json.loads(line)) for line in text.splitlines()]
        return self.told


def feed(pipe, frames):
    few = len(frames) <= 400
    for when, data, length in frames:
        if pipe.now and when - pipe.now > TICK:
            pipe.silence(when)
        pipe.send(when, data, length)
        if few:
            pipe.settle()


def decided(case):
    name, keys, count, wanted = case
    frames, link_type = frames_of(name)
    pipe = Pipe(name, keys, link_type)
    feed(pipe, frames[:count])
    last = frames[count - 1][0]
    pipe.silence(last + SECOND)
    told = [e["id"] for when, e in pipe.told if e["event"] == "finding" and when <= last + SECOND]
    pipe.over()
    return [] if wanted in told else ["%s, frame %d: %s is not told within a second: %s" % (name, count, wanted, told)]


def still_open(case):
    name, keys, count = case
    frames, link_type = frames_of(name)
    pipe = Pipe(name, keys, link_type)
    feed(pipe, frames[:count])
    pipe.silence(frames[count - 1][0] + SECOND)
    told = [e["id"] for _, e in pipe.told if e["event"] == "finding"]
    pipe.over()
    return ["%s, frame %d: told too early: %s" % (name, count, told)] if told else []


def standing(name, when, event):
    """The same of what the captures as a whole show: looked at now and then; what is not certain has to stand for ten minutes."""
    shown = [nanoseconds(place["time"]) for place in event["evidence"] if place.get("time")]
    first = min(shown) if shown else 0
    comes_and_goes = event["id"] in ("backend-down", "backend-attempts-to-dead")
    sure = event["confidence"] == "certain" and not event["id"].startswith("nic-")
    if when is None:
        return "%s: %s is told when nothing comes any more" % (name, event["id"])
    if event["severity"] == "info" or event["confidence"] == "hint" or not (sure or comes_and_goes or when - first >= STANDS * SECOND):
        return "%s: %s (%s) is told after %.2f s" % (name, event["id"], event["confidence"], (when - first) / SECOND)
    return None


def lateness(name, when, event, last):
    """What is wrong with when this finding was told; None when nothing is."""
    if event["exchange"] is None:
        return standing(name, when, event)
    shown = [nanoseconds(place["time"]) for place in event["evidence"] if place.get("time")]
    decides = max(shown + [nanoseconds(event["time"])])
    if event["id"] in LATER or (name, event["id"]) in UNKNOWN_YET | REGULAR or (when is not None and when - decides <= SECOND):
        return None
    limit = SILENT.get("knock" if event["severity"] == "info" and event["id"] in KNOCKS else event["id"])
    limit = STANDING.get((name, event["id"]), limit)
    if limit is not None and when is not None and when - last <= limit * SECOND:
        return None
    return "%s: %s is told %s after what shows it" % (name, event["id"], "at the end, not" if when is None else
                                                      "%.2f s" % ((when - decides) / SECOND))


def not_told(name, findings, final):
    """What the report warns of and was not told; why is known of some."""
    ids = {e["id"] for when, e in findings if when is not None}
    return [f["id"] for f in final if f["severity"] != "info" and f["confidence"] != "hint" and f["id"] not in ids and
            (name, f["id"]) not in SEARCHED]


def tell(name, keys, frames, link_type, slowly):
    pipe = Pipe(name, keys, link_type)
    feed(pipe, frames)
    last = pipe.now
    if slowly:
        pipe.pause()
    pipe.silence(last + int(MARKS[-1] * SECOND))
    if slowly:
        pipe.pause()
    return pipe.over(), last


def whole(case):
    name, keys = case
    frames, link_type = frames_of(name)
    if not frames:
        return []
    for slowly in (False, True):
        told, last = tell(name, keys, frames, link_type, slowly)
        findings = [(when, e) for when, e in told if e["event"] == "finding"]
        final = told[-1][1]["findings"]
        missing = not_told(name, findings, final)
        if not missing:
            break
    titles = {(f["id"], f["title"]) for f in final}
    wrong = [lateness(name, when, e, last) for when, e in findings]
    wrong += ["%s: %s was told, and is not in the report: %s" % (name, e["id"], e["title"]) for _, e in findings
              if (e["id"], e["title"]) not in titles and (name, e["id"]) not in REGULAR and
              ((e["exchange"] is not None and e["id"] not in REFINED) or e["id"] not in {f["id"] for f in final})]
    wrong += ["%s: %s is told in the report only" % (name, wanted) for wanted in missing]
    return [w for w in wrong if w]


def main():
    names = sorted(os.path.basename(path)[:-5] for path in glob.glob(sys.argv[2] + "/*.pcap"))
    with_keys = [name for name in names if any(os.path.exists("%s/%s%s" % (sys.argv[2], name, ending)) for _, ending in KEYS)]
    recordings = [(name, False) for name in names] + [(name, True) for name in with_keys]
    wrong = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for work, cases in ((decided, DECIDED), (still_open, OPEN), (whole, recordings)):
            for result in pool.map(work, cases):
                wrong += result
    print("\n".join(wrong))
    print("%d deciding packets, %d that do not decide, %d recordings, %d of them with keys: %d deviations" %
          (len(DECIDED), len(OPEN), len(names), len(with_keys), len(wrong)))
    return 1 if wrong or not names else 0


if not os.path.exists("/proc/self/stat"):
    cable.skip("needs /proc to see when the program has read all")
sys.exit(main())
