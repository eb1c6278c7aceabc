"""SSTP connections of the lab's recordings against the report: `exchanges[].sstp`, `.tls`, `.tcp`, `.ppp`, sessions, verdicts on NAT,
findings."""

import json
import os
import re

import joined

GUID = re.compile(r"\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")
FAILED = ("rejected", "aborted", "unanswered")
LISTED = 16  # probes of one source to one server that a session lists


def compare_tls(row, got, who, table):
    if not row["tls_version"]:
        return
    table.check("TLS version of " + who, row["tls_version"], got["version"])
    table.check("SNI of " + who, row["sni"], got["sni"])
    table.check("client random of " + who, row["client_random"], got["client_random"])
    if row["certificates"]:
        table.check("certificates of " + who, row["certificates"], got["server_certificates"])
    want, told = ([[one["from"], one["code"]] for one in alerts] for alerts in (row["alerts"], got["alerts"]))
    # Decrypted, tshark counts those of EAP inside as well; a probe is not read to its end.
    if not row["decrypted"] and row["kind"] != "probe":
        table.check("alerts of " + who, want, told)
    elif not all(alert in want for alert in told):
        table.differs("alerts of " + who, want, told)


def compare_tcp(row, got, who, table):
    """As tshark counts; it takes a SYN that is sent again for one, too."""
    table.check("SYNs of " + who, [row["syns"], row["syn_acks"]], [got["client"]["syns"], got["server"]["syns"]])
    table.check("sides that ended " + who, set(row["fin_from"]),
                {side for side in ("client", "server") if got[side]["fin_frame"]})
    if row["reset_from"]:
        table.check("reset of " + who, True, got[row["reset_from"]]["reset_frame"] is not None)


def compare_ppp(row, got, who, table):
    """Who the client is shows once LCP is agreed."""
    if got["authentication_result"] is None:
        return
    table.check("authentication of " + who, row["method"], got["authentication"])
    table.check("computer of " + who, row["computer"], got["computer"])
    if row["last_of_computer"]:  # its log has the last address it got
        table.check("address of " + who, row["inner_address"], got["client_address"])
    table.check("authentication's result for " + who, row["authenticated"], got["authentication_result"] == "accepted")


def compare_sstp(row, got, who, table):
    # A connection without a word is of no kind.
    if row["http_method"] or row["tls_version"]:
        table.check("offload of " + who, row["http_method"] is not None and row["tls_version"] is None, got["offloaded"])
    if row.get("proxied_client"):
        table.check("client hidden behind " + who, "%s:%d" % tuple(row["proxied_client"]), got["hidden_client"])
    if not row["http_method"]:
        return
    table.check("HTTP status of " + who, row["http_status"], got["http_status"])
    if GUID.fullmatch(row["correlation_id"] or ""):
        table.check("correlation id of " + who, row["correlation_id"], got["correlation_id"])
    else:  # sstpc writes it with digits missing
        table.check("correlation id of " + who, None, got["correlation_id"])
    # The client's log knows what tshark loses where segments are.
    table.check("messages of " + who, [name.split()[-1] for name in row.get("messages_at_client", row["messages"])],
                got["messages"])
    if row.get("forwarded_for"):
        table.check("client hidden behind " + who, row["forwarded_for"], got["hidden_client"])


def compare_binding(row, got, keys, who, table):
    """What the server found is what the octets show, as far as they do: the MAC only with the keys that RADIUS told it."""
    if row.get("binding_at_server") is None or got["crypto_binding"] is None:
        return
    want = "valid" if row["binding_at_server"] else "invalid"
    if keys and row["tls_version"]:
        table.check("crypto binding of " + who, want, got["crypto_binding"])
    else:
        table.check("crypto binding of " + who, True, got["crypto_binding"] in (want, "unchecked"))


def compare_connection(row, exchange, hidden, keys, table):
    who = "%s port %s" % (row["client"]["address"], row["client"]["port"])
    if row["kind"] != "sstp" or row["http_method"]:  # a handshake alone may be anybody's
        table.check("type of " + who, row["kind"], exchange["type"])
    if exchange["tls"]:
        compare_tls(row, exchange["tls"], who, table)
    compare_tcp(row, exchange["tcp"], who, table)
    if row["kind"] == "sstp" and row.get("expected_outcome") and not hidden:
        table.check("outcome of " + who, row["expected_outcome"], exchange["outcome"])
    if exchange["sstp"]:
        compare_sstp(row, exchange["sstp"], who, table)
        compare_binding(row, exchange["sstp"], keys, who, table)
    if row["kind"] == "sstp" and exchange["ppp"] and row.get("user"):
        compare_ppp(row, exchange["ppp"], who, table)


def further_rows(truth, directory):
    """Connections that the other captures of this run show."""
    for name in truth.get("further_captures", []):
        with open(os.path.join(directory, os.path.splitext(name)[0] + ".truth.json"), encoding="utf-8") as source:
            yield from json.load(source).get("sstp", {}).get("connections", [])


def compare_sessions(rows, further, run, table):
    """Each tunnel's attempt is one, wherever its TLS session was captured; the probes of one source of one server are one, and none
    has failed."""
    tunnels = [s for s in run.report["sessions"] if any(x["type"] == "sstp" for x in s["exchanges"])]
    seen = {row["client_random"] for row in rows} - {None}
    again = [row for row in further if row["kind"] == "sstp" and row["client_random"] not in seen]
    table.check("sessions", sum(row["kind"] == "sstp" for row in rows) + len(again), len(tunnels))
    probes = [s for s in run.report["sessions"] if any(x["type"] == "probe" for x in s["exchanges"])]
    pairs = {}
    for row in rows:
        if row["kind"] == "probe":
            pair = (row["client"]["address"], row["server"]["address"], row["server"]["port"])
            pairs[pair] = pairs.get(pair, 0) + 1
    table.check("sessions of probes", sorted(min(n, LISTED) for n in pairs.values()),
                sorted(len(s["exchanges"]) for s in probes))
    for session in probes:
        table.check("a session of probes has no other exchanges", {"probe"}, {x["type"] for x in session["exchanges"]})
        table.check("probes are no failed sessions", False, session["outcome"] in FAILED)


def addresses_of(truth):
    """All addresses that somebody in the lab has or had on the way."""
    out = {truth["sstp"].get("virtual")} | set(truth["sstp"].get("backends") or [])
    for row in truth["sstp"]["connections"]:
        out |= {row["client"]["address"], row["server"]["address"], row.get("hidden_client")}
        out |= {row["real_client"]["address"]} if row.get("real_client") else set()
    return out


def compare_verdicts(truth, run, table):
    """What SSTP does not show is unknown; what is said must be so."""
    real, hidden = addresses_of(truth), {row.get("hidden_client") for row in truth["sstp"]["connections"]} - {None}
    for row in run.report["translation"]:
        want = (truth["sstp"]["nat"] or {}).get(row["server"])
        who = "NAT verdict of " + row["server"]
        if want and row["verdict"] != "unknown":
            table.check(who, want, row["verdict"])
        elif row["verdict"] == "unknown" and not row["reason"]:
            table.differs(who, "a reason", "none")
        recovered = {one["real"].rsplit(":", 1)[0].strip("[]") for one in row["recovered"]}
        if not recovered <= real:
            table.differs("recovered addresses", "those of the lab", " ".join(sorted(recovered - real)))
        told = any(one["proxied_client"] or one["forwarded_for"] for one in truth["sstp"]["connections"] if "proxied_client" in one)
        if told and want == "snat" and not hidden <= recovered:
            table.differs("recovered addresses", " ".join(sorted(hidden)), " ".join(sorted(recovered)) or "none")


def compare_findings(truth, run, table):
    want, raised = truth["sstp"], run.raised()
    for name in want["expect_findings"]:
        if name not in raised:
            table.differs("finding", name, "not raised")
    if want["expect_any"] and not set(want["expect_any"]) & set(raised):
        table.differs("finding", "one of " + " ".join(want["expect_any"]), "none raised")
    allowed = want["expect_findings"] + want["expect_any"] + want["allow_findings"]
    for name, severity in sorted(raised.items()):
        if severity != "info" and name not in allowed:
            table.differs("finding", "not named by the truth", "%s (%s)" % (name, severity))
    if want["client_error"]:
        codes = {session["client_error"]["code"] for session in run.report["sessions"] if session["client_error"]}
        table.check("client errors", {want["client_error"]}, codes)


def exchange_of(row, run):
    """By its TLS session, which may be reported as another place saw it; else, as ports are used again, of several the one that
    began nearest."""
    for one in run.exchanges():
        if row["client_random"] and one["tls"] and one["tls"]["client_random"] == row["client_random"]:
            return one
    same = [one for one in run.exchanges() if one["type"] in ("sstp", "probe", "tls")
            and (one["client"]["address"], one["client"]["port"]) == (row["client"]["address"], row["client"]["port"])]
    return min(same, key=lambda one: abs(one["first_frame"] - row["first_frame"]), default=None)


def compare(truth, run, directory, table):
    table.check("packets", truth["frames"]["frames"], run.report["captures"][0]["packets"])
    rows = truth["sstp"]["connections"]
    last = {row.get("computer"): row["first_frame"] for row in rows}
    for row in rows:
        row["last_of_computer"] = last[row.get("computer")] == row["first_frame"]
        exchange = exchange_of(row, run)
        if exchange:
            compare_connection(row, exchange, truth["sstp"]["outcome_hidden"], joined.with_radius(truth), table)
        elif row["kind"] != "tls":  # somebody's HTTPS need not be a session
            table.differs("exchanges", "%s port %s" % (row["client"]["address"], row["client"]["port"]), "none")
    joined.compare(truth, run, table)
    compare_sessions(rows, list(further_rows(truth, directory)), run, table)
    compare_verdicts(truth, run, table)
    compare_findings(truth, run, table)
