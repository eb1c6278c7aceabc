"""Reads and writes classic pcap files, and tells what of a packet decides where somebody's capture would end."""

import struct

MAGIC = 0xA1B2C3D4
ETHERNET, LINUX_SLL2 = 1, 276
IP_FRAGMENT, UDP, ESP = 44, 17, 50


class Packet:
    """One packet as recorded. Addresses and ports are None where it has none; a later IP fragment has no ports."""

    def __init__(self, when, original, data, link):
        self.when = when  # microseconds
        self.original = original
        self.data = data
        self.source = self.destination = None
        self.ports = ()
        self.esp = self.ike = self.later_fragment = self.fragment = False
        self.identification = None
        self._read(link)

    def _read(self, link):
        at, kind = (14, self.data[12:14]) if link == ETHERNET else (20, self.data[0:2])
        if kind == b"\x08\x00":
            self._read_ipv4(self.data[at:])
        elif kind == b"\x86\xdd":
            self._read_ipv6(self.data[at:])

    def _read_ipv4(self, ip):
        self.source, self.destination = ip[12:16], ip[16:20]
        flags = struct.unpack(">H", ip[6:8])[0]
        self.fragment = flags & 0x3FFF != 0
        self.later_fragment = flags & 0x1FFF != 0
        self.identification = (self.source, self.destination, ip[4:6])
        self._read_transport(ip[9], ip[(ip[0] & 15) * 4:])

    def _read_ipv6(self, ip):
        self.source, self.destination = ip[8:24], ip[24:40]
        protocol, rest = ip[6], ip[40:]
        if protocol == IP_FRAGMENT:
            self.fragment = True
            self.later_fragment = struct.unpack(">H", rest[2:4])[0] & 0xFFF8 != 0
            self.identification = (self.source, self.destination, rest[4:8])
            protocol, rest = rest[0], rest[8:]
        self._read_transport(protocol, rest)

    def _read_transport(self, protocol, rest):
        if self.later_fragment:
            return
        self.esp = protocol == ESP
        if protocol != UDP or len(rest) < 8:
            return
        self.ports = struct.unpack(">HH", rest[0:4])
        payload = rest[8:]
        if 4500 in self.ports and len(payload) >= 4:
            self.esp = payload[:4] != b"\0\0\0\0"
            self.ike = not self.esp
        elif 500 in self.ports:
            self.ike = True

    def addresses(self):
        return (self.source, self.destination)

    def cut(self, snaplen):
        """The same packet as a capture with this snap length keeps it."""
        short = object.__new__(Packet)
        short.__dict__.update(self.__dict__)
        short.data = self.data[:snaplen]
        return short

    def at(self, when):
        moved = object.__new__(Packet)
        moved.__dict__.update(self.__dict__)
        moved.when = when
        return moved


class Recording:
    """A capture file in memory."""

    def __init__(self, path):
        with open(path, "rb") as source:
            content = source.read()
        magic, _, _, _, _, _, self.link = struct.unpack("<IHHiIII", content[:24])
        if magic != MAGIC:
            raise ValueError("%s: no little-endian microsecond pcap" % path)
        self.packets = []
        at = 24
        while at + 16 <= len(content):
            seconds, micro, kept, original = struct.unpack("<IIII", content[at:at + 16])
            self.packets.append(Packet(seconds * 1000000 + micro, original, content[at + 16:at + 16 + kept], self.link))
            at += 16 + kept


def write(path, link, packets):
    """A file of these packets, in this order."""
    parts = [struct.pack("<IHHiIII", MAGIC, 2, 4, 0, 0, 262144, link)]
    for p in packets:
        parts.append(struct.pack("<IIII", p.when // 1000000, p.when % 1000000, len(p.data), p.original))
        parts.append(p.data)
    with open(path, "wb") as target:
        target.write(b"".join(parts))
