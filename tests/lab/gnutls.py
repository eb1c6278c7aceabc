"""GnuTLS through ctypes: one TLS session, client or server, over byte strings.

OpenSSL's programs here cannot show two things: a client that lets the handshake finish before it refuses, and a server
that puts its alert on the wire. GnuTLS gives both.
"""

import ctypes
import ctypes.util
import errno

SERVER, CLIENT, NONBLOCK = 1 << 0, 1 << 1, 1 << 3
CRD_CERTIFICATE, PEM, FATAL, CERT_REQUIRE = 1, 1, 2, 2
AGAIN, CERTIFICATE_VERIFICATION_ERROR = -28, -348
UNKNOWN_CA, ACCESS_DENIED = 48, 49
SIGNER_NOT_FOUND = 1 << 6


class Tls:
    """`step` takes the other side's bytes and returns ours; `alert` is the number of the alert sent, if any."""

    def __init__(self, role, roots, version):
        self.lib = ctypes.CDLL(ctypes.util.find_library("gnutls"))
        self.input, self.output, self.alert, self.finished = b"", b"", None, False
        self.session, self.credentials = ctypes.c_void_p(), ctypes.c_void_p()
        lib = self.lib
        lib.gnutls_certificate_allocate_credentials(ctypes.byref(self.credentials))
        if lib.gnutls_certificate_set_x509_trust_file(self.credentials, roots.encode(), PEM) < 1:
            raise SystemExit("no certificate in " + roots)
        lib.gnutls_init(ctypes.byref(self.session), role | NONBLOCK)
        lib.gnutls_priority_set_direct(self.session, ("NORMAL:-VERS-ALL:+VERS-TLS" + version).encode(), None)
        lib.gnutls_credentials_set(self.session, CRD_CERTIFICATE, self.credentials)
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

    def refuse(self, alert):
        self.alert = alert
        self.lib.gnutls_alert_send(self.session, FATAL, alert)

    def step(self, received):
        self.input += received
        result = self.lib.gnutls_handshake(self.session)
        if result == 0:
            self.finished = True
            self.handshake_done()
        elif result != AGAIN:
            self.refuse(self.alert_for(result))
        out, self.output = self.output, b""
        return out

    def alert_for(self, error):
        """GnuTLS calls every certificate that it refuses bad; here an unknown issuer keeps its own alert."""
        if error == CERTIFICATE_VERIFICATION_ERROR:
            if self.lib.gnutls_session_get_verify_cert_status(self.session) & SIGNER_NOT_FOUND:
                return UNKNOWN_CA
        level = ctypes.c_int()
        return self.lib.gnutls_error_to_alert(error, ctypes.byref(level))

    def handshake_done(self):
        pass


class LateClient(Tls):
    """Checks the server's certificate after the handshake; with TLS 1.3 during it, where the alert is encrypted."""

    def __init__(self, roots, name, version):
        super().__init__(CLIENT, roots, version)
        self.name = name.encode()
        if version == "1.3":
            self.lib.gnutls_session_set_verify_cert(self.session, self.name, 0)

    def handshake_done(self):
        status = ctypes.c_uint()
        self.lib.gnutls_certificate_verify_peers3(self.session, self.name, ctypes.byref(status))
        if status.value:
            self.refuse(UNKNOWN_CA if status.value & SIGNER_NOT_FOUND else ACCESS_DENIED)


class Server(Tls):
    """Asks for a client certificate and checks it against `roots` during the handshake."""

    def __init__(self, roots, chain, key, version):
        super().__init__(SERVER, roots, version)
        if self.lib.gnutls_certificate_set_x509_key_file(self.credentials, chain.encode(), key.encode(), PEM) < 0:
            raise SystemExit("no certificate and key in %s, %s" % (chain, key))
        self.lib.gnutls_certificate_server_set_request(self.session, CERT_REQUIRE)
        self.lib.gnutls_session_set_verify_cert(self.session, None, 0)
