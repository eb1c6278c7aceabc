"""Calls of L2TP and PPTP: `calls` of the truth file against the exchanges and their PPP."""

import findings


def compare_call(row, exchange, who, table):
    ppp = exchange["ppp"] or {}
    table.check("type of " + who, row["type"], exchange["type"])
    table.check("client of " + who, row["client"], exchange["client"]["address"])
    table.check("server of " + who, row["server"], exchange["server"]["address"])
    table.check("outcome of " + who, row["expected_outcome"], exchange["outcome"])
    table.check("user of " + who, row["user"], ppp.get("user"))
    table.check("authentication's result for " + who, row["authentication_result"], ppp.get("authentication_result"))
    table.check("address of " + who, row["address"], ppp.get("client_address"))
    if row["authentication_result"]:
        table.check("authentication of " + who, row["authentication"], ppp.get("authentication"))
    if row["pings"]:
        table.check("datagrams of " + who, [row["pings"]] * 2, [ppp.get("client_datagrams"), ppp.get("server_datagrams")])


def compare(truth, run, table):
    exchanges = run.exchanges()
    table.check("calls", len(truth["calls"]), len(exchanges))
    for number, (row, exchange) in enumerate(zip(truth["calls"], exchanges), 1):
        compare_call(row, exchange, "call %d" % number, table)
    findings.compare(truth, run, table)
