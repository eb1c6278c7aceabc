"""Logins that end for another reason than the NPS certificate, and EAP methods without a tunnel."""

import time

import late_refusal
from alerting_server import AlertingServer
from freeradius import Server
from hostapd_server import HostapdServer
from lab import scenario
from nas import start_hostapd, start_relay, wired_login
from scenarios_basic import REFUSED, one_login
from scenarios_tls import OLD
from supplicant import begin, finish, login


@scenario("method-refused", "the client is set up for EAP-TLS, the server offers PEAP only: Nak", outcomes=["rejected"],
          expect=["eap-method-refused"],
          shows=["eap.type == 3 && eap.code == 2"])
def _(lab):
    server = Server(lab, "nps1", methods=("peap",))
    with lab.record():
        login(lab, server, method="EAP-TLS").nothing_sent()


@scenario("wrong-password", "PEAP with MSCHAPv2 and a wrong password", outcomes=["rejected"],
          expect=["eap-credentials-rejected"])
def _(lab):
    one_login(lab, password="not the password")


@scenario("client-certificate-refused", "EAP-TLS with a client certificate of Fabrikam's root; FreeRADIUS rejects "
          "without an alert", outcomes=["rejected"], expect=["eap-server-rejected-client-certificate"])
def _(lab):
    one_login(lab, {"default": "tls"}, method="EAP-TLS", cert="fabrikam-alice")


@scenario("client-silent", "carol's client falls silent after the server's certificate; her NAS and her server stay "
          "alive, and the capture goes on for more than 30 s", outcomes=["established", "incomplete", "established"],
          expect=["eap-client-silent-after-certificate"], seconds=35)
def _(lab):
    server = Server(lab, "nps1")
    through = start_relay(lab, silent=("carol=1",))
    with lab.record():
        login(lab, server, user="alice@corp.contoso.com", **through)
        login(lab, server, user="carol@corp.contoso.com", seconds=2, **through)
        time.sleep(31)
        login(lab, server, user="alice@corp.contoso.com", **through)


@scenario("client-vanishes", "carol's client is gone before it says hello; the capture goes on for more than 60 s",
          outcomes=["incomplete", "established"], expect=["eap-unfinished"], seconds=66)
def _(lab):
    server = Server(lab, "nps1")
    through = start_relay(lab, silent=("carol=0",))
    with lab.record():
        gone = login(lab, server, user="carol@corp.contoso.com", seconds=2, **through)
        gone.nothing_sent()
        time.sleep(62)
        login(lab, server, user="alice@corp.contoso.com", **through)


@scenario("peap-inner-tls", "PEAP with EAP-TLS inside, everything right; the inner certificates need the keys",
          outcomes=["established"], healthy=True, seconds=4)
def _(lab):
    server = one_login(lab, {"inner": "tls", "inner_chain": ("nps01", "issuing")}, method="PEAP/TLS")
    lab.keep_keylog(server)


@scenario("peap-inner-tls-other", "PEAP with EAP-TLS inside; the inner method presents Fabrikam's certificate, so the "
          "client refuses inside the tunnel", outcomes=["rejected"], alert=48,
          expect=["cert-untrusted-root", REFUSED], tshark_misses=True, seconds=4)
def _(lab):
    server = one_login(lab, {"inner": "tls", "inner_chain": ("fabrikam-nps", "fabrikam-root")}, method="PEAP/TLS")
    lab.keep_keylog(server)


@scenario("late-refusal", "the client finishes the TLS handshake and then refuses, as a Windows client does: the alert "
          "is encrypted", outcomes=["rejected"], alert=48, expect=["cert-untrusted-root", REFUSED],
          shows=["tls.handshake.certificate"])
def _(lab):
    server = Server(lab, "nps1", chain=("fabrikam-nps", "fabrikam-root"))
    with lab.record(None) as raw:
        late_refusal.login(lab, server)
    path = lab.copy(raw, ".pcap")
    lab.keep(path, keylog=None, alert_encrypted=True)
    lab.keep_keylog(server)
    lab.keep(path, stem="late-refusal-keys", keylog="late-refusal.keylog",
             description=lab.entry.description + "; with its key log")


@scenario("late-refusal-tls13", "the client refuses within TLS 1.3: certificate and alert are both encrypted",
          outcomes=["rejected"], alert=48)
def _(lab):
    server = Server(lab, "nps1", chain=("fabrikam-nps", "fabrikam-root"), tls_max="1.3")
    with lab.record(None) as raw:
        late_refusal.login(lab, server, version="1.3")
    path = lab.copy(raw, ".pcap")
    lab.keep(path, keylog=None, certificates_hidden="TLS 1.3", alert_encrypted=True, expect_findings=["cert-unseen"])
    lab.keep_keylog(server)
    lab.keep(path, stem="late-refusal-tls13-keys", keylog="late-refusal-tls13.keylog",
             description=lab.entry.description + "; with its key log",
             expect_findings=["cert-untrusted-root", REFUSED])


@scenario("server-alert-unknown-ca", "EAP-TLS with a client certificate of Fabrikam's root; this server says so in an "
          "alert in clear", outcomes=["rejected"], expect=["eap-server-rejected-client-certificate"],
          shows=["tls.alert_message.desc == 48 && radius.code == 11"])
def _(lab):
    server = AlertingServer(lab)
    with lab.record():
        login(lab, server, method="EAP-TLS", cert="fabrikam-alice")


@scenario("server-alert-version", "the client offers TLS 1.1 at most, the server answers with an alert",
          outcomes=["rejected"], expect=["eap-tls-handshake-failed"],
          shows=["tls.alert_message.desc == 70 && radius.code == 11"])
def _(lab):
    server = AlertingServer(lab)
    with lab.record():
        login(lab, server, method="EAP-TLS", phase1=OLD.strip()).nothing_sent()


@scenario("client-fragments", "EAP-TLS with the client's flight in fragments of 300 bytes", outcomes=["established"],
          healthy=True)
def _(lab):
    one_login(lab, {"default": "tls"}, method="EAP-TLS", lines=("fragment_size=300",))


@scenario("eap-fast", "EAP-FAST with MSCHAPv2 inside, its PAC provisioned; hostapd is the server",
          outcomes=["established"], shows=["eap.type == 43"], tshark_misses=True)
def _(lab):
    server = HostapdServer(lab, "FAST")
    with lab.record():
        login(lab, server, method="EAP-FAST/MSCHAPv2")


@scenario("peapv1", "PEAP version 1; hostapd is the server", outcomes=["established"], healthy=True,
          shows=["eap.tls.flags.version == 1"])
def _(lab):
    server = HostapdServer(lab, "PEAP")
    with lab.record():
        login(lab, server, peap=1)


@scenario("identities", "a domain and user with a backslash, a computer, a user with a realm",
          outcomes=["established"] * 3, healthy=True)
def _(lab):
    server = Server(lab, "nps1")
    with lab.record():
        for user in ("CORP\\alice", "host/pc01.corp.contoso.com", "bob@corp.contoso.com"):
            login(lab, server, user=user)


@scenario("eap-md5", "EAP-MD5, which protects nothing", outcomes=["established"], expect=["eap-weak-method"],
          shows=["eap.type == 4 && eap.code == 2"])
def _(lab):
    one_login(lab, {"default": "md5", "methods": ("md5",)}, method="MD5-Challenge", flags=("-n",))


@scenario("eap-mschapv2", "EAP-MSCHAPv2 without a tunnel", outcomes=["established"], shows=["eap.type == 26"])
def _(lab):
    one_login(lab, {"default": "mschapv2", "methods": ("mschapv2",)}, method="EAP-MSCHAPv2")


@scenario("eapol-success", "802.1X on a wire, everything right",
          outcomes=["established"], healthy=True, seconds=4)
def _(lab):
    wired(lab)


@scenario("eapol-untrusted-root", "802.1X on a wire; the NPS certificate comes from Fabrikam's root",
          outcomes=["rejected"], alert=48, expect=["cert-untrusted-root", REFUSED], seconds=4)
def _(lab):
    wired(lab, chain=("fabrikam-nps", "fabrikam-root"))


@scenario("eapol-radius-dead", "802.1X on a wire; the RADIUS server is dead, so the authenticator asks for the identity anew "
          "every 30 s", outcomes=["incomplete"], expect=["radius-no-answer"], seconds=68, lacks=["eap.type > 1"])
def _(lab):
    server = Server(lab, "nps1")
    lab.network.stop(server.process)
    with lab.record(node="client", expression="ether proto 0x888e"):
        start_hostapd(lab)
        wired_login(lab, None, seconds=64)


def wired(lab, **wishes):
    server = Server(lab, "nps1", **wishes)
    behind = {"description": lab.entry.description + "; the RADIUS behind it",
              "together_with": [lab.entry.name + ".pcap"]}
    with lab.record("-radius.pcap", differs=behind), lab.record(node="client", expression="ether proto 0x888e"):
        start_hostapd(lab)
        wired_login(lab, server)


@scenario("one-client-distrusts", "three clients trust the chain, one does not: its own store is the cause",
          outcomes=["established", "established", "rejected", "established"], alert=48, expect=[REFUSED],
          root="ec-root", forbid=["cert-untrusted-root"], tshark_misses=True)
def _(lab):
    server = Server(lab, "nps1", chain=("ec-nps01", "ec-issuing"))
    with lab.record():
        for user, trust in (("alice", "ec-root"), ("bob", "ec-root"), ("carol", "fabrikam-root"), ("dave", "ec-root")):
            finish(lab, begin(lab, server, user=user + "@corp.contoso.com", trust=trust))
