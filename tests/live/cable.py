"""A network namespace with virtual cables, and a player that sends a recording's frames into them."""

import os
import shutil
import socket
import struct
import subprocess
import sys
import time

SKIPPED = 77
ETHERNET = 1
SO_TIMESTAMPNS = 35
INSIDE = "VPNSCOPE_TEST_INSIDE"


def skip(reason):
    print("SKIPPED: " + reason)
    sys.exit(SKIPPED)


def enter(*programs):
    """Starts this test again in a network namespace of its own."""
    for name in ("ip", "unshare") + programs:
        if shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") is None:
            skip(name + " is not installed")
    if INSIDE in os.environ:
        return
    if os.geteuid() != 0:
        skip("sniffing in a network namespace needs root")
    if subprocess.run(["unshare", "--net", "ip", "link", "set", "lo", "up"], capture_output=True, check=False).returncode != 0:
        skip("no network namespaces allowed here")
    os.environ[INSIDE] = "1"
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    os.execvp("unshare", ["unshare", "--net", sys.executable, "-B"] + sys.argv)


def command(*words):
    subprocess.run(words, check=True)


def lay(one, other):
    """A cable with these two ends, on which the kernel says nothing of its own."""
    command("ip", "link", "add", one, "type", "veth", "peer", "name", other)
    for end in (one, other):
        with open("/proc/sys/net/ipv6/conf/%s/disable_ipv6" % end, "w", encoding="ascii") as f:
            f.write("1")
        command("ip", "link", "set", end, "mtu", "9000", "up", "arp", "off")


def keep_time():
    """
    A socket that, while it is open, makes the kernel stamp each packet once, when it arrives, and not again for each reader:
    two programs that sniff side by side see the same times.
    """
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    return s


def frames(path):
    """(time in seconds, bytes) of a pcap file of Ethernet frames; None when it is of another kind."""
    with open(path, "rb") as f:
        data = f.read()
    formats = {b"\xd4\xc3\xb2\xa1": ("<", 1e-6), b"\x4d\x3c\xb2\xa1": ("<", 1e-9), b"\xa1\xb2\xc3\xd4": (">", 1e-6)}
    order, unit = formats.get(data[:4], (None, None))
    if order is None or struct.unpack(order + "I", data[20:24])[0] & 0xffff != ETHERNET:
        return None
    out, at = [], 24
    while at + 16 <= len(data):
        seconds, fraction, caught, length = struct.unpack(order + "IIII", data[at:at + 16])
        if caught == length:
            out.append((seconds + fraction * unit, data[at + 16:at + 16 + caught]))
        at += 16 + caught
    return out


def raw(end):
    """A socket that sends frames into an end."""
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((end, 0))
    return s


def play(end, recorded, most_gap=0.01):
    """Sends frames with their gaps, none longer than most_gap seconds."""
    with raw(end) as s:
        before = None
        for when, data in recorded:
            gap = min(max(when - before, 0), most_gap) if before is not None else 0
            if gap > 0.0005:
                time.sleep(gap)
            before = when
            s.send(data)
    return len(recorded)


def wait_for(condition, seconds, what):
    """Until the condition holds; a test fails with what it waited for."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("waited in vain for " + what)


def sniffs(process, sockets=1):
    """True when a process (the program or what it compares with) has so many packet sockets that are running."""
    held = set()
    try:
        for fd in os.listdir("/proc/%d/fd" % process.pid):
            target = os.readlink("/proc/%d/fd/%s" % (process.pid, fd))
            if target.startswith("socket:["):
                held.add(target[8:-1])
        with open("/proc/net/packet", encoding="ascii") as f:
            running = {line.split()[8] for line in f.readlines()[1:] if line.split()[5] == "1" and line.split()[4] != "0"}
    except OSError:
        return False
    return len(held & running) >= sockets
