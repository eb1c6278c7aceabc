#!/usr/bin/env python3
"""An SSTP client that behaves like Windows' one: TLS, SSTP, PPP, a few pings, farewell. Its log is one JSON object a line."""

import argparse
import os
import socket
import ssl
import struct
import subprocess
import tempfile
import time
import uuid

import dns_client
import eap_peer
import mschap
import sstp
from sstp import Ended, Tunnel, say

VERSIONS = {"1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2,
            "1.3": ssl.TLSVersion.TLSv1_3}


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", required=True)
    parser.add_argument("--port", type=int, default=443)
    parser.add_argument("--bind", help="own address")
    parser.add_argument("--own-port", type=int, default=0)
    parser.add_argument("--name", default="vpn.contoso.com", help="the name that was dialled")
    parser.add_argument("--proxy", help="ask the web proxy there, port 8080, for a connection to --address")
    parser.add_argument("--resolver", help="ask this server for the name and take the first address instead of --address")
    parser.add_argument("--trust", help="roots and intermediates (PEM)")
    parser.add_argument("--keylog", help="write the TLS secrets there")
    parser.add_argument("--late-check", action="store_true", help="check the certificate after the handshake, as Windows does")
    parser.add_argument("--tls", default="1.2", choices=VERSIONS)
    parser.add_argument("--user", default="alice@corp.contoso.com")
    parser.add_argument("--password", default="")
    parser.add_argument("--auth", default="mschapv2", choices=("pap", "mschapv2", "eap-mschapv2", "peap", "eap-tls"))
    parser.add_argument("--certificate", nargs=2, metavar=("CHAIN", "KEY"), help="the user's, for EAP-TLS")
    parser.add_argument("--peap-trust")
    parser.add_argument("--peap-name", default="nps01.corp.contoso.com")
    parser.add_argument("--peap-tls", default="1.2", choices=VERSIONS)
    parser.add_argument("--computer", default="PC01")
    parser.add_argument("--wrong", choices=("mac", "nonce"), help="what is wrong in the crypto binding")
    parser.add_argument("--pings", type=int, default=2)
    parser.add_argument("--ping-size", type=int, default=56)
    parser.add_argument("--echo", action="store_true")
    parser.add_argument("--hold", type=float, default=0, help="seconds before the farewell")
    parser.add_argument("--timeout", type=float, default=10)
    parser.add_argument("--probe", choices=("tcp", "tls", "head", "get"), help="be a load balancer's health check")
    parser.add_argument("--rounds", type=int, default=1, help="how often; a tunnel's TLS session is resumed")
    parser.add_argument("--every", type=float, default=0.5)
    return parser.parse_args()


class Client:
    def __init__(self, options):
        self.options, self.key, self.error = options, bytes(32), None
        self.correlation = uuid.uuid4()
        self.context, self.session = None, None

    def connect(self):
        options = self.options
        plain = socket.socket(socket.AF_INET6 if ":" in options.address else socket.AF_INET)
        plain.settimeout(options.timeout)
        if options.bind:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            plain.bind((options.bind, options.own_port))
        self.plain = plain
        try:
            plain.connect((options.proxy, 8080) if options.proxy else (options.address, options.port))
        except TimeoutError:
            raise Ended("no answer") from None
        except ConnectionRefusedError:
            raise Ended("refused") from None
        say("connected", local=list(plain.getsockname()[:2]))
        if options.proxy:
            self.ask_proxy(plain)
        return plain

    def ask_proxy(self, plain):
        """MS-SSTP 4.5."""
        host = "%s:%d" % (self.options.address, self.options.port)
        plain.sendall(("CONNECT %s HTTP/1.1\r\nHost: %s\r\nSSTPVERSION: 1.0\r\n\r\n" % (host, host)).encode())
        status = int(sstp.http_head(plain)[0][0].split()[1])
        say("http", status=status)
        if status != 200:
            raise Ended("http error", status=status)

    def secure(self, plain):
        """TLS as an old or a new Windows speaks it; the certificate of the server is kept for the binding."""
        options = self.options
        self.context = context = self.context or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if options.tls < "1.2":
            context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = min(VERSIONS[options.tls], ssl.TLSVersion.TLSv1_2)
        context.maximum_version = VERSIONS[options.tls]
        if options.keylog:
            context.keylog_filename = options.keylog
        if options.late_check or not options.trust:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        else:
            context.load_verify_locations(options.trust)
        try:
            connection = context.wrap_socket(plain, server_hostname=options.name or None, session=self.session,
                                             do_handshake_on_connect=False)
            connection.do_handshake()
        except ssl.SSLCertVerificationError as error:
            time.sleep(0.1)  # or the reset overtakes the alert
            raise Ended("certificate refused", reason=error.verify_message, code=error.verify_code) from None
        except TimeoutError:
            raise Ended("silence") from None
        except (ssl.SSLError, OSError) as error:
            raise Ended("tls failed", error=str(error)) from None
        self.certificate = connection.getpeercert(True)
        say("tls", version=connection.version(), cipher=connection.cipher()[0], resumed=connection.session_reused,
            certificate=sstp.hashlib.sha256(self.certificate).hexdigest())
        if options.late_check:
            self.check_late(connection)
        return connection

    def check_late(self, connection):
        """Windows completes the handshake first; what it does not like then, it says by closing."""
        with tempfile.NamedTemporaryFile("w", suffix=".pem", encoding="ascii") as leaf:
            leaf.write(ssl.DER_cert_to_PEM_cert(self.certificate))
            leaf.flush()
            done = subprocess.run(("openssl", "verify", "-purpose", "sslserver", "-CAfile", self.options.trust,
                                   "-verify_hostname", self.options.name, leaf.name), check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            sstp.leave(connection)
            raise Ended("certificate refused", reason=done.stdout.decode().split(": ")[-1].split("\n")[0], late=True)

    def request(self, connection):
        """The HTTP exchange; returns the bytes behind the answer's head."""
        guid = "{%s}" % str(self.correlation).upper()
        say("correlation", id=guid)
        connection.sendall(("SSTP_DUPLEX_POST %s HTTP/1.1\r\nSSTPCORRELATIONID: %s\r\nContent-Length: %d\r\nHost: %s\r\n\r\n"
                            % (sstp.URI, guid, sstp.LENGTH, self.options.name)).encode())
        head, rest = sstp.http_head(connection)
        status = int(head[0].split()[1])
        say("http", status=status)
        if status != 200:
            raise Ended("http error", status=status)
        return rest

    def call(self, tunnel):
        tunnel.send_control(sstp.REQUEST, sstp.attribute(sstp.PROTOCOL_ID, b"\x00\x01"))
        what, kind, packet = tunnel.receive()
        if what != "control" or kind not in (sstp.ACK, sstp.NAK):
            raise Ended("unexpected answer")
        if kind == sstp.NAK:
            raise Ended("nak", statuses=sstp.statuses(packet))
        value = dict(sstp.attributes(packet))[sstp.CRYPTO_BINDING_REQ]
        self.algorithm, self.nonce = (sstp.SHA256 if value[3] & sstp.SHA256 else sstp.SHA1), value[4:36]

    def link(self, tunnel):
        """LCP as Windows negotiates it; what the server wants for authentication is kept."""
        wanted = {"pap": b"\xC0\x23", "mschapv2": b"\xC2\x23\x81"}.get(self.options.auth, b"\xC2\x27")
        magic = os.urandom(4)

        def judge(option, value):
            if option == 3:
                return None if value == wanted else wanted
            return None if option in (1, 5, 7, 8) else b""
        tunnel.negotiate(sstp.LCP, {1: struct.pack(">H", 4091), 5: magic, 7: b"", 8: b"", 13: b"\x06"}, judge)
        for text in (b"MSRASV5.20", b"MSRAS-0-" + self.options.computer.encode(), self.correlation.bytes_le):
            tunnel.send_code(sstp.LCP, sstp.LCP_IDENTIFICATION, tunnel.next_identifier(), magic + text)

    def authenticate(self, tunnel):
        kind = self.options.auth
        {"pap": self.pap, "mschapv2": self.chap}.get(kind, self.eap)(tunnel)
        say("authenticated", method=kind)

    def pap(self, tunnel):
        user, password = self.options.user.encode(), self.options.password.encode()
        identifier = tunnel.next_identifier()
        tunnel.send_code(sstp.PAP, 1, identifier, bytes([len(user)]) + user + bytes([len(password)]) + password)
        if tunnel.expect_ppp(sstp.PAP)[0] != 2:
            self.refused(tunnel, "PAP", 691)

    def chap(self, tunnel):
        options = self.options
        payload = tunnel.expect_ppp(sstp.CHAP)
        challenge, peer = payload[5:21], os.urandom(16)
        response = mschap.nt_response(challenge, peer, options.user, options.password)
        value = peer + bytes(8) + response + b"\0"
        tunnel.send_code(sstp.CHAP, 2, payload[1], bytes([len(value)]) + value + options.user.encode())
        payload = tunnel.expect_ppp(sstp.CHAP)
        text = payload[4:].decode("latin-1")
        if payload[0] == 4:
            self.refused(tunnel, text, int(text.split("E=")[1].split()[0]))
        if not text.startswith(mschap.authenticator_response(challenge, peer, options.user, options.password, response)):
            self.refused(tunnel, "the server's proof is wrong", None)
        self.key = b"".join(mschap.master_keys(options.password, response))

    def eap(self, tunnel):
        options = self.options
        if options.auth in ("peap", "eap-tls"):
            kind = eap_peer.Peap if options.auth == "peap" else eap_peer.EapTls
            with tempfile.NamedTemporaryFile(prefix="eap-", suffix=".keys") as keys:
                method = kind(options.user, options.password, options.peap_trust, options.peap_name, keys.name,
                              VERSIONS[options.peap_tls], options.certificate)
                self.eap_rounds(tunnel, method)
                self.key = method.keys[0]
        else:
            method = eap_peer.MsChap(options.user, options.password)
            self.eap_rounds(tunnel, method)
            self.key = b"".join(method.keys)

    def eap_rounds(self, tunnel, method):
        peer = eap_peer.Peer(self.options.user, method)
        while True:
            packet = tunnel.expect_ppp(sstp.EAP)
            if packet[0] == eap_peer.SUCCESS:
                return
            if packet[0] == eap_peer.FAILURE:
                refused = getattr(method, "refused", None)
                self.refused(tunnel, refused or method.error or "EAP-Failure", None if refused else 691, by_client=bool(refused))
            tunnel.send_ppp(sstp.EAP, peer.answer(packet))

    def refused(self, tunnel, text, code, by_client=False):
        """Says goodbye in PPP and SSTP before it ends."""
        try:
            tunnel.send_code(sstp.LCP, sstp.TERM_REQUEST, tunnel.next_identifier(), b"\0\0\0\0")
            tunnel.expect_ppp(sstp.LCP)
            self.farewell(tunnel)
        except Ended:
            pass
        raise Ended("certificate refused inside" if by_client else "rejected", reason=text, code=code)

    def bind(self, tunnel):
        nonce = os.urandom(32) if self.options.wrong == "nonce" else self.nonce
        packet = bytearray(sstp.connected(self.algorithm, nonce, self.certificate, self.key))
        if self.options.wrong == "mac":
            packet[-32] ^= 0xFF
        say("binding", hash=self.algorithm, hlak=self.key.hex())
        say("sent", message=sstp.NAMES[sstp.CONNECTED])
        tunnel.send(bytes(packet))

    def network(self, tunnel):
        def judge(option, _):
            return None if option == 3 else b""
        asked = {option: bytes(4) for option in (3, 129, 130, 131, 132)}
        mine, theirs = tunnel.negotiate(sstp.IPCP, asked, judge)
        self.address, self.gateway = mine[3], theirs[3]
        say("address", own=socket.inet_ntoa(self.address), gateway=socket.inet_ntoa(self.gateway))

    def ping(self, tunnel, number):
        payload = bytes(32 + i % 90 for i in range(self.options.ping_size))
        tunnel.send_ppp(sstp.IPV4, icmp(self.address, self.gateway, 8, number, payload))
        answer = tunnel.expect_ppp(sstp.IPV4)
        say("ping", answered=answer[20] == 0)

    def farewell(self, tunnel):
        tunnel.send_control(sstp.DISCONNECT, sstp.status_info(0, 0))
        what, kind, _ = tunnel.receive()
        if what == "control" and kind == sstp.DISCONNECT_ACK:
            return
        say("no acknowledgement")

    def run(self):
        plain = self.connect()
        connection = self.secure(plain)
        try:
            self.talk(Tunnel(connection, self.request(connection)))
            self.session = connection.session
        finally:
            sstp.leave(connection)

    def talk(self, tunnel):
        tunnel.gives_up = True
        self.call(tunnel)
        self.link(tunnel)
        self.authenticate(tunnel)
        self.bind(tunnel)
        self.network(tunnel)
        for number in range(self.options.pings):
            self.ping(tunnel, number)
        if self.options.echo:
            tunnel.send_control(sstp.ECHO_REQUEST)
            tunnel.receive()
        say("established")
        time.sleep(self.options.hold)
        self.farewell(tunnel)

    def probe(self):
        """A health check: connect, perhaps a handshake, perhaps a request, away."""
        kind, connection = self.options.probe, self.connect()
        if kind != "tcp":
            connection = self.secure(connection)
        if kind in ("head", "get"):
            connection.sendall(("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
                                % (kind.upper(), sstp.URI, self.options.name or self.options.address)).encode())
            say("http", status=int(sstp.http_head(connection)[0][0].split()[1]))
        connection.close() if kind == "tcp" else sstp.leave(connection)
        say("probed", kind=kind)


def checksum(data):
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">H", ~total & 0xFFFF)


def icmp(source, destination, kind, number, payload):
    """An IPv4 packet with an echo request (8) or reply (0)."""
    payload += bytes(len(payload) % 2)
    message = struct.pack(">BBHHH", kind, 0, 0, 1, number) + payload
    message = message[:2] + checksum(message) + message[4:]
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(message), number, 0, 64, 1, 0) + source + destination
    return header[:10] + checksum(header) + header[12:] + message


def probe_all(options):
    """Health checks at fixed times, whatever becomes of each."""
    begun = time.monotonic()
    for turn in range(options.rounds):
        time.sleep(max(0, begun + turn * options.every - time.monotonic()))
        try:
            Client(options).probe()
        except Ended as end:
            say("probe failed", outcome=end.outcome)


def main():
    options = arguments()
    if options.resolver:
        options.address = dns_client.addresses(options.resolver, options.name, options.bind)[0]
        say("resolved", address=options.address)
    client = Client(options)
    try:
        if options.probe:
            probe_all(options)
            say("end", outcome="probed")
        else:
            for _ in range(options.rounds):
                client.run()
                client.correlation, options.own_port = uuid.uuid4(), options.own_port + 1
            say("end", outcome="established")
    except Ended as end:
        say("end", outcome=end.outcome, **end.details)


if __name__ == "__main__":
    main()
