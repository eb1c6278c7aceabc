"""Address translation in front of the VPN servers: who hides whom."""

import time

from lab import scenario
from scenarios_ike import attempts
from strongswan import clients, initiate, initiate_all, ping, server
from vpn_network import CGN_CLIENTS, DIRECT, HOME1_CLIENTS, HOME2_CLIENTS, LB_INSIDE, RRAS, VIP

USERS = ["user%02d@corp.contoso.com" % number for number in range(1, 41)]


def connect_all(lab, addresses, points, to=None, pings=True, servers=("rras1",), client=None, **gateway):
    """A tunnel from each address, one after the other; EAP-MSCHAPv2 at the servers themselves."""
    made = attempts(lab, *[(address, user, "EAP-MSCHAPv2") for address, user in zip(addresses, USERS)])
    for number, node in enumerate(servers):
        server(lab, node, auth="eap-mschapv2", pool="10.50.%d.0/24" % number, **gateway)
    for one in made:
        lab.served_by[one.name] = (to or {}).get(one.address, servers[0])
    clients(lab, made, **(client or {}))
    with lab.record_vpn(*points):
        for one in made:
            if initiate(one) == "established" and pings:
                ping(one, count=2)
        time.sleep(0.2)
    return made


@scenario("nat-dnat-only", "three clients with public addresses; the load balancer translates the destination only",
          attempts=["established"] * 3, expect=["dnat-only"], healthy=True, seconds=6)
def _(lab):
    lab.vpn.balance()
    connect_all(lab, DIRECT[:3], ("rras1", "outside"))
    lab.keep_point("rras1", nat={RRAS["rras1"]: "dnat-only"})
    lab.keep_point("outside", "-outside", nat={VIP: "dnat-only"}, expect_findings=[])
    lab.keep_point("direct", "-client", nat={VIP: "dnat-only"}, expect_findings=[])


@scenario("nat-home", "clients in two homes behind their routers; the load balancer translates the destination only",
          attempts=["established"] * 4, expect=["client-side-nat"], healthy=True, seconds=7)
def _(lab):
    lab.vpn.home_nat()
    lab.vpn.balance()
    connect_all(lab, HOME1_CLIENTS[:2] + HOME2_CLIENTS, ("rras1", "outside"))
    lab.keep_point("rras1", nat={RRAS["rras1"]: "client-side-nat"}, forbid_findings=["snat-hides-clients"])


@scenario("nat-snat", "clients with public addresses and clients at home; the load balancer hides them all behind itself",
          attempts=["established"] * 5, expect=["snat-hides-clients"], seconds=8)
def _(lab):
    lab.vpn.home_nat()
    lab.vpn.balance(snat="all")
    connect_all(lab, HOME1_CLIENTS[:1] + HOME2_CLIENTS[:1] + DIRECT[:3], ("rras1", "outside"))
    hidden = {"nat": {RRAS["rras1"]: "snat"}, "snat_source": LB_INSIDE}
    lab.keep_point("rras1", **hidden)
    lab.keep_point("outside", "-outside", nat={VIP: "snat"}, snat_source=LB_INSIDE)
    lab.keep_point("outside", "-outside", stem="nat-snat-both-sides", further=("",), nat={VIP: "snat", RRAS["rras1"]: "snat"},
                   description=lab.entry.description + "; both sides of it at once, which proves the translation")
    lab.keep_point("client1", "-client", nat={VIP: "snat"}, snat_source=LB_INSIDE)


@scenario("ike-split", "the load balancer sends UDP 500 to one server and UDP 4500 to the other", attempts=["incomplete"] * 3,
          expect=["ike-backend-split"], client_error=809, seconds=14)
def _(lab):
    lab.vpn.home_nat()
    lab.vpn.balance(to="rras1", nat_t_to="rras2")
    made = attempts(lab, *[(address, user, "EAP-MSCHAPv2") for address, user in zip(DIRECT[:3], USERS)])
    for node in ("rras1", "rras2"):
        server(lab, node, auth="eap-mschapv2")
    clients(lab, made)
    with lab.record_vpn("rras1", "rras2", "inside"):
        initiate_all(made)
    lab.keep_point("inside", nat={})
    lab.keep_point("rras1", "-rras1", nat={RRAS["rras1"]: None}, expect_findings=[], expect_any=["ike-auth-unanswered", "ike-auth-failed", "ike-backend-split"])
    lab.keep_point("rras2", "-rras2", nat={RRAS["rras2"]: None}, expect_findings=["ike-backend-split"])
    lab.keep_point("rras1", "-rras1", stem="ike-split-both", further=("-rras2",), nat={},
                   description=lab.entry.description + "; both servers' captures at once")
