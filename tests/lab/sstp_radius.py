"""The RADIUS client of the lab's SSTP server: requests as RRAS writes them, answers with their keys."""

import hashlib
import os
import socket
import struct

import radius

MICROSOFT = 311
SSTP_TUNNEL = 0x00013701
MS_CHAP_ERROR, RAS_VENDOR, MS_CHAP_CHALLENGE, SEND_KEY, RECV_KEY, RAS_VERSION = 2, 9, 11, 16, 17, 18
MS_CHAP2_RESPONSE, MS_CHAP2_SUCCESS, CLIENT_NAME, CLIENT_VERSION, SERVER_TYPE, CORRELATION = 25, 26, 34, 35, 47, 56


def microsoft(kind, value):
    return 26, struct.pack(">IBB", MICROSOFT, kind, len(value) + 2) + value


def find_microsoft(packet, kind):
    for number, value in radius.attributes(packet):
        if number == 26 and value[:4] == struct.pack(">I", MICROSOFT) and value[4] == kind:
            return value[6:]
    return b""


def hide(password, authenticator, secret):
    """User-Password (RFC 2865, 5.2)."""
    padded, out = password + bytes(-len(password) % 16), b""
    for offset in range(0, len(padded), 16):
        mask = hashlib.md5(secret + (out[-16:] or authenticator)).digest()
        out += bytes(a ^ b for a, b in zip(padded[offset:offset + 16], mask))
    return out


def reveal(value, authenticator, secret):
    """The key in a MS-MPPE-Send-Key or -Recv-Key (RFC 2548, 2.4.2)."""
    if not value:
        return b""
    last, plain = authenticator + value[:2], b""
    for offset in range(2, len(value), 16):
        block = value[offset:offset + 16]
        plain += bytes(a ^ b for a, b in zip(block, hashlib.md5(secret + last).digest()))
        last = block
    return plain[1:1 + plain[0]]


class Client:
    """One user's authentication."""

    def __init__(self, server, secret, nas, client, reached, port):
        self.server, self.secret = server, secret.encode()
        self.nas, self.client, self.reached, self.port = nas, client, reached, port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(3)
        self.identifier, self.state = os.urandom(1)[0], b""
        self.more = []

    def about_client(self, identifications, correlation):
        """What RRAS tells of the computer: its LCP identifications and the correlation id."""
        for text in identifications:
            if text.startswith(b"MSRASV"):
                self.more.append(microsoft(CLIENT_VERSION, text))
            elif text.startswith(b"MSRAS-"):
                self.more.append(microsoft(CLIENT_NAME, text + b"\0"))
        self.more.append(microsoft(CORRELATION, correlation.encode()))

    def ask(self, user, rows):
        """The answer to an Access-Request with these attributes and RRAS's own."""
        authenticator = os.urandom(16)
        name, address = self.nas
        rows = [(a, hide(v, authenticator, self.secret) if a == 2 else v) for a, v in rows]
        everything = [
            (1, user.encode()), (4, socket.inet_aton(address)), (32, name.encode()), (5, struct.pack(">I", self.port)),
            (6, struct.pack(">I", 2)), (7, struct.pack(">I", 1)), (61, struct.pack(">I", 5)),
            (64, struct.pack(">I", SSTP_TUNNEL)), (65, struct.pack(">I", 1)), (30, self.reached.encode()),
            (31, self.client.encode()), (66, self.client.encode()), (67, self.reached.encode()),
            microsoft(RAS_VENDOR, struct.pack(">I", MICROSOFT)), microsoft(RAS_VERSION, b"MSRASV5.20"),
            microsoft(SERVER_TYPE, struct.pack(">I", 2)), *self.more, *rows]
        everything += [(radius.STATE, self.state)] if self.state else []
        everything.append((radius.MESSAGE_AUTHENTICATOR, bytes(16)))
        self.identifier = (self.identifier + 1) % 256
        packet = radius.build(radius.ACCESS_REQUEST, self.identifier, authenticator, everything, self.secret)
        for _ in range(3):
            self.socket.sendto(packet, (self.server, 1812))
            try:
                answer = self.socket.recv(4096)
            except TimeoutError:
                continue
            self.state = radius.find(answer, radius.STATE)
            self.key = b"".join(reveal(find_microsoft(answer, kind), authenticator, self.secret)
                                for kind in (RECV_KEY, SEND_KEY))[:32].ljust(32, b"\0")
            return answer
        return None
