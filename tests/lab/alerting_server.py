"""An EAP-TLS server that puts its TLS alert on the wire, as RFC 5216 asks; FreeRADIUS and hostapd do not.

It serves one login at a time and never accepts: it exists to refuse client certificates and old TLS versions.

usage: alerting_server.py SECRET CLIENT_ROOTS CHAIN KEY VERSION
"""

import os
import socket
import sys

import gnutls
import network
import radius

EAP_TLS = 13
FRAGMENT = 1300
START, MORE_FRAGMENTS, LENGTH_INCLUDED = 0x20, 0x40, 0x80


class Conversation:
    """The server's side of one EAP-TLS login."""

    def __init__(self, make_tls):
        self.tls, self.state, self.identifier = make_tls(), os.urandom(16), 1
        self.received, self.waiting = b"", b""

    def request(self, flags, body):
        self.identifier += 1
        return b"\x01" + bytes([self.identifier]) + (6 + len(body)).to_bytes(2, "big") + bytes([EAP_TLS, flags]) + body

    def fragment(self, first):
        part, self.waiting = self.waiting[:FRAGMENT], self.waiting[FRAGMENT:]
        total = (len(part) + len(self.waiting)).to_bytes(4, "big") if first else b""
        return self.request((MORE_FRAGMENTS if self.waiting else 0) | (LENGTH_INCLUDED if first else 0), total + part)

    def answer(self, eap):
        """The next EAP packet, or None for the end."""
        if eap[4] != EAP_TLS:
            return self.request(START, b"")
        flags, body = eap[5], eap[6:]
        self.received += body[4:] if flags & LENGTH_INCLUDED else body
        if flags & MORE_FRAGMENTS:
            return self.request(0, b"")
        if self.waiting:
            return self.fragment(False)
        if self.tls.alert is not None:
            return None
        self.waiting, self.received = self.tls.step(self.received), b""
        return self.fragment(True)


def serve(secret, make_tls):
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind(("", 1812))
    print("server ready", flush=True)
    current = None
    while True:
        packet, sender = listener.recvfrom(65535)
        state, eap = radius.find(packet, radius.STATE), radius.find(packet, radius.EAP_MESSAGE)
        if current is None or state != current.state:
            current = Conversation(make_tls)
        out = current.answer(eap)
        code, rows = radius.ACCESS_CHALLENGE, [(radius.STATE, current.state)]
        if out is None:
            code, rows, out = radius.ACCESS_REJECT, [], b"\x04" + bytes([current.identifier]) + b"\0\4"
            print("alert %d" % current.tls.alert, flush=True)
        rows += radius.eap_attributes(out) + [(radius.MESSAGE_AUTHENTICATOR, bytes(16))]
        reply = radius.build(code, packet[1], packet[4:20], rows, secret)
        listener.sendto(radius.response(reply, packet[1], packet[4:20], secret), sender)


class AlertingServer:
    """Runs this server on the first NPS of the lab."""

    inner_certificates = None

    def __init__(self, lab, chain=("nps01", "issuing"), version="1.2"):
        from freeradius import SECRET
        self.certificates = [lab.pki.sha256(name) for name in chain]
        self.log = os.path.join(lab.directory, "alerting-server.log")
        process = lab.network.start("nps1", [sys.executable, os.path.abspath(__file__), SECRET,
                                             lab.pki.chain("root", "issuing"), lab.pki.chain(*chain),
                                             lab.pki.key(chain[0]), version], self.log,
                                    {"PYTHONDONTWRITEBYTECODE": "1"})
        network.wait_for("server ready", self.log, process)


def main():
    secret, roots, chain, key, version = sys.argv[1:]
    serve(secret.encode(), lambda: gnutls.Server(roots, chain, key, version))


if __name__ == "__main__":
    main()
