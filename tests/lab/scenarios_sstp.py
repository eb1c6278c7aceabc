"""SSTP tunnels from home through the load balancer's DNAT: what makes them, and what breaks their authentication."""

import time

from freeradius import Server as Radius
from lab import scenario
from sstp_lab import Attempt, Server
from vpn_network import HOME1_CLIENTS, RRAS, VIP

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
    lab.keep_tunnels("rras1", keys=told, findings=[], outcome_hidden=True, **AT_HOME)
    lab.keep_sstp_radius(radius, {"code": 48, "name": "unknown_ca"},
                         expect_findings=["cert-untrusted-root", "eap-client-rejected-certificate"])


@scenario("sstp-wrong-password", "MS-CHAPv2 with a wrong password: error 691", sstp=["rejected"], client_error=691)
def _(lab):
    radius = tunnel(lab, {"password": "not the password"})
    lab.keep_tunnels("rras1", keys={"findings": ["ppp-authentication-failed"]}, findings=[], outcome_hidden=True, **AT_HOME)
    lab.keep_sstp_radius(radius, expect_findings=["eap-credentials-rejected"])
