"""IKEv2 tunnels: what makes them and what breaks them, behind one load balancer that translates the destination only."""

import time

import network
import vpn_network
from freeradius import Server
from lab import scenario
from strongswan import Attempt, clients, disconnect, initiate, ping, server
from vpn_network import HOME1_CLIENTS, RRAS, VIP

ALICE = "alice@corp.contoso.com"


def home(lab):
    """The usual path: clients at home, the load balancer translates the destination."""
    lab.vpn.home_nat()
    lab.vpn.balance()


def attempts(lab, *rows):
    """Attempts (client address, user, method[, certificate]); they are served by rras1."""
    made = []
    for number, (address, user, method, *certificate) in enumerate(rows, 1):
        made.append(Attempt(lab, "c%02d" % number, address, user, method, *certificate))
        lab.served_by[made[-1].name] = "rras1"
        lab.vpn_users.append(user)
    return made


def user_tunnel(lab, method="PEAP", nps=None, client=None, certificate=None, points=("rras1", "radius1"), pings=True, **gateway):
    """One user's tunnel through FreeRADIUS; returns the RADIUS server."""
    radius = Server(lab, "nps1", accounting=True, **{"inner_chain": ("nps01", "issuing"), **(nps or {})})
    home(lab)
    made = attempts(lab, (HOME1_CLIENTS[0], ALICE, method, *([certificate] if certificate else [])))
    server(lab, **gateway)
    clients(lab, made, **(client or {}))
    with lab.record_vpn(*points):
        if initiate(made[0]) == "established" and pings:
            ping(made[0])
            disconnect(made[0])
        time.sleep(0.3)
    return radius


@scenario("ike-user-peap", "a user's tunnel from home: IKEv2, EAP-PEAP through the load balancer's DNAT, pings, delete",
          attempts=["established"], healthy=True, seconds=6,
          shows=["isakmp.exchangetype == 35 && isakmp.messageid == 9", "esp"])
def _(lab):
    radius = user_tunnel(lab, points=("rras1", "radius1", "outside"))
    lab.keep_point("rras1", keys=True, nat={RRAS["rras1"]: "client-side-nat"})
    lab.keep_point("client1", "-client", nat={VIP: None})
    lab.keep_point("outside", "-outside", nat={VIP: "client-side-nat"})
    lab.keep_radius(radius, forbid_severity=["critical", "warning"])
    lab.keep_point("rras1", stem="ike-user-peap-joined", further=("-radius",), nat={RRAS["rras1"]: "client-side-nat"},
                   description=lab.entry.description + "; together with the RADIUS behind it")
    lab.keep_point("outside", "-outside", stem="ike-user-peap-both-sides", further=("",),
                   nat={VIP: "client-side-nat", RRAS["rras1"]: "client-side-nat"},
                   description=lab.entry.description + "; outside and behind the load balancer at once")


@scenario("ike-device", "a device tunnel: a computer's certificate, one IKE_AUTH", attempts=["established"], healthy=True,
          seconds=4, lacks=["isakmp.typepayload == 48"])
def _(lab):
    home(lab)
    made = attempts(lab, (HOME1_CLIENTS[0], "PC01.corp.contoso.com", "certificate", "pc01"))
    server(lab, auth="pubkey")
    clients(lab, made)
    with lab.record_vpn("rras1"):
        initiate(made[0])
        ping(made[0])
        disconnect(made[0])
    lab.keep_point("rras1", keys=True, nat={RRAS["rras1"]: "client-side-nat"})


@scenario("ike-no-proposal", "client and server have no IKE proposal in common: error 13868", attempts=["rejected"],
          expect=["ike-no-proposal-chosen"], client_error=13868, shows=["isakmp.notify.msgtype == 14"])
def _(lab):
    home(lab)
    made = attempts(lab, (HOME1_CLIENTS[0], ALICE, "EAP-MSCHAPv2"))
    server(lab, auth="eap-mschapv2", proposals="aes256-sha384-prfsha384-ecp384")
    clients(lab, made, proposals="aes128-sha256-prfsha256-modp2048,aes256-sha256-prfsha256-modp2048")
    with lab.record_vpn("rras1"):
        initiate(made[0])
    lab.keep_point("rras1", nat={RRAS["rras1"]: None})


@scenario("ike-server-down", "nothing answers: every packet to the server is lost", attempts=["unanswered"],
          expect=["ike-no-answer"], client_error=809, seconds=14, lacks=["isakmp.flag_r == 1"])
def _(lab):
    home(lab)
    lab.vpn.filter("lb", "forward", "udp dport { 500, 4500 } drop")
    made = attempts(lab, (HOME1_CLIENTS[0], ALICE, "EAP-MSCHAPv2"))
    clients(lab, made)
    with lab.record_vpn("outside"):
        initiate(made[0], 20)
    lab.keep_point("client1", nat={VIP: "unknown"})
    lab.keep_point("outside", "-outside", nat={VIP: "client-side-nat"})


@scenario("ike-fragments-dropped", "a firewall drops IP fragments, IKE fragmentation is off: IKE_AUTH is never complete",
          attempts=["incomplete"], expect=["ike-fragments-lost"], client_error=809, seconds=14,
          shows=["ip.flags.mf == 1"])
def _(lab):
    radius_less(lab, "no", True)
    # The firewall stands between the load balancer and the server: the first fragment comes through.
    lab.keep_point("rras1", nat={RRAS["rras1"]: "client-side-nat"})
    lab.keep_point("client1", "-client", nat={VIP: None}, expect_findings=[], expect_any=["ike-auth-unanswered", "ike-fragments-lost"])


def radius_less(lab, fragmentation, drop):
    """A computer's tunnel with large certificates, so that IKE_AUTH does not fit into a packet."""
    home(lab)
    if drop:
        lab.vpn.nft("dmz", "table bridge lab {\n chain forward {\n  type filter hook forward priority 0\n"
                           "  ether type ip ip frag-off & 0x1fff != 0 drop\n }\n}\n")
    made = attempts(lab, (HOME1_CLIENTS[0], "PC01.corp.contoso.com", "certificate", "pc01"))
    server(lab, auth="pubkey", fragmentation=fragmentation)
    clients(lab, made, fragmentation=fragmentation)
    with lab.record_vpn("rras1"):
        if initiate(made[0], 20) == "established":
            ping(made[0])
            disconnect(made[0])
        elif drop:
            time.sleep(3.5)  # the server's kernel gives up on the last fragments and says so
