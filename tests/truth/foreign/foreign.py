"""
foreign.py VPNSCOPE DUMP_EVENTS DUMP_TLS CAPTURES [NAME...]: captures that others made, against what tshark counted in them
(CAPTURES/truth). What deviates and why is in deviations.txt; a line there that is no longer true is a failure too.
Exit status 1: something deviates without a reason, 77: there is no such folder.
"""

import glob
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir))

import call_counts
import counts
import events
import explained
import frames
import ike_counts
import program
import table
import tls

SKIPPED = 77


def keylogs(capture):
    beside = [capture + ".keylog", os.path.splitext(capture)[0] + ".keylog"]
    return [path for path in beside if os.path.exists(path)][:1]


def ike_keys(capture):
    return [path for path in [capture + ".ikev2_decryption_table"] if os.path.exists(path)]


def compare(programs, capture, truth, deviations):
    vpnscope, dump_events, dump_tls = programs
    keys, tables = keylogs(capture), ike_keys(capture)
    told = events.Events(dump_events, capture, keys, tables)
    facts = truth["truth_with_keys"] if (keys or tables) and truth.get("truth_with_keys") else truth["truth"]
    counts.compare(facts, told, deviations)
    ike_counts.compare(facts, told, deviations)
    call_counts.compare(facts, told, deviations)
    tls.compare(facts, events.Events(dump_tls, capture, keys), deviations)
    arguments = [word for key in keys for word in ("--keylog", key)] + [word for key in tables for word in ("--ike-keys", key)]
    try:
        run = program.Run(vpnscope, arguments + [capture], None)
    except program.Failure as failure:
        if told.total("frames") is not None:
            deviations.differs("run", "a report", failure)
        return
    if run.status not in (0, 1, 2):
        deviations.differs("exit status", "0, 1 or 2", run.status)
    frames.compare_places(run, deviations)


def main():
    *programs, directory = (os.path.abspath(path) for path in sys.argv[1:5])
    if not os.path.isdir(os.path.join(directory, "truth")):
        print("SKIPPED: no folder of foreign captures (VPNSCOPE_FOREIGN_CAPTURES)")
        return SKIPPED
    deviations = table.Table()
    paths = sorted(glob.glob(os.path.join(directory, "truth", "*", "*.json")))
    for path in paths:
        name = os.path.relpath(path, os.path.join(directory, "truth"))[:-len(".json")]
        if len(sys.argv) > 5 and not any(word in name for word in sys.argv[5:]):
            continue
        with open(path, encoding="utf-8") as source:
            truth = json.load(source)
        deviations.subject = name
        compare(programs, os.path.join(directory, name), truth, deviations)
    reasons = explained.read(os.path.join(os.path.dirname(os.path.abspath(__file__)), "deviations.txt"))
    accepted = explained.take_out(deviations, reasons, whole=len(sys.argv) == 5)
    deviations.print()
    print("%d captures, %d comparisons, %d explained deviations, %d others"
          % (len(paths), deviations.checks, accepted, len(deviations.rows)))
    return 1 if deviations.rows or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
