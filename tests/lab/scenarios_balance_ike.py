"""IKEv2 over four servers: maps and hashes of nftables keep UDP 500 and 4500 of a client together."""

import time

from balance_lab import Crowd
from balancer import IKE, SSTP, Nftables, hold_back
from lab import scenario
from scenarios_balance import ALL, SHARES, people as sstp_people, servers as sstp_servers, user
from strongswan import Attempt, clients, initiate_all, ping, server
from vpn_network import CROWD


def people(lab, addresses):
    made = []
    for number, address in enumerate(addresses, 1):
        made.append(Attempt(lab, "c%03d" % number, address, user(number), "EAP-MSCHAPv2"))
        lab.served_by[made[-1].name] = "rras1"
        lab.vpn_users.append(user(number))
    return made


def servers(lab, nodes=ALL):
    for number, node in enumerate(nodes):
        server(lab, node, auth="eap-mschapv2", pool="10.50.%d.0/24" % number, certificate="ec-vpn",
               client_authorities=("root", "ec-root", "ec-issuing"))


def record(lab, made, *points, together=10, pings=0):
    """`pings`: through that many of the tunnels."""
    with lab.record_vpn(*points):
        for first in range(0, len(made), together):
            initiate_all(made[first:first + together])
        for one in made[:pings]:
            ping(one, 2)
        time.sleep(0.3)


def shared_out(addresses, shares):
    """{address: node}, each node its share; mixed, as an order would be seen."""
    slots = [node for node, count in shares.items() for _ in range(count)]
    return {address: slots[(index * 7) % len(slots)] for index, address in enumerate(addresses)}


def begin(lab, choice, count, nodes=ALL, services=IKE):
    made = people(lab, CROWD[:count])
    servers(lab, nodes)
    lab.balancer = Nftables(lab, choice, services=services)
    clients(lab, made, trust=("ec-root",))
    return made


@scenario("balance-ike-map", "a hundred people, the load balancer knows each one's server: 55, 25, 15 and 5",
          attempts=["established"] * 100, root="ec-root", seconds=30)
def _(lab):
    record(lab, begin(lab, shared_out(CROWD[:100], SHARES), 100), "inside")
    lab.keep_balance("inside", weights=SHARES, verdicts=["even"], found=False)
    lab.keep_balance("inside", stem="balance-ike-map-unknown", verdicts=["uneven"], findings=["backend-uneven"], forbid=(),
                     description=lab.entry.description + "; nobody tells the weights")


@scenario("balance-ike-hash", "a hundred people, the load balancer chooses by a hash of their addresses",
          attempts=["established"] * 100, root="ec-root", seconds=30)
def _(lab):
    record(lab, begin(lab, "jhash ip saddr", 100), "inside", "outside")
    lab.keep_balance("inside", verdicts=["even"], all_stay=True, each_counts=True)
    # The servers' hashes of their own addresses tell who answers behind the one public address.
    lab.keep_balance("outside", "-outside", verdicts=["even"], each_counts=True,
                     description=lab.entry.description + "; before the load balancer")
    lab.keep_balance("outside", "-outside", stem="balance-ike-hash-both-sides", further=("",), verdicts=["even"],
                     found=False, description=lab.entry.description + "; before and behind it at once")


@scenario("balance-ike-starved", "sixty people on three of four servers, twenty each: nobody is sent to the fourth",
          attempts=["established"] * 60, root="ec-root", seconds=20)
def _(lab):
    record(lab, begin(lab, shared_out(CROWD[:60], {node: 20 for node in ALL[:3]}), 60), "inside", pings=5)
    lab.keep_balance("inside", verdicts=["uneven"], findings=["backend-uneven"], forbid=(), octets=True)
    lab.keep_balance("inside", stem="balance-ike-starved-unnamed", nodes=ALL[:3], named=False, verdicts=["even"],
                     description=lab.entry.description + "; nobody tells that there is a fourth")


@scenario("balance-ike-dead", "32 people on four servers, eight each; the fourth is dead, and the load balancer does not notice",
          attempts=["unanswered" if number % 4 == 3 else "established" for number in range(32)], root="ec-root", seconds=24)
def _(lab):
    made = begin(lab, {address: ALL[number % 4] for number, address in enumerate(CROWD[:32])}, 32, ALL[:3])
    hold_back(lab, "rras4", "udp dport { 500, 4500 } drop")
    record(lab, made, "inside", together=32)
    lab.keep_balance("inside", findings=["backend-attempts-to-dead"], forbid=(), found=False,
                     allow=["backend-down", "backend-uneven", "ike-no-answer"])


@scenario("balance-both", "forty people with IKEv2 and forty with SSTP, the load balancer chooses by a hash of their addresses",
          attempts=["established"] * 40, sstp=["established"] * 40, root="ec-root", seconds=24)
def _(lab):
    made = begin(lab, "jhash ip saddr", 40, services={**IKE, **SSTP})
    sstp_servers(lab)
    others = sstp_people(lab, CROWD[40:80], until_end=False)
    with lab.record_vpn("inside"):
        crowd = Crowd(lab, others)
        for first in range(0, len(made), 10):
            initiate_all(made[first:first + 10])
        crowd.finish()
        time.sleep(0.3)
    lab.keep_balance("inside", protocol="all", parts=("sstp", "ikev2"), verdicts=["even", "too-few"], each_counts=True)


@scenario("balance-ike-torn", "sixteen people on four servers; the load balancer draws one for UDP 500 and again for 4500",
          attempts={"established", "unanswered"}, root="ec-root", client_error=809, seconds=24)
def _(lab):
    made = begin(lab, "numgen random", 16)
    record(lab, made, "inside", together=16)
    lab.keep_balance("inside", findings=["ike-backend-split"], forbid=(), found=False,
                     allow=["ike-auth-unanswered", "ike-no-answer", "affinity-broken", "backend-attempts-to-dead", "backend-down"])
