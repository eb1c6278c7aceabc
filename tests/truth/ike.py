"""
IKE associations and the NAT verdicts of the lab's VPN recordings against the report: its `exchanges[].ike`, `translation`, findings.
"""

import joined

# IANA's names of the transforms that the lab uses (registry "IKEv2 Parameters"), as the report has them.
ENCRYPTION = {3: "3DES", 12: "AES-CBC", 13: "AES-CTR", 18: "AES-GCM", 19: "AES-GCM", 20: "AES-GCM", 28: "ChaCha20-Poly1305"}
INTEGRITY = {None: None, 0: None, 1: "HMAC_MD5_96", 2: "HMAC_SHA1_96", 12: "HMAC_SHA2_256_128", 13: "HMAC_SHA2_384_192",
             14: "HMAC_SHA2_512_256"}
PRF = {1: "PRF_HMAC_MD5", 2: "PRF_HMAC_SHA1", 5: "PRF_HMAC_SHA2_256", 6: "PRF_HMAC_SHA2_384", 7: "PRF_HMAC_SHA2_512"}
DH = {1: "768-bit MODP", 2: "1024-bit MODP", 5: "1536-bit MODP", 14: "2048-bit MODP", 15: "3072-bit MODP", 16: "4096-bit MODP",
      19: "256-bit random ECP", 20: "384-bit random ECP", 21: "521-bit random ECP", 31: "Curve25519"}


def plain(text):
    """A name without what dictionaries of names differ in."""
    return None if text is None else text.lower().replace("_", "-").replace("-group", "").replace(" group", "").strip()


def same_cipher(number, bits, text):
    """"AES-CBC-256" and "AES-GCM-256 with a 16 octet ICV" in any spelling: the cipher and its key length."""
    name = plain(ENCRYPTION.get(number))
    return text is not None and name is not None and plain(text).startswith(name) and (not bits or str(bits) in text)


def compare_proposal(row, got, who, table):
    want = row["proposal"]
    if want is None:
        return
    if not got:
        table.differs("proposal of " + who, want, "none")
        return
    if not same_cipher(want["encryption"], want["key_bits"], got["encryption"]):
        table.differs("encryption of " + who, "%s-%s" % (ENCRYPTION.get(want["encryption"]), want["key_bits"]), got["encryption"])
    for key, names in (("integrity", INTEGRITY), ("prf", PRF), ("dh", DH)):
        table.check("%s of %s" % (key, who), plain(names.get(want[key], want[key])),
                    None if plain(got[key]) == "none" else plain(got[key]))


def compare_nat_detection(row, got, who, table):
    """The hashes of the request, when it was recorded."""
    if "request" in row["nat_detection"]:
        want = row["nat_detection"]["request"]
        table.check("NAT detection of " + who, want, {key: got[key] for key in want})


def compare_exchanges(row, got, who, table):
    """Packets of each exchange. Fragments are those of RFC 7383 here: messages in IP fragments are left out."""
    for one in got.get("exchanges", []):
        name = "%s %d" % (one["type"], one["message_id"])
        if name not in row["exchanges"]:
            table.differs("messages of " + who, "none", name)
            continue
        initiator, responder, fragments = row["exchanges"][name]
        table.check("%s of %s" % (name, who), [initiator, responder], [one["initiator_packets"], one["responder_packets"]])
        if fragments:
            table.check("fragments in %s of %s" % (name, who), fragments, one["fragments"])
    for name in set(row["exchanges"]) - {"%s %d" % (one["type"], one["message_id"]) for one in got.get("exchanges", [])}:
        table.differs("messages of " + who, name, "none")


def compare_notifies(row, got, who, table):
    for side in ("initiator", "responder"):
        names = {one["name"] for one in got.get("notifies", []) if one["from"] == side}
        want = set(row["notifies"][side])
        table.check("notifies of %s's %s" % (who, side), [], sorted("no " + name for name in want - names)
                    + sorted(names - want))


def compare_association(row, exchange, truth, table):
    got, who = exchange["ike"], row.get("user") or row["initiator_spi"]
    joined = bool(truth.get("further_captures")) or truth["ike"]["point"] in ("any", "both")
    renewed = any(one.get("rekeys") == row["initiator_spi"] for one in truth["ike"]["associations"])
    table.check("responder SPI of " + who, row["responder_spi"], got["responder_spi"])
    table.check("decrypted " + who, row["decrypted"], got["decrypted"])
    if not joined:  # else it depends on which side is looked at
        table.check("server of " + who, row["server"]["address"], exchange["server"]["address"])
        table.check("client of " + who, row["client"]["address"], exchange["client"]["address"])
        table.check("ports of " + who, row["ports"], sorted(got.get("ports", [])))
    if row["version"] == 2 and not truth.get("packets_cut"):
        compare_proposal(row, got.get("proposal"), who, table)
        if not joined:
            compare_nat_detection(row, got["nat_detection"], who, table)
        if not joined and not renewed:
            compare_notifies(row, got, who, table)
        if not joined and not renewed and len(row["client_addresses"]) == 1:  # probes of other paths are the same bytes again
            compare_exchanges(row, got, who, table)
    if "expected_outcome" in row and not truth.get("outcome_hidden") and not row.get("rekeys"):
        table.check("outcome of " + who, row["expected_outcome"], exchange["outcome"])


def compare_verdicts(truth, run, table):
    got = {row["server"]: row for row in run.report["translation"]}
    for server, want in (truth["nat"]["verdicts"] or {}).items():
        if want is None:
            continue
        table.check("NAT verdict of " + server, want, got[server]["verdict"] if server in got else "none told")
        if want == "snat" and server in got and truth.get("snat_source"):
            table.check("source that hides clients", truth["snat_source"], got[server]["source"])
    nat = truth["nat"]
    real = {nat["virtual"], *nat["clients"], *nat["backends"], *nat["on_the_way"]}
    for row in got.values():
        if (row["hidden_clients"] or 0) > len(nat["clients"]):
            table.differs("hidden clients", "at most %d" % len(nat["clients"]), "at least %d" % row["hidden_clients"])
        for one in row.get("recovered", []):
            if one["real"].rsplit(":", 1)[0] not in real:
                table.differs("recovered address", "one of the lab's", one["real"])


def compare_findings(truth, run, table):
    raised = run.raised()
    for name in truth["expect_findings"]:
        if name not in raised:
            table.differs("finding", name, "not raised")
    if truth.get("expect_any") and not set(truth["expect_any"]) & set(raised):
        table.differs("finding", "one of " + " ".join(truth["expect_any"]), "none raised")
    for name in truth["forbid_findings"]:
        if name in raised:
            table.differs("finding", "no " + name, "raised")
    allowed = set(truth["expect_findings"]) | set(truth.get("expect_any", [])) | set(truth.get("allow_findings", []))
    for name, severity in sorted(raised.items()):
        if severity != "info" and name not in allowed:
            table.differs("finding", "not named by the truth", "%s (%s)" % (name, severity))
    if truth.get("client_error"):
        codes = {session["client_error"]["code"] for session in run.report["sessions"] if session["client_error"]}
        table.check("client errors", {truth["client_error"]}, codes)


def compare(truth, run, table):
    table.check("packets", truth["frames"]["frames"], run.report["captures"][0]["packets"])
    exchanges = {exchange["ike"]["initiator_spi"]: exchange for exchange in run.exchanges() if exchange["ike"]}
    rows = {row["initiator_spi"]: row for row in truth["ike"]["associations"]}
    # A renewed association is the same one, with the keys and without.
    renewals = {spi for spi, row in rows.items() if row.get("rekeys")}
    table.check("associations", sorted(set(rows) - renewals), sorted(set(exchanges) - renewals))
    for spi, row in rows.items():
        if spi in exchanges:
            compare_association(row, exchanges[spi], truth, table)
    # However many captures or points show an association, it is one session, with the RADIUS login behind it.
    sessions = [session for session in run.report["sessions"] if session["protocol"].startswith("ikev")]
    table.check("sessions", len(set(rows) - renewals), len(sessions) - len(renewals & set(exchanges)))
    joined.compare(truth, run, table)
    compare_verdicts(truth, run, table)
    compare_findings(truth, run, table)
