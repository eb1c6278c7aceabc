"""IKE at the edges: who only knocks, pre-shared keys, renewals, other ways to authenticate, and clients that call from inside."""

import subprocess
import time

from lab import scenario
from scenarios_ike import ALICE, AT_HOME, attempts, eap_tunnel, home
from strongswan import clients, disconnect, initiate, ping, server
from vpn_network import DIRECT, HOME1_CLIENTS, NODE_OF, PUBLICS, RRAS, VIP

SCANS = (("--ikev2",), ("-M",), ("-M", "--aggressive", "--id=vpn"))  # IKEv2, IKEv1's main and aggressive mode
CLAT = "192.0.0.4"  # what a telephone without IPv4 calls itself (RFC 6877, RFC 7335)


@scenario("ike-scanned", "ike-scan knocks at a VPN server, and at one that does not listen; half a minute later a client connects",
          attempts=["established"], healthy=True, expect=["ike-no-proposal-chosen", "ike-weak-proposal"],
          forbid=["ike-auth-failed", "ike-no-answer", "backend-down"], seconds=42, shows=["icmp.type == 3 && icmp.code == 3"])
def _(lab):
    lab.vpn.balance()
    made = attempts(lab, (DIRECT[0], ALICE, "EAP-MSCHAPv2"))
    server(lab, auth="eap-mschapv2", proposals="aes256-sha256-prfsha256-modp2048,aes128-sha1-prfsha1-modp1024")
    clients(lab, made)
    with lab.record_vpn("inside"):
        for scan in SCANS:
            subprocess.run(lab.network.inside("direct", "ike-scan", "--bindip=" + DIRECT[5], "--sport=0", "--retry=3", "--timeout=200",
                                              *scan, VIP, PUBLICS["rras2"]), stdout=subprocess.DEVNULL, check=True)
        time.sleep(33)
        initiate(made[0])
        ping(made[0])
        disconnect(made[0])
    lab.keep_point("inside", nat={RRAS["rras1"]: "dnat-only"})


@scenario("ike-psk-wrong", "the client has another pre-shared key than the server: AUTHENTICATION_FAILED, error 13801",
          attempts=["rejected"], expect=["ike-auth-failed"], client_error=13801, seconds=5)
def _(lab):
    home(lab)
    made = attempts(lab, (HOME1_CLIENTS[0], ALICE, "psk"))
    server(lab, auth="psk")
    clients(lab, made, shared_key="not the key")
    with lab.record_vpn("rras1"):
        initiate(made[0])
    lab.keep_point("rras1", keys=True, **AT_HOME)


@scenario("ike-renewal-refused", "the tunnel comes up, but client and server have no DH group in common for new keys: the client's "
          "CREATE_CHILD_SA is refused", attempts=["established"], forbid=["ike-ts-unacceptable", "ike-auth-failed"], seconds=6)
def _(lab):
    def renew(_, attempt):
        attempt.daemon.swanctl("--rekey", "--child", attempt.name)
        time.sleep(0.6)
    eap_tunnel(lab, {"esp": "aes256-sha256-ecp256"}, then=renew, esp="aes256-sha256-modp2048,aes256-sha256-ecp384")
    lab.keep_point("rras1", keys={"expect_findings": ["ike-no-proposal-chosen"], "forbid_severity": ["critical"]}, **AT_HOME,
                   forbid_severity=["critical", "warning"])


@scenario("ike-parts-dropped", "IKE_AUTH comes in fragments of RFC 7383, and a firewall drops the larger datagrams: no IP fragments "
          "anywhere", attempts=["unanswered"], client_error=809, seconds=16, lacks=["ip.flags.mf == 1"])
def _(lab):
    home(lab)
    lab.vpn.filter("lb", "forward", 'iifname "wan" udp dport 4500 udp length > 900 drop')
    made = attempts(lab, (HOME1_CLIENTS[0], "PC01.corp.contoso.com", "certificate", "pc01"))
    server(lab, auth="pubkey")
    clients(lab, made)
    with lab.record_vpn("rras1"):
        initiate(made[0], 20)
    lab.keep_point("rras1", **AT_HOME, expect_findings=["ike-fragments-lost"])
    lab.keep_point("client1", "-client", nat={VIP: None}, expect_findings=["ike-auth-unanswered"],
                   forbid_findings=["ike-fragments-lost"])


@scenario("ike-radius-down", "the VPN server's RADIUS server is off: EAP fails right after the client said who it is",
          attempts=["rejected"], expect=["ike-auth-failed"], seconds=8)
def _(lab):
    home(lab)
    made = attempts(lab, (HOME1_CLIENTS[0], ALICE, "EAP-MSCHAPv2"))
    server(lab, auth="eap-radius")
    clients(lab, made, tries=6)
    with lab.record_vpn("rras1"):
        initiate(made[0], 25)
        time.sleep(6)
    lab.keep_point("rras1", keys=True, client_error=None, **AT_HOME)


@scenario("ike-two-rounds", "a computer's certificate, then a user's EAP (RFC 4739)", attempts=["established"], healthy=True, seconds=6)
def _(lab):
    home(lab)
    made = attempts(lab, (HOME1_CLIENTS[0], ALICE, "EAP-MSCHAPv2", "pc01"))
    root, computer = lab.pki.pem("root"), lab.pki.pem("pc01")
    server(lab, auth="eap-mschapv2", connection={"remote": {"auth": "pubkey", "cacerts": root, "round": "1"},
                                                 "remote-2": {"auth": "eap-mschapv2", "eap_id": "%any", "round": "2"}})
    clients(lab, made, more={"local": {"auth": "pubkey", "certs": computer, "round": "1"},
                             "local-2": {"auth": "eap", "id": ALICE, "eap_id": ALICE, "round": "2"}})
    with lab.record_vpn("rras1"):
        initiate(made[0])
        ping(made[0])
        disconnect(made[0])
    lab.keep_point("rras1", keys=True, **AT_HOME)


@scenario("ike-childless", "IKE_AUTH makes no tunnel, CREATE_CHILD_SA does (RFC 6023)", attempts=["established"], healthy=True, seconds=5)
def _(lab):
    eap_tunnel(lab, {"more": {"childless": "force"}}, connection={"childless": "force"})
    lab.keep_point("rras1", keys=True, **AT_HOME)


@scenario("ike1-no-proposal", "IKEv1: client and server have no proposal in common", attempts=["rejected"],
          expect=["ike-no-proposal-chosen"], client_error=788, seconds=4)
def _(lab):
    home(lab)
    old = {"version": "1", "proposals": "aes256-sha1-modp2048"}
    made = attempts(lab, (HOME1_CLIENTS[0], ALICE, "psk"))
    server(lab, auth="psk", connection=old)
    clients(lab, made, more={**old, "proposals": "3des-md5-modp1024"})
    with lab.record_vpn("rras1"):
        initiate(made[0])
    lab.keep_point("rras1", nat={RRAS["rras1"]: None})


def version_1(lab, **client):
    """L2TP's IKEv1: main mode with a pre-shared key, transport mode; the kernel's part is never reached."""
    home(lab)
    old = {"version": "1", "proposals": "aes256-sha1-modp2048", "vips": None, "pools": None}
    child = {"mode": "transport", "local_ts": "dynamic[udp/1701]", "esp_proposals": "aes256-sha1"}
    made = attempts(lab, (HOME1_CLIENTS[0], ALICE, "psk"))
    server(lab, auth="psk", identity="%any", pool=None, connection=old, remote={"id": "%any", "eap_id": None}, children=child)
    clients(lab, made, more=old, name="%any", **{"child": {**child, "remote_ts": "dynamic[udp/1701]"}, **client})
    with lab.record_vpn("rras1"):
        initiate(made[0], 20)
        time.sleep(0.5)


@scenario("ike1-psk-wrong", "IKEv1: the client has another pre-shared key than the server, which answers its message 5 with an encrypted "
          "notice: error 789", attempts=["unanswered"], expect=["ike-auth-failed"], client_error=789, seconds=16)
def _(lab):
    version_1(lab, shared_key="not the key")
    lab.keep_point("rras1", nat={RRAS["rras1"]: None}, outcome_hidden=True)


@scenario("ike1-no-tunnel", "IKEv1: phase 1 is through, but client and server have no ESP proposal in common: quick mode is refused",
          attempts=["rejected"], expect=["ike-ts-unacceptable"], client_error=789, seconds=5)
def _(lab):
    version_1(lab, child={"mode": "transport", "local_ts": "dynamic[udp/1701]", "remote_ts": "dynamic[udp/1701]",
                          "esp_proposals": "3des-md5"})
    lab.keep_point("rras1", nat={RRAS["rras1"]: None})


@scenario("ike1-certificate-refused", "IKEv1: the server does not trust the computer's certificate; message 5 comes in IKEv1's own "
          "fragments", attempts=["rejected"], expect=["ike-auth-failed"], client_error=789, seconds=6)
def _(lab):
    home(lab)
    old = {"version": "1", "proposals": "aes256-sha1-modp2048", "vips": None, "pools": None}
    made = attempts(lab, (HOME1_CLIENTS[0], "PC01.corp.contoso.com", "certificate", "fabrikam-pc01"))
    server(lab, auth="pubkey", connection=old, pool=None)
    clients(lab, made, more=old)
    with lab.record_vpn("rras1"):
        initiate(made[0], 16)
    lab.keep_point("rras1", nat={RRAS["rras1"]: None})


@scenario("nat-hairpin", "a computer beside the servers calls the public address, where the load balancer hides it behind itself; a "
          "client on the Internet is not hidden", attempts=["established"] * 2, expect=["dnat-only"], healthy=True,
          forbid=["snat-hides-clients"], seconds=6)
def _(lab):
    NODE_OF[RRAS["rras2"]] = "rras2"
    lab.vpn.nft("lb", 'table ip nat {\n chain pre {\n  type nat hook prerouting priority -100\n'
                      '  ip daddr %s udp dport { 500, 4500 } dnat to %s\n }\n'
                      ' chain post {\n  type nat hook postrouting priority 100\n'
                      '  iifname "in" oifname "in" masquerade\n }\n}\n' % (VIP, RRAS["rras1"]))
    made = attempts(lab, (RRAS["rras2"], ALICE, "EAP-MSCHAPv2"), (DIRECT[0], "bob@corp.contoso.com", "EAP-MSCHAPv2"))
    server(lab, auth="eap-mschapv2")
    clients(lab, made)
    with lab.record_vpn("rras1"):
        for one in made:
            initiate(one)
    lab.keep_point("rras1", nat={RRAS["rras1"]: "dnat-only"})


@scenario("nat-clat", "a telephone that has IPv6 only and calls itself %s (464XLAT), behind its carrier's translator; and a client "
          "without NAT" % CLAT, attempts=["established"] * 2, expect=["dnat-only", "client-side-nat"], healthy=True,
          forbid=["snat-hides-clients"], seconds=8)
def _(lab):
    NODE_OF[CLAT] = "mobile"
    lab.vpn.ip("mobile", "address", "replace", CLAT + "/32", "dev", "eth0")
    lab.vpn.ip("cgn", "route", "replace", CLAT, "dev", "lan")
    home(lab)
    made = attempts(lab, (CLAT, ALICE, "EAP-MSCHAPv2"), (DIRECT[0], "bob@corp.contoso.com", "EAP-MSCHAPv2"))
    server(lab, auth="eap-mschapv2")
    clients(lab, made)
    with lab.record_vpn("rras1"):
        for one in made:
            initiate(one)
            ping(one)
    lab.keep_point("rras1", nat={RRAS["rras1"]: "dnat-only"})


@scenario("ike-device-and-user", "one computer behind a router: its device tunnel stands and carries data; then its user's tunnel from the "
          "same ports is refused for a wrong password", attempts=["established", "rejected"], seconds=8,
          shows=["isakmp.exchangetype == 35 && isakmp.messageid == 2", "esp"])
def _(lab):
    home(lab)
    made = attempts(lab, (HOME1_CLIENTS[0], "PC01.corp.contoso.com", "certificate", "pc01"),
                    (HOME1_CLIENTS[0], ALICE, "EAP-MSCHAPv2"))
    server(lab, auth="pubkey", users=(ALICE,))
    clients(lab, made, passwords={ALICE: "not the password"})
    with lab.record_vpn("rras1"):
        initiate(made[0])
        ping(made[0])
        initiate(made[1])
        ping(made[0])
    lab.keep_point("rras1", keys={"expect_findings": ["eap-credentials-rejected"], "client_error": 691, "outcome_hidden": False},
                   **AT_HOME, outcome_hidden=True, expect_findings=["eap-unfinished"])
