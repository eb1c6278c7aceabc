"""A resolver's client: asks for the IPv4 addresses of one name (RFC 1035)."""

import os
import socket
import struct


def question(identifier, name):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">6H", identifier, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)


def answers(message, asked):
    """The A records behind the question, in the order of the message."""
    offset, found = len(asked), []
    for _ in range(struct.unpack_from(">H", message, 6)[0]):
        while message[offset] and message[offset] < 0xC0:
            offset += message[offset] + 1
        offset += 2 if message[offset] >= 0xC0 else 1
        kind, _, _, length = struct.unpack_from(">HHIH", message, offset)
        offset += 10
        if kind == 1 and length == 4:
            found.append(socket.inet_ntoa(message[offset:offset + 4]))
        offset += length
    return found


def addresses(server, name, own=None, seconds=2.0):
    identifier = struct.unpack(">H", os.urandom(2))[0]
    asked = question(identifier, name)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        plain.settimeout(seconds)
        plain.bind((own or "", 0))
        plain.sendto(asked, (server, 53))
        while True:
            message = plain.recv(4096)
            if message[:2] == asked[:2]:
                return answers(message, asked)
