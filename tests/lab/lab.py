"""What a scenario works with: its network, its PKI, its recording; and the list of all scenarios."""

import contextlib
import datetime
import os
import shutil
import subprocess

import pki as pki_module
import recorder
import truth
from freeradius import SECRET

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
        self.keylog = claims.pop("keylog", False)
        self.certificates = claims.pop("certificates", True)
        self.seconds = claims.pop("seconds", 3)
        self.extra = claims


def scenario(name, description, **claims):
    """Registers a scenario. `certificates=False`: a general dissector does not find them all in this recording."""
    def register(function):
        SCENARIOS[name] = Scenario(function, name, description, **claims)
        return function
    return register


class Lab:
    """The surroundings of one running scenario."""

    def __init__(self, entry, network, pki, output, directory):
        self.entry, self.network, self.pki, self.output = entry, network, pki, output
        self.directory = os.path.join(directory, entry.name)
        os.makedirs(self.directory)
        self.counter = 0
        self.logins = []
        self.files = []
        self.servers = []
        self.keylog = None
        self.trusted_root = entry.root

    def count(self):
        self.counter += 1
        return self.counter

    def path(self, suffix=".pcap"):
        return os.path.join(self.output, self.entry.name + suffix)

    @contextlib.contextmanager
    def record(self, suffix=".pcap", **options):
        """Records while the block runs, into the scenario's file with this suffix; "" in front keeps it private."""
        path = self.path(suffix) if suffix else os.path.join(self.directory, "raw.pcap")
        recording = recorder.Recorder(self, path, **options)
        try:
            yield path
        finally:
            recording.stop()
            if os.path.exists(path + ".log"):
                shutil.move(path + ".log", os.path.join(self.directory, os.path.basename(path) + ".log"))
        if suffix:
            self.files.append(path)

    def keep(self, path):
        self.files.append(path)
        return path

    def keep_keylog(self, server):
        """Copies the server's TLS secrets beside the recording, without the writer's comment lines."""
        self.keylog = self.path(".keylog")
        with open(server.keylog, encoding="ascii") as old, open(self.keylog, "w", encoding="ascii") as new:
            new.writelines(line for line in old if not line.startswith("#"))
        return self.keylog

    def facts(self, path):
        entry = self.entry
        return {
            "scenario": entry.name, "capture": os.path.basename(path),
            "origin": "tests/lab/run, %s, %s" % (versions(), datetime.datetime.now(datetime.timezone.utc).date()),
            "description": entry.description, "radius_secret": SECRET, "radius_secret_file": "pki/radius-secret",
            "keylog": os.path.basename(self.keylog) if self.keylog else None,
            "trusted_root": "pki/%s.pem" % entry.root, "server_name": entry.server_name, **entry.extra,
            "logins": [login.truth() for login in self.logins],
            "expect_findings": entry.expect, "forbid_findings": entry.forbid,
            "forbid_severity": HEALTHY if entry.healthy else [],
        }

    def write_truth(self):
        """Writes the truth files; returns what the recording does not show although the scenario claims it."""
        empty = os.path.join(self.directory, "wireshark")
        os.makedirs(empty, exist_ok=True)
        wrong = self.check_logins()
        for path in self.files:
            stem = os.path.join(self.output, os.path.basename(path).split(".")[0])
            counts = truth.write(stem + ".truth.json", self.facts(path), path, self.keylog, empty)
            wrong += self.check_recording(path, counts)
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

    def check_recording(self, path, counts):
        wrong = []
        if counts["frames"] == 0:
            wrong.append("%s is empty" % os.path.basename(path))
        if self.entry.certificates:
            sent = {digest for login in self.logins if not login.resumed for digest in login.certificates}
            seen = {row["sha256"] for row in counts["certificates"]}
            if not sent <= seen:
                wrong.append("tshark sees %d of %d certificates" % (len(sent & seen), len(sent)))
            alerts = {row["code"] for row in counts["alerts"]}
            if self.entry.alert and self.entry.alert not in alerts:
                wrong.append("tshark does not see alert %d but %s" % (self.entry.alert, sorted(alerts)))
        return wrong


def versions():
    packages = ("freeradius", "eapoltest", "hostapd", "wpasupplicant", "tcpdump")
    out = subprocess.run(("dpkg-query", "-W", "-f", "${Package} ${Version}, ", *packages), check=False,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode().strip(", ")
    return ", ".join(part.split("+")[0].rsplit("-", 1)[0] for part in out.split(", "))
