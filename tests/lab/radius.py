"""As much of RADIUS (RFC 2865, RFC 3579) as the lab's own NAS needs."""

import hashlib
import hmac
import struct

ACCESS_REQUEST, ACCESS_ACCEPT, ACCESS_REJECT, ACCESS_CHALLENGE = 1, 2, 3, 11
USER_NAME, STATE, EAP_MESSAGE, MESSAGE_AUTHENTICATOR = 1, 24, 79, 80


def attributes(packet):
    """(type, value) of each attribute, in order."""
    offset, end = 20, struct.unpack_from(">H", packet, 2)[0]
    while offset + 2 <= end:
        kind, length = packet[offset], packet[offset + 1]
        yield kind, packet[offset + 2:offset + length]
        offset += length


def find(packet, kind):
    """All values of this type put together; b"" when there is none."""
    return b"".join(value for number, value in attributes(packet) if number == kind)


def eap_attributes(message):
    return [(EAP_MESSAGE, message[i:i + 253]) for i in range(0, len(message), 253)]


def build(code, identifier, authenticator, rows, secret):
    """A packet whose Message-Authenticator, if `rows` has one, is computed (RFC 3579, 3.2)."""
    body = b"".join(bytes([kind, len(value) + 2]) + value for kind, value in rows)
    packet = bytearray(struct.pack(">BBH", code, identifier, 20 + len(body)) + authenticator + body)
    offset = 20
    for kind, value in rows:
        if kind == MESSAGE_AUTHENTICATOR:
            packet[offset + 2:offset + 18] = bytes(16)
            packet[offset + 2:offset + 18] = hmac.new(secret, bytes(packet), hashlib.md5).digest()
        offset += len(value) + 2
    return bytes(packet)


def request(packet, identifier, secret):
    """The request under another identifier."""
    return build(packet[0], identifier, packet[4:20], list(attributes(packet)), secret)


def response(packet, identifier, request_authenticator, secret):
    """The response under another identifier, signed again (RFC 2865, 3)."""
    changed = build(packet[0], identifier, request_authenticator, list(attributes(packet)), secret)
    return changed[:4] + hashlib.md5(changed + secret).digest() + changed[20:]
