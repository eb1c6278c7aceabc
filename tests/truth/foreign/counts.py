"""tshark's counts of RADIUS, EAP, EAPOL and TLS inside EAP against the dissector's events."""

import collections

EAPOL_NAMES = {"req": "request", "resp": "response"}
REQUESTS = ("1", "4", "12", "40", "43")


def eap_names(counts):
    """req/25 as we write it: request 25."""
    out = {}
    for name, number in counts.items():
        code, slash, kind = name.partition("/")
        out[EAPOL_NAMES.get(code, code) + (" " + kind if slash else "")] = number
    return out


def compare_radius(radius, told, table):
    packets = told.radius()
    table.check("RADIUS packets", radius.get("by_code", {}), dict(told.radius_codes()))
    roles = collections.Counter(role for _, code, role in packets if code in REQUESTS)
    table.check("requests", radius.get("distinct_requests", 0), roles["request"])
    table.check("retransmissions", radius.get("retransmitted_request_frames", 0), roles["retransmission"])


def compare_eapol(by_type, told, table):
    """Start and Logoff; keys are told inside an authentication only, and EAP packets are counted as such."""
    types = collections.Counter(values["type"] for _, _, values in told.lines["eapol"])
    for number, name in (("1", "Start"), ("2", "Logoff")):
        table.check("EAPOL " + name, by_type.get(number, 0), types[number])
    if types["3"] > by_type.get("3", 0):
        table.differs("EAPOL keys", by_type.get("3", 0), types["3"])


def over_eap(truth):
    """Certificates and alerts of TLS inside EAP; tshark gives the frame in which the whole flight is there."""
    tls = truth.get("tls", {})
    chains = [(row["frame"], row["role"], tuple(certificate.get("sha256") for certificate in row["chain"]))
              for row in tls.get("certificates", []) if row["over"].startswith("eap")]
    alerts = sorted((row["frame"], row["desc"]) for row in tls.get("alerts", []) if row["over"].startswith("eap"))
    return chains, alerts


def compare_certificates(chains, told, table):
    """The same Certificate messages in the same order, ours not later than the frame in which tshark has them."""
    ours = told.certificates()
    for frame, whose, chain in chains:
        match = [row for row in ours if row[1] == whose and tuple(row[2]) == chain and row[0] <= frame]
        if match:
            table.checks += 1
            ours.remove(match[0])
        else:
            table.differs("certificates of the %s in frame %d" % (whose, frame), " ".join(d[:8] for d in chain), "not seen")
    for frame, whose, chain in ours:
        table.differs("certificates of the %s in frame %d" % (whose, frame), "not seen", " ".join(d[:8] for d in chain))


def compare(truth, told, table):
    table.check("frames", truth["packets"], told.total("frames") or 0)
    compare_radius(truth.get("radius", {}), told, table)
    table.check("EAP packets", eap_names(truth.get("eap", {}).get("counts", {})), dict(told.eap()))
    compare_eapol(truth.get("eapol", {}).get("by_type", {}), told, table)
    chains, alerts = over_eap(truth)
    compare_certificates(chains, told, table)
    table.check("alerts", alerts, sorted((frame, code) for frame, _, code in told.alerts()))
