"""
Floods: what an attacker sends who wants the program to forget, in frames of Ethernet: spoofed SYNs, IKE_SA_INITs, RADIUS requests of
all identifiers, first fragments of datagrams that never become whole, DNS queries.
"""

import random
import struct

SERVER, RADIUS_SERVER, NAS = bytes((198, 51, 100, 10)), bytes((10, 20, 1, 11)), bytes((10, 20, 0, 21))
DNS_SERVER = bytes((10, 20, 1, 53))
ETHERNET_IPV4 = bytes.fromhex("02000000000102000000000208 00")
TCP, UDP, MORE_FRAGMENTS = 6, 17, 0x2000


def checksum(header):
    total = sum(struct.unpack("!%dH" % (len(header) // 2), header))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return 0xffff - total


def ipv4(source, destination, protocol, payload, identification=0, fragment=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), identification, fragment, 60, protocol, 0, source, destination)
    return ETHERNET_IPV4 + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def udp(source_port, port, payload):
    return struct.pack("!HHHH", source_port, port, 8 + len(payload), 0) + payload


class Flood:
    """Frames without end, of a kind or of all in turn; the same seed, the same frames."""

    def __init__(self, recordings, seed=1):
        """recordings: a function that gives the frames of a recording by its name; requests are cut from some."""
        self.chance = random.Random(seed)
        self.init = self.first_payload(recordings("ike-user-peap"), 42)
        self.request = self.first_payload(recordings("peap-mschapv2"), 42)
        self.kinds = {"syn": self.syn, "ike": self.ike, "radius": self.radius, "fragment": self.fragment, "dns": self.dns}

    @staticmethod
    def first_payload(recorded, offset):
        return recorded[0][1][offset:]

    def stranger(self):
        """An address of the world's; none of the recordings'."""
        return struct.pack("!I", self.chance.randrange(0x15000000, 0x7e000000))

    def port(self):
        return self.chance.randrange(1024, 65536)

    def syn(self):
        segment = struct.pack("!HHIIBBHHH", self.port(), 443, self.chance.getrandbits(32), 0, 0x60, 2, 64240, 0, 0)
        return ipv4(self.stranger(), SERVER, TCP, segment + b"\x02\x04\x05\xb4")

    def ike(self):
        return ipv4(self.stranger(), SERVER, UDP, udp(500, 500, self.chance.randbytes(8) + self.init[8:]))

    def radius(self):
        """As from a NAS, from any of its ports, with any identifier, a fresh authenticator and some user's name."""
        request = self.request[:1] + self.chance.randbytes(1) + self.request[2:4] + self.chance.randbytes(16) + self.request[20:]
        request = request.replace(b"alice", b"%05x" % self.chance.getrandbits(20))
        return ipv4(NAS, RADIUS_SERVER, UDP, udp(self.port(), 1812, request))

    def fragment(self):
        return ipv4(self.stranger(), SERVER, UDP, udp(4500, 4500, self.chance.randbytes(1000)), self.chance.getrandbits(16), MORE_FRAGMENTS)

    def dns(self):
        name = b"".join(b"%c%s" % (len(label), label) for label in (b"%x" % self.chance.getrandbits(40), b"example", b"com"))
        query = struct.pack("!HHHHHH", self.chance.getrandbits(16), 0x0100, 1, 0, 0, 0) + name + b"\0\0\1\0\1"
        return ipv4(self.stranger(), DNS_SERVER, UDP, udp(self.port(), 53, query))

    def frames(self, count, kind=None):
        makers = [self.kinds[kind]] if kind else list(self.kinds.values())
        for i in range(count):
            yield makers[i % len(makers)]()
