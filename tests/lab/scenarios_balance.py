"""Connections over four servers: haproxy, nftables and DNS distribute them, with splits that the configuration determines."""

import time

from balance_lab import Crowd
from balancer import Haproxy, Nftables, RoundRobin, hold_back
from freeradius import USERS, Server as Radius
from lab import scenario
from network import run
from sstp_lab import Attempt, Server
from vpn_network import AZURE, CROWD, DIRECT, DNS, NAS, PUBLICS, RRAS

ALL = tuple(RRAS)
SMALL = {"certificate": "ec-vpn", "issuing": "ec-issuing"}
TRUST = ("ec-root", "ec-issuing")
PEOPLE = [user for user in USERS if user != "pc01"]
# haproxy shows its own address to the servers.
BEHIND_PROXY = ["snat-hides-clients"]
AT_NPS = [*BEHIND_PROXY, "radius-missing-message-authenticator"]
RADIUS_SIDE = {node: address for node, (_, address) in NAS.items()}
SHARES = dict(zip(ALL, (55, 25, 15, 5)))


def user(number):
    return "%s%03d@corp.contoso.com" % (PEOPLE[number % len(PEOPLE)], number)


def people(lab, addresses, every=0.12, stay=1.0, until_end=True, first=0, **wishes):
    """One attempt from each address, one after the other; all are there at the end, or each stays for `stay` seconds."""
    return [Attempt(lab, address, user=user(first + number), computer="PC%03d" % (first + number), pings=0, trust=TRUST,
                    hold=round((len(addresses) - number) * every * until_end + stay, 2), **wishes)
            for number, address in enumerate(addresses)]


def servers(lab, nodes=ALL, **wishes):
    Radius(lab, "nps1")
    return {node: Server(lab, node, timeout=60, **{**SMALL, **wishes}) for node in nodes}


def record(lab, made, *points, every=0.12):
    with lab.record_vpn(*points):
        Crowd(lab, made, every).finish()
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
    lab.keep_balance("inside", verdicts=["even"], allow=BEHIND_PROXY, options=("--window", "2"), all_stay=True)
    for node in ALL:
        lab.keep_balance(node, "-" + node, nodes=(node,), verdicts=["single-backend"], allow=BEHIND_PROXY,
                         description=lab.entry.description + "; at one of the servers")
    lab.keep_balance(ALL[0], "-" + ALL[0], stem="balance-roundrobin-servers", further=["-" + node for node in ALL[1:]],
                     verdicts=["even"], allow=BEHIND_PROXY, description=lab.entry.description + "; at the four servers")
    lab.keep_balance("outside", "-outside", stem="balance-roundrobin-both-sides", further=("",), verdicts=["even"], found=False,
                     allow=BEHIND_PROXY, description=lab.entry.description + "; before and behind it at once")
    lab.keep_balance("nps", "-nps", protocol="radius", addresses=RADIUS_SIDE, verdicts=["even"], allow=AT_NPS,
                     description=lab.entry.description + "; their logins at NPS")


@scenario("balance-weights", "120 people, haproxy distributes them by the weights 55, 25, 15 and 5: 66, 30, 18 and 6",
          sstp=["established"] * 120, root="ec-root", seconds=24)
def _(lab):
    inside_haproxy(lab, "roundrobin", SHARES, 120, "nps")
    lab.keep_balance("inside", weights=SHARES, verdicts=["even"], allow=BEHIND_PROXY, found=False, all_stay=True, octets=True)
    lab.keep_balance("inside", stem="balance-weights-unknown", verdicts=["uneven"], allow=BEHIND_PROXY, findings=["backend-uneven"],
                     forbid=(), description=lab.entry.description + "; nobody tells the weights")
    lab.keep_balance("nps", "-nps", protocol="radius", addresses=RADIUS_SIDE, verdicts=["uneven"], allow=AT_NPS,
                     findings=["backend-uneven"], forbid=(), description=lab.entry.description + "; their logins at NPS")


@scenario("balance-source", "fifty people behind five addresses; haproxy keeps each address at one server and names it in the PROXY "
          "protocol: five choices are too few for a verdict", sstp=["established"] * 50, root="ec-root", seconds=16)
def _(lab):
    servers(lab, proxy=True)
    lab.balancer = Haproxy(lab, "source", equal(), header="send-proxy-v2")
    record(lab, people(lab, [CROWD[(number * 7) % 5] for number in range(50)]), "inside")
    lab.keep_balance("inside", verdicts=["too-few"], allow=BEHIND_PROXY)


@scenario("balance-leastconn", "forty people, every third of whom leaves soon; haproxy sends each to the server with the fewest",
          sstp=["established"] * 40, root="ec-root", seconds=14)
def _(lab):
    servers(lab)
    lab.balancer = Haproxy(lab, "leastconn", equal())
    made = people(lab, CROWD[:40])
    for one in made[::3]:
        one.options["hold"] = 0.6
    record(lab, made, "inside")
    lab.keep_balance("inside", verdicts=["even", "too-few"], allow=BEHIND_PROXY)


@scenario("balance-few", "eight people, nftables chooses by a hash of each one's address", sstp=["established"] * 8, root="ec-root",
          seconds=6)
def _(lab):
    servers(lab)
    lab.balancer = Nftables(lab, "jhash ip saddr")
    record(lab, people(lab, CROWD[:8]), "inside")
    lab.keep_balance("inside", verdicts=["too-few"], all_stay=True, each_counts=True, octets=True)


@scenario("balance-random", "150 people, nftables draws a server for each connection", sstp=["established"] * 150, root="ec-root",
          seconds=24)
def _(lab):
    servers(lab)
    lab.balancer = Nftables(lab, "numgen random")
    record(lab, people(lab, CROWD + DIRECT[:26], until_end=False), "inside")
    lab.keep_balance("inside", verdicts=["even"], each_counts=True)


@scenario("balance-sticky", "64 people behind eight addresses; nftables keeps each address at one server: uneven, but eight choices are "
          "too few for a verdict", sstp=["established"] * 64, root="ec-root", seconds=16)
def _(lab):
    servers(lab)
    lab.balancer = Nftables(lab, "jhash ip saddr")
    record(lab, people(lab, [CROWD[number % 8] for number in range(64)]), "inside")
    lab.keep_balance("inside", verdicts=["too-few"], all_stay=True, octets=True)


@scenario("balance-reconnects", "twelve people, each of whom calls three times within seconds and resumes the TLS session",
          sstp=["established"] * 12, root="ec-root", seconds=8)
def _(lab):
    servers(lab)
    lab.balancer = Nftables(lab, {address: ALL[number % 4] for number, address in enumerate(CROWD[:12])})
    made = people(lab, CROWD[:12], stay=0.3, until_end=False, rounds=3)
    for number, one in enumerate(made):  # each call has a port of its own
        one.port = one.options["own_port"] = 51000 + 10 * number
    record(lab, made, "inside", every=0.3)
    lab.keep_balance("inside", verdicts=["too-few"], allow=["sstp-resumed"])


@scenario("balance-dead", "haproxy asks four servers whether they live; the fourth does not listen and gets nobody",
          sstp=["established"] * 30, root="ec-root", seconds=12)
def _(lab):
    servers(lab, ALL[:3])
    lab.balancer = Haproxy(lab, "roundrobin", equal(), check=400)
    lab.balancer.wait_for("rras4", "DOWN")
    record(lab, people(lab, CROWD[:30]), "inside")
    lab.keep_balance("inside", findings=["backend-down", "probe-seen"], forbid=(), found=False,
                     allow=[*BEHIND_PROXY, "backend-uneven"])


@scenario("balance-dies", "haproxy asks four servers whether they live; the second ends in mid-run, gets nobody while its health checks "
          "fail, and comes back", sstp={"established", "connection lost", "closed"}, root="ec-root", seconds=20)
def _(lab):
    running = servers(lab)
    lab.balancer = Haproxy(lab, "roundrobin", equal(), check=300)
    made = people(lab, CROWD[:60], until_end=False, stay=8)
    with lab.record_vpn("inside"):
        crowds = [Crowd(lab, made[:24])]
        time.sleep(24 * 0.12 + 1)
        lab.network.stop(running["rras2"].process)
        lab.balancer.wait_for("rras2", "DOWN")
        crowds.append(Crowd(lab, made[24:42]))
        time.sleep(18 * 0.12 + 1)
        Server(lab, "rras2", timeout=60, **SMALL)
        lab.balancer.wait_for("rras2", "UP")
        crowds.append(Crowd(lab, made[42:]))
        for one in crowds:
            one.finish()
        time.sleep(0.3)
    lab.keep_balance("inside", forbid=(), findings=["backend-down", "probe-seen"], found=False, says={"backend-down": "again"},
                     allow=[*BEHIND_PROXY, "backend-uneven"])


def azure(lab, rounds, every=1.0, nodes=ALL):
    """Starts health checks as Azure's load balancer sends them."""
    return [Attempt(lab, AZURE, to=RRAS[node], node="lb", probe="tcp", rounds=rounds, every=every, timeout=0.9, trust=TRUST).begin()
            for node in nodes]


@scenario("balance-azure", "Azure's load balancer checks the ports of four servers; forty people come, ten to each",
          sstp=["established"] * 40 + ["probed"] * 4, root="ec-root", seconds=14)
def _(lab):
    servers(lab)
    lab.balancer = Nftables(lab, {address: ALL[number % 4] for number, address in enumerate(CROWD[:40])})
    made = people(lab, CROWD[:40], until_end=False)
    with lab.record_vpn("inside"):
        checks = azure(lab, 10)
        Crowd(lab, made).finish()
        for one in checks:
            one.finish()
    lab.keep_balance("inside", findings=["probe-seen"], verdicts=["even"], probes=lab.probes(), prober=AZURE, each_counts=True,
                     says={"probe-seen": "Azure"})


@scenario("balance-hung", "Azure's load balancer finds the port of the third server open, but the service behind it hangs: everybody "
          "who is sent there waits in vain", root="ec-root", seconds=18,
          sstp=["silence" if number % 4 == 2 else "established" for number in range(32)] + ["probed"] * 4)
def _(lab):
    servers(lab, ("rras1", "rras2", "rras4"))
    servers_of_hung(lab)
    lab.balancer = Nftables(lab, {address: ALL[number % 4] for number, address in enumerate(CROWD[:32])})
    made = people(lab, CROWD[:32], until_end=False, timeout=4)
    with lab.record_vpn("inside"):
        checks = azure(lab, 10)
        Crowd(lab, made).finish()
        for one in checks:
            one.finish()
    lab.keep_balance("inside", findings=["probe-seen", "backend-attempts-to-dead"], forbid=(), probes=lab.probes(), prober=AZURE,
                     found=False, says={"backend-attempts-to-dead": "probes"}, allow=["backend-uneven", "sstp-no-answer"])


def servers_of_hung(lab):
    """The port is open, and nobody speaks."""
    Server(lab, "rras3", timeout=60, silent_after="tcp", **SMALL)


@scenario("balance-cut-off", "the third of four servers is cut off in mid-run and comes back; who is sent there meanwhile hears nothing",
          sstp=["established"] * 16 + ["no answer" if number % 4 == 2 else "established" for number in range(24)] +
          ["established"] * 16 + ["probed"] * 4, root="ec-root", seconds=24)
def _(lab):
    servers(lab)
    lab.balancer = Nftables(lab, {address: ALL[number % 4] for number, address in enumerate(CROWD[:56])})
    made = people(lab, CROWD[:56], until_end=False, timeout=4)
    with lab.record_vpn("inside"):
        checks = azure(lab, 18)
        Crowd(lab, made[:16]).finish()
        hold_back(lab, "rras3", "drop")
        Crowd(lab, made[16:40]).finish()
        run(*lab.network.inside("rras3", "nft", "flush", "ruleset"))
        Crowd(lab, made[40:]).finish()
        for one in checks:
            one.finish()
    lab.keep_balance("inside", findings=["backend-down", "backend-attempts-to-dead", "probe-seen"], forbid=(), found=False,
                     probes=lab.probes(), prober=AZURE, says={"backend-down": "again"}, each_counts=True,
                     allow=["backend-uneven", "sstp-no-answer"])


@scenario("balance-dns", "a name with four addresses in turn, the third of which is dead: every fourth of forty people waits in vain",
          sstp={"established", "no answer"}, root="ec-root", seconds=18)
def _(lab):
    Radius(lab, "nps1")
    for node in ("rras1", "rras2", "rras4"):
        Server(lab, node, timeout=60, address=PUBLICS[node], **SMALL)
    hold_back(lab, "rras3", "tcp dport 443 drop")
    RoundRobin(lab)
    made = people(lab, CROWD[:40], until_end=False, timeout=4, resolver=DNS)
    record(lab, made, "direct")
    lab.keep_balance("direct", addresses=PUBLICS, findings=["backend-attempts-to-dead"], forbid=(), found=False,
                     says={"backend-attempts-to-dead": "DNS"}, allow=["backend-down", "backend-uneven", "sstp-no-answer"])
