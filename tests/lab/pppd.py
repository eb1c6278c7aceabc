#!/usr/bin/env python3
"""Stands in for pppd, which needs a kernel with PPP: xl2tpd, pptpd and pptp start it on a pseudo terminal.

PPPD_LAB in its environment names a JSON file: {"role": "client" or "server", "auth": "pap" or "mschapv2", "user", "password", "computer",
"pings", "log"}, PYTHONPATH this folder: it is mounted over /usr/sbin/pppd. RFC 1662: octet-stuffed frames.
"""

import argparse
import json
import os
import select
import socket
import sys
import time
import tty

import mschap
import sstp
import sstp_client
from sstp import Ended

FLAG, ESCAPE, FLIP, GOOD = 0x7E, 0x7D, 0x20, 0xF0B8
REPEAT_AFTER, REPEATED = 1.5, 5
SERVER, CLIENT = "10.50.1.1", "10.50.1.7"


def fcs(data):
    """RFC 1662, appendix C.2."""
    value = 0xFFFF
    for octet in data:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ (0x8408 if value & 1 else 0)
    return value


class Line(sstp.Tunnel):
    """PPP on a terminal, with the interface of a tunnel."""

    def __init__(self, terminal):
        super().__init__(None)
        self.terminal = terminal
        self.gives_up, self.last = True, b""

    def send_ppp(self, protocol, payload):
        frame = b"\xFF\x03" + protocol.to_bytes(2, "big") + payload
        check = (fcs(frame) ^ 0xFFFF).to_bytes(2, "little")
        stuffed = bytearray([FLAG])
        for octet in frame + check:
            stuffed += bytes([ESCAPE, octet ^ FLIP]) if octet < 0x20 or octet in (FLAG, ESCAPE) else bytes([octet])
        stuffed.append(FLAG)
        os.write(self.terminal, bytes(stuffed))
        if payload[0] == sstp.CONF_REQUEST or protocol == sstp.CHAP:
            self.last = bytes(stuffed)

    def packet(self):
        """The next frame, as if SSTP had carried it."""
        while True:
            end = self.buffer.find(bytes([FLAG]))
            if end < 0:
                self.more()
                continue
            stuffed, self.buffer = self.buffer[:end], self.buffer[end + 1:]
            frame, escaped = bytearray(), False
            for octet in stuffed:
                if octet == ESCAPE:
                    escaped = True
                    continue
                frame.append(octet ^ FLIP if escaped else octet)
                escaped = False
            if len(frame) >= 6 and fcs(frame) == GOOD:
                return b"\x10\0\0\0" + bytes(frame[:-2])

    def more(self):
        for _ in range(REPEATED):
            if select.select([self.terminal], [], [], REPEAT_AFTER)[0]:
                break
            os.write(self.terminal, self.last)
        else:
            raise Ended("silence")
        try:
            self.buffer += os.read(self.terminal, 4096)
        except OSError as error:
            raise Ended("connection lost", error=str(error)) from None


class Client(sstp_client.Client):
    """What a client does in SSTP's tunnel, without SSTP."""

    def farewell(self, tunnel):
        tunnel.send_code(sstp.LCP, sstp.TERM_REQUEST, tunnel.next_identifier(), b"User request")
        tunnel.expect_ppp(sstp.LCP)

    def talk(self, tunnel):
        self.link(tunnel)
        self.authenticate(tunnel)
        self.network(tunnel)
        for number in range(self.options.pings):
            self.ping(tunnel, number)
        sstp.say("established")
        tunnel.last = b""
        time.sleep(0.2)
        self.farewell(tunnel)


class Server:
    """The other side; the user's password is its own."""

    def __init__(self, options):
        self.options = options

    def talk(self, tunnel):
        auth = {"pap": b"\xC0\x23", "mschapv2": b"\xC2\x23\x81"}[self.options.auth]
        tunnel.negotiate(sstp.LCP, {1: b"\x05\x78", 3: auth, 5: os.urandom(4)},
                         lambda option, value: b"" if option in (13, 17, 19, 23) else None, fixed=3)
        getattr(self, self.options.auth)(tunnel)
        address, gateway = socket.inet_aton(CLIENT), socket.inet_aton(SERVER)

        def judge(option, value):
            wanted = {3: address, 129: gateway, 131: gateway}.get(option)
            return b"" if wanted is None else None if value == wanted else wanted
        tunnel.negotiate(sstp.IPCP, {3: gateway}, judge)
        sstp.say("established")
        tunnel.last = b""
        while True:
            what, kind, packet = tunnel.receive()
            if what == "ppp" and kind == sstp.IPV4 and packet[20] == 8:
                number = int.from_bytes(packet[26:28], "big")
                tunnel.send_ppp(sstp.IPV4, sstp_client.icmp(packet[16:20], packet[12:16], 0, number, packet[28:]))

    def verdict(self, tunnel, user, good):
        tunnel.last = b""
        sstp.say("authentication", user=user, accepted=good)
        while not good:
            tunnel.receive()

    def pap(self, tunnel):
        payload = tunnel.expect_ppp(sstp.PAP)
        user, rest = payload[5:5 + payload[4]], payload[5 + payload[4]:]
        good = rest[1:1 + rest[0]].decode() == self.options.password
        tunnel.send_code(sstp.PAP, 2 if good else 3, payload[1], b"\0")
        self.verdict(tunnel, user.decode(), good)

    def mschapv2(self, tunnel):
        challenge, identifier = os.urandom(16), tunnel.next_identifier()
        tunnel.send_code(sstp.CHAP, 1, identifier, b"\x10" + challenge + b"RRAS01")
        payload = tunnel.expect_ppp(sstp.CHAP)
        peer, response, user = payload[5:21], payload[29:53], payload[54:].decode()
        password = self.options.password
        good = response == mschap.nt_response(challenge, peer, user, password)
        text = mschap.authenticator_response(challenge, peer, user, password, response) if good else "E=691 R=0 V=3"
        tunnel.send_code(sstp.CHAP, 3 if good else 4, identifier, text.encode())
        self.verdict(tunnel, user, good)


def main():
    with open(os.environ["PPPD_LAB"], encoding="utf-8") as source:
        options = argparse.Namespace(**{"computer": "PC01", "pings": 2, "ping_size": 56, "auth": "mschapv2", **json.load(source)})
    named = [word for word in sys.argv[1:] if word.startswith("/dev/")]
    terminal = os.open(named[0], os.O_RDWR | os.O_NOCTTY) if named else 0
    tty.setraw(terminal)
    sys.stdout = open(options.log, "a", encoding="utf-8")
    side = Client(options) if options.role == "client" else Server(options)
    try:
        side.talk(Line(terminal))
        sstp.say("end", outcome="done")
    except Ended as end:
        sstp.say("end", outcome=end.outcome, **end.details)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
