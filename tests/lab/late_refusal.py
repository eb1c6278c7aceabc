"""A PEAP client that checks the server's certificate after the handshake, as Windows' PEAP client does.

usage: late_refusal.py SERVER SECRET USER ROOT_PEM NAME VERSION ATTRIBUTE...     (attributes as hexadecimal)
"""

import os
import socket
import subprocess
import sys

import gnutls
import radius

PEAP = 25
MORE_FRAGMENTS, LENGTH_INCLUDED = 0x40, 0x80


class Client:
    """One login: one request after the other until the server decides."""

    def __init__(self, server, secret, user, tls, rows):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(5)
        self.socket.connect((server, 1812))
        self.secret, self.tls, self.identifier = secret, tls, 0
        self.rows = [(radius.USER_NAME, user.encode())] + rows
        self.user, self.received = user.encode(), b""

    def exchange(self, eap, state):
        rows = self.rows + radius.eap_attributes(eap) + ([(radius.STATE, state)] if state else [])
        rows.append((radius.MESSAGE_AUTHENTICATOR, bytes(16)))
        self.socket.send(radius.build(radius.ACCESS_REQUEST, self.identifier, os.urandom(16), rows, self.secret))
        self.identifier += 1
        return self.socket.recv(65535)

    def respond(self, request):
        """The EAP response to an EAP request of PEAP."""
        flags, body = request[5], request[6:]
        if flags & LENGTH_INCLUDED:
            body = body[4:]
        self.received += body
        out = b""
        if not flags & MORE_FRAGMENTS:
            out, self.received = self.tls.step(self.received), b""
        return b"\x02" + request[1:2] + (6 + len(out)).to_bytes(2, "big") + bytes([PEAP, 0]) + out

    def run(self):
        eap = b"\x02\x01" + (5 + len(self.user)).to_bytes(2, "big") + b"\x01" + self.user
        state = b""
        while True:
            reply = self.exchange(eap, state)
            if reply[0] != radius.ACCESS_CHALLENGE:
                return {radius.ACCESS_ACCEPT: "established", radius.ACCESS_REJECT: "rejected"}[reply[0]]
            state = radius.find(reply, radius.STATE)
            request = radius.find(reply, radius.EAP_MESSAGE)
            if request[4] != PEAP:
                return "incomplete"
            eap = self.respond(request)


def login(lab, server, version="1.2", user="alice@corp.contoso.com", trust="root"):
    """Runs this client in the lab's NAS and enters what came of it."""
    import network
    from freeradius import SECRET
    from supplicant import ALERTS, Login, rras_attributes
    rows = []
    for spec in rras_attributes("RRAS01", "203.0.113.41", lab.count()) + ["12:d:1400"]:
        number, kind, value = spec.split(":", 2)
        data = {"s": str.encode, "x": bytes.fromhex, "d": lambda text: int(text).to_bytes(4, "big")}[kind](value)
        rows.append("%02x%s" % (int(number), data.hex()))
    argv = lab.network.inside("nas", sys.executable, os.path.abspath(__file__), network.NPS01, SECRET, user,
                              lab.pki.pem(trust), "nps01.corp.contoso.com", version, *rows)
    out = subprocess.run(argv, check=True, stdout=subprocess.PIPE, timeout=20,
                         env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}).stdout.decode().split()
    record = Login(user, "RRAS01", "PEAP", server)
    record.outcome, alert = out
    if alert != "None":
        record.alert = {"code": int(alert), "name": dict(ALERTS.values())[int(alert)]}
    lab.logins.append(record)


def main():
    server, secret, user, root, name, version, *rows = sys.argv[1:]
    attributes = [(int(row[:2], 16), bytes.fromhex(row[2:])) for row in rows]
    tls = gnutls.LateClient(root, name, version)
    print(Client(server, secret.encode(), user, tls, attributes).run(), tls.alert, flush=True)


if __name__ == "__main__":
    main()
