"""
recordings.py VPNSCOPE DUMP_EVENTS PCAPS [NAME...]: the lab's recordings against their truth files.
Exit status 1: something deviates.
"""

import glob
import json
import os
import sys

import balance
import calls
import events
import findings
import frames
import ike
import logins
import program
import sstp
import table

SUFFIX = ".truth.json"


def arguments(truth):
    """The options that the truth file names, as somebody who knows the site would give them."""
    out = ["--trusted-root", truth["trusted_root"], "--server-name", truth["server_name"],
           "--radius-secret", truth["radius_secret_file"]]
    if truth["keylog"]:
        out += ["--keylog", truth["keylog"]]
    if truth.get("ike_keys"):
        out += ["--ike-keys", truth["ike_keys"]]
    return out + [truth["capture"]] + truth.get("further_captures", [])


def compare_together(vpnscope, truth, directory, deviations):
    """The same logins recorded on two ways at once are the same sessions."""
    run = program.Run(vpnscope, arguments(truth) + truth["together_with"], directory)
    logins.compare(truth, run, has_keys(truth, directory), deviations)
    for session in run.report["sessions"]:
        captures = {capture for exchange in session["exchanges"] for capture in exchange["seen_in"]}
        deviations.check("captures that show the login", set(range(1 + len(truth["together_with"]))), captures)


def has_keys(truth, directory):
    """With a key log beside it, or with secrets inside (a pcapng's Decryption Secrets Block is plain text)."""
    if truth["keylog"]:
        return True
    with open(os.path.join(directory, truth["capture"]), "rb") as capture:
        content = capture.read()
    return b"CLIENT_RANDOM " in content or b"CLIENT_TRAFFIC_SECRET_0 " in content


def compare_order(vpnscope, truth, run, directory, deviations):
    """The same captures, named in another order, give the same report."""
    captures = [truth["capture"]] + truth.get("further_captures", [])
    if len(captures) > 1:
        options = arguments(truth)[:-len(captures)]
        other = program.Run(vpnscope, options + captures[::-1], directory)
        deviations.check("report whatever the order of captures", True, run.report == other.report)


def compare(vpnscope, dump_events, path, deviations):
    directory = os.path.dirname(path)
    with open(path, encoding="utf-8") as source:
        truth = json.load(source)
    truth["expect_findings"] += truth.get("expect_ike", [])
    try:
        run = program.Run(vpnscope, arguments(truth), directory)
        compare_order(vpnscope, truth, run, directory, deviations)
        if "together_with" in truth:
            compare_together(vpnscope, truth, directory, deviations)
    except program.Failure as failure:
        deviations.differs("run", "a report", failure)
        return
    if "balance" in truth:
        balance.compare(truth, run, vpnscope, arguments(truth), directory, deviations)
        return
    if "ike" in truth:
        ike.compare(truth, run, deviations)
        return
    if "sstp" in truth:
        sstp.compare(truth, run, directory, deviations)
        return
    if "calls" in truth:
        calls.compare(truth, run, deviations)
        return
    keys = has_keys(truth, directory)
    told = events.Events(dump_events, os.path.join(directory, truth["capture"]),
                         [os.path.join(directory, truth["keylog"])] if truth["keylog"] else [])
    logins.compare(truth, run, keys, deviations)
    findings.compare(truth, run, deviations)
    frames.compare(truth, run, told, keys, deviations)


def main():
    vpnscope, dump_events, directory = (os.path.abspath(path) for path in sys.argv[1:4])
    names = sys.argv[4:]
    deviations = table.Table()
    paths = sorted(glob.glob(os.path.join(directory, "*" + SUFFIX)))
    if names:
        paths = [path for path in paths if os.path.basename(path)[:-len(SUFFIX)] in names]
    for path in paths:
        deviations.subject = os.path.basename(path)[:-len(SUFFIX)]
        compare(vpnscope, dump_events, path, deviations)
    deviations.print()
    print("%d recordings, %d comparisons, %d deviations" % (len(paths), deviations.checks, len(deviations.rows)))
    return 1 if deviations.rows or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
