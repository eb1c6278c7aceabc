"""
mirrors.py VPNSCOPE PCAPS: packets that come from elsewhere: a mirror port with all VLANs, a mirror inside VXLAN (UDP 4789, as Azure's
virtual network TAP sends it) or ERSPAN, and somebody else's tcpdump through a pipe: the same verdict, told while it happens.
"""

import json
import signal
import struct
import subprocess
import sys
import time

import cable
from sniffer import Sniffer, TIMEOUT

AT_ONCE = 1.0
OUTER = bytes.fromhex("020000000b02020000000b010800")
COLLECTOR, TAPPED = bytes((10, 9, 0, 4)), bytes((10, 9, 0, 1))


def ipv4(protocol, payload):
    return OUTER + struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0, TAPPED, COLLECTOR) + payload


def vxlan(frame):
    return ipv4(17, struct.pack("!HHHH", 50000, 4789, 16 + len(frame), 0) + struct.pack("!II", 0x08000000, 42 << 8) + frame)


def erspan(frame):
    """Type II, in GRE with a sequence number."""
    return ipv4(47, struct.pack("!HHI", 0x1000, 0x88be, 7) + struct.pack("!HHI", 0x1000 | 10, 5, 0) + frame)


def tagged(frame):
    return frame[:12] + struct.pack("!HH", 0x8100, 0x2000 | 30) + frame[12:]


def events_until_the_end(line):
    """Until a session is over: its events."""
    seen, begin = [], time.monotonic()
    while not seen or seen[-1]["event"] != "session_ended":
        seen.append(line(max(begin + AT_ONCE - time.monotonic(), 0.01)))
        assert seen[-1] is not None, "no session within a second: %s" % seen
    return seen, time.monotonic() - begin


def judged(name, seen, late):
    assert "cert-untrusted-root" in [e.get("id") for e in seen], (name, seen)
    assert seen[-1]["outcome"] == "rejected" and seen[-1]["client_error"]["code"] == 864, (name, seen[-1])
    print("%-28s error 864, told %.2f s after its last packet" % (name, late))


def mirrored(recorded):
    for name, wrap, more in (("a mirror port", lambda frame: frame, ()), ("a mirror port with VLANs", tagged, ()),
                             ("VXLAN", vxlan, ("-f", "udp port 4789")), ("ERSPAN", erspan, ("-f", "ip proto 47"))):
        sniffer = Sniffer("sniffed0", "--jsonl", *more)
        cable.play("player0", [(when, wrap(frame)) for when, frame in recorded])
        judged(name, *events_until_the_end(sniffer.line))
        lines, errors, status = sniffer.end()
        assert (errors, status, json.loads(lines[-1])["captures"][0]["packets"]) == ("", 1, len(recorded)), (name, errors, lines)


def piped(recorded):
    """The pipe of `ssh HOST tcpdump ... | vpnscope -r -`, without the ssh."""
    tcpdump = subprocess.Popen(["tcpdump", "-i", "sniffed0", "-Z", "root", "-U", "--immediate-mode", "-s", "0", "-w", "-"], stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    ours = subprocess.Popen([sys.argv[1], "--jsonl", "--trusted-root", sys.argv[2] + "/pki/root.pem", "-r", "-"], stdin=tcpdump.stdout,
                            stdout=subprocess.PIPE, text=True)
    tcpdump.stdout.close()
    cable.wait_for(lambda: cable.sniffs(tcpdump), TIMEOUT, "tcpdump to sniff")
    cable.play("player0", recorded)
    judged("tcpdump's pipe", *events_until_the_end(lambda _: json.loads(ours.stdout.readline())))
    tcpdump.send_signal(signal.SIGINT)
    tcpdump.wait(TIMEOUT)
    last = ours.communicate(timeout=TIMEOUT)[0].splitlines()[-1]
    assert ours.returncode == 1 and json.loads(last)["captures"][0]["packets"] == len(recorded), (ours.returncode, last)


def main():
    cable.enter("tcpdump")
    cable.lay("player0", "sniffed0")
    recorded = cable.frames(sys.argv[2] + "/nps-untrusted-root.pcap")
    mirrored(recorded)
    piped(recorded)


main()
