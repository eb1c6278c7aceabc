"""Connections of each server against the report's `balance`: first as found in the captures, then with the servers named as an
administrator names them; verdicts, windows, probes, findings."""

import json

import program

COUNTED = ("attempts", "established", "failed", "unanswered")


def table_of(run, protocol):
    return next((row for row in run.report["balance"] if row["protocol"] == protocol), None)


def compare_counts(want, got, who, table):
    """Every server that the truth names, and no other with anything."""
    servers = {row["address"]: row for row in got["backends"]}
    for row in want["backends"]:
        here = servers.pop(row["address"], None)
        if here is None:
            if row["attempts"] or who == "named":
                table.differs("%s servers" % who, row["address"], "not listed")
            continue
        for field in COUNTED:
            table.check("%s: %s of %s" % (who, field, row["address"]), row[field], here.get(field, 0))
        if who == "named" and want["options"]:
            table.check("name of " + row["address"], row["name"], here["name"])
        if want["all_stay"]:
            table.check("%s: peak of %s" % (who, row["address"]), row["established"], here.get("peak_concurrent"))
        if want["each_counts"]:
            table.check("%s: clients of %s" % (who, row["address"]), row["clients"], here.get("clients"))
        if want["octets"]:
            table.check("%s: octets of %s" % (who, row["address"]), row["octets"], here.get("bytes"))
    for address, row in servers.items():
        table.check("%s: attempts at %s, which the truth does not know" % (who, address), 0, row["attempts"])


def measures(loads):
    """As textbooks define them."""
    mean = sum(loads) / len(loads)
    variance = sum((load - mean) ** 2 for load in loads) / len(loads)
    return {"jain": sum(loads) ** 2 / (len(loads) * sum(load * load for load in loads)),
            "coefficient_of_variation": variance ** 0.5 / mean, "max_over_mean": max(loads) / mean}


def compare_shares(want, got, table):
    """The numbers that follow from the counts."""
    total = sum(row["attempts"] for row in want["backends"])
    for row in got["backends"]:
        if total and abs(row["share"] - row["attempts"] / total) > 0.001:
            table.differs("share of " + row["address"], row["attempts"] / total, row["share"])
        if row.get("peak_concurrent", 0) > row["attempts"]:
            table.differs("peak of " + row["address"], "at most %d" % row["attempts"], row["peak_concurrent"])
    loads = [row["attempts"] / row.get("weight", 1) for row in got["backends"]]
    for name, value in measures(loads).items() if any(loads) else ():
        if got.get(name) is None or abs(value - got[name]) > 0.001:
            table.differs(name, value, got.get(name))
    compare_windows(want, got, table)


def compare_windows(want, got, table):
    """Windows hold each attempt once, with its end; what the truth counts of a server is in their columns."""
    windows = got.get("windows", [])
    truth = {row["address"]: row for row in want["backends"]}
    for column, server in enumerate(row["address"] for row in got["backends"]) if windows else ():
        for field, name in ("attempts", "connections"), ("established",) * 2, ("failed",) * 2, ("unanswered",) * 2:
            table.check("windows: %s of %s" % (name, server), truth.get(server, {}).get(field, 0),
                        sum(window[name][column] for window in windows))
        if want["all_stay"] and server in truth:
            table.check("windows: peak of " + server, truth[server]["established"],
                        max(window["peak_concurrent"][column] for window in windows))


def compare_probes(want, got, table):
    """As the servers' logs count them; one may be under way when the recording ends."""
    for address, count in (want["probes"] or {}).items():
        told = [row for row in got.get("probes", []) if row["target"].rsplit(":", 1)[0] == address]
        seen = sum(row["count"] for row in told)
        if abs(seen - count) > 2:
            table.differs("probes of " + address, count, seen)
    if want["prober"]:
        table.check("who probes", {want["prober"]}, {row["source"] for row in got.get("probes", [])})


def compare_findings(truth, run, table):
    raised = run.raised()
    for name in truth["expect_findings"]:
        if name not in raised:
            table.differs("finding", name, "not raised")
    for name, word in truth["balance"]["says"].items():
        table.check("%s says %s" % (name, word), True, any(
            word in json.dumps(finding) for finding in run.report["findings"] if finding["id"] == name))
    if truth["expect_any"] and not set(truth["expect_any"]) & set(raised):
        table.differs("finding", "one of " + " ".join(truth["expect_any"]), "none raised")
    for name in truth["forbid_findings"]:
        if name in raised:
            table.differs("finding", "no " + name, "raised")
    allowed = truth["expect_findings"] + truth["expect_any"] + truth["allow_findings"]
    for name, severity in sorted(raised.items()):
        if severity != "info" and name not in allowed:
            table.differs("finding", "not named by the truth", "%s (%s)" % (name, severity))


def compare_named(truth, vpnscope, arguments, directory, table):
    want = truth["balance"]
    captures = [truth["capture"]] + truth.get("further_captures", [])
    run = program.Run(vpnscope, want["options"] + arguments, directory)
    got = table_of(run, want["protocol"])
    if got is None:
        table.differs("balance of " + want["protocol"], "a table", "none")
        return
    compare_counts(want, got, "named", table)
    compare_shares(want, got, table)
    compare_probes(want, got, table)
    table.check("connections", want["connections"], got["connections"])
    for name, rows in want["parts"].items():
        part = table_of(run, name)
        if part is None:
            table.differs("balance of " + name, "a table", "none")
        else:
            compare_counts({**want, "backends": rows}, part, "named", table)
            compare_shares({**want, "backends": rows}, part, table)
    if want["verdicts"]:
        table.check("verdict is one of " + " ".join(want["verdicts"]), True, got["verdict"] in want["verdicts"])
    compare_findings(truth, run, table)
    if len(captures) > 1:
        options = arguments[:-len(captures)]
        other = program.Run(vpnscope, want["options"] + options + captures[::-1], directory)
        table.check("balance whatever the order of captures", run.report["balance"], other.report["balance"])


def compare(truth, run, vpnscope, arguments, directory, table):
    """`run` had no names."""
    want = truth["balance"]
    table.check("packets", truth["frames"]["frames"], run.report["captures"][0]["packets"])
    got = table_of(run, want["protocol"])
    if want["found"] and got is None:
        table.differs("balance of " + want["protocol"], "a table", "none")
    elif want["found"]:
        compare_counts(want, got, "found", table)
    compare_named(truth, vpnscope, arguments, directory, table)
