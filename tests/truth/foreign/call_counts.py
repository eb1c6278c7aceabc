"""tshark's counts of L2TP, PPTP and the PPP inside them against the dissector's events. PPP in PPPoE or on a serial line is a link
layer and no login of a VPN: where a capture has both, PPP is not compared."""

import collections

LCP, PAP, CHAP = "c021", "c023", "c223"
CHAP_SUCCESS, CHAP_FAILURE, PAP_ACK, PAP_NAK = "3", "4", "2", "3"


def message_types(rows):
    """How often each type came, bare acknowledgements (0) left out."""
    return dict(collections.Counter(values["type"] for _, _, values in rows if values["type"] != "0"))


def l2tp_calls(rows):
    """tunnel/session of both ways of every call, as far as known."""
    ids = [values[way] for _, words, values in rows if words[0] == "l2tp" for way in ("to_server", "to_client")]
    return sorted(pair for pair in ids if pair != "0/0")


def control_packets(rows):
    """PPP's control packets by protocol."""
    return dict(sorted(collections.Counter("0x" + values["protocol"] for _, _, values in rows).items()))


def results(ppp):
    """What the last word about a user was, by the codes that tshark counted: at most one login in each of these captures."""
    chap, pap = ppp.get("chap_codes", {}), ppp.get("pap_codes", {})
    if CHAP_SUCCESS in chap or PAP_ACK in pap:
        return ["succeeded"]
    return ["failed"] if CHAP_FAILURE in chap or PAP_NAK in pap else []


def compare_ppp(ppp, told, table):
    theirs = {number: count for number, count in ppp.get("protocols", {}).items() if int(number, 16) >= 0x8000}
    calls = [values for _, _, values in told.lines["call"]]
    table.check("PPP control packets", theirs, control_packets(told.lines["ppp"]))
    table.check("PPP logins", results(ppp), sorted(values["auth"] for values in calls if values.get("auth", "none") != "none"))
    names = set(ppp.get("chap_names", {})) | set(ppp.get("pap_ids", {}))
    table.check("PPP users that tshark does not know", [], sorted({v["user"] for v in calls if v.get("user")} - names))


def compare(truth, told, table):
    l2tp = truth.get("l2tp", {})
    sessions = sorted(pair for pair in l2tp.get("tunnel_session", []) if not pair.endswith("/0"))
    table.check("PPTP messages", truth.get("pptp", {}), message_types(told.lines["pptp"]))
    table.check("L2TP messages", l2tp.get("message_types", {}), message_types(told.lines["l2tp"]))
    table.check("L2TP calls", sessions, l2tp_calls(told.lines["call"]))
    carried = "pptp" in truth or "l2tp" in truth or "0x880b" in truth.get("gre_proto", {})
    if carried and "ppp" in truth and "pppoe" not in truth:
        compare_ppp(truth["ppp"], told, table)
