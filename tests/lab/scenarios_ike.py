"""IKEv2 tunnels: what makes them and what breaks them, behind one load balancer that translates the destination only."""

import time

import recorder

from freeradius import Server
from lab import scenario
from libreswan import Pluto
from strongswan import Attempt, begin, clients, disconnect, initiate, initiate_all, ping, server
from vpn_network import DIRECT, DIRECT_V6, HOME1_CLIENTS, HOME2_CLIENTS, RRAS, RRAS_PUBLIC, RRAS_V6, VIP

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
                   nat={VIP: "client-side-nat", RRAS["rras1"]: None},
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
    lab.keep_point("rras1", nat={RRAS["rras1"]: "client-side-nat"})


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
          attempts=["unanswered"], expect=["ike-fragments-lost"], client_error=809, seconds=14,
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


def eap_tunnel(lab, client=None, method="EAP-MSCHAPv2", points=("rras1",), pings=True, then=None, seconds=20, **gateway):
    """A user's tunnel from home whose EAP ends at the server itself; `then` is done while it stands."""
    home(lab)
    made = attempts(lab, (HOME1_CLIENTS[0], ALICE, method))
    gate = server(lab, **{"auth": "eap-mschapv2", **gateway})
    clients(lab, made, **(client or {}))
    with lab.record_vpn(*points):
        if initiate(made[0], seconds) == "established":
            if pings:
                ping(made[0])
            if then:
                then(gate, made[0])
            disconnect(made[0])
        time.sleep(0.3)
    return made[0]


AT_HOME = {"nat": {RRAS["rras1"]: "client-side-nat"}}


@scenario("ike-user-mschapv2", "a user's tunnel with EAP-MSCHAPv2 that ends at the VPN server", attempts=["established"],
          healthy=True)
def _(lab):
    eap_tunnel(lab)
    lab.keep_point("rras1", keys=True, wrong_keys=True, **AT_HOME)


@scenario("ike-user-gcm", "AES-GCM for IKE and ESP, ECDSA certificates, DH group 19", attempts=["established"], healthy=True,
          root="ec-root")
def _(lab):
    suite = {"proposals": "aes256gcm16-prfsha384-ecp256", "esp": "aes256gcm16"}
    eap_tunnel(lab, {**suite, "trust": ("ec-root",)}, certificate="ec-vpn", client_authorities=("root", "ec-root", "ec-issuing"),
               **suite)
    lab.keep_point("rras1", keys=True, **AT_HOME)


@scenario("ike-user-ciphers", "four tunnels, each with another cipher and integrity algorithm", attempts=["established"] * 4,
          healthy=True, seconds=6)
def _(lab):
    suites = ("aes128-sha256-prfsha256-ecp384", "aes192-sha384-prfsha384-modp3072", "aes256-sha512-prfsha512-modp4096",
              "aes128gcm16-prfsha256-x25519")
    home(lab)
    made = attempts(lab, *[(address, "user%02d@corp.contoso.com" % number, "EAP-MSCHAPv2")
                           for number, address in enumerate(HOME1_CLIENTS + HOME2_CLIENTS[:1], 1)])
    server(lab, auth="eap-mschapv2", proposals=",".join(suites))
    clients(lab, made, each={one.name: {"proposals": suite} for one, suite in zip(made, suites)})
    with lab.record_vpn("rras1"):
        for one in made:
            initiate(one)
            ping(one, 1)
    lab.keep_point("rras1", keys=True, **AT_HOME)


@scenario("ike-user-eap-tls", "a user's tunnel with EAP-TLS through RADIUS", attempts=["established"], healthy=True, seconds=6)
def _(lab):
    radius = user_tunnel(lab, "EAP-TLS", {"default": "tls"}, certificate="alice")
    lab.keep_point("rras1", keys=True, **AT_HOME)
    lab.keep_radius(radius, forbid_severity=["critical", "warning"])


@scenario("ike-user-ttls", "a user's tunnel with EAP-TTLS through RADIUS", attempts=["established"], healthy=True, seconds=6)
def _(lab):
    radius = user_tunnel(lab, "EAP-TTLS", {"default": "ttls"})
    lab.keep_point("rras1", keys=True, **AT_HOME)
    lab.keep_radius(radius, forbid_severity=["critical", "warning"])


@scenario("ike-untrusted-nps", "the NPS certificate comes from Fabrikam's root, which the client does not trust: error 864 inside "
          "of IKE", attempts=["rejected"], seconds=6)
def _(lab):
    radius = user_tunnel(lab, nps={"chain": ("fabrikam-nps", "fabrikam-root")}, points=("rras1", "radius1", "both"))
    found = {"expect_findings": ["cert-untrusted-root", "eap-client-rejected-certificate"], "client_error": 864}
    lab.keep_point("rras1", keys=found, **AT_HOME,
                   allow_findings=["ike-auth-failed", "eap-client-rejected-certificate", "cert-unseen", "eap-credentials-rejected"])
    lab.keep_radius(radius, alert={"code": 46, "name": "certificate_unknown"}, **found)
    lab.keep_point("rras1", stem="ike-untrusted-nps-joined", further=("-radius",), **found, **AT_HOME,
                   description=lab.entry.description + "; together with the RADIUS behind it")
    lab.keep_point("both", "-both-nics", **found, **AT_HOME,
                   description=lab.entry.description + "; both network cards of the VPN server in one capture")


@scenario("ike-wrong-password", "EAP-MSCHAPv2 at the VPN server with a wrong password: error 691", attempts=["rejected"], seconds=5)
def _(lab):
    eap_tunnel(lab, {"passwords": {ALICE: "not the password"}})
    lab.keep_point("rras1", keys={"expect_findings": ["eap-credentials-rejected"], "client_error": 691, "outcome_hidden": False},
                   **AT_HOME, outcome_hidden=True,
                   allow_findings=["ike-auth-failed", "eap-credentials-rejected", "eap-unfinished"])


@scenario("ike-wrong-password-peap", "PEAP through RADIUS with a wrong password", attempts=["rejected"], seconds=6)
def _(lab):
    radius = user_tunnel(lab, client={"passwords": {ALICE: "not the password"}})
    lab.keep_point("rras1", keys={"expect_findings": [], "expect_any": ["eap-credentials-rejected", "ike-auth-failed"]}, **AT_HOME,
                   allow_findings=["ike-auth-failed", "eap-credentials-rejected"])
    lab.keep_radius(radius, expect_findings=["eap-credentials-rejected"])


@scenario("ike-invalid-ke", "the client guesses another DH group than the server wants; its second try is right",
          attempts=["established"], healthy=True, shows=["isakmp.notify.msgtype == 17"])
def _(lab):
    eap_tunnel(lab, {"proposals": "aes256-sha256-prfsha256-modp2048-ecp256"}, proposals="aes256-sha256-prfsha256-ecp256")
    lab.keep_point("rras1", **AT_HOME)


@scenario("ike-invalid-ke-repeated", "two servers want different DH groups, and every try meets the other server: all are "
          "refused", attempts=["rejected"], expect=["ike-invalid-ke"], seconds=6,
          shows=["isakmp.notify.msgtype == 17"])
def _(lab):
    lab.vpn.contradict()
    made = attempts(lab, (DIRECT[0], ALICE, "EAP-MSCHAPv2"))
    for node, group in (("rras1", "ecp256"), ("rras2", "modp2048")):
        server(lab, node, auth="eap-mschapv2", proposals="aes256-sha256-prfsha256-" + group)
    clients(lab, made, proposals="aes256-sha256-prfsha256-modp2048-ecp256")
    with lab.record_vpn("outside"):
        initiate(made[0])
    lab.keep_point("outside", nat={})


@scenario("ike-cookie", "a server under load answers with cookies first", attempts=["established"] * 4,
          expect=["ike-cookie-challenge"], shows=["isakmp.notify.msgtype == 16390"], seconds=6)
def _(lab):
    lab.vpn.balance()
    made = attempts(lab, *[(address, "user%02d@corp.contoso.com" % number, "EAP-MSCHAPv2")
                           for number, address in enumerate(DIRECT[:4], 1)])
    server(lab, auth="eap-mschapv2", daemon="	cookie_threshold = 1\n	cookie_threshold_ip = 1\n")
    clients(lab, made)
    with lab.record_vpn("rras1"):
        initiate_all(made)
    lab.keep_point("rras1", nat={RRAS["rras1"]: "dnat-only"})


@scenario("ike-fragments", "large certificates in fragments of RFC 7383, both ways", attempts=["established"], healthy=True,
          shows=["isakmp.frag.number == 2"], lacks=["ip.flags.mf == 1"])
def _(lab):
    radius_less(lab, "yes", False)
    lab.keep_point("rras1", keys=True, **AT_HOME)


@scenario("ike-ip-fragments", "IKE fragmentation is off, large certificates come in IP fragments, and all of them arrive",
          attempts=["established"], healthy=True, shows=["ip.flags.mf == 1"])
def _(lab):
    radius_less(lab, "no", False)
    lab.keep_point("rras1", keys=True, **AT_HOME)


@scenario("ike-response-fragments-dropped", "a firewall drops the IP fragments of the server's answer: the client repeats its "
          "request, the server its answer", attempts=["unanswered"], client_error=809, seconds=14, shows=["ip.flags.mf == 1"])
def _(lab):
    lab.vpn.nft("internet", "table ip fragments {\n chain c {\n  type filter hook prerouting priority -450\n"
                            "  iifname \"lb\" ip frag-off & 0x3fff != 0 drop\n }\n}\n")
    eap_tunnel(lab, {"fragmentation": "no"}, fragmentation="no")
    # At the server whole fragments leave, but the request comes again and again; at the client no answer arrives.
    lab.keep_point("rras1", **AT_HOME, expect_any=["ike-fragments-lost", "ike-auth-unanswered", "ike-auth-failed"])
    lab.keep_point("client1", "-client", nat={VIP: None}, expect_any=["ike-auth-unanswered"])


@scenario("ike-port-closed", "nothing listens on the server: ICMP port unreachable", attempts=["unanswered"],
          expect=["ike-no-answer"], client_error=809, seconds=14, shows=["icmp.type == 3 && icmp.code == 3"])
def _(lab):
    lab.vpn.balance()
    made = attempts(lab, (DIRECT[0], ALICE, "EAP-MSCHAPv2"))
    clients(lab, made)
    with lab.record_vpn("rras1"):
        initiate(made[0], 20)
    lab.keep_point("rras1", nat={RRAS["rras1"]: "dnat-only"})
    lab.keep_point("direct", "-client", nat={VIP: None})


@scenario("ike-one-server-down", "two servers behind the load balancer, one of them off: every second client gets no answer",
          attempts=["established", "unanswered"] * 3, expect=["ike-no-answer"], client_error=809, seconds=16)
def _(lab):
    addresses = DIRECT[:6]
    to = {address: ("rras1", "rras2")[number % 2] for number, address in enumerate(addresses)}
    lab.vpn.balance(to=to)
    lab.vpn.filter("lb", "forward", "ip daddr %s drop" % RRAS["rras2"])
    made = attempts(lab, *[(address, "user%02d@corp.contoso.com" % number, "EAP-MSCHAPv2")
                           for number, address in enumerate(addresses, 1)])
    for one in made:
        lab.served_by[one.name] = to[one.address]
    server(lab, auth="eap-mschapv2")
    clients(lab, made)
    with lab.record_vpn("outside", "inside"):
        initiate_all(made)
        time.sleep(0.2)
    lab.keep_point("outside", nat={VIP: "dnat-only"}, allow_findings=["backend-down", "backend-attempts-to-dead"])


@scenario("ike-4500-blocked", "a firewall lets UDP 500 through and drops UDP 4500: IKE_AUTH is never answered",
          attempts=["unanswered"], expect=["ike-auth-unanswered"], client_error=809, seconds=14)
def _(lab):
    lab.vpn.filter("lb", "forward", "udp dport 4500 drop")
    eap_tunnel(lab)
    lab.keep_point("client1", nat={VIP: None})


@scenario("ike-untrusted-server", "the VPN server's certificate comes from Fabrikam's root: the client goes away, error 13801",
          attempts=["aborted"], expect=["ike-auth-failed"], client_error=13801, seconds=5)
def _(lab):
    eap_tunnel(lab, certificate="fabrikam-vpn")
    lab.keep_point("rras1", keys={"expect_findings": ["ike-auth-failed", "cert-untrusted-root"]}, **AT_HOME)


@scenario("ike-wrong-name", "the VPN server's certificate names another host than the client dialled: error 13801",
          attempts=["aborted"], expect=["ike-auth-failed"], client_error=13801, seconds=5)
def _(lab):
    eap_tunnel(lab, certificate="vpn-other-name", identity="%any", remote={"id": "%any"})
    lab.keep_point("rras1", keys={"expect_findings": ["ike-auth-failed"], "allow_findings": ["cert-name-mismatch"]}, **AT_HOME)


@scenario("ike-expired-server", "the VPN server's certificate is expired: the client goes away", attempts=["aborted"],
          expect=["ike-auth-failed"], client_error=13801, seconds=5)
def _(lab):
    eap_tunnel(lab, certificate="vpn-expired")
    lab.keep_point("rras1", keys={"expect_findings": ["ike-auth-failed", "cert-expired"]}, **AT_HOME)


@scenario("ike-computer-refused", "the server does not trust the computer's certificate: AUTHENTICATION_FAILED, error 13801",
          attempts=["rejected"], expect=["ike-auth-failed"], client_error=13801, seconds=5)
def _(lab):
    home(lab)
    made = attempts(lab, (HOME1_CLIENTS[0], "PC01.corp.contoso.com", "certificate", "fabrikam-pc01"))
    server(lab, auth="pubkey")
    clients(lab, made)
    with lab.record_vpn("rras1"):
        initiate(made[0])
    lab.keep_point("rras1", keys=True, **AT_HOME)


@scenario("ike-ts-unacceptable", "the client asks for a network that the server does not offer: no tunnel in it",
          attempts=["rejected"], seconds=5)
def _(lab):
    eap_tunnel(lab, {"remote_ts": "10.99.0.0/24"})
    lab.keep_point("rras1", keys={"expect_findings": ["ike-ts-unacceptable"], "outcome_hidden": False}, **AT_HOME,
                   outcome_hidden=True, allow_findings=["ike-auth-failed"])


@scenario("ike-no-address", "the server's pool is used up: INTERNAL_ADDRESS_FAILURE, error 720", attempts=["established", "rejected"],
          expect=["ike-ts-unacceptable"], seconds=5)
def _(lab):
    home(lab)
    made = attempts(lab, (HOME1_CLIENTS[0], ALICE, "EAP-MSCHAPv2"), (HOME1_CLIENTS[1], "bob@corp.contoso.com", "EAP-MSCHAPv2"))
    server(lab, auth="eap-mschapv2", pool="10.50.0.1/32")
    clients(lab, made)
    with lab.record_vpn("rras1"):
        initiate(made[0])
        ping(made[0])
        initiate(made[1])
        time.sleep(0.2)
    lab.keep_point("rras1", keys={"outcome_hidden": False, "expect_any": ["ike-auth-failed", "ike-ts-unacceptable"], "client_error": 720},
                   **AT_HOME, outcome_hidden=True)


@scenario("ike-child-no-proposal", "IKE is agreed, but client and server have no ESP proposal in common", attempts=["rejected"],
          seconds=5)
def _(lab):
    eap_tunnel(lab, {"esp": "aes128-sha256"}, esp="aes256gcm16")
    lab.keep_point("rras1", keys={"expect_findings": ["ike-no-proposal-chosen"], "outcome_hidden": False, "client_error": 13868},
                   **AT_HOME, outcome_hidden=True)


@scenario("ike-weak-proposal", "the server takes what an old Windows offers: 3DES, SHA-1, DH group 2", attempts=["established"],
          expect=["ike-weak-proposal"], seconds=4)
def _(lab):
    eap_tunnel(lab, {"proposals": "3des-sha1-prfsha1-modp1024,aes128-sha1-prfsha1-modp1024", "esp": "aes256-sha1"},
               proposals="3des-sha1-prfsha1-modp1024", esp="aes256-sha1")
    lab.keep_point("rras1", keys=True, **AT_HOME)


@scenario("ike-rekey", "the client renews the IKE SA, then the tunnel inside", attempts=["established"], healthy=True, seconds=6)
def _(lab):
    def rekey(_, attempt):
        attempt.daemon.swanctl("--rekey", "--ike", attempt.name)
        time.sleep(0.6)
        ping(attempt, 1)
        attempt.daemon.swanctl("--rekey", "--child", attempt.name)
        time.sleep(0.6)
        ping(attempt, 1)
    eap_tunnel(lab, then=rekey)
    lab.keep_point("rras1", keys=True, **AT_HOME)


@scenario("ike-dpd", "a quiet tunnel: keepalives against the NAT, the client asks for signs of life, then the server deletes it", attempts=["established"],
          healthy=True, seconds=7)
def _(lab):
    def wait(gate, _):
        time.sleep(2.4)
        gate.swanctl("--terminate", "--ike", "vpn", "--timeout", "5")
        time.sleep(0.3)
    eap_tunnel(lab, {"more": {"dpd_delay": "1s"}, "daemon": "	keep_alive = 1\n"}, then=wait)
    lab.keep_point("rras1", keys=True, **AT_HOME)


@scenario("ike-server-vanishes", "the server dies under a standing tunnel: signs of life stay unanswered", attempts=["established"],
          expect=["ike-no-answer"], seconds=16)
def _(lab):
    home(lab)
    made = attempts(lab, (HOME1_CLIENTS[0], ALICE, "EAP-MSCHAPv2"))
    server(lab, auth="eap-mschapv2")
    clients(lab, made, more={"dpd_delay": "1s"})
    with lab.record_vpn("rras1"):
        initiate(made[0])
        ping(made[0])
        lab.vpn.filter("lb", "forward", "udp sport { 500, 4500 } drop")
        lab.vpn.filter("rras1", "input", "iifname eth0 udp dport { 500, 4500 } drop")
        time.sleep(12)
    lab.keep_point("client1", nat={VIP: None}, allow_findings=["backend-down", "ike-auth-unanswered"])


@scenario("ike-mobike", "the client's address goes away, another one takes over: MOBIKE", attempts=["established"], healthy=True,
          seconds=8)
def _(lab):
    lab.vpn.balance()
    made = attempts(lab, (DIRECT[0], ALICE, "EAP-MSCHAPv2"))
    server(lab, auth="eap-mschapv2")
    clients(lab, made, more={"local_addrs": "%s,%s" % (DIRECT[0], DIRECT[1])})
    # The server names its other addresses, too: those must not be tried with success.
    lab.vpn.filter("internet", "forward", "meta nfproto ipv6 drop\n  ip daddr %s drop" % RRAS_PUBLIC)
    with lab.record_vpn("rras1"):
        initiate(made[0])
        ping(made[0])
        lab.vpn.ip("direct", "address", "delete", DIRECT[0] + "/26", "dev", "wan")
        time.sleep(3)
        ping(made[0])
    lab.keep_point("rras1", keys=True, nat={RRAS["rras1"]: "dnat-only"})


@scenario("ike-redirect", "the server sends the client away to its other address (RFC 5685), where it connects", seconds=6,
          attempts=["established"], healthy=True)
def _(lab):
    lab.vpn.balance()
    made = attempts(lab, (DIRECT[0], ALICE, "EAP-MSCHAPv2"))
    # Only the fake kernel takes tunnels with and without UDP encapsulation.
    gate = server(lab, auth="eap-mschapv2", local="%s,%s" % (RRAS["rras1"], RRAS_PUBLIC), kernel="fake")
    clients(lab, made, kernel="fake")
    with lab.record_vpn("rras1"):
        initiate(made[0])
        gate.swanctl("--redirect", "--peer-ip", DIRECT[0], "--gateway", RRAS_PUBLIC)
        time.sleep(2)
    lab.keep_point("rras1", keys=True, nat={RRAS["rras1"]: "dnat-only"})


@scenario("ike-ipv6", "IKEv2 over IPv6, no translation", attempts=["established"], healthy=True, seconds=5)
def _(lab):
    made = attempts(lab, (DIRECT_V6, ALICE, "EAP-MSCHAPv2"))
    made[0].to = RRAS_V6
    server(lab, auth="eap-mschapv2", local=RRAS_V6, kernel="fake")
    clients(lab, made, kernel="fake")
    with lab.record_vpn("rras1"):
        initiate(made[0])
        disconnect(made[0])
    lab.keep_point("rras1", keys=True, nat={RRAS_V6: "none"})


@scenario("ike-psk", "pre-shared key, one IKE_AUTH", attempts=["established"], healthy=True, seconds=5)
def _(lab):
    eap_tunnel(lab, method="psk", auth="psk")
    lab.keep_point("rras1", keys=True, **AT_HOME)


@scenario("ike1-l2tp", "IKEv1 main mode with a pre-shared key, transport mode for L2TP", attempts=["established"], healthy=True,
          seconds=5)
def _(lab):
    home(lab)
    made = attempts(lab, (HOME1_CLIENTS[0], ALICE, "psk"))
    old = {"version": "1", "proposals": "aes256-sha1-modp2048", "vips": None, "pools": None}
    server(lab, auth="psk", identity="%any", kernel="fake", pool=None, connection=old, remote={"id": "%any", "eap_id": None},
           children={"mode": "transport", "local_ts": "dynamic[udp/1701]", "esp_proposals": "aes256-sha1"})
    clients(lab, made, kernel="fake", more=old, name="%any",
            child={"mode": "transport", "remote_ts": "dynamic[udp/1701]", "local_ts": "dynamic[udp/1701]",
                   "esp_proposals": "aes256-sha1"})
    with lab.record_vpn("rras1"):
        initiate(made[0])
        disconnect(made[0])
    lab.keep_point("rras1", nat={RRAS["rras1"]: None}, outcome_hidden=True)


@scenario("ike-many", "two failing and four good clients at the same time: each is told by itself",
          attempts=["established", "rejected", "established", "rejected", "established", "established"],
          expect=["ike-no-proposal-chosen"], seconds=6)
def _(lab):
    lab.vpn.balance()
    made = attempts(lab, *[(address, "user%02d@corp.contoso.com" % number, "EAP-MSCHAPv2")
                           for number, address in enumerate(DIRECT[:6], 1)])
    server(lab, auth="eap-mschapv2")
    clients(lab, made, each={one.name: {"proposals": "aes128-sha1-prfsha1-modp1024"} for one in (made[1], made[3])})
    with lab.record_vpn("rras1"):
        for process in [begin(one) for one in made]:
            process.wait(40)
    lab.keep_point("rras1", nat={RRAS["rras1"]: "dnat-only"}, allow_findings=["ike-weak-proposal"])


@scenario("ike-libreswan", "Libreswan as server: the IKE SA stands, but its kernel takes no tunnel, so the server says "
          "TS_UNACCEPTABLE", attempts=["rejected"], seconds=6)
def _(lab):
    home(lab)
    made = attempts(lab, (HOME1_CLIENTS[0], ALICE, "psk"))
    lab.keep_daemon(Pluto(lab, "rras1", "alice"))
    clients(lab, made, identity="alice")
    with lab.record_vpn("rras1"):
        initiate(made[0])
        disconnect(made[0])
    lab.keep_point("rras1", keys={"expect_findings": ["ike-ts-unacceptable"], "outcome_hidden": False}, **AT_HOME,
                   outcome_hidden=True, allow_findings=["ike-auth-failed"])


@scenario("ike-no-certificate", "the computer has no key for its certificate: after the server's first answer it never says "
          "anything again, error 13806", attempts=["aborted", "established"], expect=["ike-auth-failed"], client_error=13806, seconds=40)
def _(lab):
    home(lab)
    made = attempts(lab, (HOME1_CLIENTS[0], "PC01.corp.contoso.com", "certificate", "pc01"),
                    (HOME2_CLIENTS[0], "PC02.corp.contoso.com", "certificate", "pc02"))
    server(lab, auth="pubkey")
    clients(lab, made, lost_keys=("pc01",))
    with lab.record_vpn("rras1"):
        initiate(made[0])
        time.sleep(33)
        initiate(made[1])
        ping(made[1])
    lab.keep_point("rras1", **AT_HOME)


@scenario("ike-parts", "two good tunnels, and what is left of them in poor captures", attempts=["established"] * 2, healthy=True,
          forbid=["ike-no-answer", "ike-auth-unanswered", "ike-backend-split", "ike-fragments-lost"], seconds=6)
def _(lab):
    home(lab)
    made = attempts(lab, (HOME1_CLIENTS[0], ALICE, "EAP-MSCHAPv2"), (HOME2_CLIENTS[0], "bob@corp.contoso.com", "EAP-MSCHAPv2"))
    server(lab, auth="eap-mschapv2")
    clients(lab, made)
    with lab.record_vpn("rras1"):
        for one in made:
            initiate(one)
            ping(one, 2)
        disconnect(made[0])
        time.sleep(0.2)
    told = lab.entry.description
    for name, suffix, change, more in (
            ("late", "-late", lambda old, new: recorder.from_frame(old, 5, new),
             {"description": told + ": it begins in the middle of the first", "nat": {RRAS["rras1"]: "client-side-nat"}}),
            ("requests", "-requests", lambda old, new: recorder.matching(old, "dst host " + RRAS["rras1"], new),
             {"description": told + ": only what goes to the server", "nat": {RRAS["rras1"]: "client-side-nat"},
              "allow_findings": ["capture-one-sided"]}),
            ("answers", "-answers", lambda old, new: recorder.matching(old, "src host " + RRAS["rras1"], new),
             {"description": told + ": only what comes from the server", "nat": {}, "allow_findings": ["capture-one-sided"]}),
            ("short", "-short", lambda old, new: recorder.cut_packets(old, 96, new),
             {"description": told + ": 96 bytes of each packet", "nat": {}, "allow_findings": ["capture-truncated-packets"],
              "packets_cut": True})):
        lab.keep_point(lab.change_point("rras1", name, change), suffix, outcome_hidden=name != "late", **more)
