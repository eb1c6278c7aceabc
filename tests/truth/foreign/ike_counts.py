"""tshark's counts of IKE, of NAT_DETECTION hashes that fit, and of ESP against the dissector's events."""

import collections

EXCHANGES = {"Identity-Protection(Main)": 2, "Aggressive": 4, "Informational(v1)": 5, "Transaction(Config)": 6, "Quick": 32,
             "IKE_SA_INIT": 34, "IKE_AUTH": 35, "CREATE_CHILD_SA": 36, "INFORMATIONAL": 37}
NO_SPI = "0" * 16


def listed(messages, key):
    """How often each of the values that messages list under key occurs."""
    return dict(collections.Counter(value for _, _, values in messages for value in values[key].split(",") if value))


def associations(messages):
    """Initiator SPI: version, responder SPIs, first frame, messages by exchange."""
    out = {}
    for frame, _, values in messages:
        row = out.setdefault(values["ispi"], (values["version"], set(), frame, collections.Counter()))
        row[1].update({values["rspi"]} - {NO_SPI})
        row[3][values["exchange"]] += 1
    return {spi: (version, sorted(responders), first, sorted(exchanges.items()))
            for spi, (version, responders, first, exchanges) in out.items()}


def tshark_associations(rows):
    return {row["ispi"]: (row["ver"], sorted(row["rspi"]), row["first_frame"],
                          sorted((str(EXCHANGES.get(name, name)), number) for name, number in row["exch"].items()))
            for row in rows}


def verdict(values, which):
    """Number of hashes and whether one fits, None without any."""
    number, _, match = values.get(which, "0/").partition("/")
    return int(number), {"true": True, "false": False}.get(match)


def nat_detection(messages):
    """Frame: what the hashes for source and destination say."""
    rows = {frame: (verdict(values, "nat_source"), verdict(values, "nat_destination")) for frame, _, values in messages}
    return {frame: row for frame, row in rows.items() if row[0][0] or row[1][0]}


def tshark_nat_detection(rows):
    return {row["frame"]: ((row["source_notifies"], row["source_match"]), (row["destination_notifies"], row["destination_match"]))
            for row in rows}


def compare_associations(ike, messages, table):
    theirs, ours = tshark_associations(ike.get("sas", [])), associations(messages)
    for spi in sorted(theirs.keys() | ours.keys()):
        table.check("IKE association " + spi, theirs.get(spi, "not seen"), ours.get(spi, "not seen"))
    table.check("IKE fragments", ike.get("fragment_frames", 0), sum(v["fragment"] != "0/0" for _, _, v in messages))


def compare_payloads(ike, messages, table):
    table.check("IKE payloads", ike.get("payload_types", {}), listed(messages, "types"))
    table.check("IKE notifies", ike.get("notify", {}), listed(messages, "notify"))
    table.check("IKE authentication methods", ike.get("auth_methods", {}), listed(messages, "auth"))
    vendor_ids = collections.Counter()
    for name, number in ike.get("vendor_ids", {}).items():
        vendor_ids[name.partition(" ")[0]] += number
    table.check("IKE vendor ids", dict(vendor_ids), listed(messages, "vendor_ids"))


def compare(truth, told, table):
    ike, messages = truth.get("ike", {}), told.lines["ike"]
    compare_associations(ike, messages, table)
    compare_payloads(ike, messages, table)
    table.check("NAT_DETECTION", tshark_nat_detection(ike.get("nat_detection", {}).get("per_frame", [])), nat_detection(messages))
    encapsulated = truth.get("udp_encap", {})
    table.check("non-ESP markers", encapsulated.get("non_esp_marker_frames", 0), sum(v["marker"] == "1" for _, _, v in messages))
    table.check("NAT keepalives", encapsulated.get("nat_keepalive_frames", 0), told.total("keepalives") or 0)
    table.check("ESP packets", truth.get("esp", {}).get("frames", 0), told.total("esp") or 0)
    table.check("IKE payloads opened", "all", "all" if all(v["sk"] in ("none", "no-key", "opened") for _, _, v in messages) else
                " ".join("%d:%s" % (frame, v["sk"]) for frame, _, v in messages))
