"""What a scenario works with: its network, its PKI, its recording; and the list of all scenarios."""

import contextlib
import datetime
import os
import shutil
import subprocess

import pki as pki_module
import recorder
import truth
from balance_lab import BalanceLab
from freeradius import SECRET
from sstp_lab import SstpLab
from vpn_lab import VpnLab

SCENARIOS = {}
HEALTHY = ["critical", "warning"]


class Scenario:
    """A scenario's claims: what its logins come to and which findings follow from them."""

    def __init__(self, function, name, description, **claims):
        self.function, self.name, self.description = function, name, description
        self.outcomes = claims.pop("outcomes", [])
        self.alert = claims.pop("alert", None)
        self.expect = claims.pop("expect", [])
        self.forbid = claims.pop("forbid", [])
        self.healthy = claims.pop("healthy", False)
        self.root = claims.pop("root", "root")
        self.server_name = claims.pop("server_name", pki_module.NAME)
        self.tshark_misses = claims.pop("tshark_misses", False)
        self.hidden = claims.pop("hidden", None)
        self.shows = claims.pop("shows", [])
        self.lacks = claims.pop("lacks", [])
        self.seconds = claims.pop("seconds", 3)
        self.vpn = "attempts" in claims
        self.attempts = claims.pop("attempts", [])
        self.sstp = claims.pop("sstp", None)
        self.calls = claims.pop("calls", False)
        self.findings = claims.pop("findings", [])
        self.client_error = claims.pop("client_error", None) if self.sstp is not None else None
        self.extra = claims


def scenario(name, description, **claims):
    """Registers a scenario with its claims:

    outcomes, alert           of its logins, compared with the daemons' logs
    shows, lacks              display filters that must match some frame, or none
    hidden                    why the recording does not show the certificates
    tshark_misses             they are there, but tshark does not find all of them
    expect, forbid, healthy   findings that the recording must raise, must not raise; none but info at all
    attempts                  a VPN scenario: how its clients' attempts end, compared with the daemons' logs
    calls                     an L2TP or PPTP scenario
    sstp, findings            an SSTP scenario: how its clients' attempts end by their own logs; what must be found
                              (a set, of these or of `attempts`: no other end than these)
    """
    def register(function):
        SCENARIOS[name] = Scenario(function, name, description, **claims)
        return function
    return register


class Lab(VpnLab, SstpLab, BalanceLab):
    """The surroundings of one running scenario."""

    def __init__(self, entry, network, pki, output, directory, strongswan=None):
        self.entry, self.network, self.pki, self.output = entry, network, pki, output
        self.directory = os.path.join(directory, entry.name)
        os.makedirs(self.directory)
        self.counter = 0
        self.logins = []
        self.files = []
        self.keylog = None
        if entry.vpn:
            self.begin_vpn(network.vpn(), strongswan)
        if entry.sstp is not None:
            self.begin_sstp(None if entry.vpn else network.vpn())

    def count(self):
        self.counter += 1
        return self.counter

    def path(self, suffix=".pcap"):
        return os.path.join(self.output, self.entry.name + suffix)

    @contextlib.contextmanager
    def record(self, suffix=".pcap", pcapng=False, differs=None, **options):
        """Records while the block runs, into the scenario's file with this suffix; None: into a work file."""
        path = self.path(suffix) if suffix else os.path.join(self.directory, "raw.pcap")
        recording = (recorder.Dumpcap if pcapng else recorder.Recorder)(self, path, **options)
        try:
            yield path
        finally:
            recording.stop()
            if os.path.exists(path + ".log"):
                shutil.move(path + ".log", os.path.join(self.directory, os.path.basename(path) + ".log"))
        if suffix:
            self.keep(path, **(differs or {}))

    def copy(self, raw, suffix):
        return shutil.copyfile(raw, self.path(suffix))

    def keep(self, path, stem=None, **differs):
        """Adds a truth file for the recording `path`; `differs` replaces what the scenario claims otherwise."""
        self.files.append((stem or os.path.basename(path).split(".")[0], path, differs))
        return path

    def keep_keylog(self, server):
        """Copies the server's TLS secrets beside the recording, without the writer's comment lines."""
        self.keylog = self.path(".keylog")
        with open(server.keylog, encoding="ascii") as old, open(self.keylog, "w", encoding="ascii") as new:
            new.writelines(line for line in old if not line.startswith("#"))
        return self.keylog

    def facts(self, stem, path, differs):
        entry = self.entry
        facts = {
            "scenario": stem, "capture": os.path.basename(path),
            "origin": "tests/lab/run, %s, %s" % (versions(entry), datetime.datetime.now(datetime.timezone.utc).date()),
            "description": entry.description, "radius_secret": SECRET, "radius_secret_file": "pki/radius-secret",
            "keylog": os.path.basename(self.keylog) if self.keylog else None,
            "trusted_root": "pki/%s.pem" % entry.root, "server_name": entry.server_name, **entry.extra,
            "certificates_hidden": entry.hidden, "alert_encrypted": False,
            "logins": [login.truth() for login in self.logins],
            "expect_findings": entry.expect, "forbid_findings": entry.forbid,
            "forbid_severity": HEALTHY if entry.healthy else [],
        }
        return {**facts, **differs}

    def write_truth(self):
        """Writes the truth files; returns what the recording does not show although the scenario claims it."""
        empty = os.path.join(self.directory, "wireshark")
        os.makedirs(empty, exist_ok=True)
        wrong = self.check_logins() + list(self.wrong_counts) + (self.check_vpn() if self.entry.vpn else [])
        if self.entry.sstp is not None:
            wrong += self.check_sstp()
        for stem, path, differs in self.files:
            facts = self.facts(stem, path, differs)
            if self.entry.vpn and stem in self.ike_files:
                facts.update(self.vpn_facts(stem, path, "further_captures" in facts))
            keylog = os.path.join(self.output, facts["keylog"]) if facts["keylog"] else None
            tunnels = self.entry.sstp is not None and stem in self.sstp_files
            if tunnels:
                facts["sstp"] = self.sstp_facts(stem, path, keylog)
            counts = truth.write(os.path.join(self.output, stem + ".truth.json"), facts, path, keylog, empty)
            if tunnels:
                wrong += self.check_tunnels(stem, path, facts, keylog)
            elif self.entry.sstp is not None:
                wrong += self.check_recording(facts, counts)
            elif not self.entry.vpn:
                wrong += self.check_recording(facts, counts)
                wrong += self.check_claims(stem, path, keylog)
            elif stem in self.ike_files:
                wrong += self.check_point(stem, path, facts)
        return wrong

    def check_logins(self):
        outcomes = [login.outcome for login in self.logins]
        wrong = []
        if outcomes != list(self.entry.outcomes):
            wrong.append("outcomes %s instead of %s" % (outcomes, list(self.entry.outcomes)))
        alerts = {login.alert["code"] for login in self.logins if login.alert}
        if alerts != ({self.entry.alert} if self.entry.alert else set()):
            wrong.append("alerts %s instead of %s" % (alerts, self.entry.alert))
        return wrong

    def check_recording(self, facts, counts):
        """Compares certificates and alert as configured with what tshark shows."""
        wrong, stem = [], facts["scenario"]
        sent = {digest for login in facts["logins"]
                for digest in login["certificates"] + login.get("inner_certificates", [])}
        seen = {row["sha256"] for row in counts["certificates"]}
        if facts["certificates_hidden"] and seen:
            wrong.append("%s: the certificates are not hidden" % stem)
        if not facts["certificates_hidden"] and not self.entry.tshark_misses and not sent <= seen:
            wrong.append("%s: tshark sees %d of %d certificates" % (stem, len(sent & seen), len(sent)))
        if self.entry.alert and not self.entry.tshark_misses:
            alerts = {row["code"] for row in counts["alerts"]}
            if (self.entry.alert in alerts) == facts["alert_encrypted"]:
                wrong.append("%s: alert %d, tshark sees %s" % (stem, self.entry.alert, sorted(alerts)))
        return wrong

    def check_claims(self, stem, path, keylog):
        wrong = ["%s does not show %s" % (stem, claim) for claim in self.entry.shows
                 if not recorder.frames(path, claim, keylog)]
        return wrong + ["%s shows %s" % (stem, claim) for claim in self.entry.lacks
                        if recorder.frames(path, claim, keylog)]


def versions(entry):
    packages = ("strongswan-swanctl", "freeradius", "nftables", "tcpdump") if entry.vpn else (
        "freeradius", "haproxy", "libssl3", "nftables", "sstp-client", "tcpdump") if entry.sstp is not None else (
        "nftables", "pptp-linux", "pptpd", "tcpdump", "xl2tpd") if entry.calls else (
        "freeradius", "eapoltest", "hostapd", "wpasupplicant", "tcpdump")
    out = subprocess.run(("dpkg-query", "-W", "-f", "${Package} ${Version}, ", *packages), check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode().strip(", ")
    return ", ".join(part.replace(" 2:", " ").split("+")[0].rsplit("-", 1)[0] for part in out.split(", "))
