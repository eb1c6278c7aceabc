"""The truth file beside a recording: from the lab's configuration and logs, with tshark's own count beside it."""

import collections
import hashlib
import json

import tshark

FIELDS = ("frame.number", "radius.code", "eap.code", "eap.type", "tls.handshake.certificate",
          "tls.alert_message.level", "tls.alert_message.desc", "icmp.type", "ip.src", "ipv6.src", "eth.src")


def count(path, keylog, empty):
    """Codes, EAP types, certificates and alerts as tshark shows them; what an ICMP error quotes is left out."""
    codes, types, frames = collections.Counter(), collections.Counter(), 0
    certificates, alerts = {}, []
    kinds = {"1": "request", "2": "response", "3": "success", "4": "failure"}
    for row in tshark.rows(path, FIELDS, empty, *tshark.key_log(keylog)):
        frame, code, eap, eap_type, ders, levels, numbers, icmp, v4, v6, mac = row.values()
        frames += 1
        if icmp:
            continue
        codes.update(code)
        for kind in eap[:1]:
            types["%s %s" % (kinds.get(kind, kind), eap_type[0]) if eap_type else kinds.get(kind, kind)] += 1
        for der in ders:
            try:
                digest = hashlib.sha256(bytes.fromhex(der.replace(":", ""))).hexdigest()
            except ValueError:
                continue
            certificates.setdefault(digest, int(frame[0]))
        for level, number in zip(levels, numbers):
            alerts.append({"frame": int(frame[0]), "level": int(level), "code": int(number),
                           "source": (v4 or v6 or mac)[0]})
    return {"tool": "tshark", "frames": frames,
            "radius_codes": dict(sorted(codes.items(), key=lambda row: int(row[0]))),
            "eap": dict(sorted(types.items())), "alerts": alerts,
            "certificates": [{"sha256": digest, "frame": frame} for digest, frame in certificates.items()]}


def write(path, facts, recording, keylog, empty):
    """Adds tshark's counts to `facts` and writes them; returns those that saw the most."""
    counts = facts["frames"] = count(recording, None, empty)
    if keylog:
        counts = facts["frames_with_keys"] = count(recording, keylog, empty)
    if counts["frames"] == 0:
        raise RuntimeError("%s is empty" % recording)
    with open(path, "w", encoding="utf-8") as out:
        json.dump(facts, out, indent=2)
        out.write("\n")
    return counts
