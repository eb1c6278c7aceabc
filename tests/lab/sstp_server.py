#!/usr/bin/env python3
"""An SSTP server in the place of RRAS, with RADIUS behind it, that can fail in many ways. Logs one JSON object a line."""

import argparse
import os
import socket
import ssl
import struct
import threading
import time

import eap_peer
import radius
import sstp
import sstp_radius
from sstp import Ended, Tunnel, say
from sstp_client import VERSIONS, icmp

PROXY_V2 = b"\r\n\r\n\0\r\nQUIT\n"
REASONS = {200: "OK", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 503: "Service Unavailable"}
NETWORK_ADDRESS, POOL = "10.40.0.1", "10.50.1.%d"


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, default=443)
    parser.add_argument("--chain", help="the server's certificates (PEM); without it plain HTTP is spoken, behind a TLS offloader")
    parser.add_argument("--key")
    parser.add_argument("--hash-of", help="DER of the certificate that clients see; else that of --chain's first")
    parser.add_argument("--keylog")
    parser.add_argument("--tls", default="1.2", choices=VERSIONS, help="highest version")
    parser.add_argument("--ciphers")
    parser.add_argument("--curve", help="the only one it has for the key exchange: who offers another first is asked to try again")
    parser.add_argument("--auth", default="mschapv2", choices=("pap", "mschapv2", "eap"))
    parser.add_argument("--hashes", type=int, default=3, help="1 SHA-1, 2 SHA-256, 3 both")
    parser.add_argument("--radius")
    parser.add_argument("--secret")
    parser.add_argument("--nas", nargs=2, metavar=("NAME", "ADDRESS"))
    parser.add_argument("--proxy", action="store_true", help="expect a PROXY protocol header")
    parser.add_argument("--http", type=int, default=200, help="status of the answer")
    parser.add_argument("--nak", type=int, metavar="STATUS", help="refuse the call")
    parser.add_argument("--abort", type=int, nargs="+", metavar="STATUS",
                        help="abort instead of letting the client authenticate, each client with the next status")
    parser.add_argument("--silent-after", choices=("tcp", "tls", "http", "call", "lcp"))
    parser.add_argument("--close-after", choices=("tls",))
    parser.add_argument("--reset-after", choices=("hello",))
    parser.add_argument("--timeout", type=float, default=15)
    return parser.parse_args()


def proxy_header(connection):
    """The client's address from a PROXY protocol header, version 1 or 2; None for the proxy's own checks."""
    head = connection.recv(16, socket.MSG_PEEK | socket.MSG_WAITALL)
    if head[:12] == PROXY_V2:
        size = struct.unpack_from(">H", head, 14)[0]
        body = connection.recv(16 + size, socket.MSG_WAITALL)[16:]
        if head[12] & 0x0F == 0:
            return None
        if head[13] >> 4 == 1:
            return socket.inet_ntoa(body[:4]), struct.unpack_from(">H", body, 8)[0]
        return socket.inet_ntop(socket.AF_INET6, body[:16]), struct.unpack_from(">H", body, 32)[0]
    line = b""
    while not line.endswith(b"\r\n") and len(line) < 107:
        more = connection.recv(1)
        if not more:
            raise Ended("closed")
        line += more
    words = line.decode("ascii", "replace").split()
    if words[:1] != ["PROXY"]:
        raise Ended("no PROXY header")
    return (words[2], int(words[4])) if words[1] != "UNKNOWN" else None


class Service:
    """One client's connection."""

    def __init__(self, options, context, number, connection, peer):
        self.options, self.context, self.number, self.connection = options, context, number, connection
        self.peer, self.key, self.user = peer[:2], bytes(32), None

    def say(self, event, **details):
        say(event, connection=self.number, **details)

    def silent(self, stage):
        """Swallows everything from here on, if that is what this server does."""
        if self.options.silent_after == stage:
            while self.connection.recv(16384):
                pass
            raise Ended("silent")

    def secure(self):
        options = self.options
        self.silent("tcp")
        if options.reset_after == "hello":
            self.connection.recv(5, socket.MSG_PEEK)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            raise Ended("reset")
        if not self.context:
            return
        try:
            self.connection = self.context.wrap_socket(self.connection, server_side=True)
        except (ssl.SSLError, OSError) as error:
            raise Ended("tls failed", error=str(error)) from None
        self.say("tls", version=self.connection.version(), cipher=self.connection.cipher()[0])
        if options.close_after == "tls":
            self.connection.close()
            raise Ended("closed by the server")
        self.silent("tls")

    def request(self):
        """The HTTP exchange; returns the tunnel."""
        head, rest = sstp.http_head(self.connection)
        method, path = head[0].split()[:2]
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        self.correlation = headers.get("sstpcorrelationid", "")
        self.say("request", method=method, path=path, correlation=self.correlation, host=headers.get("host"),
                 forwarded=headers.get("x-forwarded-for"))
        self.silent("http")
        status = self.options.http if method == "SSTP_DUPLEX_POST" else 401
        length = sstp.LENGTH if status == 200 else 0
        self.connection.sendall(("HTTP/1.1 %d %s\r\nContent-Length: %d\r\nServer: Microsoft-HTTPAPI/2.0\r\nDate: %s\r\n\r\n" % (
            status, REASONS.get(status, "Error"), length, time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()))).encode())
        if status != 200:
            raise Ended("http error" if method == "SSTP_DUPLEX_POST" else "probed", status=status)
        return Tunnel(self.connection, rest)

    def call(self, tunnel):
        options = self.options
        what, kind, _ = tunnel.receive()
        if what != "control" or kind != sstp.REQUEST:
            raise Ended("no call")
        self.silent("call")
        if options.nak is not None:
            tunnel.send_control(sstp.NAK, sstp.status_info(sstp.PROTOCOL_ID, options.nak))
            raise Ended("nak", status=options.nak)
        self.nonce = os.urandom(32)
        tunnel.send_control(sstp.ACK, sstp.attribute(sstp.CRYPTO_BINDING_REQ, bytes([0, 0, 0, options.hashes]) + self.nonce))

    def link(self, tunnel):
        auth = {"pap": b"\xC0\x23", "mschapv2": b"\xC2\x23\x81", "eap": b"\xC2\x27"}[self.options.auth]
        tunnel.negotiate(sstp.LCP, {1: struct.pack(">H", 4091), 3: auth, 5: os.urandom(4), 7: b"", 8: b""},
                         lambda option, value: b"" if option in (13, 17, 19, 23) else None, fixed=3)
        self.silent("lcp")
        if self.options.abort is not None:
            status = self.options.abort[(self.number - 1) % len(self.options.abort)]
            tunnel.send_control(sstp.ABORT, sstp.status_info(0, status))
            raise Ended("aborted by the server", status=status)

    def authenticate(self, tunnel):
        options, connection = self.options, self.connection
        self.radius = sstp_radius.Client(options.radius, options.secret, options.nas, self.peer[0], connection.getsockname()[0],
                                         self.number)
        # The client's identifications come before its answer, so that the first request can name them.
        answer = {"pap": self.pap, "mschapv2": self.chap, "eap": self.eap}[options.auth](tunnel)
        accepted = answer is not None and answer[0] == radius.ACCESS_ACCEPT
        self.say("authentication", user=self.user, accepted=accepted, answered=answer is not None)
        if not accepted:
            while True:  # the client says goodbye, or gives up
                tunnel.receive()
        self.key = self.radius.key

    def pap(self, tunnel):
        payload = tunnel.expect_ppp(sstp.PAP)
        user, rest = payload[5:5 + payload[4]], payload[5 + payload[4]:]
        self.user = user.decode()
        self.radius.about_client(tunnel.identifications, self.correlation)
        answer = self.radius.ask(self.user, [(2, rest[1:1 + rest[0]])])
        code = 2 if answer and answer[0] == radius.ACCESS_ACCEPT else 3
        tunnel.send_code(sstp.PAP, code, payload[1], b"\0")
        return answer

    def chap(self, tunnel):
        challenge, identifier = os.urandom(16), tunnel.next_identifier()
        tunnel.send_code(sstp.CHAP, 1, identifier, b"\x10" + challenge + self.options.nas[0].encode())
        payload = tunnel.expect_ppp(sstp.CHAP)
        value = payload[5:54]
        self.user = payload[54:].decode()
        self.radius.about_client(tunnel.identifications, self.correlation)
        answer = self.radius.ask(self.user, [
            sstp_radius.microsoft(sstp_radius.MS_CHAP_CHALLENGE, challenge),
            sstp_radius.microsoft(sstp_radius.MS_CHAP2_RESPONSE, bytes((identifier, 0)) + value[:48])])
        if answer and answer[0] == radius.ACCESS_ACCEPT:
            text = sstp_radius.find_microsoft(answer, sstp_radius.MS_CHAP2_SUCCESS)[1:]
            tunnel.send_code(sstp.CHAP, 3, identifier, text)
        else:
            text = sstp_radius.find_microsoft(answer, sstp_radius.MS_CHAP_ERROR)[1:] if answer else b"E=649 R=0 V=3"
            tunnel.send_code(sstp.CHAP, 4, identifier, text or b"E=691 R=0 V=3")
        return answer

    def eap(self, tunnel):
        tunnel.send_ppp(sstp.EAP, struct.pack(">BBHB", eap_peer.REQUEST, 0, 5, eap_peer.IDENTITY))
        first = True
        while True:
            message = tunnel.expect_ppp(sstp.EAP)
            message = message[:struct.unpack_from(">H", message, 2)[0]]
            if first:
                self.user, first = message[5:].decode(), False
                self.radius.about_client(tunnel.identifications, self.correlation)
            answer = self.radius.ask(self.user, [(12, struct.pack(">I", 1400)), *radius.eap_attributes(message)])
            if answer is None:
                return None
            tunnel.send_ppp(sstp.EAP, radius.find(answer, radius.EAP_MESSAGE))
            if answer[0] != radius.ACCESS_CHALLENGE:
                return answer

    def check_binding(self, tunnel):
        """The first thing that a client may send now is CALL_CONNECTED."""
        what, kind, packet = tunnel.receive()
        if what != "control" or kind != sstp.CONNECTED:
            raise Ended("no call connected")
        value = dict(sstp.attributes(packet)).get(sstp.CRYPTO_BINDING, b"")
        wanted = sstp.connected(value[3], self.nonce, self.seen_certificate(), self.key) if len(value) == 100 else b""
        good = packet == wanted
        self.say("binding", good=good, hlak=self.key.hex(), hash=value[3] if len(value) > 3 else None)
        if not good:
            tunnel.send_control(sstp.ABORT, sstp.status_info(sstp.CRYPTO_BINDING, 4))
            raise Ended("crypto binding failed")

    def seen_certificate(self):
        if self.options.hash_of:
            with open(self.options.hash_of, "rb") as der:
                return der.read()
        with open(self.options.chain, encoding="ascii") as pem:
            first = pem.read().split("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
        return ssl.PEM_cert_to_DER_cert(first)

    def network(self, tunnel):
        address = socket.inet_aton(POOL % (self.number % 250 + 2))
        dns = socket.inet_aton(NETWORK_ADDRESS)

        def judge(option, value):
            wanted = {3: address, 129: dns, 131: dns}.get(option)
            return b"" if wanted is None else None if value == wanted else wanted
        tunnel.negotiate(sstp.IPCP, {3: dns}, judge)
        self.say("established", user=self.user, address=socket.inet_ntoa(address))

    def forward(self, tunnel):
        """Answers pings until the client says goodbye."""
        while True:
            what, kind, packet = tunnel.receive()
            if what == "ppp" and kind == sstp.IPV4 and packet[9] == 1 and packet[20] == 8:
                number = struct.unpack_from(">H", packet, 26)[0]
                tunnel.send_ppp(sstp.IPV4, icmp(packet[16:20], packet[12:16], 0, number, packet[28:]))

    def run(self):
        options = self.options
        self.connection.settimeout(options.timeout)
        self.say("accepted", peer=list(self.peer), address=self.connection.getsockname()[0])
        try:
            if options.proxy:
                real = proxy_header(self.connection)
                self.say("proxy", client=list(real) if real else None)
                self.peer = real or self.peer
            self.secure()
            tunnel = self.request()
            self.call(tunnel)
            self.link(tunnel)
            self.authenticate(tunnel)
            self.check_binding(tunnel)
            self.network(tunnel)
            self.forward(tunnel)
        except Ended as end:
            self.say("end", outcome=end.outcome, **end.details)
        except (OSError, IndexError, struct.error) as error:
            self.say("end", outcome="failed", error=repr(error))
        self.linger()

    def linger(self):
        """Lets the client close first, so that its last words are not answered by a reset."""
        try:
            self.connection.settimeout(2)
            while self.connection.recv(4096):
                pass
        except (OSError, ValueError):
            pass
        sstp.leave(self.connection)


def tls_context(options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if options.tls < "1.2" or options.ciphers:
        context.set_ciphers(options.ciphers or "ALL:@SECLEVEL=0")
    context.minimum_version = min(VERSIONS[options.tls], ssl.TLSVersion.TLSv1_2)
    context.maximum_version = VERSIONS[options.tls]
    if options.curve:
        context.set_ecdh_curve(options.curve)
    context.load_cert_chain(options.chain, options.key)
    if options.keylog:
        context.keylog_filename = options.keylog
    return context


def main():
    options = arguments()
    context = tls_context(options) if options.chain else None
    listener = socket.create_server((options.address, options.port), backlog=64,
                                    family=socket.AF_INET6 if ":" in options.address else socket.AF_INET)
    say("ready")
    number = 0
    while True:
        connection, peer = listener.accept()
        number += 1
        threading.Thread(target=Service(options, context, number, connection, peer).run, daemon=True).start()


if __name__ == "__main__":
    main()
