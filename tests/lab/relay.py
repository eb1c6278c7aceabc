"""A NAS that carries many logins over one UDP socket, as RRAS does; the logins themselves are eapol_test's.

Each request gets a fresh identifier and is held back until the next tick, so that many logins are under way at once.
A user can be made to fall silent: his requests are no longer forwarded after some TLS messages. With a second server,
a login begins at the first one and goes on at the other, as behind a load balancer without persistence.

usage: relay.py LISTEN_PORT SOURCE SOURCE_PORT SERVER[,OTHER] SECRET HOLD [USER=MESSAGES...]
"""

import collections
import itertools
import select
import socket
import sys
import time

import radius

TLS_METHODS = (13, 21, 25)
ACK_LENGTH = 6


def is_tls_message(packet):
    """Whether the request carries TLS bytes of the client, not only an acknowledgement."""
    eap = radius.find(packet, radius.EAP_MESSAGE)
    return len(eap) > ACK_LENGTH and eap[0] == 2 and eap[4] in TLS_METHODS


class Relay:
    def __init__(self, listen_port, source, source_port, server, secret, hold, silent):
        self.servers = server.split(",")
        family = socket.AF_INET6 if ":" in self.servers[0] else socket.AF_INET
        self.inner = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.inner.bind(("127.0.0.1", listen_port))
        self.outer = socket.socket(family, socket.SOCK_DGRAM)
        self.outer.bind((source, source_port))
        self.secret, self.hold, self.silent = secret, hold, silent
        self.identifiers = itertools.cycle(range(256))
        self.waiting = collections.deque()
        self.by_request = {}
        self.by_identifier = {}
        self.messages = {}

    def is_silent(self, sender, packet, is_new):
        user = radius.find(packet, radius.USER_NAME).decode().split("@")[0]
        if user not in self.silent:
            return False
        if is_new and is_tls_message(packet):
            self.messages[sender] = self.messages.get(sender, 0) + 1
        return self.messages.get(sender, 0) > self.silent[user]

    def from_client(self):
        packet, sender = self.inner.recvfrom(65535)
        key = (sender, packet[1], packet[4:20])
        if self.is_silent(sender, packet, key not in self.by_request):
            self.by_request[key] = None
            return
        if key not in self.by_request:
            self.by_request[key] = next(self.identifiers)
        identifier = self.by_request[key]
        self.by_identifier[identifier] = key
        forwarded = radius.request(packet, identifier, self.secret)
        server = self.servers[-1 if radius.find(packet, radius.STATE) else 0]
        self.waiting.append((self.next_tick(), forwarded, server))

    def next_tick(self):
        """Requests leave together at each multiple of `hold`, so that their logins stay in step."""
        return (time.monotonic() // self.hold + 1) * self.hold

    def from_server(self):
        try:
            packet = self.outer.recv(65535)
        except ConnectionRefusedError:
            return
        sender, identifier, authenticator = self.by_identifier[packet[1]]
        self.inner.sendto(radius.response(packet, identifier, authenticator, self.secret), sender)

    def serve(self):
        print("relay ready", flush=True)
        while True:
            pause = max(0.0, self.waiting[0][0] - time.monotonic()) if self.waiting else None
            ready, _, _ = select.select((self.inner, self.outer), (), (), pause)
            if self.inner in ready:
                self.from_client()
            if self.outer in ready:
                self.from_server()
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                _, packet, server = self.waiting.popleft()
                self.outer.sendto(packet, (server, 1812))


def main():
    listen_port, source, source_port, server, secret, hold, *silent = sys.argv[1:]
    limits = {user: int(count) for user, count in (rule.split("=") for rule in silent)}
    Relay(int(listen_port), source, int(source_port), server, secret.encode(), float(hold), limits).serve()


if __name__ == "__main__":
    main()
