"""Connections over four servers: haproxy, nftables and DNS distribute them, with splits that the configuration determines."""

import time

from balance_lab import crowd
from balancer import Haproxy, Nftables
from freeradius import USERS, Server as Radius
from lab import scenario
from sstp_lab import Attempt, Server
from strongswan import Attempt as IkeAttempt, clients, initiate_all, server
from vpn_network import CROWD, NAS, RRAS

ALL = tuple(RRAS)
SMALL = {"certificate": "ec-vpn", "issuing": "ec-issuing"}
PEOPLE = [user for user in USERS if user != "pc01"]
# haproxy shows its own address to the servers.
BEHIND_PROXY = ["snat-hides-clients"]
RADIUS_SIDE = {node: address for node, (_, address) in NAS.items()}


def user(number):
    return "%s%02d@corp.contoso.com" % (PEOPLE[number % len(PEOPLE)], number)


def people(lab, addresses, every=0.12, stay=1.0, **wishes):
    """One attempt from each address, one after the other; all are there at the end."""
    return [Attempt(lab, address, user=user(number), computer="PC%02d" % number, pings=0, trust=("ec-root", "ec-issuing"),
                    hold=round((len(addresses) - number) * every + stay, 2), **wishes)
            for number, address in enumerate(addresses)]


def servers(lab, nodes=ALL, **wishes):
    Radius(lab, "nps1")
    return {node: Server(lab, node, timeout=60, **{**SMALL, **wishes}) for node in nodes}


def record(lab, made, *points, at=None):
    with lab.record_vpn(*points):
        crowd(lab, made, at=at)
        time.sleep(0.3)


def inside_haproxy(lab, algorithm, weights, count, *points, **options):
    servers(lab)
    lab.balancer = Haproxy(lab, algorithm, weights, **options)
    record(lab, people(lab, CROWD[:count]), "inside", *points)


def equal(nodes=ALL):
    return {node: 1 for node in nodes}


@scenario("balance-roundrobin", "forty people, haproxy sends them to four servers in turn: ten each", sstp=["established"] * 40,
          root="ec-root", seconds=14)
def _(lab):
    inside_haproxy(lab, "roundrobin", equal(), 40, "outside", "nps", *ALL)
    lab.keep_balance("inside", verdicts=["even"], allow=BEHIND_PROXY)
    for node in ALL:
        lab.keep_balance(node, "-" + node, nodes=(node,), verdicts=["single-backend"], allow=BEHIND_PROXY,
                         description=lab.entry.description + "; at one of the servers")
    lab.keep_balance(ALL[0], "-" + ALL[0], stem="balance-roundrobin-servers", further=["-" + node for node in ALL[1:]],
                     verdicts=["even"], allow=BEHIND_PROXY, description=lab.entry.description + "; at the four servers")
    lab.keep_balance("outside", "-outside", stem="balance-roundrobin-both-sides", further=("",), verdicts=["even"], found=False,
                     allow=BEHIND_PROXY, description=lab.entry.description + "; before and behind it at once")
    lab.keep_balance("nps", "-nps", protocol="radius", addresses=RADIUS_SIDE, verdicts=["even"],
                     allow=[*BEHIND_PROXY, "radius-missing-message-authenticator"],
                     description=lab.entry.description + "; their logins at NPS")


SHARES = dict(zip(ALL, (55, 25, 15, 5)))


@scenario("balance-weights", "sixty people, haproxy distributes them by the weights 55, 25, 15 and 5: 33, 15, 9 and 3",
          sstp=["established"] * 60, root="ec-root", seconds=18)
def _(lab):
    inside_haproxy(lab, "roundrobin", SHARES, 60)
    lab.keep_balance("inside", weights=SHARES, verdicts=["even"], allow=BEHIND_PROXY, found=False)
    lab.keep_balance("inside", stem="balance-weights-unknown", verdicts=["uneven"], allow=BEHIND_PROXY, findings=["backend-uneven"],
                     forbid=(), description=lab.entry.description + "; nobody tells the weights")


@scenario("balance-few", "eight people, nftables draws a server for each connection", sstp=["established"] * 8, root="ec-root",
          seconds=6)
def _(lab):
    servers(lab)
    lab.balancer = Nftables(lab, "numgen random")
    record(lab, people(lab, CROWD[:8]), "inside")
    lab.keep_balance("inside", verdicts=["too-few"])


def ike_people(lab, addresses):
    made = []
    for number, address in enumerate(addresses, 1):
        made.append(IkeAttempt(lab, "c%03d" % number, address, user(number), "EAP-MSCHAPv2"))
        lab.served_by[made[-1].name] = "rras1"
        lab.vpn_users.append(user(number))
    return made


def ike_servers(lab, nodes=ALL):
    for number, node in enumerate(nodes):
        server(lab, node, auth="eap-mschapv2", pool="10.50.%d.0/24" % number, certificate="ec-vpn",
               client_authorities=("root", "ec-root", "ec-issuing"))


def ike_clients(lab, made, **options):
    clients(lab, made, trust=("ec-root",), **options)


def ike_record(lab, made, *points, together=10):
    with lab.record_vpn(*points):
        for first in range(0, len(made), together):
            initiate_all(made[first:first + together])
        time.sleep(0.3)


def shared_out(addresses, shares):
    """{address: node}, each node its share; mixed, as an order would be seen."""
    slots = [node for node, count in shares.items() for _ in range(count)]
    return {address: slots[(index * 7) % len(slots)] for index, address in enumerate(addresses)}


@scenario("balance-ike-map", "forty people, the load balancer knows each one's server: 22, 10, 6 and 2", attempts=["established"] * 40,
          root="ec-root", seconds=20)
def _(lab):
    made = ike_people(lab, CROWD[:40])
    ike_servers(lab)
    lab.balancer = Nftables(lab, shared_out(CROWD[:40], dict(zip(ALL, (22, 10, 6, 2)))), protocol="udp", ports=(500, 4500))
    ike_clients(lab, made)
    ike_record(lab, made, "inside", "outside")
    lab.keep_balance("inside", weights=SHARES, verdicts=["even"], found=False)
    lab.keep_balance("inside", stem="balance-ike-map-unknown", verdicts=["uneven"], findings=["backend-uneven"], forbid=(),
                     description=lab.entry.description + "; nobody tells the weights")
    lab.keep_balance("outside", "-outside", stem="balance-ike-map-both-sides", further=("",), weights=SHARES, verdicts=["even"],
                     found=False, description=lab.entry.description + "; before and behind it at once")
