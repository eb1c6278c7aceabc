"""Logins that succeed, and logins that the client refuses because of the NPS certificate."""

from freeradius import Server
from hostapd_server import HostapdServer
from lab import scenario
from supplicant import login

REFUSED = "eap-client-rejected-certificate"


def one_login(lab, server_options=None, **client_options):
    server = Server(lab, "nps1", **(server_options or {}))
    with lab.record():
        login(lab, server, **client_options)
    return server


@scenario("peap-mschapv2", "PEAP with MSCHAPv2, everything right", outcomes=["established"], healthy=True)
def _(lab):
    one_login(lab)


@scenario("eap-tls", "EAP-TLS with a client certificate, everything right", outcomes=["established"], healthy=True)
def _(lab):
    one_login(lab, {"default": "tls"}, method="EAP-TLS")


@scenario("ttls-pap", "EAP-TTLS with PAP inside, everything right", outcomes=["established"], healthy=True)
def _(lab):
    one_login(lab, {"default": "ttls"}, method="EAP-TTLS/PAP")


@scenario("peap-ec", "PEAP with ECDSA certificates, everything right", outcomes=["established"], healthy=True,
          root="ec-root")
def _(lab):
    one_login(lab, {"chain": ("ec-nps01", "ec-issuing")}, trust="ec-root")


@scenario("peap-root-sent", "the server sends its root as well, which is allowed", outcomes=["established"],
          healthy=True)
def _(lab):
    one_login(lab, {"chain": ("nps01", "issuing", "root")})


@scenario("nps-untrusted-root", "the NPS certificate comes from Fabrikam's root, which Contoso's clients do not trust: "
          "error 864", outcomes=["rejected"], alert=48, expect=["cert-untrusted-root", REFUSED], client_error=864)
def _(lab):
    one_login(lab, {"chain": ("fabrikam-nps", "fabrikam-root")})


@scenario("nps-untrusted-issuer", "Contoso's complete chain, but the client trusts Fabrikam's root only",
          outcomes=["rejected"], alert=48, expect=["cert-untrusted-root", REFUSED], root="fabrikam-root",
          client_error=864)
def _(lab):
    one_login(lab, trust="fabrikam-root")


@scenario("nps-wrong-name", "the client expects another name than the certificate's", outcomes=["rejected"], alert=80,
          expect=["cert-name-mismatch", REFUSED], server_name="nps.vpn.contoso.com")
def _(lab):
    one_login(lab, name="nps.vpn.contoso.com")


@scenario("nps-eku-client-only", "the certificate has clientAuth, but not serverAuth", outcomes=["rejected"], alert=43,
          expect=["cert-missing-server-auth-eku", REFUSED], client_error=864)
def _(lab):
    one_login(lab, {"chain": ("client-eku-only", "issuing")})


@scenario("nps-no-eku", "the certificate has no EKU extension; this client accepts it", outcomes=["established"],
          expect=["cert-missing-server-auth-eku"])
def _(lab):
    one_login(lab, {"chain": ("no-eku", "issuing")})


@scenario("nps-expired", "the certificate expired before the login", outcomes=["rejected"], alert=45,
          expect=["cert-expired", REFUSED])
def _(lab):
    one_login(lab, {"chain": ("expired", "issuing")})


@scenario("nps-root-expired", "the certificate is valid, the root that clients trust has expired; it is not sent",
          outcomes=["rejected"], alert=45, expect=["cert-expired", REFUSED], root="expired-root", client_error=858)
def _(lab):
    one_login(lab, {"chain": ("below-expired-root",)}, trust="expired-root")


@scenario("nps-issuing-renewed", "the server sends the expired certificate of the issuing CA as well as the one that was "
          "renewed with the same key, the expired one first: the client copes", outcomes=["established"],
          expect=["cert-chain-order"], forbid=["cert-expired"])
def _(lab):
    one_login(lab, {"chain": ("nps01", "issuing-expired", "issuing")})


@scenario("nps-not-yet-valid", "the certificate becomes valid after the login", outcomes=["rejected"], alert=42,
          expect=["cert-not-yet-valid", REFUSED])
def _(lab):
    one_login(lab, {"chain": ("not-yet-valid", "issuing")})


@scenario("nps-expires-soon", "the certificate expires in five days", outcomes=["established"],
          expect=["cert-expires-soon"])
def _(lab):
    one_login(lab, {"chain": ("expires-soon", "issuing")})


@scenario("nps-leaf-only", "the issuing CA is not sent and the client does not have it", outcomes=["rejected"],
          alert=48, expect=["cert-incomplete-chain", REFUSED], forbid=["cert-untrusted-root"], client_error=864)
def _(lab):
    one_login(lab, {"chain": ("nps01",)})


@scenario("nps-chain-order", "leaf, root, issuing CA: the order is wrong, the client copes", outcomes=["established"],
          expect=["cert-chain-order"])
def _(lab):
    one_login(lab, {"chain": ("nps01", "root", "issuing")})


@scenario("nps-bad-signature", "the issuing CA sent has the right name and another key", outcomes=["rejected"],
          alert=51, expect=["cert-bad-signature", REFUSED])
def _(lab):
    one_login(lab, {"chain": ("no-key-id", "issuing-renewed")})


@scenario("nps-self-signed", "the certificate signs itself", outcomes=["rejected"], alert=48,
          expect=["cert-self-signed", REFUSED], client_error=864)
def _(lab):
    one_login(lab, {"chain": ("self-signed",)})


@scenario("nps-rsa-1024", "an RSA key of 1024 bits; this client accepts it", outcomes=["established"],
          expect=["cert-weak-key"])
def _(lab):
    one_login(lab, {"chain": ("rsa-1024", "issuing"), "weak": True})


@scenario("nps-sha1", "the leaf is signed with SHA-1", outcomes=["rejected"], alert=42,
          expect=["cert-weak-signature", REFUSED])
def _(lab):
    one_login(lab, {"chain": ("sha1", "issuing"), "weak": True})


@scenario("nps-empty-subject", "the subject is empty, the name stands in the SAN only; this client accepts it",
          outcomes=["established"], expect=["cert-empty-subject"])
def _(lab):
    one_login(lab, {"chain": ("empty-subject", "issuing")})


@scenario("nps-key-usage", "the key usage allows key encipherment only, but the suite needs a signature; this client "
          "accepts it", outcomes=["established"], expect=["cert-key-usage"])
def _(lab):
    one_login(lab, {"chain": ("no-signing", "issuing")})


@scenario("nps-stapled-good", "a stapled OCSP response says that the certificate is good", outcomes=["established"],
          healthy=True, shows=["tls.handshake.type == 22"])
def _(lab):
    stapled(lab, revoked=False)


@scenario("nps-revoked", "a stapled OCSP response says that the certificate is revoked", outcomes=["rejected"],
          alert=113, expect=["cert-revoked", REFUSED], shows=["tls.handshake.type == 22"])
def _(lab):
    stapled(lab, revoked=True)


@scenario("nps-staple-missing", "the client demands an OCSP response with the certificate, and the server staples none",
          outcomes=["rejected"], alert=113, expect=[REFUSED], lacks=["tls.handshake.type == 22"])
def _(lab):
    stapled(lab, None, asks="ocsp=2")


@scenario("nps-staple-other", "the stapled OCSP response is about another certificate, as after a renewal",
          outcomes=["rejected"], alert=113, expect=[REFUSED], forbid=["cert-revoked"], shows=["tls.handshake.type == 22"])
def _(lab):
    stapled(lab, revoked=False, about="nps02", asks="ocsp=2")


@scenario("nps-unknown-critical", "the certificate has a critical extension that nobody knows", outcomes=["rejected"], alert=46,
          expect=["cert-bad-signature", REFUSED], client_error=857)
def _(lab):
    one_login(lab, {"chain": ("unknown-critical", "issuing")})


def stapled(lab, revoked, about=None, asks="ocsp=1"):
    server = HostapdServer(lab, "PEAP", revoked=revoked, about=about)
    with lab.record():
        login(lab, server, lines=(asks,))


@scenario("nps-renewed-wrong", "the same server gets another certificate between two logins: the first client "
          "succeeds, from then on they refuse", outcomes=["established", "rejected", "rejected"], alert=48,
          expect=["cert-untrusted-root", REFUSED], forbid=["cert-differs-between-servers"])
def _(lab):
    server = Server(lab, "nps1")
    with lab.record():
        login(lab, server, user="alice@corp.contoso.com")
        lab.network.stop(server.process)
        server = Server(lab, "nps1", chain=("fabrikam-nps", "fabrikam-root"))
        login(lab, server, user="bob@corp.contoso.com")
        login(lab, server, user="carol@corp.contoso.com")


@scenario("nps-wildcard", "the subject is *.corp.contoso.com; this client checks the domain only",
          outcomes=["established"], expect=["cert-wildcard-subject"])
def _(lab):
    one_login(lab, {"chain": ("wildcard", "issuing")}, name="corp.contoso.com")
