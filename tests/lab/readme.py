"""The table of recordings in OUTDIR/README.md, made from the truth files."""

import glob
import json
import os

HEAD = """# Recordings

Small captures of real daemons, good as examples and as tests. `tests/lab/run` makes them: FreeRADIUS (or hostapd) as
the RADIUS server, eapol_test, wpa_supplicant and radclient as clients, strongSwan as VPN server and VPN client, the lab's
own SSTP client and server, xl2tpd, pptpd and pptp, haproxy and nftables as load balancers and every kind of translator, tcpdump or
dumpcap as recorder, in network namespaces without a way out. People, names and addresses are invented; the keys are thrown away after the run.
No Windows or NPS took part: the requests carry RRAS's attributes, but the daemons are those named.

| address | who |
| --- | --- |
| 10.20.0.21, .22, .23 | the NAS RRAS01, RRAS02, RRAS03 |
| 10.20.1.11, .12 | the RADIUS servers nps01 and nps02.corp.contoso.com |
| 10.20.1.30 | a RADIUS proxy |
| 10.20.0.31 to .34 | the RADIUS side of the VPN servers RRAS11 to RRAS14 |
| 198.51.100.10 (2001:db8:100::10) | the service's public address at the load balancer |
| 172.20.30.4 | the load balancer's inner address, for which it exchanges clients' addresses when it does SNAT |
| 172.20.30.11 to .14 | the VPN servers behind it; 198.51.100.17 to .20 and 2001:db8:30::11 to ::14 reach them without translation |
| 203.0.113.22, .26 | home routers, with clients 192.168.178.0/24 and 192.168.1.0/24 behind them |
| 203.0.113.30 | carrier-grade NAT, with clients 100.64.0.0/10 behind it |
| 203.0.113.66 and up, 2001:db8:64::66 | clients without NAT |
| 203.0.113.2 | the clients' DNS server |
| 168.63.129.16 | what asks in the place of Azure's load balancer whether servers live |
| 10.50.0.0/16, 10.40.0.1 | virtual addresses of clients; a host behind the VPN |

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
- `ike` (VPN recordings): `point` says where was recorded; `associations` what tshark counts for each pair of SPIs, with the
  keys where `ike_keys` names them (`exchanges`: packets of initiator and responder, fragments of RFC 7383 among them;
  `nat_detection`: the hashes recomputed for the addresses that the packets carry there; `proposal` in IANA's numbers), and what
  the clients' configuration and logs say (`real_client`, `expected_outcome`, `proposal_by_log`, `errors_by_log`).
- `nat`: the verdict on translation that each server must get from this recording (null: none is demanded), and which address
  stands for whom here. `snat_source` hides clients. `client_error` is what a Windows client would show.
- `sstp` (SSTP recordings): `connections` has a row for each TCP connection as tshark shows it at this `point`, with the TLS secrets
  where `keylog` names them (`sni`, `tls_version` and `certificates` are those of the outermost handshake; `messages` what SSTP
  says and who; `certificate_hash` what the client says that it saw), and what the logs of the client and of the server say of it
  (`expected_outcome`, `client_end`, `real_client`, `hidden_client` where only another's address is seen, `binding_at_server`:
  whether the crypto binding was right). `expect_findings` there and `client_error` are those of the recording, `nat` is the
  translation that there is on the way to each server. Client and server are the lab's own programs, so both ends read MS-SSTP
  alike; TLS is OpenSSL's, RADIUS FreeRADIUS's, the load balancer haproxy or nftables, and one client is Debian's sstpc.
- `calls` (L2TP and PPTP recordings): what both ends of PPP logged of each call. xl2tpd, pptpd and pptp are Debian's; the PPP that they
  carry is the lab's own at both ends.
- `balance` (recordings of load balancing): how many attempts each server got by the balancer's log (haproxy's, or the kernel's
  connection tracker behind nftables' rules, or the client's choice of DNS's answers) and how they ended by the clients' and servers'
  logs; `options` name the servers as an administrator would; `verdicts` are those that the configuration allows (none: not
  determined); `found` says whether the servers must be found without being named; `probes` counts health checks by server.
- Most ESP is left out: a few pings prove that the tunnel works.

| recording | truth | what it shows | logins | must be found |
| --- | --- | --- | --- | --- |
"""


def outcome_words(logins):
    counts = {}
    for login in logins:
        if "expected_outcome" in login:
            counts[login["expected_outcome"]] = counts.get(login["expected_outcome"], 0) + 1
    return ", ".join("%d %s" % (count, word) for word, count in counts.items()) or "none"


def row(facts):
    further = "".join(", `%s`" % name for name in facts.get("further_captures", []))
    files = [name for name in (facts["keylog"], facts.get("ike_keys")) if name]
    secrets = " with " + ", ".join("`%s`" % name for name in files) if files else ""
    tunnels = facts.get("sstp", {})
    found = " ".join("`%s`" % finding for finding in facts["expect_findings"] + tunnels.get("expect_findings", []))
    found = " ".join([found] * bool(found) + facts.get("balance", {}).get("verdicts", []))
    if not found:
        found = "nothing" if facts["forbid_severity"] else "-"
    balance = facts.get("balance", {}).get("backends", [])
    counted = ", ".join("%s %d" % (one["name"], one["attempts"]) for one in balance)
    rows = facts["logins"] or facts.get("ike", tunnels).get("associations", [])
    rows = rows or [one for one in tunnels.get("connections", []) if one["kind"] == "sstp"]
    rows = rows or facts.get("calls", [])
    return "| `%s`%s%s | `%s.truth.json` | %s | %s | %s |\n" % (
        facts["capture"], further, secrets, facts["scenario"], facts["description"],
        counted or outcome_words(rows), found)


def write(directory):
    rows, origins = [], set()
    for path in sorted(glob.glob(os.path.join(directory, "*.truth.json"))):
        with open(path, encoding="utf-8") as source:
            facts = json.load(source)
        rows.append(row(facts))
        origins.add(facts["origin"])
    with open(os.path.join(directory, "README.md"), "w", encoding="utf-8") as out:
        out.write(HEAD + "".join(rows) + "\nOrigin: " + "; ".join(sorted(origins)) + ".\n")
