"""A tunnel and the RADIUS login behind it, recorded side by side, are one session."""

TUNNELS = ("ikev2", "ikev1", "sstp", "l2tp", "pptp")


def with_radius(truth):
    return any(name.endswith("-radius.pcap") for name in truth.get("further_captures", []))


def compare(truth, run, table):
    """Recordings with the RADIUS side beside them: no login stands alone, and each tells its tunnel's user."""
    if not with_radius(truth):
        return
    logins = [exchange for exchange in run.exchanges() if exchange["type"] == "radius"]
    table.check("logins beside the tunnels", True, bool(logins))
    for session in run.report["sessions"]:
        types = [exchange["type"] for exchange in session["exchanges"]]
        if "radius" not in types:
            continue
        who = "the login of %s" % session["user"]
        table.check("tunnel of " + who, True, types[0] in TUNNELS)
        table.check("protocol of " + who, types[0], session["protocol"])
        seen_in = {capture for exchange in session["exchanges"] for capture in exchange["seen_in"]}
        table.check("captures that show " + who, set(range(len(run.report["captures"]))), seen_in)
    # The lab's recorders run on one machine.
    for capture in run.report["captures"]:
        if capture["clock_offset_ms"] is not None:
            table.check("clock of " + capture["file"], True, abs(capture["clock_offset_ms"]) < 100)
