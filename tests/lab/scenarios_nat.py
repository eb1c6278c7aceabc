"""Address translation in front of the VPN servers: who hides whom."""

import time

import recorder

from freeradius import Server
from lab import scenario
from scenarios_ike import attempts
from strongswan import clients, initiate, initiate_all, ping, server
from vpn_network import CGN_CLIENTS, DIRECT, HOME1_CLIENTS, HOME2_CLIENTS, LB_INSIDE, RRAS, RRAS_PUBLIC, VIP

USERS = ["user%02d@corp.contoso.com" % number for number in range(1, 41)]


def connect_all(lab, addresses, points, to=None, pings=True, servers=("rras1",), client=None, service=VIP, **gateway):
    """A tunnel from each address, one after the other; EAP-MSCHAPv2 at the servers themselves."""
    made = attempts(lab, *[(address, user, "EAP-MSCHAPv2") for address, user in zip(addresses, USERS)])
    for one in made:
        one.to = service
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
    lab.keep_point("client2", "-client", nat={VIP: None}, expect_findings=[], forbid_findings=["snat-hides-clients"])


@scenario("nat-snat", "clients with public addresses and clients at home; the load balancer hides them all behind itself",
          attempts=["established"] * 5, expect=["snat-hides-clients"], seconds=8)
def _(lab):
    lab.vpn.home_nat()
    lab.vpn.balance(snat="all")
    connect_all(lab, HOME1_CLIENTS[:1] + HOME2_CLIENTS[:1] + DIRECT[:3], ("rras1", "outside", "any"))
    hidden = {"nat": {RRAS["rras1"]: "snat"}, "snat_source": LB_INSIDE}
    lab.keep_point("rras1", **hidden)
    lab.keep_point("outside", "-outside", nat={VIP: "snat"}, snat_source=LB_INSIDE)
    lab.keep_point("outside", "-outside", stem="nat-snat-both-sides", further=("",), snat_source=LB_INSIDE,
                   nat={VIP: "snat", RRAS["rras1"]: "snat"},
                   description=lab.entry.description + "; both sides of it at once, which proves the translation")
    lab.keep_point("client1", "-client", nat={VIP: "snat"}, snat_source=LB_INSIDE)
    lab.keep_point("any", "-any", nat={VIP: "snat", RRAS["rras1"]: "snat"}, snat_source=LB_INSIDE,
                   description=lab.entry.description + "; every interface of the load balancer in one capture")
    late = lab.change_point("outside", "ahead", lambda old, new: recorder.shift(old, 7.5, new))
    lab.keep_point(late, "-ahead", further=("",), nat={VIP: "snat", RRAS["rras1"]: "snat"}, snat_source=LB_INSIDE,
                   description=lab.entry.description + "; both sides of it at once, one clock 7.5 s ahead")


@scenario("nat-none", "clients with public addresses reach the server's own public address: nobody translates anything",
          attempts=["established"] * 3, healthy=True, forbid=["snat-hides-clients", "client-side-nat", "dnat-only"], seconds=6)
def _(lab):
    connect_all(lab, DIRECT[:3], ("rras1",), pings=False, service=RRAS_PUBLIC, local=RRAS_PUBLIC, kernel="fake",
                client={"kernel": "fake"})
    lab.keep_point("rras1", nat={RRAS_PUBLIC: "none"})
    lab.keep_point("direct", "-client", nat={RRAS_PUBLIC: "none"})


@scenario("nat-carrier", "six clients behind one address of a carrier-grade NAT; the load balancer translates the destination "
          "only", attempts=["established"] * 6, expect=["client-side-nat"], forbid=["snat-hides-clients"], healthy=True, seconds=9)
def _(lab):
    lab.vpn.home_nat()
    lab.vpn.balance()
    connect_all(lab, CGN_CLIENTS, ("rras1",))
    lab.keep_point("rras1", nat={RRAS["rras1"]: "client-side-nat"})


@scenario("nat-snat-only", "the clients dial the server's own address, and a firewall in front of it hides them behind itself",
          attempts=["established"] * 5, expect=["snat-hides-clients"], seconds=8)
def _(lab):
    lab.vpn.home_nat()
    lab.vpn.nft("lb", 'table ip nat {\n chain post {\n  type nat hook postrouting priority 100\n'
                      '  oifname "in" udp dport { 500, 4500 } snat to %s\n }\n}\n' % LB_INSIDE)
    connect_all(lab, HOME1_CLIENTS[:1] + HOME2_CLIENTS[:1] + DIRECT[:3], ("rras1",), service=RRAS_PUBLIC, local=RRAS_PUBLIC)
    lab.keep_point("rras1", nat={RRAS_PUBLIC: "snat"}, snat_source=LB_INSIDE)
    # Most ports are changed, too: the address cannot be found, that it is not the client's can be told.
    lab.keep_point("direct", "-client", nat={RRAS_PUBLIC: "snat"})


@scenario("nat-mixture", "the load balancer hides some clients behind itself (the homes'), and others not",
          attempts=["established"] * 7, expect=["snat-hides-clients"], seconds=9)
def _(lab):
    lab.vpn.home_nat()
    lab.vpn.balance(snat="203.0.113.16/28")
    connect_all(lab, HOME1_CLIENTS + HOME2_CLIENTS[:1] + DIRECT[:3], ("rras1", "outside"))
    lab.keep_point("rras1", nat={RRAS["rras1"]: "snat"}, snat_source=LB_INSIDE)
    lab.keep_point("direct", "-client", nat={VIP: "dnat-only"}, expect_findings=[], forbid_findings=["snat-hides-clients"],
                   description=lab.entry.description + "; at clients that are not hidden")


@scenario("nat-snat-radius", "four users through a load balancer that hides them: the RADIUS behind it names it as every caller",
          attempts=["established"] * 4, expect=["snat-hides-clients"], seconds=12)
def _(lab):
    lab.vpn.home_nat()
    lab.vpn.balance(snat="all")
    radius = Server(lab, "nps1", accounting=True)
    made = attempts(lab, *[(address, user + "@corp.contoso.com", "PEAP") for address, user in zip(
        HOME1_CLIENTS[:1] + HOME2_CLIENTS[:1] + DIRECT[:2], ("alice", "bob", "carol", "dave"))])
    server(lab)
    clients(lab, made)
    with lab.record_vpn("rras1", "radius1"):
        for one in made:
            initiate(one)
    lab.keep_point("rras1", nat={RRAS["rras1"]: "snat"}, snat_source=LB_INSIDE)
    lab.keep_radius(radius, forbid_findings=[], expect_later=["snat-hides-clients"],
                    expect_ike=["snat-hides-clients"])


@scenario("nat-forced-encapsulation", "the clients force UDP encapsulation with a wrong hash of their own address; only the "
          "destination is translated", attempts=["established"] * 2, forbid=["snat-hides-clients", "client-side-nat"], healthy=True,
          seconds=6)
def _(lab):
    lab.vpn.balance()
    connect_all(lab, DIRECT[:2], ("rras1",), client={"encap": "yes"})
    lab.keep_point("rras1", nat={RRAS["rras1"]: "unknown"})


@scenario("nat-fake-hashes", "Debian's own strongSwan with user-space IPsec sends wrong hashes in both directions although nobody "
          "translates anything", attempts=["established"] * 2, forbid=["snat-hides-clients", "client-side-nat", "dnat-only"],
          healthy=True, seconds=6)
def _(lab):
    connect_all(lab, DIRECT[:2], ("rras1",), service=RRAS_PUBLIC, local=RRAS_PUBLIC, debian=True, client={"debian": True})
    lab.keep_point("rras1", nat={RRAS_PUBLIC: "unknown"})


def evenly(addresses):
    return {address: ("rras1", "rras2")[number % 2] for number, address in enumerate(addresses)}


@scenario("nat-many", "thirty clients on two servers, fifteen each; the load balancer translates the destination only",
          attempts=["established"] * 30, expect=["dnat-only"], healthy=True, seconds=20)
def _(lab):
    to = evenly(DIRECT[:30])
    lab.vpn.balance(to=to)
    connect_all(lab, DIRECT[:30], ("inside",), to=to, servers=("rras1", "rras2"), pings=False, certificate="ec-vpn",
                client={"trust": ("ec-root",)}, client_authorities=("root", "ec-root", "ec-issuing"))
    lab.keep_point("inside", nat={RRAS["rras1"]: "dnat-only", RRAS["rras2"]: "dnat-only"})


@scenario("nat-many-hidden", "thirty clients on two servers; the load balancer hides them all",
          attempts=["established"] * 30, expect=["snat-hides-clients"], seconds=20)
def _(lab):
    to = evenly(DIRECT[:30])
    lab.vpn.balance(to=to, snat="all")
    connect_all(lab, DIRECT[:30], ("inside",), to=to, servers=("rras1", "rras2"), pings=False, certificate="ec-vpn",
                client={"trust": ("ec-root",)}, client_authorities=("root", "ec-root", "ec-issuing"))
    lab.keep_point("inside", nat={RRAS["rras1"]: "snat", RRAS["rras2"]: "snat"}, snat_source=LB_INSIDE)


@scenario("nat-snat-limit", "a server that takes three unfinished negotiations from one address, and a load balancer that hides "
          "all clients behind one: three clients whose UDP 4500 is blocked shut out everybody else, error 809",
          attempts=["established"] + ["unanswered"] * 6, expect=["snat-hides-clients", "ike-no-answer"],
          client_error=809, seconds=30)
def _(lab):
    lab.vpn.balance(snat="all")
    made = attempts(lab, *[(address, user, "EAP-MSCHAPv2") for address, user in zip(DIRECT[:7], USERS)])
    server(lab, auth="eap-mschapv2", daemon="	block_threshold = 3\n	cookie_threshold = 0\n	cookie_threshold_ip = 0\n")
    clients(lab, made)
    lab.vpn.filter("internet", "forward", "ip saddr { %s } udp dport 4500 drop" % ", ".join(DIRECT[1:4]))
    with lab.record_vpn("rras1", "outside"):
        initiate(made[0])
        initiate_all(made[1:4])
        initiate_all(made[4:])
        ping(made[0], 2)
    lab.keep_point("rras1", nat={RRAS["rras1"]: "snat"}, snat_source=LB_INSIDE, allow_findings=["ike-auth-failed", "ike-auth-unanswered"])
    lab.keep_point("outside", "-outside", nat={VIP: "snat"}, snat_source=LB_INSIDE, allow_findings=["ike-auth-failed", "ike-auth-unanswered"])


@scenario("ike-split", "the load balancer sends UDP 500 to one server and UDP 4500 to the other", attempts=["unanswered"] * 3,
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
    lab.keep_point("rras1", "-rras1", nat={RRAS["rras1"]: None}, expect_findings=[], client_error=None,
                   allow_findings=["ike-auth-unanswered", "ike-auth-failed", "ike-backend-split"])
    lab.keep_point("rras2", "-rras2", nat={RRAS["rras2"]: None}, expect_findings=["ike-backend-split"])
    lab.keep_point("rras1", "-rras1", stem="ike-split-both", further=("-rras2",), nat={},
                   description=lab.entry.description + "; both servers' captures at once")
