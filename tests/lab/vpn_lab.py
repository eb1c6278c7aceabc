"""What a VPN scenario works with: recording at several points at once, and the truth about IKE and translation."""

import contextlib
import hashlib
import os
import shutil

import ike_truth
import recorder
from vpn_network import CGN, HOME1, HOME2, LB_INSIDE, NAS, RRAS, VIP

# Where one can record: (node, interface).
POINTS = {
    **{node: (node, "eth0") for node in RRAS}, "outside": ("lb", "wan"), "inside": ("lb", "in"), "nps": ("nps1", "eth0"),
    "any": ("lb", "any"), "both": ("rras1", "any"), "radius1": ("rras1", "eth1"), "radius2": ("rras2", "eth1"), "home": ("home1", "wan"),
    "client1": ("client1", "eth0"), "client2": ("client2", "eth0"), "mobile": ("mobile", "eth0"), "direct": ("direct", "wan"),
}
PUBLIC = {"client1": HOME1, "client2": HOME2, "mobile": CGN}


def as_claimed(outcomes, claim):
    return set(outcomes) <= claim if isinstance(claim, set) else outcomes == list(claim)


class VpnLab:
    """The part of a running scenario that knows VPNs; mixed into Lab."""

    def begin_vpn(self, vpn, strongswan):
        self.vpn, self.strongswan = vpn, strongswan
        self.attempts, self.daemons, self.points, self.vpn_users = [], [], {}, []
        self.ike_files = {}
        self.served_by = {}

    def keep_daemon(self, daemon):
        self.daemons.append(daemon)
        return daemon

    @contextlib.contextmanager
    def record_vpn(self, *points):
        """Records at `points` and beside every client while the block runs, into work files."""
        clients = {"client1": "client1", "client2": "client2", "mobile": "mobile", "direct": "direct"}
        wanted = list(points) + [name for node, name in clients.items()
                                 if name not in points and any(one.node == node for one in self.attempts)]
        recordings = []
        try:
            for name in wanted:
                node, interface = POINTS[name]
                path = os.path.join(self.directory, "at-%s.pcap" % name)
                recordings.append(recorder.Recorder(self, path, node=node, interface=interface))
                self.points[name] = path
            yield
        finally:
            for recording in reversed(recordings):
                recording.stop()

    def all_keys(self):
        """The clients' keys, then the servers': both log the same."""
        lines, seen = [], set()
        for daemon in self.daemons:
            for line in daemon.keys():
                pair = tuple(line.split(",")[:2])
                if pair not in seen:
                    seen.add(pair)
                    lines.append(line)
        return lines

    def ike_keys_file(self):
        path = self.path(".ikev2_decryption_table")
        with open(path, "w", encoding="ascii") as out:
            out.writelines(self.all_keys())
        return os.path.basename(path)

    def keep_point(self, point, suffix="", stem=None, keys=None, further=(), wrong_keys=False, **differs):
        """
        Puts the recording made at `point` beside its truth; `nat`: {server: verdict} as it must be told there;
        keys=True ships the IKE keys and adds a second truth file for the analysis with them.
        """
        path = self.path(suffix + ".pcap")
        shutil.copyfile(self.points[point], path)
        differs = {"logins": [], "server_name": "nps01.corp.contoso.com", **differs}
        differs.setdefault("trusted_root", "pki/%s.pem" % self.entry.root)
        stem = stem or self.entry.name + suffix
        self.ike_files[stem] = (point, False, differs.pop("nat", None))
        if further:
            differs["further_captures"] = ["%s%s.pcap" % (self.entry.name, more) for more in further]
        self.keep(path, stem=stem, **differs)
        if keys:
            name = self.ike_keys_file()
            if wrong_keys:
                self.keep_wrong_keys(point, stem, path, differs)
            self.ike_files[stem + "-keys"] = (point, True, self.ike_files[stem][2])
            more = keys if isinstance(keys, dict) else {}
            self.keep(path, stem=stem + "-keys", **{
                **differs, "ike_keys": name, "description": self.entry.description + "; with the IKE keys", **more})
        return path

    def keep_wrong_keys(self, point, stem, path, differs):
        """The same recording with keys of another tunnel: they must be told from a broken peer."""
        name = self.entry.name + "-wrong.ikev2_decryption_table"
        with open(os.path.join(self.output, name), "w", encoding="ascii") as out:
            for line in self.all_keys():
                fields = line.split(",")
                for index in (2, 3, 5, 6):  # the keys themselves
                    fields[index] = hashlib.sha512(fields[index].encode()).hexdigest()[:len(fields[index])]
                out.write(",".join(fields))
        self.ike_files[stem + "-wrong-keys"] = (point, False, self.ike_files[stem][2])
        self.keep(path, stem=stem + "-wrong-keys", **{
            **differs, "ike_keys": name, "description": self.entry.description + "; with keys that are not its own"})

    def change_point(self, point, name, change):
        """A recording made from that at `point` by `change(old path, new path)`; a point of its own for keep_point."""
        path = os.path.join(self.directory, "at-%s.pcap" % name)
        change(self.points[point], path)
        self.points[name] = path
        return name

    def keep_radius(self, server, nas="rras1", suffix="-radius", alert=None, **differs):
        """The recording between the VPN server and RADIUS, with its logins as in the scenarios without a VPN."""
        path = self.path(suffix + ".pcap")
        shutil.copyfile(self.points["radius" + nas[-1]], path)
        logins = [self.radius_login(attempt, server, NAS[nas][0], alert) for attempt in self.attempts
                  if self.served_by.get(attempt.name, nas) == nas]
        self.keep(path, **{"logins": logins, "expect_findings": [], "forbid_findings": ["snat-hides-clients"], "forbid_severity": [],
                           "description": self.entry.description + "; the RADIUS behind it", **differs})
        return path

    def radius_login(self, attempt, server, nas, alert):
        tunnel = attempt.method in ("PEAP", "EAP-TLS", "EAP-TTLS")
        row = {"user": attempt.user, "nas": nas, "method": attempt.method, "inner": attempt.inner,
               "expected_outcome": attempt.outcome(), "client_alert": alert,
               "certificates": list(server.certificates) if tunnel else []}
        if attempt.method == "EAP-TLS":
            row["client_certificates"] = [self.pki.sha256(name) for name in (attempt.certificate, "issuing")]
        return row

    def vpn_facts(self, stem, path, joined):
        """The sections `ike` and `nat` of one truth file."""
        point, with_keys, nat = self.ike_files[stem]
        work = os.path.join(self.directory, "keys-" + stem)
        directory = ike_truth.key_directory(work, self.all_keys() if with_keys else [])
        found, counts = ike_truth.read(path, directory)
        owner = self.owners()
        rows = []
        for ispi, association in found.items():
            row = association.truth()
            attempt = owner.get(ispi)
            if attempt:
                row.update(self.attempt_facts(attempt, ispi))
                if row["expected_outcome"] == "unanswered" and not joined and all(
                        answers and asked < 2 for asked, answers, _ in row["exchanges"].values()):
                    row["expected_outcome"] = "incomplete"  # what stayed unanswered did not come by here
                if ispi not in self.begun:
                    row["rekeys"] = self.first_of(attempt)
            rows.append(row)
        facts = {"point": point, "counts": counts, "associations": rows}
        return {"ike": facts, "nat": {
            "verdicts": nat, "translations": self.translations(point, found, owner), "virtual": VIP,
            "backends": sorted({RRAS[node] for node in self.served_by.values()}),
            "clients": sorted({one.address for one in self.attempts}),
            "on_the_way": sorted({PUBLIC[one.node] for one in self.attempts if one.node in PUBLIC} | {LB_INSIDE})}}

    def owners(self):
        """{initiator SPI: attempt}, by the client's own address."""
        if not hasattr(self, "_owners"):
            self._owners, waiting = {}, {}
            for attempt in self.attempts:
                waiting.setdefault(attempt.address, []).append(attempt)
            captures = [path for name, path in self.points.items() if name in ("client1", "client2", "mobile", "direct")]
            empty = ike_truth.key_directory(os.path.join(self.directory, "no-keys"), [])
            self.true_ports = {}
            self.begun = ike_truth.begun(captures, empty)
            for ispi, (address, port) in ike_truth.owners(captures, empty).items():
                queue = waiting.get(address)
                if queue:
                    self._owners[ispi] = queue.pop(0) if len(queue) > 1 else queue[0]
                    self.true_ports[ispi] = port
        return self._owners

    def first_of(self, attempt):
        """The association that the attempt began with."""
        return next(ispi for ispi, one in self._owners.items() if one is attempt)

    def attempt_facts(self, attempt, ispi):
        server = self.served_by.get(attempt.name)
        facts = {
            "user": attempt.user, "method": attempt.method, "inner": attempt.inner, "expected_outcome": attempt.outcome(),
            "real_client": {"address": attempt.address, "port": self.true_ports.get(ispi)},
            "real_server": RRAS.get(server, server) if attempt.to == VIP else attempt.to, "proposal_by_log": attempt.proposal(),
            "errors_by_log": attempt.notify_errors(), "virtual_address": attempt.virtual_address}
        return facts

    def translations(self, point, found, owner):
        """The configured translation of each client's address, as this point sees it."""
        table = []
        for ispi, association in found.items():
            attempt = owner.get(ispi)
            if attempt is None:
                continue
            row = {"real": attempt.address, "seen": association.client[0], "server_seen": association.server[0]}
            if attempt.node in PUBLIC and point not in PUBLIC:
                row["public"] = PUBLIC[attempt.node]
            if row not in table:
                table.append(row)
        return table

    def check_point(self, stem, path, facts):
        """Compares what was configured with what tshark sees at this point."""
        wrong, point = [], self.ike_files[stem][0]
        main = next(iter(self.ike_files))
        if point == self.ike_files[main][0]:
            directory = ike_truth.key_directory(os.path.join(self.directory, "keys"), self.all_keys())
            for claims, want in ((self.entry.shows, True), (self.entry.lacks, False)):
                wrong += ["%s %s %s" % (stem, "does not show" if want else "shows", claim) for claim in claims
                          if bool(recorder.frames(path, claim, directory=directory)) != want]
        if self.ike_files[stem][1] and not any(row["decrypted"] for row in facts["ike"]["associations"]):
            wrong.append("%s: tshark decrypts nothing" % stem)
        return wrong

    def check_vpn(self):
        outcomes = [attempt.outcome() for attempt in self.attempts if attempt.protocol == "ikev2"]
        if not as_claimed(outcomes, self.entry.attempts):
            return ["outcomes of attempts %s instead of %s" % (outcomes, list(self.entry.attempts))]
        return []
