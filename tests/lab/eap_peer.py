"""The client's half of EAP: identity, MS-CHAPv2 (draft-kamath-pppext-eap-mschapv2) and PEAPv0 (MS-PEAP) around it."""

import hashlib
import hmac
import os
import ssl
import struct

import mschap
from sstp import say

REQUEST, RESPONSE, SUCCESS, FAILURE = 1, 2, 3, 4
IDENTITY, NAK, TLS, PEAP, MSCHAPV2, EXTENSIONS = 1, 3, 13, 25, 26, 33
FRAGMENT = 1300


class MsChap:
    """EAP-MSCHAPv2; `answer` takes and gives what follows the type."""

    kind = MSCHAPV2

    def __init__(self, user, password):
        self.user, self.password = user, password
        self.keys, self.error = None, None

    def answer(self, data):
        opcode, identifier = data[0], data[1]
        if opcode == 1:
            challenge, peer = data[5:21], os.urandom(16)
            self.response = mschap.nt_response(challenge, peer, self.user, self.password)
            self.expected = mschap.authenticator_response(challenge, peer, self.user, self.password, self.response)
            value = peer + bytes(8) + self.response + b"\0"
            body = bytes([len(value)]) + value + self.user.encode()
            return struct.pack(">BBH", 2, identifier, 4 + len(body)) + body
        if opcode == 3:
            if not data[4:].decode("latin-1").startswith(self.expected):
                raise ValueError("the server does not know the password")
            self.keys = mschap.master_keys(self.password, self.response)
            return b"\x03"
        self.error = data[4:].decode("latin-1")
        say("mschapv2 failure", text=self.error)
        return b"\x04"


class Peap:
    """PEAP version 0; the key comes from the TLS library's key log, since Python has no key exporter."""

    kind = PEAP

    def __init__(self, user, password, trust, name, keylog, maximum=None, certificate=None):
        self.inner_user, self.inner = user, MsChap(user, password)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(trust)
        context.keylog_filename = self.keylog = keylog
        if certificate:
            context.load_cert_chain(*certificate)
        context.maximum_version = maximum or ssl.TLSVersion.TLSv1_2
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.flight, self.waiting = b"", b""
        self.established, self.refused, self.error, self.done = False, None, None, False
        self.server_random, self.heard = None, b""

    def answer(self, data):
        flags, offset = data[0], 5 if data[0] & 0x80 else 1
        if self.waiting and len(data) == 1:  # the server wants the next fragment
            return self.fragment()
        self.flight += data[offset:]
        if flags & 0x40:
            return b"\0"
        if not flags & 0x20:
            self.heard += self.flight if not self.established else b""
            self.incoming.write(self.flight)
        self.flight = b""
        self.advance()
        self.waiting = self.outgoing.read()
        return self.fragment(first=True)

    def fragment(self, first=False):
        part, self.waiting = self.waiting[:FRAGMENT], self.waiting[FRAGMENT:]
        flags = (0x40 if self.waiting else 0) | (0x80 if first and self.waiting else 0)
        total = struct.pack(">I", len(part) + len(self.waiting)) if flags & 0x80 else b""
        return bytes([flags]) + total + part

    def advance(self):
        if not self.established:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                return
            except ssl.SSLError as error:
                self.refused = getattr(error, "verify_message", None) or str(error)
                say("refused inside", reason=self.refused)
                return
            self.established = True
            say("tunnel inside", version=self.tls.version())
        if self.kind == TLS:
            return  # the handshake is all
        try:
            request = self.tls.read(16384)
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            self.refused = str(error)
            return
        self.tls.write(self.inside(request))

    def inside(self, request):
        """Inside PEAPv0 the four bytes in front of an EAP packet are left out, but for the extensions (MS-PEAP 3.1.5.6)."""
        if request[0] == REQUEST and len(request) > 4 and request[4] == EXTENSIONS:
            self.done = request[5:11] == bytes((0x80, 3, 0, 2, 0, 1))
            return bytes((RESPONSE, request[1])) + request[2:]
        if request[0] == IDENTITY:
            return bytes([IDENTITY]) + self.inner_user.encode()
        if request[0] == MSCHAPV2:
            answer = self.inner.answer(request[1:])
            self.error = self.inner.error
            return bytes([MSCHAPV2]) + answer
        return bytes((NAK, MSCHAPV2))

    @property
    def keys(self):
        """(first, second) half of 64 bytes of key (RFC 5216, 2.3; RFC 9190, 2.3 for TLS 1.3)."""
        with open(self.keylog, encoding="ascii") as lines:
            secrets = [line.split() for line in lines if not line.startswith("#")]
        secrets = {label: (bytes.fromhex(random), bytes.fromhex(secret)) for label, random, secret in secrets}
        digest = hashlib.sha384 if "SHA384" in self.tls.cipher()[0] else hashlib.sha256
        if self.tls.version() == "TLSv1.3":
            msk = exporter(secrets["EXPORTER_SECRET"][1], b"EXPORTER_EAP_TLS_Key_Material", bytes([self.kind]), 64, digest)
        else:
            random, master = secrets["CLIENT_RANDOM"]
            msk = prf(master, b"client EAP encryption" + random + self.heard[11:43], 64, digest)
        return msk[:32], msk[32:64]


class EapTls(Peap):
    """EAP-TLS with the user's certificate (RFC 5216)."""

    kind = TLS


def prf(secret, seed, size, digest):
    """RFC 5246, 5."""
    block, out = seed, b""
    while len(out) < size:
        block = hmac.new(secret, block, digest).digest()
        out += hmac.new(secret, block + seed, digest).digest()
    return out[:size]


def expand_label(secret, label, context, size, digest):
    """RFC 8446, 7.1."""
    label = b"tls13 " + label
    info = struct.pack(">HB", size, len(label)) + label + bytes([len(context)]) + context
    block, out, count = b"", b"", 1
    while len(out) < size:
        block = hmac.new(secret, block + info + bytes([count]), digest).digest()
        out, count = out + block, count + 1
    return out[:size]


def exporter(secret, label, context, size, digest):
    """RFC 8446, 7.5."""
    derived = expand_label(secret, label, digest(b"").digest(), digest().digest_size, digest)
    return expand_label(derived, b"exporter", digest(context).digest(), size, digest)


class Peer:
    """Answers a server's EAP requests with one method; others are refused by a Nak."""

    def __init__(self, identity, method):
        self.identity, self.method = identity, method

    def answer(self, packet):
        """The response to a request; None when nothing is to be said."""
        code, identifier = packet[0], packet[1]
        if code != REQUEST:
            return None
        kind, data = packet[4], packet[5:]
        if kind == IDENTITY:
            kind, data = IDENTITY, self.identity.encode()
        elif kind == self.method.kind:
            data = self.method.answer(data)
        else:
            kind, data = NAK, bytes([self.method.kind])
        return struct.pack(">BBHB", RESPONSE, identifier, 5 + len(data), kind) + data
