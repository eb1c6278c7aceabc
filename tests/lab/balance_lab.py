"""What a scenario of balancing works with: crowds of clients, and how many of them each server got by the daemons' logs."""

import collections
import json
import os
import shutil
import subprocess
import sys

import recorder
from sstp_lab import HERE, OUTCOMES, program
from vpn_network import NAS, PUBLICS, RRAS

FAILED = ("rejected", "aborted")
CLAIMS = {"verdicts": (), "found": True, "probes": None, "prober": None, "says": {}, "all_stay": False, "each_counts": False, "octets": False,
          "options": (), "findings": (), "allow": (), "expect_any": (), "forbid": ("backend-uneven",)}


def octets(path):
    """{address: octets of TCP and of ESP in UDP from and to it}, by tshark; what was sent again counts once."""
    fields = ("ip.src", "ip.dst", "tcp.len", "tcp.analysis.retransmission", "esp.spi", "udp.length")
    argv = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "occurrence=f"] + [part for one in fields for part in ("-e", one)]
    out = subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
    found = collections.Counter()
    for line in out.splitlines():
        row = dict(zip(fields, line.split("\t")))
        size = int(row["udp.length"]) - 8 if row.get("esp.spi") else int(row.get("tcp.len") or 0)
        if not row.get("tcp.analysis.retransmission"):
            found[row["ip.src"]] += size
            found[row["ip.dst"]] += size
    return found


class Crowd:
    """The SSTP clients of one node, started from one process, `every` seconds."""

    def __init__(self, lab, attempts, every=0.12):
        self.attempts = attempts
        path = os.path.join(lab.directory, "crowd-%d.json" % lab.count())
        plan = [{"at": number * every, "log": one.log, "argv": program("sstp_client.py", one.options)[2:]}
                for number, one in enumerate(attempts)]
        with open(path, "w", encoding="utf-8") as out:
            json.dump(plan, out)
        self.process = lab.network.start(
            attempts[0].node, (sys.executable, os.path.join(HERE, "sstp_crowd.py"), path), path + ".log", {"PYTHONDONTWRITEBYTECODE": "1"})

    def finish(self, seconds=90):
        self.process.wait(seconds)
        silent = [one.name for one in self.attempts if not one.event("end")]
        if silent:
            raise RuntimeError("no end of " + " ".join(silent))


def is_probe(attempt):
    return attempt.protocol == "sstp" and bool(attempt.options.get("probe"))


class BalanceLab:
    """The part of a running scenario that counts; mixed into Lab."""

    balancer = None
    wrong_counts = ()

    def chosen(self, attempt):
        """The server that this attempt was sent to, by the balancer's log, or by the address that the client took."""
        if attempt.protocol == "ikev2":
            return self.balancer.choices(500).get((attempt.address, 500))
        if attempt.options.get("resolver"):
            taken = attempt.event("resolved").get("address")
            return next(node for node, address in PUBLICS.items() if address == taken)
        return self.balancer.choices(443).get((attempt.address, attempt.port))

    def outcome_of(self, attempt):
        """What has once stood is no failure, however it ended."""
        if attempt.protocol == "ikev2":
            return attempt.outcome()
        return "established" if attempt.event("established") else OUTCOMES[attempt.outcome]

    def rows(self, addresses, protocol):
        """A row for each server: what it was asked for, and how that ended."""
        rows = {node: {"address": address, "name": NAS[node][0], "attempts": 0, "established": 0, "failed": 0, "unanswered": 0,
                       "clients": set()} for node, address in addresses.items()}
        for attempt in self.attempts:
            if protocol in ("sstp", "ikev2") and attempt.protocol != protocol or is_probe(attempt):
                continue
            node, outcome = self.chosen(attempt), self.outcome_of(attempt)
            if node is None or node not in rows or (protocol == "radius" and not self.asked(node, attempt)):
                continue
            row = rows[node]
            row["attempts"] += 1
            row["clients"].add(attempt.address)
            row["failed" if outcome in FAILED else outcome] += 1
        for row in rows.values():
            row["clients"] = len(row["clients"])
        return rows

    def asked(self, node, attempt):
        """Whether the server asked RADIUS about this attempt."""
        return any(log.get("authentication", {}).get("user") == attempt.options["user"]
                   for server in self.sstp_servers if server.node == node for log in server.connections().values())

    def check_servers(self, rows):
        """The servers' own logs say the same as the balancer's and the clients'."""
        wrong = []
        for node, row in rows.items():
            told = sum(one.text().count("established between") for one in self.daemons if one.node == node)
            logs = [log for one in (self.sstp_servers if self.entry.sstp is not None else ()) if one.node == node
                    for log in one.connections().values()]
            told += len({log["established"]["user"] for log in logs if "established" in log})
            if told != row["established"]:
                wrong.append("%s: %d tunnels by its log, %d by the clients'" % (node, told, row["established"]))
        return wrong

    def probes(self):
        """{server: health checks sent to it}, by the logs of those who sent them."""
        return {attempt.to: attempt.options["rounds"] for attempt in self.attempts if is_probe(attempt)}

    def keep_balance(self, point, suffix="", stem=None, further=(), protocol=None, addresses=None, nodes=tuple(RRAS), weights=None,
                     named=True, form=".pcap.gz", parts=(), **claims):
        """
        Puts the recording made at `point` beside the counts. nodes: the servers that an administrator names there (named=False:
        none); weights: {node: weight}; parts: protocols that are counted beside all together; claims: those of CLAIMS, and what
        differs in the truth file. verdicts: which the configuration allows; found: without names the same servers are found, as
        far as anybody was sent to them; probes: {address: health checks}, all from `prober`; says: {finding: word that it must
        contain}; all_stay, each_counts, octets: at the end everybody is there, the capture tells all clients apart, no probe
        is in it.
        """
        path = self.path(suffix + form)
        if form.endswith(".gz"):
            recorder.compress(self.points[point], path)
        else:
            shutil.copyfile(self.points[point], path)
        protocol = protocol or ("ikev2" if self.entry.sstp is None else "sstp")
        addresses = {node: (addresses or RRAS)[node] for node in nodes}
        rows = self.rows(addresses, protocol)
        if protocol != "radius":
            self.wrong_counts = self.check_servers(rows)
        options = []
        for node, address in addresses.items() if named else ():
            options += ["--backend", "%s=%s%s" % (address, NAS[node][0], "*%g" % weights[node] if weights else "")]
        differs = {key: claims.pop(key) for key in set(claims) - set(CLAIMS)}
        claims = {**CLAIMS, **claims}
        options += claims.pop("options")
        findings = {name: list(claims.pop(name)) for name in ("findings", "allow", "expect_any", "forbid")}
        facts = {"point": point, "protocol": protocol, "basis": "radius" if protocol == "radius" else "tunnels", "options": options,
                 "connections": sum(row["attempts"] for row in rows.values()), "backends": list(rows.values()), "weights": weights,
                 **claims, "parts": {name: list(self.rows(addresses, name).values()) for name in parts}}
        if claims["octets"]:
            told = octets(self.points[point])
            for row in rows.values():
                row["octets"] = told[row["address"]]
        if further:
            differs["further_captures"] = ["%s%s%s" % (self.entry.name, more, form) for more in further]
        self.keep(path, stem=stem or self.entry.name + suffix, **{
            "logins": [], "balance": facts, "expect_findings": findings["findings"], "expect_any": findings["expect_any"],
            "allow_findings": findings["allow"], "forbid_findings": findings["forbid"], "keylog": None,
            "server_name": "nps01.corp.contoso.com", **differs})
