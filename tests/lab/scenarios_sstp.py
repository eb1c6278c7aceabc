"""SSTP tunnels from home through the load balancer's DNAT: what makes them, and what breaks their authentication."""

import os
import subprocess
import time

import pki
import recorder
import sstp
from freeradius import PASSWORD, USERS, Server as Radius
from haproxy import Proxy
from lab import scenario
from sstp_lab import Attempt, Server
from vpn_network import DIRECT, DIRECT_V6, HOME1_CLIENTS, HOME2_CLIENTS, RRAS, RRAS_V6, VIP

AT_HOME = {"nat": {RRAS["rras1"]: "client-side-nat"}}


def tunnel(lab, client=None, nps=None, points=("rras1", "radius1"), radius=True, **server):
    """One user's attempt from home, FreeRADIUS behind the SSTP server; returns the RADIUS server."""
    behind = Radius(lab, "nps1", **{"inner_chain": ("nps01", "issuing"), **(nps or {})}) if radius else None
    lab.path_of_clients()
    Server(lab, **server)
    one = Attempt(lab, HOME1_CLIENTS[0], **(client or {}))
    with lab.record_vpn(*points):
        one.run()
        time.sleep(0.3)
    return behind


@scenario("sstp-mschapv2", "a user's tunnel from home: TLS 1.2, MS-CHAPv2 through RADIUS, pings, farewell", sstp=["established"],
          healthy=True, shows=["sstp.messagetype == 4", "http.request.method == SSTP_DUPLEX_POST"])
def _(lab):
    radius = tunnel(lab, {"echo": True})
    lab.keep_tunnels("rras1", keys={}, **AT_HOME)
    lab.keep_sstp_radius(radius)


@scenario("sstp-peap", "a user's tunnel with EAP-PEAP through RADIUS, TLS 1.2 outside", sstp=["established"], healthy=True,
          shows=["sstp.messagetype == 4"])
def _(lab):
    radius = tunnel(lab, {"auth": "peap"}, auth="eap")
    lab.keep_tunnels("rras1", keys={}, **AT_HOME)
    lab.keep_tunnels("client1", "-client", nat={VIP: None})
    lab.keep_sstp_radius(radius, forbid_severity=["critical", "warning"])
    lab.keep_tunnels("rras1", stem="sstp-peap-joined", further=("-radius",), keys={}, **AT_HOME,
                     description=lab.entry.description + "; together with the RADIUS behind it")


@scenario("sstp-peap-tls13", "a user's tunnel with EAP-PEAP through RADIUS, TLS 1.3 outside", sstp=["established"], healthy=True,
          shows=["sstp.messagetype == 4"])
def _(lab):
    tunnel(lab, {"auth": "peap", "tls": "1.3"}, auth="eap", tls="1.3", points=("rras1",))
    lab.keep_tunnels("rras1", keys={}, **AT_HOME)


@scenario("sstp-untrusted-nps", "the NPS certificate inside of the tunnel comes from Fabrikam's root, which the client does not trust: "
          "error 864", sstp=["certificate refused inside"], client_error=864)
def _(lab):
    radius = tunnel(lab, {"auth": "peap"}, {"chain": ("fabrikam-nps", "fabrikam-root")}, auth="eap")
    told = {"findings": ["cert-untrusted-root", "eap-client-rejected-certificate"]}
    # Lengths alone show the refusal, too.
    lab.keep_tunnels("rras1", keys={"allow": [], **told}, findings=[], allow=told["findings"][1:], outcome_hidden=True, **AT_HOME)
    lab.keep_sstp_radius(radius, {"code": 48, "name": "unknown_ca"}, expect_findings=told["findings"])
    lab.keep_tunnels("rras1", stem="sstp-untrusted-nps-joined", further=("-radius",), findings=told["findings"], **AT_HOME,
                     description=lab.entry.description + "; together with the RADIUS behind it")


@scenario("sstp-wrong-password", "MS-CHAPv2 with a wrong password: error 691", sstp=["rejected"], client_error=691)
def _(lab):
    radius = tunnel(lab, {"password": "not the password"})
    lab.keep_tunnels("rras1", keys={"findings": ["ppp-authentication-failed"]}, findings=[], outcome_hidden=True, **AT_HOME)
    lab.keep_sstp_radius(radius, expect_findings=["eap-credentials-rejected"])


@scenario("sstp-pap", "a user's tunnel with PAP: nothing binds the tunnel to the user, the key of the crypto binding is zero",
          sstp=["established"])
def _(lab):
    radius = tunnel(lab, {"auth": "pap"}, auth="pap")
    lab.keep_tunnels("rras1", keys={}, **AT_HOME)
    lab.keep_sstp_radius(radius)


@scenario("sstp-eap-mschapv2", "EAP-MSCHAPv2 without a tunnel around it; the server knows only SHA-1 for the crypto binding",
          sstp=["established"])
def _(lab):
    radius = tunnel(lab, {"auth": "eap-mschapv2"}, {"methods": ("mschapv2",), "default": "mschapv2"}, auth="eap", hashes=1)
    lab.keep_tunnels("rras1", keys={}, allow=["eap-weak-method"], **AT_HOME)
    lab.keep_sstp_radius(radius)


@scenario("sstp-wrong-password-peap", "PEAP with a wrong password: error 691", sstp=["rejected"], client_error=691)
def _(lab):
    radius = tunnel(lab, {"auth": "peap", "password": "not the password"}, auth="eap")
    lab.keep_tunnels("rras1", keys={"findings": ["eap-credentials-rejected"]}, findings=[], allow=["ppp-authentication-failed"],
                     outcome_hidden=True, **AT_HOME)
    lab.keep_sstp_radius(radius, expect_findings=["eap-credentials-rejected"])


@scenario("sstp-radius-down", "nobody answers the SSTP server's requests to RADIUS; its CHAP failure says so (E=649)", sstp=["rejected"],
          client_error=649, seconds=13)
def _(lab):
    tunnel(lab, {"timeout": 14}, radius=False)
    lab.keep_tunnels("rras1", keys={"findings": ["ppp-authentication-failed"]}, findings=[], outcome_hidden=True, **AT_HOME)


@scenario("sstp-method-mismatch", "the server wants EAP, the client takes MS-CHAPv2 only: LCP is not agreed", sstp=["ppp terminated"])
def _(lab):
    tunnel(lab, radius=False, auth="eap", points=("rras1",))
    lab.keep_tunnels("rras1", keys={"findings": ["ppp-negotiation-failed"]}, findings=[], outcome_hidden=True, **AT_HOME)


@scenario("sstp-ipv6", "SSTP over IPv6, no translation", sstp=["established"], healthy=True)
def _(lab):
    Radius(lab, "nps1")
    Server(lab, address=RRAS_V6)
    one = Attempt(lab, DIRECT_V6, RRAS_V6)
    with lab.record_vpn("rras1"):
        one.run()
        time.sleep(0.2)
    lab.keep_tunnels("rras1", keys={}, nat={RRAS_V6: "none"})


@scenario("sstp-many", "eight clients at the same time, two of them with a wrong password", seconds=8,
          sstp=["established", "rejected", "established", "established", "rejected", "established", "established", "established"])
def _(lab):
    Radius(lab, "nps1")
    lab.path_of_clients()
    Server(lab)
    made = [Attempt(lab, address, user=user + "@corp.contoso.com", computer="PC%02d" % number, pings=1,
                    **({"password": "not the password"} if number in (2, 5) else {}))
            for number, (address, user) in enumerate(zip(HOME1_CLIENTS + HOME2_CLIENTS + DIRECT[:3], USERS), 1)]
    with lab.record_vpn("rras1"):
        for one in made:
            one.begin()
        for one in made:
            one.finish()
        time.sleep(0.2)
    lab.keep_tunnels("rras1", keys={"findings": ["ppp-authentication-failed"]}, findings=[], outcome_hidden=True)


@scenario("sstp-lost-segments", "every seventh packet from the server is lost: everything comes, but late", sstp=["established"],
          healthy=True, seconds=8, shows=["tcp.analysis.retransmission"])
def _(lab):
    Radius(lab, "nps1")
    lab.path_of_clients()
    Server(lab)
    lab.vpn.filter("lb", "forward", 'iifname "in" tcp sport 443 numgen inc mod 7 == 3 drop')
    lab.vpn.filter("dmz", "forward", 'tcp dport 443 numgen inc mod 9 == 5 drop')
    one = Attempt(lab, HOME1_CLIENTS[0])
    with lab.record_vpn("rras1"):
        one.run()
        time.sleep(0.5)
    lab.keep_tunnels("rras1", keys={}, **AT_HOME)
    lab.keep_tunnels("client1", "-client", keys={}, nat={VIP: None})


@scenario("sstp-sstpc", "Debian's sstpc calls; without pppd in this kernel it ends after the first LCP packets", sstp=[])
def _(lab):
    lab.path_of_clients()
    lab.strangers = "sstp"
    Server(lab, timeout=3)
    log = os.path.join(lab.directory, "sstpc.log")
    with lab.record_vpn("rras1", "client1"):
        process = lab.network.start("client1", (
            "sstpc", "--cert-warn", "--ca-cert", lab.pki.pem("root"), "--log-level", "4", "--log-stdout", "--user",
            "alice@corp.contoso.com", "--password", PASSWORD, VIP, "noauth", "noipdefault"), log)
        process.wait(20)
        time.sleep(3.5)
    lab.keep_tunnels("rras1", keys={}, outcome_hidden=True, allow=["ppp-negotiation-failed", "ppp-authentication-failed"], **AT_HOME)


@scenario("sstp-not-sstp", "other HTTPS on port 443: no SSTP, nothing to find", sstp=[], healthy=True)
def _(lab):
    lab.path_of_clients()
    lab.strangers = "tls"
    lab.network.start("rras1", ("openssl", "s_server", "-accept", "443", "-cert", lab.pki.chain("vpn", "issuing"),
                                "-key", lab.pki.key("vpn"), "-www", "-quiet"), os.path.join(lab.directory, "s_server.log"))
    time.sleep(0.5)
    with lab.record_vpn("rras1"):
        for version in ("-tls1_2", "-tls1_3"):
            subprocess.run(lab.network.inside("client1", "openssl", "s_client", "-quiet", "-ign_eof", version, "-servername",
                                              "vpn.contoso.com", "-connect", VIP + ":443"), timeout=10, check=False,
                           input=b"GET / HTTP/1.0\r\nHost: vpn.contoso.com\r\n\r\n", stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        time.sleep(0.2)
    lab.keep_tunnels("rras1", **AT_HOME)


@scenario("sstp-eap-tls", "a user's tunnel with EAP-TLS: the user's certificate inside", sstp=["established"], healthy=True)
def _(lab):
    user = (lab.pki.chain("alice", "issuing"), lab.pki.key("alice"))
    radius = tunnel(lab, {"auth": "eap-tls", "certificate": user}, {"default": "tls"}, auth="eap")
    lab.keep_tunnels("rras1", keys={}, **AT_HOME)
    lab.keep_sstp_radius(radius, forbid_severity=["critical", "warning"])


@scenario("sstp-resumed", "the client comes twice and resumes its TLS session: the second time there is no certificate to see",
          sstp=["established"], healthy=True, shows=["sstp.messagetype == 4"])
def _(lab):
    tunnel(lab, {"rounds": 2, "pings": 1}, points=("rras1",))
    lab.keep_tunnels("rras1", keys={}, **AT_HOME)


def stapled(lab, revoked):
    """haproxy staples what its CA says of the certificate; s_client asks for it, calls, and goes away."""
    answer = os.path.join(lab.directory, "ocsp")
    pki.ocsp_response(lab.pki, "vpn", revoked, answer)
    lab.vpn.home_nat()
    lab.strangers = "sstp"
    Server(lab, certificate=None, port=80, timeout=4)
    Proxy(lab, "lb", VIP + ":443", RRAS["rras1"] + ":80", certificate="vpn", staple=answer)
    call = ("SSTP_DUPLEX_POST %s HTTP/1.1\r\nSSTPCORRELATIONID: {0D6F1B1C-33B4-4F9E-8E55-2D7C5F6B9A10}\r\nContent-Length: %d\r\n"
            "Host: vpn.contoso.com\r\n\r\n" % (sstp.URI, sstp.LENGTH)).encode()
    with lab.record_vpn("outside"):
        with subprocess.Popen(lab.network.inside("client1", "openssl", "s_client", "-quiet", "-status", "-tls1_2", "-servername",
                                                 "vpn.contoso.com", "-connect", VIP + ":443"), stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as client:
            client.stdin.write(call)
            client.stdin.flush()
            time.sleep(0.5)
            client.stdin.close()
            client.terminate()
            client.wait()
        time.sleep(0.2)


@scenario("sstp-stapled", "the certificate comes with an OCSP response that says good; the client calls and goes away", sstp=[],
          shows=["tls.handshake.type == 22"])
def _(lab):
    stapled(lab, False)
    lab.keep_tunnels("outside", outcome_hidden=True, nat={VIP: "client-side-nat"})


@scenario("sstp-stapled-revoked", "the certificate comes with an OCSP response that says revoked; the client goes away", sstp=[],
          findings=["cert-revoked"], shows=["ocsp.certStatus == 1"])
def _(lab):
    stapled(lab, True)
    lab.keep_tunnels("outside", outcome_hidden=True, nat={VIP: "client-side-nat"}, allow=["sstp-tls-alert"])


@scenario("sstp-parts", "two good tunnels, and what is left of them in poor captures", sstp=["established"] * 2, healthy=True,
          seconds=6)
def _(lab):
    Radius(lab, "nps1")
    lab.path_of_clients()
    Server(lab)
    made = [Attempt(lab, HOME1_CLIENTS[0]), Attempt(lab, HOME2_CLIENTS[0], user="bob@corp.contoso.com", computer="PC02")]
    with lab.record_vpn("rras1"):
        for one in made:
            one.run()
        time.sleep(0.2)
    told = lab.entry.description
    lab.keep_secrets()
    server = RRAS["rras1"]
    for name, words, change, more in (
            ("late", "it begins in the middle of the first", lambda old, new: recorder.from_frame(old, 9, new), {}),
            ("requests", "only what goes to the server", lambda old, new: recorder.matching(old, "dst host " + server, new),
             {"allow": ["capture-one-sided"]}),
            ("answers", "only what comes from the server", lambda old, new: recorder.matching(old, "src host " + server, new),
             {"allow": ["capture-one-sided"]}),
            ("short", "96 bytes of each packet", lambda old, new: recorder.cut_packets(old, 96, new),
             {"allow": ["capture-truncated-packets"]})):
        lab.keep_tunnels(lab.change_point("rras1", name, change), "-" + name, outcome_hidden=True,
                         description="%s: %s" % (told, words), **more)
    plain = lab.change_point("rras1", "dsb", lambda old, new: recorder.with_secrets(old, lab.path(".keylog"), new))
    lab.keep_tunnels(plain, "-dsb", form=".pcapng", description=told + ": whole, the TLS secrets inside", **AT_HOME)
