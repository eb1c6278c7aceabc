"""The table of recordings in OUTDIR/README.md, made from the truth files."""

import glob
import json
import os

HEAD = """# Recordings

Small captures of real daemons, good as examples and as tests. `tests/lab/run` makes them: FreeRADIUS (or hostapd) as
the RADIUS server, eapol_test, wpa_supplicant and radclient as clients, tcpdump or dumpcap as recorder, in network
namespaces without a way out. People, names and addresses are invented; the keys are thrown away after the run.
No Windows or NPS took part: the requests carry RRAS's attributes, but the daemons are those named.

| address | who |
| --- | --- |
| 10.20.0.21, .22, .23 | the NAS RRAS01, RRAS02, RRAS03 |
| 10.20.1.11, .12 | the RADIUS servers nps01 and nps02.corp.contoso.com |
| 10.20.1.30 | a RADIUS proxy |

`pki/` holds every certificate (`root.pem` is what clients trust, `fabrikam-root.pem` what they should not), the
shared secret, and EAP configurations of Windows clients:

| file | what it says |
| --- | --- |
| `eap-config-good.xml` | both server names, thumbprint of `root.pem` |
| `eap-config-pins-issuing-ca.xml` | the thumbprint of the issuing CA instead of the root's |
| `eap-config-pins-leaf.xml` | the thumbprint of the leaf instead of the root's |
| `eap-config-regex.xml` | a regular expression as server name |
| `eap-config-wrong-name.xml` | a name that no certificate has |

Beside each recording lies `NAME.truth.json`: how the lab was configured, what the daemons' logs said about each login,
which findings must follow from it with the root and server name given there, and what tshark counted. Nothing in it
comes from vpnscope.

- `logins[].certificates`: SHA-256 of what the server was configured to send, in order. `certificates_hidden` says why
  the recording does not show them, if it does not; `alert_encrypted`, that the client's alert is not readable,
  `outer_identity`, what stands outside of the tunnel instead of the user's name.
- `expect_findings` must be raised, `forbid_findings` must not; `forbid_severity` lists what a healthy recording
  must be free of.
- `further_captures` belong to the same analysis, after `capture`; `together_with` shows the same logins elsewhere.
- `frames`: tshark's counts without secrets, `frames_with_keys`: with the key log. tshark misses certificates where
  logins are interleaved on one socket; the configuration is the truth there.

| recording | truth | what it shows | logins | must be found |
| --- | --- | --- | --- | --- |
"""


def outcome_words(logins):
    counts = {}
    for login in logins:
        counts[login["expected_outcome"]] = counts.get(login["expected_outcome"], 0) + 1
    return ", ".join("%d %s" % (count, word) for word, count in counts.items()) or "none"


def row(facts):
    further = "".join(", `%s`" % name for name in facts.get("further_captures", []))
    secrets = " with `%s`" % facts["keylog"] if facts["keylog"] else ""
    found = " ".join("`%s`" % finding for finding in facts["expect_findings"])
    if not found:
        found = "nothing" if facts["forbid_severity"] else "-"
    return "| `%s`%s%s | `%s.truth.json` | %s | %s | %s |\n" % (
        facts["capture"], further, secrets, facts["scenario"], facts["description"],
        outcome_words(facts["logins"]), found)


def write(directory):
    rows, origins = [], set()
    for path in sorted(glob.glob(os.path.join(directory, "*.truth.json"))):
        with open(path, encoding="utf-8") as source:
            facts = json.load(source)
        rows.append(row(facts))
        origins.add(facts["origin"])
    with open(os.path.join(directory, "README.md"), "w", encoding="utf-8") as out:
        out.write(HEAD + "".join(rows) + "\nOrigin: " + "; ".join(sorted(origins)) + ".\n")
