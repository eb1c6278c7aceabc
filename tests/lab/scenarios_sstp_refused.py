"""SSTP attempts that end before a user is asked: no answer, no TLS, a certificate that the client refuses, HTTP and SSTP errors."""

import os
import sys
import time

import network
from freeradius import Server as Radius
from lab import scenario
from scenarios_sstp import AT_HOME, tunnel
from sstp_lab import Attempt, Server
from vpn_network import HOME1_CLIENTS, RRAS, VIP

HOME1_INSIDE = "192.168.178.1"
# What a Windows client shows (HRESULT).
UNTRUSTED_ROOT, EXPIRED, NO_MATCH, REFUSED, TIMED_OUT, RESET = (
    0x800B0109, 0x800B0101, 0x800B010F, 0x800704C9, 0x8007274C, 0x80072746)


def attempt(lab, points=("rras1",), server=True, client=None, rules=(), **wishes):
    """One attempt from home at a server without RADIUS."""
    lab.path_of_clients()
    if server:
        Server(lab, **wishes)
    for rule in rules:
        lab.vpn.filter(*rule)
    one = Attempt(lab, HOME1_CLIENTS[0], **(client or {}))
    with lab.record_vpn(*points):
        one.run()
        time.sleep(0.3)
    return one


@scenario("sstp-no-answer", "every SYN to the server is lost on the way", sstp=["no answer"], findings=["sstp-no-answer"],
          client_error=TIMED_OUT, seconds=13, lacks=["tcp.flags.ack == 1"])
def _(lab):
    attempt(lab, ("outside",), rules=[("lb", "forward", 'iifname "wan" tcp dport 443 drop')])
    lab.keep_tunnels("client1", nat={VIP: None})
    lab.keep_tunnels("outside", "-outside", nat={VIP: "client-side-nat"})


@scenario("sstp-no-way-back", "SYN and SYN/ACK come and go, but no answer reaches the client: the way back is broken",
          sstp=["no answer"], findings=["sstp-no-answer"], client_error=TIMED_OUT, seconds=13)
def _(lab):
    attempt(lab, rules=[("lb", "forward", 'iifname "in" tcp sport 443 drop')])
    lab.keep_tunnels("rras1", **AT_HOME)


@scenario("sstp-refused", "nothing listens on the server's port 443", sstp=["refused"], findings=["sstp-refused"], client_error=REFUSED,
          shows=["tcp.flags.reset == 1 && tcp.srcport == 443"])
def _(lab):
    attempt(lab, server=False)
    lab.keep_tunnels("rras1", **AT_HOME)
    lab.keep_tunnels("client1", "-client", nat={VIP: None})


@scenario("sstp-reset-after-hello", "the server resets the connection after the ClientHello: no certificate is bound", sstp=["tls failed"],
          findings=["sstp-tls-alert"], client_error=RESET, lacks=["tls.handshake.type == 2"])
def _(lab):
    attempt(lab, reset_after="hello")
    lab.keep_tunnels("rras1", **AT_HOME)


@scenario("sstp-no-version", "client and server have no TLS version in common: alert protocol_version", sstp=["tls failed"],
          findings=["sstp-tls-alert"], shows=["tls.alert_message.desc == 70"])
def _(lab):
    attempt(lab, client={"tls": "1.1"})
    lab.keep_tunnels("rras1", allow=["sstp-weak-tls"], **AT_HOME)


@scenario("sstp-silent", "the server takes the connection and says nothing at all", sstp=["silence"], seconds=6)
def _(lab):
    attempt(lab, client={"timeout": 4}, silent_after="tcp")
    lab.keep_tunnels("rras1", allow=["sstp-no-answer"], **AT_HOME)


@scenario("sstp-closed-after-tls", "the server closes the connection as soon as the handshake is complete", sstp=["closed"])
def _(lab):
    attempt(lab, close_after="tls")
    lab.keep_tunnels("rras1", keys={}, allow=["sstp-tls-alert"], outcome_hidden=True, **AT_HOME)


@scenario("sstp-large-lost", "packets of full size do not come through from the server: the certificate never arrives", sstp=["silence"],
          findings=["sstp-no-answer"], seconds=6)
def _(lab):
    attempt(lab, client={"timeout": 5}, rules=[("lb", "forward", 'iifname "in" tcp sport 443 ip length > 1300 drop')])
    lab.keep_tunnels("rras1", outcome_hidden=True, **AT_HOME)
    lab.keep_tunnels("client1", "-client", outcome_hidden=True, nat={VIP: None})


@scenario("sstp-large-lost-retry", "TLS 1.3 with a HelloRetryRequest: that is small and arrives, of the certificate nothing does",
          sstp=["silence"], findings=["sstp-no-answer"], seconds=6)
def _(lab):
    attempt(lab, client={"timeout": 5, "tls": "1.3"}, rules=[("lb", "forward", 'iifname "in" tcp sport 443 ip length > 1300 drop')],
            tls="1.3", curve="secp384r1")
    lab.keep_tunnels("rras1", allow=["cert-unseen"], outcome_hidden=True, client_error=TIMED_OUT, **AT_HOME)
    lab.keep_tunnels("client1", "-client", allow=["cert-unseen"], outcome_hidden=True, client_error=TIMED_OUT, nat={VIP: None})


@scenario("sstp-large-lost-inside", "the VPN server's certificate is small, that of NPS inside of the tunnel is not: packets of more than "
          "1200 octets are lost", sstp=["silence"], findings=["sstp-no-answer"], root="ec-root", seconds=8)
def _(lab):
    Radius(lab, "nps1", inner_chain=("nps01", "issuing"), fragment=1300)
    attempt(lab, client={"timeout": 5, "auth": "peap", "trust": ("ec-root", "ec-issuing")}, certificate="ec-vpn", issuing=None, auth="eap",
            rules=[("lb", "forward", 'iifname "in" tcp sport 443 ip length > 1200 drop')], points=("rras1", "client1"))
    lab.keep_tunnels("rras1", keys={"allow": ["cert-unseen"]}, allow=["cert-unseen"], outcome_hidden=True, **AT_HOME)
    lab.keep_tunnels("client1", "-client", allow=["cert-unseen"], outcome_hidden=True, nat={VIP: None})


@scenario("sstp-untrusted-root", "the SSTP certificate comes from Fabrikam's root, which the client does not trust",
          sstp=["certificate refused"], findings=["sstp-tls-alert", "cert-untrusted-root"], client_error=UNTRUSTED_ROOT,
          shows=["tls.alert_message.desc == 48"])
def _(lab):
    attempt(lab, certificate="fabrikam-vpn", issuing="fabrikam-root")
    lab.keep_tunnels("rras1", **AT_HOME)
    lab.keep_tunnels("client1", "-client", nat={VIP: None})


@scenario("sstp-untrusted-root-late", "the same as Windows says it: the handshake is completed, then the client closes",
          sstp=["certificate refused"], findings=["sstp-tls-alert", "cert-untrusted-root"], client_error=UNTRUSTED_ROOT)
def _(lab):
    attempt(lab, client={"late_check": True}, certificate="fabrikam-vpn", issuing="fabrikam-root")
    lab.keep_tunnels("rras1", **AT_HOME)


@scenario("sstp-untrusted-root-tls13", "an untrusted root in TLS 1.3: the certificate is encrypted, the refusal is in the clear",
          sstp=["certificate refused"], client_error=UNTRUSTED_ROOT)
def _(lab):
    attempt(lab, client={"tls": "1.3"}, certificate="fabrikam-vpn", issuing="fabrikam-root", tls="1.3")
    lab.keep_tunnels("rras1", keys={"findings": ["sstp-tls-alert", "cert-untrusted-root"]}, findings=["sstp-tls-alert"],
                     allow=["cert-unseen"], **AT_HOME)


@scenario("sstp-wrong-name", "the SSTP certificate names another host than the client dialled", sstp=["certificate refused"],
          findings=["sstp-tls-alert", "cert-name-mismatch"], client_error=NO_MATCH)
def _(lab):
    attempt(lab, certificate="vpn-other-name")
    lab.keep_tunnels("rras1", **AT_HOME)


@scenario("sstp-expired", "the SSTP certificate is expired", sstp=["certificate refused"], findings=["sstp-tls-alert", "cert-expired"],
          client_error=EXPIRED, shows=["tls.alert_message.desc == 45"])
def _(lab):
    attempt(lab, certificate="vpn-expired")
    lab.keep_tunnels("rras1", **AT_HOME)


@scenario("sstp-expired-late", "an expired SSTP certificate, refused by closing after the handshake, TLS 1.3", sstp=["certificate refused"],
          client_error=EXPIRED)
def _(lab):
    attempt(lab, client={"late_check": True, "tls": "1.3"}, certificate="vpn-expired", tls="1.3")
    lab.keep_tunnels("rras1", keys={"findings": ["sstp-tls-alert", "cert-expired"]}, findings=[],
                     allow=["sstp-tls-alert", "cert-unseen"], outcome_hidden=True, **AT_HOME)


@scenario("sstp-weak-tls", "client and server still speak TLS 1.0", sstp=["established"], findings=["sstp-weak-tls"])
def _(lab):
    tunnel(lab, {"tls": "1.0"}, tls="1.0", points=("rras1",))
    lab.keep_tunnels("rras1", keys={}, **AT_HOME)


@scenario("sstp-web-proxy", "the client has to go through a web proxy, which wants a login first: SSTP has none for it", sstp=["http error"],
          findings=["sstp-http-error"], shows=["http.request.method == CONNECT", "http.response.code == 407"])
def _(lab):
    lab.path_of_clients()
    log = os.path.join(lab.directory, "web-proxy.log")
    proxy = lab.network.start("home1", (sys.executable, os.path.join(os.path.dirname(__file__), "web_proxy.py"), HOME1_INSIDE, "8080",
                                        "--login"), log, {"PYTHONDONTWRITEBYTECODE": "1"})
    network.wait_for('"ready"', log, proxy)
    one = Attempt(lab, HOME1_CLIENTS[0], proxy=HOME1_INSIDE)
    with lab.record_vpn("client1"):
        one.run()
        time.sleep(0.3)
    lab.keep_tunnels("client1", nat={VIP: None})


def http_error(status, words):
    @scenario("sstp-http-%d" % status, "the server answers SSTP_DUPLEX_POST with HTTP %d: %s" % (status, words), sstp=["http error"],
              shows=["http.response.code == %d" % status])
    def _(lab):
        attempt(lab, http=status)
        lab.keep_tunnels("rras1", keys={}, findings=["sstp-http-error"], outcome_hidden=True, **AT_HOME)


http_error(403, "the service does not want this client")
http_error(404, "another site answers")
http_error(503, "the service behind the web server is down, or no port is free")


@scenario("sstp-http-silent", "the server never answers SSTP_DUPLEX_POST", sstp=["silence"], seconds=6)
def _(lab):
    attempt(lab, client={"timeout": 4}, silent_after="http")
    lab.keep_tunnels("rras1", keys={}, allow=["sstp-http-error", "sstp-no-answer"], outcome_hidden=True, **AT_HOME)


@scenario("sstp-call-silent", "the server never answers CALL_CONNECT_REQUEST", sstp=["silence"], seconds=6)
def _(lab):
    attempt(lab, client={"timeout": 4}, silent_after="call")
    lab.keep_tunnels("rras1", keys={}, allow=["sstp-no-answer"], outcome_hidden=True, **AT_HOME)


@scenario("sstp-nak", "CALL_CONNECT_NAK: the server does not want the protocol that the client asks for", sstp=["nak"],
          shows=["sstp.messagetype == 3"])
def _(lab):
    attempt(lab, nak=4)
    lab.keep_tunnels("rras1", keys={"findings": ["sstp-call-nak"]}, findings=[], outcome_hidden=True, **AT_HOME)


@scenario("sstp-abort", "CALL_ABORT from the server, with each status that MS-SSTP has", sstp=["aborted"] * 12, seconds=8,
          shows=["sstp.messagetype == 5"])
def _(lab):
    lab.path_of_clients()
    Server(lab, abort=list(range(12)))
    with lab.record_vpn("rras1", "client1"):
        for _ in range(12):
            Attempt(lab, HOME1_CLIENTS[0]).run()
        time.sleep(0.2)
    lab.keep_tunnels("rras1", keys={"findings": ["sstp-call-abort"]}, findings=[], outcome_hidden=True, **AT_HOME)


def wrong_binding(what, words):
    @scenario("sstp-binding-" + what, "the crypto binding's %s is wrong: CALL_ABORT" % words, sstp=["aborted"],
              shows=["sstp.messagetype == 4", "sstp.messagetype == 5"])
    def _(lab):
        radius = tunnel(lab, {"auth": "peap", "wrong": what}, auth="eap")
        found = {"findings": ["sstp-crypto-binding-failed"], "allow": ["sstp-call-abort"]}
        lab.keep_tunnels("rras1", keys=dict(found), findings=[], outcome_hidden=True, **AT_HOME)
        # With RADIUS's secret and answer the binding can be computed.
        lab.keep_tunnels("rras1", stem="sstp-binding-%s-joined" % what, further=("-radius",), keys=dict(found), findings=[],
                         outcome_hidden=True, **AT_HOME, description=lab.entry.description + "; together with the RADIUS behind it")
        lab.keep_sstp_radius(radius, expect_findings=[], logins=[{**login_of(lab, radius), "expected_outcome": "established"}])


def login_of(lab, radius):
    """The login went well; what fails comes later."""
    return {"user": lab.attempts[0].truth()["user"], "nas": "RRAS11", "method": "PEAP", "inner": "EAP-MSCHAPv2", "client_alert": None,
            "certificates": list(radius.certificates)}


wrong_binding("mac", "compound MAC")
wrong_binding("nonce", "nonce")
