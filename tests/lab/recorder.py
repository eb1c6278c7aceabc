"""tcpdump and dumpcap: recording on one interface of one node, and small changes of what was recorded."""

import os
import signal
import struct
import subprocess
import time

import network
import watcher

# Neighbour discovery and multicast reports (behind a hop-by-hop header) are no part of any scenario.
FILTER = "not arp and not icmp6 and not (ip6 and ip6[6] = 0)"


class Recorder:
    """Records from the moment it is made until `stop`."""

    def __init__(self, lab, path, node="nas", interface="eth0", snap=0, expression=FILTER):
        self.lab, self.path = lab, path
        log = path + ".log"
        self.process = lab.network.start(node, self.command(interface, snap, expression), log)
        network.wait_for(self.ready, log, self.process)
        self.watcher = watcher.begin(lab, node, interface, expression)

    ready = "listening on"
    delay = 0.15

    def command(self, interface, snap, expression):
        return ["tcpdump", "-i", interface, "--immediate-mode", "-Z", "root", "-U", "-s", str(snap), "-w", self.path,
                expression]

    def stop(self):
        time.sleep(self.delay)
        if self.watcher is not None:
            self.watcher.stop()
        self.lab.network.stop(self.process, signal.SIGINT)
        os.chmod(self.path, 0o644)


class Dumpcap(Recorder):
    """The same with dumpcap, which writes pcapng."""

    def command(self, interface, snap, expression):
        return ["dumpcap", "-q", "-n", "-i", interface, "-f", expression, "-w", self.path]

    # It prints this before its first packet can arrive, and has no immediate mode.
    ready = "File:"
    delay = 1.0


def tool(*argv):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def with_secrets(plain, keylog, path):
    """A pcapng with the TLS secrets in a Decryption Secrets Block."""
    tool("editcap", "-F", "pcapng", "--inject-secrets", "tls," + keylog, plain, path)


def part(plain, first, last, path):
    """Frames `first` to `last` of a recording; 0 is the end."""
    tool("editcap", "-F", "pcap", "-r", plain, path, "%d-%d" % (first, last))


def from_frame(plain, first, path):
    """The same recording, begun at frame `first`."""
    part(plain, first, 0, path)


def shift(plain, seconds, path):
    """The same recording by a clock that is ahead by `seconds`."""
    tool("editcap", "-F", "pcap", "-t", str(seconds), plain, path)


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


def cut_packets(plain, length, path):
    """The same recording with at most `length` bytes of each packet."""
    tool("editcap", "-F", "pcap", "-s", str(length), plain, path)


def matching(plain, expression, path):
    """The packets that match a capture filter."""
    tool("tcpdump", "-r", plain, "-w", path, expression)


def merge(parts, path):
    """One pcapng with an interface for each of `parts`."""
    tool("mergecap", "-F", "pcapng", "-w", path, *parts)


def comment(plain, path, notes):
    """A pcapng with a note of somebody's at some frames; at 0: of the capture."""
    options = [word for frame, text in notes.items()
               for word in (("-a", "%d:%s" % (frame, text)) if frame else ("--capture-comment", text))]
    tool("editcap", "-F", "pcapng", *options, plain, path)


def compress(plain, path):
    with open(path, "wb") as out:
        argv = ("gzip", "-n", "-9", "-c", plain) if path.endswith(".gz") else ("zstd", "-q", "-19", "-c", plain)
        subprocess.run(argv, check=True, stdout=out)


def frames(path, expression, keylog=None, directory=None, options=()):
    """Numbers of the frames that match a display filter; `directory`: tshark's configuration, with IKE keys."""
    secrets = ("-o", "tls.keylog_file:" + keylog) if keylog else ()
    out = subprocess.run(("tshark", "-n", "-r", path, *secrets, *options, "-Y", expression, "-T", "fields", "-e", "frame.number"),
                         check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         env={**os.environ, **({"WIRESHARK_CONFIG_DIR": directory} if directory else {})}).stdout
    return [int(line) for line in out.split()]
