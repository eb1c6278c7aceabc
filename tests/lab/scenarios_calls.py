"""L2TP and PPTP: Debian's xl2tpd, pptpd and pptp; the PPP that they carry is the lab's own (pppd.py)."""

import json
import os
import time

from lab import scenario
from recorder import FILTER
from vpn_network import DIRECT, RRAS_PUBLIC

HERE = os.path.dirname(os.path.abspath(__file__))
USER, PASSWORD = "alice", "Sommer-2026"
LNS = """[global]
port = 1701
listen-addr = {server}
[lns default]
ip range = 10.50.1.7-10.50.1.9
local ip = 10.50.1.1
name = RRAS01
hostname = RRAS01
pppoptfile = {options}
"""
LAC = """[global]
port = 1701
[lac vpn]
lns = {server}
hostname = PC01
autodial = yes
redial = no
pppoptfile = {options}
"""
PPTPD = """option {options}
localip 10.50.1.1
remoteip 10.50.1.7-9
"""


class Calls:
    """One client and one server of a scenario."""

    def __init__(self, lab, kind, auth="mschapv2", password=PASSWORD, secrets=None):
        self.lab, self.kind, self.auth, self.password = lab, kind, auth, password
        self.secrets = secrets or {}  # of the tunnel itself
        self.vpn = lab.network.vpn()
        self.vpn.reset()

    def write(self, name, text):
        path = os.path.join(self.lab.directory, name)
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        return path

    def start(self, node, role, argv):
        """argv in namespaces of its own where pppd.py stands for pppd."""
        log = os.path.join(self.lab.directory, role + ".events")
        facts = self.write(role + ".json", json.dumps({
            "role": role, "auth": self.auth, "user": USER, "password": PASSWORD if role == "server" else self.password, "log": log}))
        # pptp's call manager listens below /run, where those of other scenarios may be.
        shell = "mount -t tmpfs none /run && mount --bind %s/pppd.py /usr/sbin/pppd && exec \"$@\"" % HERE
        command = ["env", "PPPD_LAB=" + facts, "PYTHONPATH=" + HERE, "PYTHONDONTWRITEBYTECODE=1",
                   "unshare", "-m", "sh", "-c", shell, "sh", *argv]
        return self.lab.network.start(node, command, os.path.join(self.lab.directory, role + ".log"))

    def server(self):
        options = self.write("options", "noauth\n")
        if self.kind == "pptp":
            conf = self.write("pptpd.conf", PPTPD.format(options=options))
            argv = ["pptpd", "-f", "-c", conf, "-o", options, "-p", os.path.join(self.lab.directory, "pptpd.pid")]
        else:
            argv = self.xl2tpd("lns", LNS.format(server=RRAS_PUBLIC, options=options))
        process = self.start("rras1", "server", argv)
        time.sleep(0.5)
        return process

    def client(self):
        options = self.write("options", "noauth\n")
        if self.kind == "pptp":
            argv = ["pptp", RRAS_PUBLIC, "nodetach"]
        else:
            argv = self.xl2tpd("lac", LAC.format(server=RRAS_PUBLIC, options=options))
        return self.start("direct", "client", argv)

    def xl2tpd(self, name, text):
        files = [os.path.join(self.lab.directory, name + suffix) for suffix in (".pid", ".control")]
        secret = "* * %s\n" % self.secrets[name] if name in self.secrets else ""
        text += "challenge = yes\n" if secret else ""
        return ["xl2tpd", "-D", "-c", self.write(name + ".conf", text), "-s", self.write(name + ".secrets", secret),
                "-p", files[0], "-C", files[1]]

    def events(self, role):
        path = os.path.join(self.lab.directory, role + ".events")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def truth(self, outcome):
        """The row of the truth file; what the daemons and both ends of PPP logged."""
        said = {row["event"]: row for row in self.events("client")}
        asked = {row["event"]: row for row in self.events("server")}.get("authentication")
        established = "established" in said
        refused = asked is not None and not asked["accepted"]
        if established != (outcome == "established") or (outcome == "rejected" and not refused) or (outcome == "aborted" and asked):
            raise RuntimeError("the client's log does not say %s: %s" % (outcome, sorted(said)))
        return {"type": self.kind, "client": DIRECT[0], "server": RRAS_PUBLIC, "expected_outcome": outcome,
                "user": asked["user"] if asked else None, "authentication": {"pap": "PAP", "mschapv2": "MS-CHAPv2"}[self.auth],
                "authentication_result": None if asked is None else "accepted" if asked["accepted"] else "refused",
                "address": said["address"]["own"] if established else None,
                "pings": sum(row["event"] == "ping" for row in self.events("client"))}


def call(lab, kind, outcome, seconds, node="rras1", interface="eth0", blocked=None, serve=True, **options):
    """One call, recorded at `node`."""
    calls = Calls(lab, kind, **options)
    if blocked:
        calls.vpn.filter("lb", "forward", blocked)
    with lab.record(None, node=node, interface=interface, expression=FILTER + " and not igmp") as raw:
        if serve:
            calls.server()
        client = calls.client()
        time.sleep(seconds)
        lab.network.stop(client)
    lab.keep(lab.copy(raw, ".pcap"), calls=[calls.truth(outcome)])


@scenario("l2tp-mschapv2", "L2TP without IPsec, MS-CHAPv2, everything right", calls=True, healthy=True, seconds=6)
def _(lab):
    call(lab, "l2tp", "established", 4)


@scenario("l2tp-wrong-password", "L2TP without IPsec, the password is wrong: error 691", calls=True,
          expect=["ppp-authentication-failed"], client_error=691, seconds=6)
def _(lab):
    call(lab, "l2tp", "rejected", 4, password="Winter-2026")


@scenario("l2tp-tunnel-secret", "L2TP without IPsec; both authenticate the tunnel, with different secrets: the client ends it", calls=True,
          expect=["ppp-negotiation-failed"], seconds=6)
def _(lab):
    call(lab, "l2tp", "aborted", 3, secrets={"lns": "Tunnel-2026", "lac": "Tunnel-2025"})


@scenario("l2tp-unanswered", "L2TP without IPsec to a server that drops it", calls=True, expect=["ppp-negotiation-failed"],
          client_error=809, seconds=20)
def _(lab):
    call(lab, "l2tp", "unanswered", 18, node="direct", interface="wan", blocked="udp dport 1701 drop")


@scenario("pptp-mschapv2", "PPTP, MS-CHAPv2, everything right", calls=True, healthy=True, seconds=8)
def _(lab):
    call(lab, "pptp", "established", 6)


@scenario("pptp-pap-refused", "PPTP, PAP with a wrong password", calls=True, expect=["ppp-authentication-failed"],
          client_error=691, seconds=8)
def _(lab):
    call(lab, "pptp", "rejected", 6, auth="pap", password="Winter-2026")


@scenario("pptp-gre-blocked", "PPTP: a firewall passes TCP 1723 and drops the server's GRE: error 806", calls=True,
          expect=["ppp-negotiation-failed"], client_error=806, seconds=14)
def _(lab):
    call(lab, "pptp", "unanswered", 12, node="direct", interface="wan", blocked="ip protocol gre ip saddr %s drop" % RRAS_PUBLIC)
