"""tcpdump and dumpcap: recording on one interface of one node, and small changes of what was recorded."""

import os
import signal
import struct
import subprocess
import time

import network

FILTER = "not arp and not icmp6"


class Recorder:
    """Records from the moment it is made until `stop`."""

    def __init__(self, lab, path, node="nas", interface="eth0", snap=0, expression=FILTER):
        self.lab, self.path = lab, path
        log = path + ".log"
        argv = ["tcpdump", "-i", interface, "--immediate-mode", "-Z", "root", "-U", "-s", str(snap), "-w", path,
                expression]
        self.process = lab.network.start(node, argv, log)
        network.wait_for("listening on", log, self.process)

    def stop(self):
        time.sleep(0.15)
        self.lab.network.stop(self.process, signal.SIGINT)


def tool(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def with_secrets(plain, keylog, path):
    """A pcapng with the TLS secrets in a Decryption Secrets Block."""
    tool("editcap", "-F", "pcapng", "--inject-secrets", "tls," + keylog, plain, path)


def from_frame(plain, first, path):
    """The same recording, begun at frame `first`."""
    tool("editcap", "-F", "pcap", "-r", plain, path, "%d-" % first)


def big_endian_nanoseconds(plain, path):
    """Rewrites a pcap of this machine's byte order as big-endian with nanosecond stamps."""
    with open(plain, "rb") as source:
        data = source.read()
    magic, major, minor, zone, digits, snap, link = struct.unpack_from("=IHHiIII", data)
    assert magic == 0xA1B2C3D4
    out = [struct.pack(">IHHiIII", 0xA1B23C4D, major, minor, zone, digits, snap, link)]
    offset = 24
    while offset < len(data):
        seconds, micros, captured, length = struct.unpack_from("=IIII", data, offset)
        out.append(struct.pack(">IIII", seconds, micros * 1000, captured, length))
        out.append(data[offset + 16:offset + 16 + captured])
        offset += 16 + captured
    with open(path, "wb") as target:
        target.write(b"".join(out))


def compress(plain, path):
    with open(path, "wb") as out:
        argv = ("gzip", "-n", "-9", "-c", plain) if path.endswith(".gz") else ("zstd", "-q", "-19", "-c", plain)
        subprocess.run(argv, check=True, stdout=out)


def size(path):
    return os.path.getsize(path)
