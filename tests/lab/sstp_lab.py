"""What an SSTP scenario works with: servers, clients, a load balancer; and the truth about their connections."""

import json
import os
import shutil
import sys

import network
import recorder
import sstp_truth
from freeradius import PASSWORD, SECRET
from vpn_lab import PUBLIC, as_claimed
from vpn_network import LB_INSIDE, NAS, NODE_OF, RRAS, VIP

HERE = os.path.dirname(os.path.abspath(__file__))
TRUST = ("root", "issuing")
# The header of the PROXY protocol stands where tshark expects TLS.
PROXY_FIRST = ("-o", "tcp.try_heuristic_first:TRUE")
# What the report calls the end of a connection, for each end in a client's log.
OUTCOMES = {
    "established": "established", "no answer": "unanswered", "silence": "unanswered", "refused": "rejected", "tls failed": "rejected",
    "connection lost": "rejected", "closed": "rejected", "certificate refused": "aborted", "certificate refused inside": "rejected",
    "rejected": "rejected", "http error": "rejected", "nak": "rejected", "aborted": "rejected", "ppp terminated": "rejected",
    "probed": None,
}


def log_of(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.startswith("{")]


def program(name, options):
    argv = [sys.executable, os.path.join(HERE, name)]
    for key, value in options.items():
        if value is None or value is False:
            continue
        argv.append("--" + key.replace("_", "-"))
        argv += [] if value is True else [str(one) for one in value] if isinstance(value, (list, tuple)) else [str(value)]
    return argv


class Server:
    """A running SSTP server on a node; `certificate` is what it presents (None: it stands behind a TLS offloader)."""

    def __init__(self, lab, node="rras1", certificate="vpn", radius=network.NPS01, issuing="issuing", address=None, **wishes):
        self.lab, self.node, self.certificate = lab, node, certificate
        self.address, self.wishes = address or RRAS[node], wishes
        self.log = os.path.join(lab.directory, "sstp-%s-%d.log" % (node, lab.count()))
        self.keylog = os.path.join(lab.directory, "sstp-%s.keylog" % node)
        options = {"address": self.address, "keylog": self.keylog, "radius": radius, "secret": SECRET, "nas": NAS[node], **wishes}
        if certificate:
            options.update(chain=lab.pki.chain(certificate, *([issuing] if issuing else [])), key=lab.pki.key(certificate))
        self.process = lab.network.start(node, program("sstp_server.py", options), self.log, {"PYTHONDONTWRITEBYTECODE": "1"})
        network.wait_for('"ready"', self.log, self.process)
        lab.sstp_servers.append(self)

    def connections(self):
        """{number: all that the log says of it}, in order."""
        found = {}
        for row in log_of(self.log):
            if "connection" in row:
                found.setdefault(row["connection"], {})[row["event"]] = row
        return found


class Attempt:
    """A client's attempt, or the health checks of one; `end` is the last line of its log."""

    ports = 50000
    protocol = "sstp"

    def __init__(self, lab, address, to=VIP, **wishes):
        self.lab, self.address, self.to, self.node = lab, address, to, NODE_OF.get(address) or wishes.pop("node")
        self.port = None if wishes.get("probe") else Attempt.ports + len(lab.attempts) + 1
        self.name = "c%02d" % (len(lab.attempts) + 1)
        lab.attempts.append(self)
        trust = lab.pki.chain(*wishes.pop("trust", TRUST))
        self.options = {"address": to, "bind": address, "own_port": self.port, "password": PASSWORD, "trust": trust,
                        "peap_trust": lab.pki.chain(*wishes.pop("peap_trust", ("root",))), **wishes}
        self.log, self.keylog = (os.path.join(lab.directory, "sstp-%s.%s" % (self.name, part)) for part in ("log", "keylog"))
        self.options["keylog"] = self.keylog
        self.process = None

    def begin(self):
        self.process = self.lab.network.start(self.node, program("sstp_client.py", self.options), self.log,
                                              {"PYTHONDONTWRITEBYTECODE": "1"})
        return self

    def finish(self, seconds=30):
        self.process.wait(seconds)
        if not self.event("end"):
            with open(self.log, encoding="utf-8") as lines:
                raise RuntimeError("%s did not end:\n%s" % (self.name, lines.read()[-2000:]))
        return self

    def run(self, seconds=30):
        return self.begin().finish(seconds)

    def event(self, name):
        """The last line about this in the client's log, or {}."""
        return next((row for row in reversed(log_of(self.log)) if row["event"] == name), {})

    def messages(self, turn=0):
        """SSTP's control messages in the order of the client's log, of the connection with this number."""
        sides, count, found = {"sent": "client", "received": "server"}, -1, []
        for row in log_of(self.log):
            count += row["event"] == "connected"
            if row["event"] in sides and count == turn:
                found.append("%s %s" % (sides[row["event"]], row["message"]))
        return found

    @property
    def outcome(self):
        return self.event("end").get("outcome")

    def truth(self, port=None):
        """What its log says; `port`: of which of its connections."""
        turn = max(0, port - self.port) if port and self.port and port - self.port < self.options.get("rounds", 1) else 0
        end, options = self.event("end"), self.options
        method = {"pap": "PAP", "mschapv2": "MS-CHAPv2", "eap-mschapv2": "EAP-MSCHAPv2", "peap": "PEAP",
                  "eap-tls": "EAP-TLS"}[options.get("auth", "mschapv2")]
        return {
            "kind": "probe" if options.get("probe") else "sstp", "user": options.get("user", "alice@corp.contoso.com"),
            "method": method, "authenticated": bool(self.event("authenticated")), "computer": options.get("computer", "PC01"),
            "client_end": end.get("outcome"), "client_says": end.get("reason"), "client_code": end.get("code"),
            "statuses_at_client": end.get("statuses", []), "expected_outcome": OUTCOMES[end.get("outcome")],
            "certificate_at_client": self.event("tls").get("certificate"), "tls_at_client": self.event("tls").get("version"),
            "correlation_id": self.event("correlation").get("id"), "http_status_at_client": self.event("http").get("status"),
            "messages_at_client": self.messages(turn),
            "real_client": {"address": self.address, "port": self.port + turn if self.port else None},
            "inner_address": self.event("address").get("own"),
        }


class SstpLab:
    """The part of a running scenario that knows SSTP; mixed into Lab."""

    def begin_sstp(self, vpn):
        if not self.entry.vpn:
            self.begin_vpn(vpn, None)
        self.sstp_servers, self.sstp_files = [], {}
        self.behind_proxy, self.front_certificate = False, None
        self.strangers = "probe"  # whose connections belong to no attempt

    def forward(self, to="rras1", snat=False, port=443):
        """
        The load balancer translates destinations of TCP, and the clients' addresses with `snat`. `to`: a server, or
        {client: server}.
        """
        if isinstance(to, dict):
            target = "dnat to ip saddr map { %s }" % ", ".join("%s : %s" % (client, RRAS[node]) for client, node in to.items())
        else:
            target = "dnat to %s:%d" % (RRAS[to], port)
        hide = '  oifname "in" tcp dport %d snat to %s\n' % (port, LB_INSIDE) if snat else ""
        self.vpn.nft("lb", 'table ip sstp {\n chain pre {\n  type nat hook prerouting priority -100\n'
                           '  iifname "wan" ip daddr %s tcp dport 443 %s\n }\n'
                           ' chain post {\n  type nat hook postrouting priority 100\n%s }\n}\n' % (VIP, target, hide))

    def path_of_clients(self, **options):
        """The usual path: home routers, the load balancer's DNAT."""
        self.vpn.home_nat()
        self.forward(**options)

    def keep_tunnels(self, point, suffix="", stem=None, keys=None, findings=None, further=(), form=".pcap", **differs):
        """
        Puts the recording made at `point` beside its truth. keys: {claims that differ} adds a second truth file for the
        analysis with the TLS secrets; `findings`: what must be found here, else the scenario's.
        """
        path = self.path(suffix + form)
        shutil.copyfile(self.points[point], path)
        if further:
            differs["further_captures"] = ["%s%s.pcap" % (self.entry.name, more) for more in further]
        expected = self.entry.findings if findings is None else findings
        self.keep_facts(stem or self.entry.name + suffix, path, point, expected, None, differs)
        if keys is not None:
            expected = keys.pop("findings", expected)
            self.keep_facts((stem or self.entry.name + suffix) + "-keys", path, point, expected, self.keep_secrets(), {
                **differs, "description": differs.get("description", self.entry.description) + "; with the TLS secrets", **keys})
        return path

    def keep_facts(self, stem, path, point, findings, keylog, differs):
        differs = dict(differs)
        claims = {name: differs.pop(name) for name in ("client_error", "nat", "allow", "outcome_hidden", "expect_any")
                  if name in differs}
        if claims.get("outcome_hidden") and not keylog:
            claims.setdefault("client_error", None)
        self.sstp_files[stem] = (point, findings, bool(keylog), claims)
        self.keep(path, stem=stem, **{"keylog": keylog, "logins": [], **differs})

    def keep_secrets(self):
        """The TLS secrets of servers and clients, without the writer's comments."""
        target = self.path(".keylog")
        with open(target, "w", encoding="ascii") as new:
            lines = {}  # in order, each once
            for keylog in [one.keylog for one in self.sstp_servers + self.attempts]:
                if os.path.exists(keylog):
                    with open(keylog, encoding="ascii") as old:
                        lines.update((line, None) for line in old if not line.startswith("#"))
            new.writelines(lines)
        return os.path.basename(target)

    def keep_sstp_radius(self, server, alert=None, **differs):
        """The recording between the SSTP server and RADIUS."""
        path = self.path("-radius.pcap")
        shutil.copyfile(self.points["radius1"], path)
        logins = [self.login_truth(attempt.truth(), server, alert) for attempt in self.attempts]
        self.keep(path, **{"logins": logins, "expect_findings": [], "forbid_severity": [], "keylog": None,
                           "description": self.entry.description + "; the RADIUS behind it", **differs})

    def login_truth(self, facts, server, alert):
        """An attempt as RADIUS shows it; a method without EAP is called by the family's name."""
        method = "MS-CHAP" if facts["method"] == "MS-CHAPv2" else facts["method"]
        login = {"user": facts["user"], "nas": NAS["rras1"][0], "method": method, "inner": "EAP-MSCHAPv2" if method == "PEAP" else None,
                 "expected_outcome": facts["expected_outcome"], "client_alert": alert,
                 "certificates": list(server.certificates) if method in ("PEAP", "EAP-TLS") else []}
        if method == "EAP-TLS":
            login["client_certificates"] = [self.pki.sha256("alice"), self.pki.sha256("issuing")]
        return login

    def sstp_facts(self, stem, path, keylog):
        """The section `sstp` of one truth file."""
        point, findings, _, claims = self.sstp_files[stem]
        options = PROXY_FIRST if any(server.wishes.get("proxy") for server in self.sstp_servers) else ()
        counts, rows = sstp_truth.read(path, keylog, os.path.join(self.directory, "wireshark"), options)
        owners = self.owners_of(rows)
        for row in rows:
            owner, server, log = owners.get(row["stream"], (None, None, {}))
            row.update(owner.truth(row["client"]["port"]) if owner else {"kind": self.strangers})
            if owner and owner.address != row["client"]["address"] and row["client"]["address"] == LB_INSIDE:
                row["hidden_client"] = PUBLIC.get(owner.node, owner.address)
            if server:
                row["certificate_configured"] = self.pki.sha256(server.certificate) if server.certificate else None
                row["server_end"] = log.get("end", {}).get("outcome")
                row["binding_at_server"] = log.get("binding", {}).get("good")
                row["proxied_client"] = log.get("proxy", {}).get("client")
                if "request" in log:
                    row["correlation_id"] = log["request"]["correlation"] or None
                row["forwarded_for"] = log.get("request", {}).get("forwarded")
            elif self.front_certificate and row["server"]["address"] == VIP:
                row["certificate_configured"] = self.pki.sha256(self.front_certificate)
        return {"point": point, "expect_findings": findings, "expect_any": claims.get("expect_any", []),
                "allow_findings": claims.get("allow", []),
                "healthy": self.entry.healthy, "client_error": claims.get("client_error", self.entry.client_error),
                "outcome_hidden": claims.get("outcome_hidden", False), "nat": claims.get("nat"), "counts": counts,
                "virtual": VIP, "backends": sorted({RRAS[server.node] for server in self.sstp_servers}), "connections": rows}

    def owners_of(self, rows):
        """{stream: (attempt, server, the server's log of it)}: by the port of the client, or by what the server's log says."""
        by_port = {attempt.port + turn: attempt for attempt in self.attempts if attempt.port
                   for turn in range(attempt.options.get("rounds", 1))}
        by_correlation = {attempt.event("correlation").get("id"): attempt for attempt in self.attempts}
        by_probe = {address: attempt for attempt in self.attempts if attempt.options.get("probe")
                    for address in (attempt.address, LB_INSIDE)}
        known = {}
        for server in self.sstp_servers:
            for log in server.connections().values():
                known[tuple(log["accepted"]["peer"]), log["accepted"]["address"]] = (server, log)
        found = {}
        for row in rows:
            client, to = (row["client"]["address"], row["client"]["port"]), row["server"]["address"]
            server, log = known.get((client, to), (None, {}))
            if server is None and to == VIP and not self.behind_proxy:  # before the translation the ports are the same
                server, log = next(((one, log) for (peer, _), (one, log) in known.items() if peer[1] == client[1]), (None, {}))
            attempt = by_port.get(client[1]) if log.get("request") is None else by_correlation.get(log["request"]["correlation"])
            if attempt is None and "proxy" in log and log["proxy"]["client"]:
                attempt = by_port.get(log["proxy"]["client"][1])
            found[row["stream"]] = (attempt or by_port.get(client[1]) or by_probe.get(client[0]), server, log)
        return found

    def check_sstp(self):
        outcomes = [attempt.outcome for attempt in self.attempts if attempt.protocol == "sstp"]
        if not as_claimed(outcomes, self.entry.sstp):
            return ["attempts end %s instead of %s" % (outcomes, list(self.entry.sstp))]
        return []

    def check_tunnels(self, stem, path, facts, keylog):
        """Compares what was configured with what tshark sees here."""
        wrong, with_keys = [], self.sstp_files[stem][2]
        rows = facts["sstp"]["connections"]
        if with_keys and not any(row["decrypted"] or row["certificates"] for row in rows):
            wrong.append("%s: tshark decrypts nothing" % stem)
        for row in rows:
            want = row.get("certificate_configured")
            if want and row["certificates"] and row["certificates"][0] != want:
                wrong.append("%s: tshark sees another certificate" % stem)
            # What is lost or overtaken on the way is hard on tshark's reassembly.
            if row["messages"] and not row["retransmissions"] + row["out_of_order"] and "messages_at_client" in row and (
                    sorted(row["messages"]) != sorted(row["messages_at_client"])):
                wrong.append("%s: the client's log has other messages" % stem)
            if row["http_status"] and row.get("http_status_at_client") and row["http_status"] != row["http_status_at_client"]:
                wrong.append("%s: HTTP %s instead of %s" % (stem, row["http_status"], row["http_status_at_client"]))
        if path == self.path(".pcap") and (with_keys or not any(self.sstp_files[one][2] for one in self.sstp_files)):
            for claim, want in [(one, True) for one in self.entry.shows] + [(one, False) for one in self.entry.lacks]:
                options = sstp_truth.REASSEMBLE + (PROXY_FIRST if "proxy" in claim else ())
                if bool(recorder.frames(path, claim, keylog, options=options)) != want:
                    wrong.append("%s %s %s" % (stem, "does not show" if want else "shows", claim))
        return wrong
