"""Runs vpnscope and reads its JSON."""

import json
import subprocess

TIMEOUT = 30


class Failure(Exception):
    """The program gave no document at all."""


class Run:
    """One run: exit status, the JSON document, and what was said on standard error."""

    def __init__(self, program, arguments, directory):
        argv = [program, "--json"] + arguments
        try:
            done = subprocess.run(argv, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  timeout=TIMEOUT, check=False)
        except subprocess.TimeoutExpired as late:
            raise Failure("no end after %d s" % TIMEOUT) from late
        self.status = done.returncode
        self.errors = done.stderr.decode("utf-8", "replace").strip()
        try:
            self.report = json.loads(done.stdout.decode("utf-8"))
        except ValueError as bad:
            raise Failure("exit status %d, no JSON (%s) %s" % (done.returncode, bad, self.errors)) from bad

    def raised(self):
        """Findings' ids with their worst severity."""
        order = ("info", "warning", "critical")
        worst = {}
        for finding in self.report["findings"]:
            before = worst.get(finding["id"], "info")
            worst[finding["id"]] = max(before, finding["severity"], key=order.index)
        return worst

    def exchanges(self):
        """Every exchange of every session."""
        return [exchange for session in self.report["sessions"] for exchange in session["exchanges"]]


def layers(exchange):
    """The EAP conversations of an exchange from the outside inwards."""
    eap = exchange["eap"]
    while eap:
        yield eap
        eap = eap["inner"]
