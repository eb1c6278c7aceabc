"""
A recording once more as other clients': those that begin conversations get other addresses, RADIUS clients other ports, IKE other SPIs,
ClientHellos other randoms, all the same in the whole copy, so that it shows the same sessions of somebody else. Frames that are
not plain Ethernet with IPv4 stay as they are. Checksums are not mended: sniffers of machines that offload them see wrong ones.
"""

import struct

import cable

IPV4 = b"\x08\x00"
TCP, UDP = 6, 17
IKE, IKE_NAT, ESP_MARKER = 500, 4500, b"\0\0\0\0"
ASKED = (53, 1645, 1646, 1812, 1813)
RANDOM_AT, RANDOM_LEN = 11, 8  # from the beginning of a TLS record


class Fresh:
    def __init__(self, path):
        self.recorded = cable.frames(path) or []
        self.clients, self.ports = set(), set()
        servers, seen = set(), set()
        for _, frame in self.recorded:
            flow = self.flow(frame)
            if flow is None or flow in seen or flow[::-1] in seen:
                continue
            seen.add(flow)
            (source, port), (destination, asked) = flow
            if asked in ASKED:
                self.ports.add((source, port))
            else:
                self.clients.add(source)
            servers.add(destination)
        self.clients -= servers

    @staticmethod
    def flow(frame):
        """((address, port), (address, port)) of the first or only fragment of TCP or UDP."""
        if frame[12:14] != IPV4 or len(frame) < 42 or frame[23] not in (TCP, UDP) or frame[20:22] not in (b"\0\0", b"\x40\0", b"\x20\0"):
            return None
        at = 14 + (frame[14] & 15) * 4
        source, destination = struct.unpack_from("!HH", frame, at)
        return (frame[26:30], source), (frame[30:34], destination)

    @staticmethod
    def address(old, serial):
        """Another one that is of the same kind: inside stays inside."""
        return old[:1] + bytes((old[1] ^ (serial >> 8 & 7) if old[0] == 10 else old[1], old[2] ^ serial & 255, old[3] ^ (serial >> 11 & 63)))

    @staticmethod
    def port(old, serial):
        return 1024 + (old + serial * 7919) % 64000

    def copy(self, serial):
        for when, frame in self.recorded:
            yield when, self.changed(frame, serial)

    def changed(self, frame, serial):
        flow = self.flow(frame)
        if frame[12:14] != IPV4 or serial == 0:
            return frame
        out = bytearray(frame)
        for at in (26, 30):
            if bytes(frame[at:at + 4]) in self.clients:
                out[at:at + 4] = self.address(frame[at:at + 4], serial)
        if flow is None:
            return bytes(out)
        at = 14 + (frame[14] & 15) * 4
        for side, (address, port) in enumerate(flow):
            if (address, port) in self.ports:
                struct.pack_into("!H", out, at + 2 * side, self.port(port, serial))
        ports = {flow[0][1], flow[1][1]}
        if frame[23] == TCP:
            self.change_random(out, at + (frame[at + 12] >> 4) * 4, serial)
        elif IKE in ports or (IKE_NAT in ports and frame[at + 8:at + 12] == ESP_MARKER):
            self.change_spis(out, at + (8 if IKE in ports else 12), serial)
        return bytes(out)

    @staticmethod
    def change_random(out, at, serial):
        if len(out) > at + RANDOM_AT + RANDOM_LEN and out[at] == 22 and out[at + 5] == 1:
            random = struct.unpack_from("!Q", out, at + RANDOM_AT)[0]
            struct.pack_into("!Q", out, at + RANDOM_AT, random ^ serial)

    @staticmethod
    def change_spis(out, at, serial):
        for spi in (at, at + 8):
            if len(out) >= spi + 8 and any(out[spi:spi + 8]):
                old = struct.unpack_from("!Q", out, spi)[0]
                struct.pack_into("!Q", out, spi, old ^ serial << 8)
