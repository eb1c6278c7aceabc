"""Numbers of packets, frames of evidence and what tshark saw, against the report."""

from program import layers


def places(run):
    """Every frame number that the report names, with its capture."""
    for finding in run.report["findings"]:
        if not finding["evidence"] and not finding["id"].startswith("capture-"):
            yield finding["id"], None, None
        for evidence in finding["evidence"]:
            yield finding["id"], evidence["capture"], evidence["frame"]
    for exchange in run.exchanges():
        for key in ("first_frame", "last_frame"):
            yield key, None if len(exchange["seen_in"]) > 1 else exchange["seen_in"][0], exchange[key]


def compare_places(run, table):
    packets = [capture["packets"] for capture in run.report["captures"]]
    for what, capture, frame in places(run):
        if frame is None:
            table.differs("evidence of " + what, "a frame", "none")
        elif not 1 <= frame <= (max(packets) if capture is None else packets[capture]):
            table.differs("frame of " + what, "a frame of the capture", frame)


def compare_tshark(counts, truth, run, table):
    """
    tshark misses certificates of interleaved logins, or joins pieces of two into one that nobody sent: what it saw of
    those that the servers had must be among what we saw.
    """
    sent = {digest for login in truth["logins"] for key, value in login.items() if key.endswith("certificates")
            for digest in value}
    known = {certificate["sha256"] for certificate in run.report["certificates"]}
    for certificate in counts["certificates"]:
        if certificate["sha256"] in sent - known:
            table.differs("certificate in frame %d" % certificate["frame"], certificate["sha256"][:16], "not seen")
    alerts = {(alert["frame"], alert["code"]) for exchange in run.exchanges() for eap in layers(exchange) if eap["tls"]
              for alert in eap["tls"]["alerts"]}
    for alert in counts["alerts"]:
        if alert["level"] <= 2 and (alert["frame"], alert["code"]) not in alerts:
            table.differs("alert in frame %d" % alert["frame"], alert["code"], "not seen")


def compare_packets(counts, told, cut, table):
    """Packets by RADIUS code and by EAP code and type; a general dissector knows RADIUS by its ports only."""
    table.check("frames", counts["frames"], told.total("frames"))
    duplicates = told.total("duplicates")
    if counts["radius_codes"]:
        ours, theirs = dict(told.radius_codes()), counts["radius_codes"]
        if duplicates:
            table.check("RADIUS packets", sum(theirs.values()), sum(ours.values()) + duplicates)
        else:
            table.check("RADIUS packets", theirs, ours)
    if duplicates or not (counts["radius_codes"] or counts["eap"]):
        return
    ours, theirs = dict(told.eap()), counts["eap"]
    if cut:  # tshark shows no EAP of an attribute that is not whole
        ours = {name: min(number, theirs.get(name, 0)) for name, number in ours.items()}
    table.check("EAP packets", theirs, ours)


def compare(truth, run, told, keys, table):
    counts = truth["frames_with_keys"] if keys and "frames_with_keys" in truth else truth["frames"]
    compare_places(run, table)
    compare_tshark(counts, truth, run, table)
    compare_packets(counts, told, run.report["captures"][0]["truncated_packets"] > 0, table)
