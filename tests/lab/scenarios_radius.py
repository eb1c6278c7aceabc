"""The RADIUS path: secrets, dead and slow servers, fragments, accounting, proxies, several NAS and NPS."""

import signal
import time

import network
from freeradius import SECRET, Proxy, Server
from lab import scenario
from nas import password_login, radclient, start_relay
from scenarios_basic import REFUSED
from supplicant import begin, finish, login

EC = {"chain": ("ec-nps01", "ec-issuing")}


@scenario("wrong-secret", "the NAS has another shared secret than the server, which stays silent",
          outcomes=["unanswered"], expect=["radius-no-answer", "radius-bad-authenticator"], seconds=11,
          shows=["radius.code == 1"], lacks=["radius.code != 1"])
def _(lab):
    server = Server(lab, "nps1")
    with lab.record():
        login(lab, server, secret="not-" + SECRET, seconds=10).nothing_sent()


@scenario("server-dead", "nothing listens on the server: ICMP port unreachable", outcomes=["unanswered", "unanswered"],
          expect=["radius-no-answer"], seconds=11, shows=["icmp.type == 3 && icmp.code == 3"],
          lacks=["radius.code != 1"])
def _(lab):
    server = Server(lab, "nps1")
    lab.network.stop(server.process, signal.SIGKILL)
    with lab.record():
        both = [begin(lab, None, user=user + "@corp.contoso.com", nas=nas, seconds=10)
                for user, nas in (("alice", "RRAS01"), ("bob", "RRAS02"))]
        for one in both:
            finish(lab, one)


@scenario("server-hangs", "the server stops answering after a good login", outcomes=["established", "unanswered"],
          expect=["radius-no-answer"], seconds=12)
def _(lab):
    server = Server(lab, "nps1")
    with lab.record():
        login(lab, server)
        server.process.send_signal(signal.SIGSTOP)
        login(lab, None, user="bob@corp.contoso.com", seconds=10)


@scenario("server-discards", "the server discards bob's second request without a word, as NPS does when it cannot decide; "
          "it goes on with carol", outcomes=["unanswered", "established"], expect=["radius-no-answer"],
          forbid=["radius-bad-authenticator"], seconds=12)
def _(lab):
    discard = ("		if (&State && &User-Name =~ /^bob/) {\n			update control {\n"
               "				&Response-Packet-Type := Do-Not-Respond\n			}\n			reject\n		}\n")
    server = Server(lab, "nps1", policy=discard)
    with lab.record():
        bob = login(lab, None, user="bob@corp.contoso.com", seconds=10)
        login(lab, server, user="carol@corp.contoso.com")
    if "Resending RADIUS message" in bob.log:  # it counts the challenge before as an answer
        bob.outcome = "unanswered"


@scenario("answers-from-elsewhere", "the server answers from another address than the NAS asks, which repeats its request in vain",
          outcomes=["unanswered", "unanswered"], expect=["radius-no-answer"], forbid=["radius-bad-authenticator"], client_error=930,
          seconds=12, shows=["radius.code == 11 && ip.src == 10.20.1.99"], lacks=["radius.code != 1 && ip.src == 10.20.1.11"])
def _(lab):
    Server(lab, "nps1")
    lab.network.answer_from(network.NPS01, "10.20.1.99")
    with lab.record():
        both = [begin(lab, None, user=user + "@corp.contoso.com", nas=nas, seconds=10)
                for user, nas in (("alice", "RRAS01"), ("bob", "RRAS02"))]
        for one in both:
            finish(lab, one)


@scenario("server-gone", "the server dies in the middle of bob's login, and no NAS repeats a request: three more ask in vain; "
          "half a minute later a login at the other server goes well",
          outcomes=["established", "incomplete", "unanswered", "unanswered", "unanswered", "established"],
          expect=["radius-no-answer"], forbid=["eap-fragments-lost"], client_error=930, seconds=50,
          server_name="nps01.corp.contoso.com;nps02.corp.contoso.com")
def _(lab):
    silent = ("		if (&State && &User-Name =~ /^bob/) {\n			update control {\n"
              "				&Response-Packet-Type := Do-Not-Respond\n			}\n			reject\n		}\n")
    server, other = Server(lab, "nps1", policy=silent), Server(lab, "nps2", chain=("nps02", "issuing"))
    with lab.record():
        login(lab, server)
        login(lab, None, user="bob@corp.contoso.com", seconds=2)  # eapol_test would ask again after 3 s
        server.process.send_signal(signal.SIGSTOP)
        for user in ("carol", "dave", "erin"):
            login(lab, None, user=user + "@corp.contoso.com", seconds=2)
        time.sleep(31)  # how long an answer is waited for
        login(lab, other, user="frank@corp.contoso.com", nas="RRAS02", to=network.NPS02, name="nps02.corp.contoso.com")


@scenario("server-slow", "the server takes more than 5 s for its first answer", outcomes=["established"],
          expect=["radius-slow"], seconds=8, shows=["radius.code == 11 && frame.time_delta > 1"])
def _(lab):
    server = Server(lab, "nps1")
    with lab.record():
        server.process.send_signal(signal.SIGSTOP)
        started = begin(lab, server, seconds=12)
        time.sleep(5.6)
        server.process.send_signal(signal.SIGCONT)
        finish(lab, started)


@scenario("ip-fragments", "challenges larger than the MTU, IP fragments all arrive", outcomes=["established"],
          healthy=True, shows=["ip.flags.mf == 1", "ip.frag_offset > 0"])
def _(lab):
    server = Server(lab, "nps1", fragment=3500)
    with lab.record():
        login(lab, server, mtu=3900)


@scenario("ip-fragments-lost", "challenges larger than the MTU; a firewall drops all but the first fragment",
          outcomes=["incomplete"], expect=["radius-fragments-lost"], seconds=11,
          hidden="IP fragments are missing", shows=["ip.flags.mf == 1"], lacks=["ip.frag_offset > 0"])
def _(lab):
    server = Server(lab, "nps1", fragment=3500)
    lab.network.drop_trailing_fragments()
    with lab.record():
        login(lab, server, mtu=3900, seconds=10)


@scenario("small-fragments", "EAP fragments of 250 bytes, the TLS length in each of them", outcomes=["established"],
          healthy=True, root="ec-root")
def _(lab):
    server = Server(lab, "nps1", fragment=250, include_length="yes", **EC)
    with lab.record():
        login(lab, server, trust="ec-root")


@scenario("ipv6", "RADIUS over IPv6: one good client, one without the root", shows=["ipv6 && radius.code == 2"],
          outcomes=["established", "rejected"], alert=48, expect=[REFUSED],
          forbid=["cert-untrusted-root"], tshark_misses=True)
def _(lab):
    server = Server(lab, "nps1")
    through = start_relay(lab, server=network.NPS01_V6, source=network.NAS_V6, hold=0.001)
    with lab.record():
        login(lab, server, **through)
        login(lab, server, user="bob@corp.contoso.com", trust="fabrikam-root", **through)


@scenario("ipv6-untrusted-root", "RADIUS over IPv6, Fabrikam's certificate", outcomes=["rejected"], alert=48,
          expect=["cert-untrusted-root", REFUSED])
def _(lab):
    server = Server(lab, "nps1", chain=("fabrikam-nps", "fabrikam-root"))
    through = start_relay(lab, server=network.NPS01_V6, source=network.NAS_V6, hold=0.001)
    with lab.record():
        login(lab, server, **through)


def accounting_lines(status, session, *more):
    return ['User-Name = "alice@corp.contoso.com"', "Acct-Status-Type = " + status,
            'Acct-Session-Id = "%s"' % session, "NAS-IP-Address = " + network.NAS["RRAS01"],
            'NAS-Identifier = "RRAS01"', "NAS-Port = 1", "NAS-Port-Type = Virtual", "Service-Type = Framed-User",
            "Framed-Protocol = PPP", "Framed-IP-Address = 10.30.0.17", 'Calling-Station-Id = "203.0.113.41"',
            'Tunnel-Client-Endpoint:0 = "203.0.113.41"', "Event-Timestamp = %d" % int(time.time()),
            "Class = 0x4e505330312d6c61622d636c617373", *more]


COUNTERS = ("Acct-Session-Time = %d", "Acct-Input-Octets = %d", "Acct-Output-Octets = %d",
            "Acct-Input-Packets = %d", "Acct-Output-Packets = %d")


@scenario("accounting", "a login, then accounting start, interim and stop", outcomes=["established"], healthy=True,
          shows=["radius.code == 5"])
def _(lab):
    server = Server(lab, "nps1", accounting=True)
    with lab.record():
        login(lab, server)
        radclient(lab, "acct", accounting_lines("Start", "4711"))
        for status, seconds in (("Interim-Update", 60), ("Stop", 90)):
            more = [text % (seconds * factor) for text, factor in zip(COUNTERS, (1, 9000, 70000, 40, 60))]
            if status == "Stop":
                more.append("Acct-Terminate-Cause = User-Request")
            radclient(lab, "acct", accounting_lines(status, "4711", *more))


@scenario("accounting-unanswered", "accounting requests that nobody answers", expect=["radius-no-answer"], seconds=9,
          shows=["radius.code == 4"], lacks=["radius.code == 5"])
def _(lab):
    server = Server(lab, "nps1", accounting=True)
    with lab.record():
        server.process.send_signal(signal.SIGSTOP)
        radclient(lab, "acct", accounting_lines("Start", "4712"), "-r", "4", "-t", "2")


@scenario("pap", "PAP without a Message-Authenticator", outcomes=["established"],
          expect=["radius-missing-message-authenticator"], shows=["radius.avp.type == 2"],
          lacks=["radius.avp.type == 80 && radius.code == 1"])
def _(lab):
    server = Server(lab, "nps1")
    with lab.record():
        password_login(lab, server, "alice", 61)


@scenario("pap-wrong-secret", "PAP from a NAS with another secret: the server signs its answer with its own; the "
          "secret given is the NAS's", outcomes=["rejected"], expect=["radius-bad-authenticator"],
          radius_secret="not-" + SECRET, radius_secret_file="pki/radius-secret-of-the-nas")
def _(lab):
    server = Server(lab, "nps1")
    with lab.record():
        password_login(lab, server, "alice", 62, secret="not-" + SECRET)


@scenario("mac-authentication", "a switch asks about the MAC addresses of two devices, of which the server knows none; nobody logs in",
          outcomes=["rejected", "rejected"],
          expect=["radius-missing-message-authenticator", "radius-rejected"], shows=["radius.Service_Type == 10"])
def _(lab):
    server = Server(lab, "nps1")
    with lab.record():
        for i, mac in enumerate(("001b77010203", "001b77010204")):
            password_login(lab, server, mac, 63 + i, password=mac, asked=("Service-Type = Call-Check", "NAS-Port-Type = Ethernet"))


@scenario("rejected-at-once", "a policy rejects bob before any EAP method begins", outcomes=["established", "rejected"],
          expect=["radius-rejected"])
def _(lab):
    server = Server(lab, "nps1", policy="		if (&User-Name =~ /^bob/) {\n			reject\n		}\n")
    with lab.record():
        login(lab, server)
        login(lab, server, user="bob@corp.contoso.com").nothing_sent()


@scenario("other-port", "RADIUS on UDP port 11645", outcomes=["rejected"], alert=48,
          expect=["cert-untrusted-root", REFUSED], tshark_misses=True)
def _(lab):
    server = Server(lab, "nps1", auth_port=11645, chain=("fabrikam-nps", "fabrikam-root"))
    with lab.record():
        login(lab, server, to_port=11645)


@scenario("proxy-two-hops", "a RADIUS proxy between NAS and NPS; both hops are in the capture",
          outcomes=["established", "established"], healthy=True, tshark_misses=True,
          shows=["radius.code == 1 && radius.Proxy_State", "radius.code == 1 && !radius.Proxy_State"])
def _(lab):
    server = Server(lab, "nps1")
    Proxy(lab, "proxy", network.NPS01)
    with lab.record(node="proxy"):
        for user, nas in (("alice", "RRAS01"), ("bob", "RRAS02")):
            login(lab, server, user=user + "@corp.contoso.com", nas=nas, to=network.PROXY)


@scenario("proxy-interleaved", "six logins at once through a proxy, which has one socket towards the NPS; one client "
          "does not trust the chain", outcomes=["established"] * 5 + ["rejected"], alert=48, expect=[REFUSED],
          root="ec-root", tshark_misses=True, shows=["radius.Proxy_State"])
def _(lab):
    server = Server(lab, "nps1", **EC)
    Proxy(lab, "proxy", network.NPS01)
    with lab.record(node="nps1"):
        started = []
        for number, user in enumerate(("alice", "bob", "carol", "dave", "erin", "frank")):
            started.append(begin(lab, server, user=user + "@corp.contoso.com", nas="RRAS0%d" % (number % 3 + 1),
                                 to=network.PROXY, trust="fabrikam-root" if user == "frank" else "ec-root"))
        for one in started:
            finish(lab, one)


@scenario("two-nps-one-wrong", "NPS01 is right, NPS02 presents Fabrikam's certificate", alert=48,
          outcomes=["established", "rejected", "established", "rejected"], tshark_misses=True,
          expect=["cert-differs-between-servers", "cert-untrusted-root", REFUSED],
          server_name="nps01.corp.contoso.com;nps02.corp.contoso.com")
def _(lab):
    two_servers(lab, ("fabrikam-nps02", "fabrikam-root"))


@scenario("two-nps", "two NPS, each with its own name below the same root", outcomes=["established"] * 4, healthy=True,
          server_name="nps01.corp.contoso.com;nps02.corp.contoso.com")
def _(lab):
    two_servers(lab, ("nps02", "issuing"))


def two_servers(lab, second_chain):
    first, second = Server(lab, "nps1"), Server(lab, "nps2", chain=second_chain)
    with lab.record():
        for user, nas in (("alice", "RRAS01"), ("bob", "RRAS02")):
            login(lab, first, user=user + "@corp.contoso.com", nas=nas)
            login(lab, second, user=user + "@corp.contoso.com", nas=nas, to=network.NPS02,
                  name="nps02.corp.contoso.com")


@scenario("state-at-other-nps", "a load balancer without persistence: the login begins at NPS01, NPS02 gets the "
          "rest with a State that it does not know", outcomes=["rejected"], expect=["affinity-broken"])
def _(lab):
    first = Server(lab, "nps1")
    Server(lab, "nps2", chain=("nps02", "issuing"))
    through = start_relay(lab, server=network.NPS01 + "," + network.NPS02)
    with lab.record():
        login(lab, first, **through).nothing_sent()


def many_logins(lab, server, wishes):
    """All logins at once, each NAS with one socket; `wishes` are (user, nas, options)."""
    through = {nas: start_relay(lab, nas) for nas in sorted({nas for _, nas, _ in wishes})}
    with lab.record():
        started = [begin(lab, server, user=user + "@corp.contoso.com", seconds=15, **through[nas],
                         **{"trust": "ec-root", **options}) for user, nas, options in wishes]
        for one in started:
            finish(lab, one)


@scenario("interleaved", "twelve logins at once, three NAS with one socket each, everything right",
          outcomes=["established"] * 12, healthy=True, root="ec-root", tshark_misses=True, seconds=5)
def _(lab):
    users = ("alice", "bob", "carol", "dave")
    many_logins(lab, Server(lab, "nps1", **EC),
                [(user, nas, {}) for nas in sorted(network.NAS) for user in users])


@scenario("interleaved-mixed", "twelve logins at once, three NAS with one socket each: good ones, a wrong password and "
          "a client without the root at each NAS", alert=48,
          outcomes=["established", "established", "rejected", "rejected"] * 3, root="ec-root", tshark_misses=True,
          expect=[REFUSED, "eap-credentials-rejected"], forbid=["cert-untrusted-root"], seconds=5)
def _(lab):
    kinds = (("alice", {}), ("bob", {}), ("carol", {"password": "not the password"}),
             ("dave", {"trust": "fabrikam-root"}))
    many_logins(lab, Server(lab, "nps1", **EC),
                [(user, nas, options) for nas in sorted(network.NAS) for user, options in kinds])


@scenario("interleaved-untrusted-root", "nine logins at once, three NAS with one socket each; every client refuses "
          "Fabrikam's certificate", outcomes=["rejected"] * 9, alert=48, tshark_misses=True, seconds=5,
          expect=["cert-untrusted-root", REFUSED], client_error=864)
def _(lab):
    many_logins(lab, Server(lab, "nps1", chain=("fabrikam-nps", "fabrikam-root")),
                [(user, nas, {"trust": "root"}) for nas in sorted(network.NAS) for user in ("alice", "bob", "carol")])
