"""TLS versions, suites, secrets and resumption."""

import recorder
from freeradius import Server
from lab import scenario
from scenarios_basic import one_login
from supplicant import Login, login

CHACHA, CBC = "ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-SHA256"


def with_keys(lab, method, server_options, **client_options):
    """One recording, three truths: without secrets, with a key log, with the secrets embedded."""
    server = Server(lab, "nps1", **server_options)
    name = lab.entry.name
    with lab.record(None) as raw:
        login(lab, server, method=method, **client_options)
    path = lab.copy(raw, ".pcap")
    lab.keep_keylog(server)
    hidden = server_options.get("tls_max") == "1.3"
    lab.keep(path, keylog=None, certificates_hidden="TLS 1.3" if hidden else None,
             expect_findings=["cert-unseen"] if hidden else [])
    lab.keep(path, stem=name + "-keys", description=lab.entry.description + "; with its key log")
    embedded = lab.path("-dsb.pcapng")
    recorder.with_secrets(raw, lab.keylog, embedded)
    lab.keep(embedded, keylog=None, description=lab.entry.description + "; the secrets are in the file")


@scenario("peap-tls12", "PEAP with TLS 1.2", outcomes=["established"], healthy=True)
def _(lab):
    with_keys(lab, "PEAP/MSCHAPv2", {})


@scenario("peap-tls12-cbc", "PEAP with TLS 1.2 and AES-CBC", outcomes=["established"], healthy=True)
def _(lab):
    lab.keep_keylog(one_login(lab, {"ciphers": CBC}))


@scenario("peap-tls12-chacha20", "PEAP with TLS 1.2 and ChaCha20-Poly1305", outcomes=["established"], healthy=True)
def _(lab):
    lab.keep_keylog(one_login(lab, {"ciphers": CHACHA}))


@scenario("peap-tls12-ccm", "PEAP with TLS 1.2 and AES-CCM, ECDSA", outcomes=["established"], healthy=True,
          root="ec-root")
def _(lab):
    lab.keep_keylog(one_login(lab, {"ciphers": "ECDHE-ECDSA-AES128-CCM", "chain": ("ec-nps01", "ec-issuing")},
                              trust="ec-root", lines=('openssl_ciphers="ALL"',)))


@scenario("ttls-keys", "EAP-TTLS with PAP inside and its secrets", outcomes=["established"], healthy=True)
def _(lab):
    lab.keep_keylog(one_login(lab, {"default": "ttls"}, method="EAP-TTLS/PAP"))


@scenario("peap-tls13", "PEAP with TLS 1.3", outcomes=["established"], healthy=True)
def _(lab):
    with_keys(lab, "PEAP/MSCHAPv2", {"tls_max": "1.3"}, phase1=" tls_disable_tlsv1_3=0")


@scenario("eap-tls13", "EAP-TLS with TLS 1.3", outcomes=["established"], healthy=True)
def _(lab):
    with_keys(lab, "EAP-TLS", {"tls_max": "1.3", "default": "tls"}, phase1="tls_disable_tlsv1_3=0")


@scenario("eap-tls13-chacha20", "EAP-TLS with TLS 1.3, ChaCha20-Poly1305 and ECDSA", outcomes=["established"],
          healthy=True, root="ec-root")
def _(lab):
    with_keys(lab, "EAP-TLS", {"tls_max": "1.3", "default": "tls", "chain": ("ec-nps01", "ec-issuing"),
                               "suites": "TLS_CHACHA20_POLY1305_SHA256"},
              phase1="tls_disable_tlsv1_3=0", trust="ec-root")


@scenario("nps-untrusted-root-tls13", "Fabrikam's certificate with TLS 1.3: the alert is in clear, the certificate is "
          "not", outcomes=["rejected"], alert=48)
def _(lab):
    server = Server(lab, "nps1", tls_max="1.3", chain=("fabrikam-nps", "fabrikam-root"))
    with lab.record(None) as raw:
        login(lab, server, phase1=" tls_disable_tlsv1_3=0")
    path = lab.copy(raw, ".pcap")
    lab.keep(path, keylog=None, certificates_hidden="TLS 1.3",
             expect_findings=["cert-unseen", "eap-client-rejected-certificate"])
    lab.keep_keylog(server)
    lab.keep(path, stem=lab.entry.name + "-keys", keylog=lab.entry.name + ".keylog",
             description=lab.entry.description + "; with its key log",
             expect_findings=["cert-untrusted-root", "eap-client-rejected-certificate"])


@scenario("eap-tls13-client-refused", "EAP-TLS with TLS 1.3 and a client certificate of Fabrikam's root; the server's "
          "answer is encrypted", outcomes=["rejected"])
def _(lab):
    server = Server(lab, "nps1", tls_max="1.3", default="tls")
    with lab.record(None) as raw:
        login(lab, server, method="EAP-TLS", phase1="tls_disable_tlsv1_3=0", cert="fabrikam-alice")
    path = lab.copy(raw, ".pcap")
    refused = "eap-server-rejected-client-certificate"
    lab.keep(path, keylog=None, certificates_hidden="TLS 1.3", expect_findings=["cert-unseen", refused])
    lab.keep_keylog(server)
    lab.keep(path, stem=lab.entry.name + "-keys", keylog=lab.entry.name + ".keylog",
             description=lab.entry.description + "; with its key log", expect_findings=[refused])


@scenario("peap-tls11", "PEAP with TLS 1.1", outcomes=["established"], expect=["eap-weak-tls"],
          shows=["tls.handshake.type == 2 && tls.handshake.version == 0x0302"])
def _(lab):
    old_tls(lab, "1.1")


@scenario("peap-tls10", "PEAP with TLS 1.0", outcomes=["established"], expect=["eap-weak-tls"],
          shows=["tls.handshake.type == 2 && tls.handshake.version == 0x0301"])
def _(lab):
    old_tls(lab, "1.0")


OLD = " tls_disable_tlsv1_0=0 tls_disable_tlsv1_1=0 tls_disable_tlsv1_2=1"


def old_tls(lab, version):
    one_login(lab, {"tls_min": "1.0", "tls_max": version, "ciphers": "DEFAULT@SECLEVEL=0"}, phase1=OLD)


@scenario("tls-no-common-version", "the client offers TLS 1.1 at most, the server wants 1.2: FreeRADIUS rejects "
          "without an alert", outcomes=["rejected"], expect=["eap-tls-handshake-failed"],
          shows=["tls.handshake.type == 1"], lacks=["tls.handshake.type == 2"])
def _(lab):
    server = Server(lab, "nps1")
    with lab.record():
        login(lab, server, phase1=OLD).nothing_sent()


@scenario("tls-no-common-suite", "client and server have no cipher suite in common", outcomes=["rejected"],
          expect=["eap-tls-handshake-failed"], shows=["tls.handshake.type == 1"], lacks=["tls.handshake.type == 2"])
def _(lab):
    server = Server(lab, "nps1", ciphers="ECDHE-RSA-AES256-GCM-SHA384")
    with lab.record():
        login(lab, server, lines=('openssl_ciphers="ECDHE-RSA-AES128-SHA256"',)).nothing_sent()


@scenario("resumption", "a full login and a resumed one", outcomes=["established", "established"], healthy=True)
def _(lab):
    server = Server(lab, "nps1", resume=True)
    with lab.record() as path:
        full = login(lab, server, flags=("-r1",))
    again = Login(full.user, full.nas, full.method, None, full.inner)
    again.resumed = "SSL_session_reused: yes" in full.log or "session_reused" in full.log
    again.judge(full.log)
    lab.logins.append(again)
    second = recorder.frames(path, "eap.code == 2 && eap.type == 1")[1]
    alone = lab.path("-only.pcap")
    recorder.from_frame(path, second, alone)
    lab.keep(alone, description="a resumed login alone: no certificate on the wire", certificates_hidden="resumed",
             expect_findings=["cert-unseen"], logins=[again.truth()])
