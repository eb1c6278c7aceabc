"""Frames in memory, and the same frames as files of other formats and in other wrappings."""

import gzip
import struct

MICRO, NANO = 0xA1B2C3D4, 0xA1B23C4D
ETHERNET, PPP_IP, PPP_IP6 = 1, 0x0021, 0x0057
IP4, IP6 = b"\x08\x00", b"\x86\xdd"
OUTER = b"\x02\0\0\0\xaa\x01\x02\0\0\0\xaa\x02"  # nobody's cards


class Frame:
    """When in nanoseconds; how long it was on the wire; what was kept of it; its number in the recording, if it has one."""

    __slots__ = ("when", "original", "data", "number")

    def __init__(self, when, original, data, number=None):
        self.when, self.original, self.data, self.number = when, original, data, number

    def but(self, data, more=None):
        """The same frame with other octets; longer by so many, else by what they have more."""
        return Frame(self.when, self.original + (len(data) - len(self.data) if more is None else more), data, self.number)

    def at(self, when):
        return Frame(when, self.original, self.data, self.number)


def read(path):
    """Link type and frames of a pcap file; a compressed one too."""
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as source:
        content = source.read()
    order = "<" if content[:1] in (b"\xd4", b"\x4d") else ">"
    magic, _, _, _, _, _, link = struct.unpack(order + "IHHiIII", content[:24])
    if magic not in (MICRO, NANO):
        raise ValueError("%s: no pcap" % path)
    frames, at, unit = [], 24, 1 if magic == NANO else 1000
    while at + 16 <= len(content):
        seconds, part, kept, original = struct.unpack(order + "IIII", content[at:at + 16])
        if at + 16 + kept > len(content):
            raise ValueError("%s: cut off" % path)
        frames.append(Frame(seconds * 10**9 + part * unit, original, content[at + 16:at + 16 + kept], len(frames) + 1))
        at += 16 + kept
    return link, frames


def pcap(link, frames, order="<", nano=False):
    parts = [struct.pack(order + "IHHiIII", NANO if nano else MICRO, 2, 4, 0, 0, 262144, link)]
    for f in frames:
        part = f.when % 10**9
        parts.append(struct.pack(order + "IIII", f.when // 10**9, part if nano else part // 1000, len(f.data), f.original))
        parts.append(f.data)
    return b"".join(parts)


def _block(order, kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def _option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def pcapng(link, frames, order="<", options=False, interfaces=1, resolution=6, identified=False):
    """One section. Frames go to the interfaces in turn; options are a comment, the packet's flags (direction unknown) and a queue.
    Identified as by pktmon: the copies of a frame have one packet id."""
    parts = [_block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))]
    for _ in range(interfaces):
        parts.append(_block(order, 1, struct.pack(order + "HHI", link, 0, 0) + _option(order, 9, bytes([resolution]))
                            + _option(order, 0, b"")))
    usual = _option(order, 1, b"seen at the gate") + _option(order, 2, struct.pack(order + "I", 0)) + _option(order, 6, struct.pack(order + "I", 3))
    for i, f in enumerate(frames):
        tail = _option(order, 5, struct.pack(order + "Q", f.number)) if identified else usual if options else b""
        tail += _option(order, 0, b"") if tail else b""
        units = f.when // 10**(9 - resolution)
        head = struct.pack(order + "IIIII", i % interfaces, units >> 32, units & 0xFFFFFFFF, len(f.data), f.original)
        parts.append(_block(order, 6, head + f.data + b"\0" * (-len(f.data) % 4) + tail))
    return b"".join(parts)


def checksum(octets):
    total = sum(struct.unpack(">%dH" % (len(octets) // 2), octets[:len(octets) & ~1])) + (octets[-1] << 8 if len(octets) % 2 else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def ip4(source, target, protocol, payload, length=None, ttl=64):
    """One without options; the length is that of the whole payload, of which not all may have been kept."""
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + (len(payload) if length is None else length), 0, 0, ttl, protocol, 0, source, target)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def udp4(source, target, ports, payload, length=None):
    whole = 8 + (len(payload) if length is None else length)
    return ip4(source, target, 17, struct.pack(">HHHH", *ports, whole, 0) + payload, whole)


def kind(frame):
    return frame.data[12:14]


def vlan(f):
    return f.but(f.data[:12] + b"\x81\x00\x00\x64" + f.data[12:])


def qinq(f):
    return f.but(f.data[:12] + b"\x88\xa8\x00\x65\x81\x00\x00\x64" + f.data[12:])


def sll(f):
    return f.but(struct.pack(">HHH6s2s", 0, 1, 6, f.data[6:12], b"\0\0") + f.data[12:])


def sll2(f):
    return f.but(f.data[12:14] + struct.pack(">HIHBB6s2s", 0, 3, 1, 0, 6, f.data[6:12], b"\0\0") + f.data[14:])


def raw(f):
    return f.but(f.data[14:])


def pppoe(f):
    inner = PPP_IP if kind(f) == IP4 else PPP_IP6
    return f.but(f.data[:12] + b"\x88\x64" + struct.pack(">BBHHH", 0x11, 0, 7, f.original - 14 + 2, inner) + f.data[14:])


def mpls(f):
    return f.but(f.data[:12] + b"\x88\x47" + struct.pack(">I", 100 << 12 | 0x100 | 64) + f.data[14:])


def _carried(f, protocol, header):
    """Inside of an outer IP packet between two collectors."""
    payload = header + f.data
    length = len(header) + f.original
    if protocol == 17:
        return f.but(OUTER + IP4 + udp4(b"\x0a\xfe\0\x01", b"\x0a\xfe\0\x02", (54321, 4789), payload, length))
    return f.but(OUTER + IP4 + ip4(b"\x0a\xfe\0\x01", b"\x0a\xfe\0\x02", protocol, payload, length))


def vxlan(f):
    return _carried(f, 17, struct.pack(">BxxxI", 8, 77 << 8))


def tzsp(f):
    payload = struct.pack(">BBHBBBB", 1, 0, 1, 0, 10, 1, 80) + b"\1" + f.data
    return f.but(OUTER + IP4 + udp4(b"\x0a\xfe\0\x01", b"\x0a\xfe\0\x02", (54321, 37008), payload, 9 + f.original))


def backbone(f):
    return f.but(OUTER + b"\x88\xa8\0\x64\x88\xe7" + struct.pack(">I", 4711) + f.data)


def service(f):
    return f.but(OUTER + b"\x89\x4f" + struct.pack(">HBBI", 0x0FC6, 1, 3, 0x1FF) + b"\0" * 16 + f.data)


def pseudowire(f):
    return f.but(OUTER + b"\x88\x47" + struct.pack(">II", 100 << 12 | 64, 200 << 12 | 0x100 | 64) + f.data)


def protected(f):
    """By MACsec without encryption."""
    whole = f.data + b"\xa5" * 16 if f.original == len(f.data) else f.data
    return f.but(whole[:12] + b"\x88\xe5\x20\0" + struct.pack(">I", 7) + b"\1" * 8 + whole[12:], 32)


def gre(f):
    return _carried(f, 47, struct.pack(">HH", 0, 0x6558))


def gre_ip(f):
    plain = raw(f)
    return _carried(plain, 47, b"\0\0" + kind(f))


def erspan2(f):
    return _carried(f, 47, struct.pack(">HHI", 0x1000, 0x88BE, f.number or 0) + struct.pack(">HHI", 0x1064, 5, 0))


def erspan3(f):
    return _carried(f, 47, struct.pack(">HHI", 0x1000, 0x22EB, f.number or 0) + struct.pack(">HHIHH", 0x2064, 5, 1, 0, 0))


def ipip(f):
    plain = raw(f)
    return _carried(plain, 4 if kind(f) == IP4 else 41, b"")


def hop(data):
    """The frame behind one router more: other cards, one hop less."""
    if data[12:14] == IP4 and len(data) >= 34:
        head = bytearray(data[14:34])
        head[8] = max(head[8] - 1, 1)
        head[10:12] = b"\0\0"
        if head[0] == 0x45:
            head[10:12] = struct.pack(">H", checksum(bytes(head)))
        return OUTER + IP4 + bytes(head) + data[34:]
    if data[12:14] == IP6 and len(data) >= 54:
        return OUTER + data[12:21] + bytes([max(data[21] - 1, 1)]) + data[22:]
    return OUTER + data[12:]


def tcp4(source, target, ports, flags, numbers, payload=b""):
    return ip4(source, target, 6, struct.pack(">HHIIBBHHH", *ports, *numbers, 0x50, flags, 8192, 0, 0) + payload)


def strangers():
    """Ordinary traffic of hosts that no recording has, without end."""
    a, b, dns, web = b"\xc0\0\2\x0a", b"\xc0\0\2\x0b", b"\xc0\0\2\x35", b"\xc0\0\2\x50"
    number = 0
    while True:
        number += 1
        port, key = 20000 + number % 40000, struct.pack(">H", number & 0xFFFF)
        name = b"\3www\7example\3com\0" + b"\0\1\0\1"
        yield OUTER + IP4 + udp4(a, dns, (port, 53), key + b"\1\0\0\1\0\0\0\0\0\0" + name)
        yield OUTER + IP4 + udp4(dns, a, (53, port), key + b"\x81\x80\0\1\0\1\0\0\0\0" + name + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + web)
        for far, service, talk in ((web, 80, (b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")),
                                   (b, 22, (b"SSH-2.0-OpenSSH_9.2p1\r\n", b"SSH-2.0-OpenSSH_9.2p1\r\n"))):
            there, back = (a, far, (port, service)), (far, a, (service, port))
            ask, answer = talk
            yield OUTER + IP4 + tcp4(*there, 2, (1000, 0))
            yield OUTER + IP4 + tcp4(*back, 0x12, (5000, 1001))
            yield OUTER + IP4 + tcp4(*there, 0x18, (1001, 5001), ask)
            yield OUTER + IP4 + tcp4(*back, 0x18, (5001, 1001 + len(ask)), answer)
            yield OUTER + IP4 + tcp4(*there, 0x11, (1001 + len(ask), 5001 + len(answer)))
            yield OUTER + IP4 + tcp4(*back, 0x11, (5001 + len(answer), 1002 + len(ask)))
        echo = struct.pack(">HH", 1, number & 0xFFFF) + b"abcdefghijklmnop"
        for kind_, far in ((8, (a, b)), (0, (b, a))):
            plain = struct.pack(">BBH", kind_, 0, 0) + echo
            yield OUTER + IP4 + ip4(*far, 1, plain[:2] + struct.pack(">H", checksum(plain)) + echo)
        yield b"\xff" * 6 + OUTER[6:12] + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x800, 6, 4, 1) + OUTER[6:12] + a + b"\0" * 6 + b"\xc0\0\2" + key[1:]
