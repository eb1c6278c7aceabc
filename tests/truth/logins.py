"""Each login that the lab knows against the session reported for it."""

from program import layers

NAS = {"10.20.0.21": "RRAS01", "10.20.0.22": "RRAS02", "10.20.0.23": "RRAS03",
       "10.20.0.31": "RRAS11", "10.20.0.32": "RRAS12"}
PASSWORD_METHODS = {"PAP", "CHAP", "MS-CHAP"}  # no EAP: the report names no method


def nas_of(session):
    """The NAS nearest to the client; None on a wire that shows the supplicant and a switch only."""
    for exchange in session["exchanges"]:
        radius = exchange["radius"]
        if radius and radius["nas_identifier"]:
            return radius["nas_identifier"]
        if exchange["client"]["address"] in NAS:
            return NAS[exchange["client"]["address"]]
    return None


def fact(session, choose):
    """The first exchange's value that says anything; the hops of a proxy show the same."""
    for exchange in session["exchanges"]:
        eaps = list(layers(exchange))
        value = choose(eaps) if eaps else None
        if value:
            return value
    return None


def certificates(depth, whose):
    def choose(eaps):
        return eaps[depth]["tls"][whose] if len(eaps) > depth and eaps[depth]["tls"] else None
    return choose


def client_alert(eaps):
    return [alert["code"] for eap in eaps if eap["tls"] for alert in eap["tls"]["alerts"] if alert["from"] == "client"]


def hidden_alert(eaps):
    return any("client" in eap["tls"]["encrypted_alerts_from"] for eap in eaps if eap["tls"])


def seen(session):
    """What the program says of a session, in the words of the truth files."""
    methods = fact(session, lambda eaps: [eap["method"] for eap in eaps]) or []
    return {
        "user": session["user"],
        "nas": nas_of(session),
        "outcome": session["outcome"],
        "method": methods[0] if methods else None,
        "inner": methods[1] if len(methods) > 1 else None,
        "alert": (fact(session, client_alert) or [None])[0],
        "alert hidden": bool(fact(session, hidden_alert)),
        "certificates": fact(session, certificates(0, "server_certificates")) or [],
        "client certificates": fact(session, certificates(0, "client_certificates"))
        or fact(session, certificates(1, "client_certificates")) or [],
        "inner certificates": fact(session, certificates(1, "server_certificates")) or [],
        "resumed": bool(fact(session, lambda eaps: eaps[0]["tls"] and eaps[0]["tls"]["resumed"])),
    }


def expected(login, truth, keys):
    """What must be said of a login; a key that is missing cannot be known from the recording."""
    hidden, codes = truth["certificates_hidden"], truth["frames"]["radius_codes"]
    requests_seen = not codes or "1" in codes
    done = login["expected_outcome"] == "established"
    want = {"outcome": login["expected_outcome"], "certificates": [] if hidden else login["certificates"]}
    if codes and login["expected_outcome"] == "rejected" and "3" not in codes and "further_captures" not in truth:
        want["outcome"] = "aborted" if login["client_alert"] else "incomplete"  # the reject itself was not recorded
    if requests_seen:
        want["user"] = login["user"] if keys else login.get("outer_identity", login["user"])
        want["nas"] = None if login["nas"] == "SWITCH01" and not codes else login["nas"]
    if requests_seen and (done or login["certificates"]) and login["method"] not in PASSWORD_METHODS:
        want["method"] = login["method"]
    if requests_seen and truth["alert_encrypted"]:
        want["alert"] = None
        if hidden != "TLS 1.3":
            want["alert hidden"] = True
    elif requests_seen:
        want["alert"] = login["client_alert"] and login["client_alert"]["code"]
    if not hidden:
        want["client certificates"] = [] if login["client_alert"] else login.get("client_certificates", [])
    want["resumed"] = hidden == "resumed" or (done and bool(login["inner"]) and not login["certificates"])
    if keys and (done or "inner_certificates" in login):
        want["inner"] = login["inner"]
        want["inner certificates"] = login.get("inner_certificates", [])
    return want


def distance(want, got):
    weights = {"user": 10, "nas": 5}
    return sum(weights.get(key, 1) for key, value in want.items() if got[key] != value)


def compare(truth, run, keys, table):
    """Pairs logins and sessions, the best fitting ones first, and tells every difference."""
    sessions = [seen(session) for session in run.report["sessions"]]
    wants = [expected(login, truth, keys) for login in truth["logins"]]
    if len(sessions) != len(wants):
        table.differs("sessions", len(wants), len(sessions))
    pairs = sorted((distance(want, got), i, j) for i, want in enumerate(wants) for j, got in enumerate(sessions))
    paired, taken = set(), set()
    for _, i, j in pairs:
        if i in paired or j in taken:
            continue
        paired.add(i)
        taken.add(j)
        for key, value in wants[i].items():
            table.check("%s of %s" % (key, truth["logins"][i]["user"]), value, sessions[j][key])
    for i, want in enumerate(wants):
        if i not in paired:
            table.differs("login of " + truth["logins"][i]["user"], want["outcome"], "not reported")
