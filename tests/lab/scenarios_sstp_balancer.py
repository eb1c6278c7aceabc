"""SSTP behind full proxies: TLS offload, interception, hidden clients, PROXY protocol, health checks."""

import os
import subprocess
import time

from freeradius import USERS, Server as Radius
from haproxy import Proxy
from lab import scenario
from sstp_lab import Attempt, Server
from vpn_network import DIRECT, HOME1_CLIENTS, HOME2_CLIENTS, NODE_OF, RRAS, VIP

HERE = RRAS["rras1"]
HIDDEN = {"nat": {HERE: "snat"}}
PEOPLE = list(zip((HOME1_CLIENTS[0], HOME2_CLIENTS[0], DIRECT[0], HOME1_CLIENTS[1]), USERS))


def der(lab, name):
    path = os.path.join(lab.directory, name + ".der")
    with open(path, "wb") as out:
        out.write(lab.pki.der(name))
    return path


def people(lab, count=4, **wishes):
    """Attempts of several people, one after the other."""
    made = [Attempt(lab, address, user=user + "@corp.contoso.com", computer="PC%02d" % number, pings=1, **wishes)
            for number, (address, user) in enumerate(PEOPLE[:count], 1)]
    return made


def record(lab, made, *points, wait=0.3):
    with lab.record_vpn(*points):
        for one in made:
            one.run()
        time.sleep(wait)


@scenario("sstp-offload", "the load balancer ends TLS; the server knows the hash of its certificate", sstp=["established"] * 2,
          findings=["sstp-tls-offloaded"], shows=["sstp.messagetype == 4"], lacks=["tls"])
def _(lab):
    radius = Radius(lab, "nps1")
    lab.vpn.home_nat()
    Server(lab, certificate=None, port=80, hash_of=der(lab, "vpn"))
    Proxy(lab, "lb", VIP + ":443", HERE + ":80", certificate="vpn")
    record(lab, people(lab, 2), "rras1", "outside", "radius1")
    lab.keep_tunnels("rras1", allow=["snat-hides-clients"], **HIDDEN)
    lab.keep_tunnels("outside", "-outside", findings=[], keys={}, nat={VIP: "client-side-nat"})
    lab.keep_tunnels("outside", "-outside", stem="sstp-offload-both-sides", further=("",), allow=["snat-hides-clients"], **HIDDEN,
                     description=lab.entry.description + "; outside and behind the load balancer at once")
    lab.keep_tunnels("rras1", stem="sstp-offload-joined", further=("-radius",), allow=["snat-hides-clients"], **HIDDEN,
                     description=lab.entry.description + "; together with the RADIUS behind it")
    lab.keep_sstp_radius(radius, allow_findings=["snat-hides-clients"])


@scenario("sstp-offload-wrong-hash", "the load balancer ends TLS; the server has the hash of another certificate",
          sstp=["aborted"], findings=["sstp-tls-offloaded", "sstp-crypto-binding-failed"])
def _(lab):
    Radius(lab, "nps1")
    lab.vpn.home_nat()
    Server(lab, certificate=None, port=80, hash_of=der(lab, "vpn-other-name"))
    Proxy(lab, "lb", VIP + ":443", HERE + ":80", certificate="vpn")
    record(lab, people(lab, 1), "rras1", "outside")
    lab.keep_tunnels("rras1", allow=["snat-hides-clients", "sstp-call-abort"], **HIDDEN)


@scenario("sstp-offload-503", "the load balancer ends TLS and has no server behind it: it answers 503 itself", sstp=["http error"] * 2,
          findings=["sstp-http-error"], seconds=10, shows=["http.response.code == 503"])
def _(lab):
    lab.vpn.home_nat()
    Proxy(lab, "lb", VIP + ":443", HERE + ":81", certificate="vpn", http=True)
    made = [Attempt(lab, address) for address in (HOME1_CLIENTS[0], HOME2_CLIENTS[0])]
    record(lab, made, "outside")
    lab.keep_tunnels("outside", keys={}, outcome_hidden=True, nat={VIP: None})


@scenario("sstp-offload-mutual", "the load balancer ends TLS and demands a certificate of the client, which has none: TLS 1.2, then 1.3",
          sstp=["tls failed", "connection lost"], findings=["sstp-tls-alert"], client_error=0x80090326,
          shows=["tls.handshake.type == 13", "tls.alert_message.desc == 40"])
def _(lab):
    lab.vpn.home_nat()
    Server(lab, certificate=None, port=80)
    Proxy(lab, "lb", VIP + ":443", HERE + ":80", certificate="vpn", demand=lab.pki.chain("root"))
    record(lab, [Attempt(lab, HOME1_CLIENTS[0]), Attempt(lab, HOME2_CLIENTS[0], tls="1.3")], "outside")
    lab.keep_tunnels("outside", keys={}, allow=["cert-unseen"], nat={VIP: None})


@scenario("sstp-intercepted", "something on the way looks into TLS with a certificate that the client was made to trust: the crypto "
          "binding tells", sstp=["aborted"], findings=["sstp-crypto-binding-failed"])
def _(lab):
    Radius(lab, "nps1")
    lab.path_of_clients()
    Server(lab)
    lab.vpn.nft("home1", 'table ip look {\n chain pre {\n  type nat hook prerouting priority -100\n'
                         '  iifname "lan" tcp dport 443 redirect to :8443\n }\n}\n')
    Proxy(lab, "home1", "0.0.0.0:8443", VIP + ":443", certificate="fabrikam-vpn", issuing="fabrikam-root", again=True)
    record(lab, [Attempt(lab, HOME1_CLIENTS[0], trust=("root", "issuing", "fabrikam-root"))], "rras1")
    told = {"findings": lab.entry.findings, "allow": ["sstp-call-abort"]}
    lab.keep_tunnels("rras1", keys=dict(told), findings=[], outcome_hidden=True, nat={HERE: "client-side-nat"})
    lab.keep_tunnels("client1", "-client", keys={**told, "allow": ["sstp-call-abort", "cert-untrusted-root"]}, findings=[],
                     allow=["cert-untrusted-root"], outcome_hidden=True, nat={VIP: None})
    lab.keep_tunnels("client1", "-client", stem="sstp-intercepted-both-sides", further=("",), findings=["sstp-tls-intercepted"],
                     allow=["cert-untrusted-root"], outcome_hidden=True, nat={},
                     description=lab.entry.description + "; beside the client and at the server at once")


@scenario("sstp-proxy-snat", "the load balancer is a TCP proxy: all clients come from its address", sstp=["established"] * 4, seconds=6)
def _(lab):
    radius = Radius(lab, "nps1")
    lab.vpn.home_nat()
    Server(lab)
    Proxy(lab, "lb", VIP + ":443", HERE + ":443")
    record(lab, people(lab), "rras1", "outside", "radius1")
    # With the secrets there are four computers behind one address.
    lab.keep_tunnels("rras1", keys={"findings": ["snat-hides-clients"]}, allow=["snat-hides-clients"], **HIDDEN)
    lab.keep_tunnels("outside", "-outside", nat={VIP: None})
    lab.keep_tunnels("outside", "-outside", stem="sstp-proxy-snat-both-sides", further=("",), findings=["snat-hides-clients"], **HIDDEN,
                     description=lab.entry.description + "; outside and behind the load balancer at once")
    lab.keep_sstp_radius(radius, allow_findings=["snat-hides-clients"], expect_later=["snat-hides-clients"])


@scenario("sstp-nat-snat", "the load balancer translates the clients' addresses as well as its own", sstp=["established"] * 4, seconds=6)
def _(lab):
    Radius(lab, "nps1")
    lab.path_of_clients(snat=True)
    Server(lab)
    record(lab, people(lab), "rras1", "outside")
    lab.keep_tunnels("rras1", keys={"findings": ["snat-hides-clients"]}, allow=["snat-hides-clients"], **HIDDEN)
    lab.keep_tunnels("outside", "-outside", stem="sstp-nat-snat-both-sides", further=("",), findings=["snat-hides-clients"], **HIDDEN,
                     description=lab.entry.description + "; outside and behind the load balancer at once")


def proxy_protocol(version, header):
    @scenario("sstp-proxy-v%d" % version, "a TCP proxy that names the clients in PROXY protocol version %d" % version,
              sstp=["established"] * 2, findings=["snat-hides-clients"], seconds=5,
              shows=["proxy.v1.magic" if version == 1 else "proxy.version == 2"])
    def _(lab):
        Radius(lab, "nps1")
        lab.vpn.home_nat()
        Server(lab, proxy=True)
        Proxy(lab, "lb", VIP + ":443", HERE + ":443", header=header)
        record(lab, people(lab, 2), "rras1")
        lab.keep_tunnels("rras1", keys={}, **HIDDEN)


proxy_protocol(1, "send-proxy")
proxy_protocol(2, "send-proxy-v2")


def probes(kind, words, **server):
    @scenario("sstp-probes-" + kind, "only the load balancer's health checks: " + words, sstp=[], findings=["probe-seen"], healthy=True,
              seconds=6)
    def _(lab):
        Server(lab, **server)
        Proxy(lab, "lb", VIP + ":443", HERE + ":443", check=kind)
        record(lab, [], "rras1", wait=3.2)
        lab.keep_tunnels("rras1", **({"keys": {}} if kind == "http" else {}))


probes("tcp", "a connection that is reset at once")
probes("tls", "a handshake and no more")
probes("http", "HEAD of SSTP's URI inside of TLS, answered by 401")


@scenario("sstp-probes-get", "health checks behind a TLS offloader: GET of SSTP's URI, answered by 401", sstp=[], findings=["probe-seen"],
          healthy=True, seconds=6)
def _(lab):
    Server(lab, certificate=None, port=80, hash_of=der(lab, "vpn"))
    Proxy(lab, "lb", VIP + ":443", HERE + ":80", certificate="vpn", check="get")
    record(lab, [], "rras1", wait=3.2)
    lab.keep_tunnels("rras1")


@scenario("sstp-probes-and-sessions", "people behind a TCP proxy whose health checks stand beside them", sstp=["established"] * 3,
          findings=["probe-seen"], seconds=7)
def _(lab):
    Radius(lab, "nps1")
    lab.vpn.home_nat()
    Server(lab)
    Proxy(lab, "lb", VIP + ":443", HERE + ":443", check="tcp", every=500)
    record(lab, people(lab, 3), "rras1", wait=3)
    lab.keep_tunnels("rras1", keys={"findings": ["probe-seen", "snat-hides-clients"]}, allow=["snat-hides-clients"], **HIDDEN)


@scenario("sstp-pool-empty", "a load balancer passes TCP on and has no server that lives: it takes the connection and closes it before "
          "the ClientHello", sstp=["tls failed"], findings=["sstp-tls-alert"], client_error=0x80070040)
def _(lab):
    lab.vpn.home_nat()
    Proxy(lab, "lb", VIP + ":443", HERE + ":443", check="tcp")
    time.sleep(4)
    record(lab, [Attempt(lab, HOME1_CLIENTS[0])], "outside")
    lab.keep_tunnels("outside", nat={VIP: "client-side-nat"})


@scenario("sstp-pool-dead", "a load balancer passes TCP on and does not know yet that its server is dead: it closes after its three "
          "seconds for connecting", sstp=["tls failed"], findings=["sstp-tls-alert"], client_error=0x80070040)
def _(lab):
    lab.vpn.home_nat()
    Proxy(lab, "lb", VIP + ":443", HERE + ":443")
    record(lab, [Attempt(lab, HOME1_CLIENTS[0])], "outside")
    lab.keep_tunnels("outside", nat={VIP: "client-side-nat"})


@scenario("sstp-offload-empty", "the load balancer ends TLS and has no server that lives: it closes as soon as TLS is up",
          sstp=["closed"], findings=["sstp-tls-alert"], client_error=0x80070040)
def _(lab):
    lab.vpn.home_nat()
    Proxy(lab, "lb", VIP + ":443", HERE + ":80", certificate="vpn")
    record(lab, [Attempt(lab, HOME1_CLIENTS[0])], "outside")
    lab.keep_tunnels("outside", nat={VIP: "client-side-nat"})


def look(lab, *options):
    """Somebody's TLS handshake with the VPN server, and no more."""
    subprocess.run(lab.network.inside(NODE_OF[DIRECT[1]], "openssl", "s_client", "-connect", VIP + ":443", *options), timeout=10,
                   check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@scenario("sstp-scanned", "a user's tunnel, and beside it those who look what speaks TLS on the internet, and a browser: nothing of the "
          "VPN's", sstp=["established"], healthy=True, shows=["tls.alert_message.desc == 70", "tls.alert_message.desc == 40"])
def _(lab):
    Radius(lab, "nps1")
    lab.path_of_clients()
    lab.strangers = "tls"
    Server(lab)
    weak = ("-cipher", "ALL@SECLEVEL=0")
    distrust = ("-CAfile", lab.pki.chain("fabrikam-root"), "-verify_return_error")
    with lab.record_vpn("rras1"):
        Attempt(lab, HOME1_CLIENTS[0]).run()
        for version in ("-tls1", "-tls1_1"):
            look(lab, "-noservername", version, *weak)
        look(lab, "-noservername", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")
        look(lab, "-noservername", "-tls1_2", *distrust)
        look(lab, "-noservername", "-tls1_3", *distrust)
        look(lab, "-servername", VIP, "-tls1_2", *distrust)
        look(lab, "-servername", "vpn.contoso.com", "-alpn", "h2,http/1.1", *distrust)
        time.sleep(0.3)
    lab.keep_tunnels("rras1", nat={HERE: "client-side-nat"})


@scenario("sstp-certificate-watched", "a user's tunnel, and a monitor that looks at the server's certificate under its name every half "
          "second", sstp=["established"], findings=["probe-seen"])
def _(lab):
    Radius(lab, "nps1")
    lab.path_of_clients()
    Server(lab)
    with lab.record_vpn("rras1"):
        Attempt(lab, HOME1_CLIENTS[0]).run()
        begin = time.monotonic()
        for turn in range(12):
            time.sleep(max(0.0, begin + turn * 0.5 - time.monotonic()))
            look(lab, "-servername", "vpn.contoso.com", "-tls1_2")
        time.sleep(0.3)
    lab.keep_tunnels("rras1", nat={HERE: "client-side-nat"})


@scenario("sstp-probes-failing", "health checks find nobody listening", sstp=[], seconds=5)
def _(lab):
    Proxy(lab, "lb", VIP + ":443", HERE + ":443", check="tcp")
    record(lab, [], "rras1", wait=3.2)
    lab.keep_tunnels("rras1", expect_any=["backend-down", "sstp-refused"])


@scenario("sstp-offload-http", "the load balancer ends TLS, reads HTTP and adds X-Forwarded-For", sstp=["established"] * 2,
          findings=["sstp-tls-offloaded", "snat-hides-clients"], shows=["http.x_forwarded_for", "sstp.messagetype == 4"], lacks=["tls"])
def _(lab):
    Radius(lab, "nps1")
    lab.vpn.home_nat()
    Server(lab, certificate=None, port=80, hash_of=der(lab, "vpn"))
    Proxy(lab, "lb", VIP + ":443", HERE + ":80", certificate="vpn", http=True)
    record(lab, people(lab, 2), "rras1")
    lab.keep_tunnels("rras1", **HIDDEN)


@scenario("sstp-two-servers", "six people on two servers, three on each", sstp=["established"] * 6, healthy=True, seconds=7)
def _(lab):
    Radius(lab, "nps1")
    lab.forward({address: "rras%d" % (number % 2 + 1) for number, address in enumerate(DIRECT[:6])})
    for node in ("rras1", "rras2"):
        Server(lab, node)
    record(lab, [Attempt(lab, address, user=user + "@corp.contoso.com", pings=0) for address, user in zip(DIRECT, USERS[:6])], "inside")
    lab.keep_tunnels("inside", nat={RRAS[node]: "dnat-only" for node in ("rras1", "rras2")})


@scenario("sstp-one-server-down", "two servers behind the load balancer, nothing listens on the second", seconds=7,
          sstp=["established", "refused"] * 3, findings=["sstp-refused"], client_error=0x800704C9)
def _(lab):
    Radius(lab, "nps1")
    lab.forward({address: "rras%d" % (number % 2 + 1) for number, address in enumerate(DIRECT[:6])})
    Server(lab)
    record(lab, [Attempt(lab, address, user=user + "@corp.contoso.com", pings=0) for address, user in zip(DIRECT, USERS[:6])], "inside")
    lab.keep_tunnels("inside", allow=["backend-attempts-to-dead", "backend-down"], nat={RRAS["rras1"]: "dnat-only"})
