"""A PEAP client on GnuTLS that checks the server's certificate after the handshake, as Windows' PEAP client does.

OpenSSL's client (eapol_test) refuses in the middle of the handshake and so sends its alert in clear; this one lets
the handshake finish, so the alert is encrypted. With TLS 1.3 it checks during the handshake, where GnuTLS encrypts.

usage: late_refusal.py SERVER SECRET USER ROOT_PEM NAME VERSION ATTRIBUTE...     (attributes as hexadecimal)
"""

import ctypes
import ctypes.util
import errno
import os
import socket
import subprocess
import sys

import radius

CLIENT, NONBLOCK, CRD_CERTIFICATE, PEM, FATAL = 1 << 1, 1 << 3, 1, 1, 2
AGAIN = -28
UNKNOWN_CA, ACCESS_DENIED = 48, 49
SIGNER_NOT_FOUND = 1 << 6
PEAP = 25
MORE_FRAGMENTS, LENGTH_INCLUDED = 0x40, 0x80


class Tls:
    """One GnuTLS client session over two byte strings."""

    def __init__(self, root, name, version):
        self.lib = ctypes.CDLL(ctypes.util.find_library("gnutls"))
        self.name, self.after = name.encode(), version != "1.3"
        self.input, self.output = b"", b""
        self.session, self.credentials = ctypes.c_void_p(), ctypes.c_void_p()
        lib = self.lib
        lib.gnutls_certificate_allocate_credentials(ctypes.byref(self.credentials))
        if lib.gnutls_certificate_set_x509_trust_file(self.credentials, root.encode(), PEM) < 1:
            raise SystemExit("no root certificate in " + root)
        lib.gnutls_init(ctypes.byref(self.session), CLIENT | NONBLOCK)
        lib.gnutls_priority_set_direct(self.session, ("NORMAL:-VERS-ALL:+VERS-TLS" + version).encode(), None)
        lib.gnutls_credentials_set(self.session, CRD_CERTIFICATE, self.credentials)
        if not self.after:
            lib.gnutls_session_set_verify_cert(self.session, self.name, 0)
        kind = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
        self.callbacks = kind(self.push), kind(self.pull)
        lib.gnutls_transport_set_push_function(self.session, self.callbacks[0])
        lib.gnutls_transport_set_pull_function(self.session, self.callbacks[1])

    def push(self, _, data, size):
        self.output += ctypes.string_at(data, size)
        return size

    def pull(self, _, data, size):
        if not self.input:
            self.lib.gnutls_transport_set_errno(self.session, errno.EAGAIN)
            return -1
        part, self.input = self.input[:size], self.input[size:]
        ctypes.memmove(data, part, len(part))
        return len(part)

    def step(self, received):
        """Takes the server's bytes, returns the client's."""
        self.input += received
        result = self.lib.gnutls_handshake(self.session)
        if result == 0 and self.after:
            self.check()
        elif result not in (0, AGAIN):
            level = ctypes.c_int()
            print("alert %d" % self.lib.gnutls_error_to_alert(result, ctypes.byref(level)), flush=True)
            self.lib.gnutls_alert_send_appropriate(self.session, result)
        out, self.output = self.output, b""
        return out

    def check(self):
        status = ctypes.c_uint()
        self.lib.gnutls_certificate_verify_peers3(self.session, self.name, ctypes.byref(status))
        if status.value:
            alert = UNKNOWN_CA if status.value & SIGNER_NOT_FOUND else ACCESS_DENIED
            self.lib.gnutls_alert_send(self.session, FATAL, alert)
            print("alert %d" % alert, flush=True)


class Login:
    """The RADIUS and EAP side: one request after the other until the server decides."""

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
    from supplicant import ALERTS, Login as Record, rras_attributes
    rows = []
    for spec in rras_attributes("RRAS01", "203.0.113.41", lab.count()) + ["12:d:1400"]:
        number, kind, value = spec.split(":", 2)
        data = {"s": str.encode, "x": bytes.fromhex, "d": lambda text: int(text).to_bytes(4, "big")}[kind](value)
        rows.append("%02x%s" % (int(number), data.hex()))
    argv = lab.network.inside("nas", sys.executable, os.path.abspath(__file__), network.NPS01, SECRET, user,
                              lab.pki.pem(trust), "nps01.corp.contoso.com", version, *rows)
    out = subprocess.run(argv, check=True, stdout=subprocess.PIPE, timeout=20,
                         env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}).stdout.decode().split()
    record = Record(user, "RRAS01", "PEAP", server)
    record.outcome = out[-1]
    if out[0] == "alert":
        names = dict(ALERTS.values())
        record.alert = {"code": int(out[1]), "name": names[int(out[1])]}
    lab.logins.append(record)


def main():
    server, secret, user, root, name, version, *rows = sys.argv[1:]
    attributes = [(int(row[:2], 16), bytes.fromhex(row[2:])) for row in rows]
    print(Login(server, secret.encode(), user, Tls(root, name, version), attributes).run(), flush=True)


if __name__ == "__main__":
    main()
