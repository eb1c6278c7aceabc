"""
logs.py VPNSCOPE PCAPS: the file of --output: by size and by SIGHUP, on a full disk. No line is lost, torn, or in two files: what
the files hold together is what standard output gets. Nothing is sniffed, so no rights are needed.
"""

import glob
import json
import os
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time

TIMEOUT = 120
MIB = 1 << 20
NANOSECONDS = 0xa1b23c4d
RAW_IP = 101


def run(*more):
    done = subprocess.run([sys.argv[1], "--jsonl", *more], capture_output=True, timeout=TIMEOUT, check=False)
    return done.returncode, done.stdout, done.stderr.decode()


def numbered(path):
    """The oldest first."""
    names = sorted(glob.glob(path + ".*"), key=lambda name: -int(name.rsplit(".", 1)[1]))
    return names + [path]


def read(name):
    with open(name, "rb") as f:
        return f.read()


def parsed(text):
    assert text.endswith(b"\n"), text[-80:]
    return [json.loads(line) for line in text.splitlines()]


def checksum(data):
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def refusal(number):
    """Frames of a login that PAP refuses: an Access-Request and its Access-Reject, of a client of its own."""
    client, server = struct.pack(">I", 0x0a140000 + number), bytes((10, 20, 1, 11))
    request = struct.pack(">BBH16s", 1, number % 256, 34, struct.pack(">16x")) + b"\x01\x07alice" + b"\x04\x06" + client
    request = request[:2] + struct.pack(">H", len(request)) + request[4:]
    answer = struct.pack(">BBH16s", 3, number % 256, 20, struct.pack(">16x"))
    frames = []
    for source, target, ports, data in ((client, server, (20000, 1812), request), (server, client, (1812, 20000), answer)):
        frames.append(datagram(source, target, ports, data, number & 0xffff))
    return frames


def datagram(source, target, ports, data, number=0):
    udp = struct.pack(">HHHH", *ports, 8 + len(data), 0) + data
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), number, 0, 64, 17, 0, source, target)
    return ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:] + udp


def ethernet(packet):
    return bytes.fromhex("020000000002" "020000000001" "0800") + packet


def records(first, count):
    out = b""
    for number in range(first, first + count):
        for i, frame in enumerate(refusal(number)):
            out += struct.pack("<IIII", 1790000000 + number // 100, number % 100 * 10000000 + i * 1000000, len(frame), len(frame)) + frame
    return out


def header():
    return struct.pack("<IHHiIII", NANOSECONDS, 2, 4, 0, 0, 65535, RAW_IP)


class Reader:
    """The program while it reads packets from a pipe, with a file for its events."""

    def __init__(self, path, *more):
        self.process = subprocess.Popen([sys.argv[1], "--jsonl", "--output", path, *more, "-r", "-"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.path = path
        self.feed(header())

    def feed(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def over(self):
        self.process.stdin.close()
        self.process.wait(TIMEOUT)
        assert self.process.stdout.read() == b""
        return self.process.returncode, self.process.stderr.read().decode()


def wait_until(condition, what):
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, "waited in vain for " + what
        time.sleep(0.01)


def by_size(folder):
    """All files together hold the lines of standard output; none is longer than it may be; of more the oldest go."""
    capture, path = os.path.join(folder, "many.pcap"), os.path.join(folder, "events.jsonl")
    with open(capture, "wb") as f:
        f.write(header() + records(0, 4000))
    status, wanted, errors = run(capture)
    assert len(wanted) > 4 * MIB and errors == "", (len(wanted), errors)
    for files in (30, 3):
        assert run("--output", path, "--rotate-size", "1", "--rotate-files", str(files), capture) == (status, b"", "")
        names = numbered(path)
        texts = [read(name) for name in names]
        assert all(len(text) <= MIB or text.count(b"\n") == 1 for text in texts), [len(text) for text in texts]
        for text in texts:
            parsed(text)
        together = b"".join(texts)
        if files == 30:
            assert together == wanted and len(names) > 4, (len(names), len(together), len(wanted))
        else:
            assert len(names) == 3 and wanted.endswith(together) and len(together) > MIB, (names, len(together))
        for name in names:
            os.remove(name)
    print("by size: %d lines in files of at most 1 MiB, as on standard output" % wanted.count(b"\n"))


def goes_on_behind(folder):
    """A run that begins finds the lines of the one before, and adds to them."""
    path, capture = os.path.join(folder, "again.jsonl"), os.path.join(folder, "many.pcap")
    with open(capture, "wb") as f:
        f.write(header() + records(0, 3))
    _, wanted, _ = run(capture)
    for _ in range(2):
        run("--output", path, capture)
    assert read(path) == 2 * wanted
    print("a second run adds its lines")


def by_hangup(folder):
    """Renamed away, SIGHUP: what comes later is in a new file, also when it comes many times in a row."""
    path = os.path.join(folder, "hangup.jsonl")
    reader = Reader(path)
    names = []
    for turn in range(8):
        reader.feed(records(turn * 50, 50))
        wait_until(lambda turn=turn: os.path.exists(path) and b"session_ended" in read(path), "lines")
        names.append("%s-%d" % (path, turn))
        os.rename(path, names[-1])
        reader.process.send_signal(signal.SIGHUP)
    reader.feed(records(8 * 50, 50))
    status, errors = reader.over()
    assert (status, errors) == (1, ""), (status, errors)
    texts = [read(name) for name in names + [path]]
    capture = os.path.join(folder, "whole.pcap")
    with open(capture, "wb") as f:
        f.write(header() + records(0, 450))
    _, wanted, _ = run(capture)
    ours, theirs = [parsed(text) for text in (b"".join(texts), wanted)]
    assert [e for e in ours if e["event"].startswith("session")] == \
        [e | {"capture": "standard input"} if "capture" in e else e for e in theirs if e["event"].startswith("session")]
    assert len(ours) == len(theirs), (len(ours), len(theirs))
    print("by SIGHUP: %d lines in %d files" % (len(ours), len(texts)))


def copied_and_cut(folder):
    """By who copies what it holds and cuts it (copytruncate): what it holds counts, not what was written into it."""
    path = os.path.join(folder, "cut.jsonl")
    reader = Reader(path, "--rotate-size", "1")
    for turn in range(3):
        reader.feed(records(turn * 700, 700))
        wait_until(lambda: os.path.getsize(path) > 700000, "lines")
        time.sleep(0.2)
        assert numbered(path) == [path], numbered(path)
        os.truncate(path, 0)
    assert reader.over()[0] == 1
    parsed(read(path))
    assert b"\0" not in read(path)
    print("copied and cut by others: it goes on at its beginning")


def disk_is_full(folder):
    """Said once; counted; when there is room again lines go on. Here the room is what the process may write into one file."""
    path = os.path.join(folder, "full.jsonl")
    earlier = b'{"event":"earlier"}\n' * 500000  # its file of finished sessions is shorter
    with open(path, "wb") as f:
        f.write(earlier)
    reader = Reader(path)
    reader.feed(records(0, 20))
    wait_until(lambda: os.path.getsize(path) > len(earlier) + 10000, "lines")
    room = 0
    while room != os.path.getsize(path) + 1000:  # until all that was fed is told
        room = os.path.getsize(path) + 1000
        time.sleep(1)
    resource.prlimit(reader.process.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    reader.feed(records(20, 200))
    first = reader.process.stderr.readline().decode()
    assert first.startswith("vpnscope: %s: events are not written as long as this lasts: " % path), first
    time.sleep(0.5)
    assert os.path.getsize(path) <= room
    parsed(read(path)[len(earlier):])
    resource.prlimit(reader.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    reader.feed(records(220, 100))
    status, errors = reader.over()
    lines = parsed(read(path)[len(earlier):])
    goes_on = "vpnscope: %s: events are written again; left out: " % path
    assert status == 2 and errors.startswith(goes_on) and errors.count("\n") == 1, (status, errors)
    capture = os.path.join(folder, "whole.pcap")
    with open(capture, "wb") as f:
        f.write(header() + records(0, 320))
    _, wanted, _ = run(capture)
    left_out = int(errors[len(goes_on):])
    assert len(lines) + left_out == wanted.count(b"\n") and lines[-1]["event"] == "summary", (len(lines), left_out, wanted.count(b"\n"))
    print("a full disk: two lines; %d events written, %d left out" % (len(lines), left_out))


def cannot_be_opened(folder):
    status, out, errors = run("--output", folder, sys.argv[2] + "/sstp-nak.pcap")
    assert (status, out) == (2, b"") and errors.startswith("vpnscope: --output: %s: " % folder) and errors.count("\n") == 1, errors
    os.mkfifo(folder + "/pipe")
    for flags in (None, os.O_RDONLY | os.O_NONBLOCK):  # without a reader, and with one, who may stall
        reader = os.open(folder + "/pipe", flags) if flags is not None else None
        status, out, errors = run("--output", folder + "/pipe", sys.argv[2] + "/sstp-nak.pcap")
        assert (status, out, errors) == (2, b"", "vpnscope: --output: %s/pipe: it is a pipe\n" % folder), (status, errors)
        if reader is not None:
            os.close(reader)
    print("a file that cannot be opened, and a pipe: one line")


def main():
    with tempfile.TemporaryDirectory() as folder:
        by_size(folder)
        goes_on_behind(folder)
        by_hangup(folder)
        copied_and_cut(folder)
        disk_is_full(folder)
        cannot_be_opened(folder)


if __name__ == "__main__":
    main()
