"""SSTP connections of the lab's recordings against the report: `exchanges[].sstp`, `exchanges[].tls`, findings."""


def compare_tls(row, got, who, table):
    if not row["tls_version"]:
        return
    table.check("TLS version of " + who, row["tls_version"], got["version"])
    table.check("SNI of " + who, row["sni"], got["sni"])
    table.check("client random of " + who, row["client_random"], got["client_random"])
    if row["certificates"]:
        table.check("certificates of " + who, row["certificates"], got["server_certificates"])


def compare_connection(row, exchange, hidden, table):
    who = "%s port %s" % (row["client"]["address"], row["client"]["port"])
    if row["kind"] != "sstp" or row["http_method"]:  # a handshake alone may be anybody's
        table.check("type of " + who, row["kind"], exchange["type"])
    if exchange["tls"]:
        compare_tls(row, exchange["tls"], who, table)
    if row["kind"] == "sstp" and not hidden:
        table.check("outcome of " + who, row["expected_outcome"], exchange["outcome"])
    got = exchange["sstp"]
    if not got:
        return
    table.check("offload of " + who, row["http_method"] is not None and row["tls_version"] is None, got["offloaded"])
    if row["http_method"]:
        table.check("HTTP status of " + who, row["http_status"], got["http_status"])
        table.check("correlation id of " + who, row["correlation_id"], got["correlation_id"])
        # The client's log knows what tshark loses where segments are.
        table.check("messages of " + who, [name.split()[-1] for name in row.get("messages_at_client", row["messages"])],
                    [one if isinstance(one, str) else one["name"] for one in got["messages"]])


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


def compare(truth, run, table):
    """What is told of SSTP only where the report knows it: as long as it has no such exchange, the packets are compared."""
    table.check("packets", truth["frames"]["frames"], run.report["captures"][0]["packets"])
    exchanges = {(one["client"]["address"], one["client"]["port"]): one for one in run.exchanges()
                 if one["type"] in ("sstp", "probe", "tls")}
    if not any(one["type"] == "sstp" for one in exchanges.values()):
        return
    for row in truth["sstp"]["connections"]:
        exchange = exchanges.get((row["client"]["address"], row["client"]["port"]))
        if exchange:
            compare_connection(row, exchange, truth["sstp"]["outcome_hidden"], table)
        else:
            table.differs("exchanges", "%s port %s" % (row["client"]["address"], row["client"]["port"]), "none")
    compare_verdicts(truth, run, table)
    compare_findings(truth, run, table)
