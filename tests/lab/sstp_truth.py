"""What a recording shows of TCP, TLS and SSTP, by tshark: one row for each connection."""

import hashlib
import os

import tshark
from sstp import NAMES

FIELDS = ("frame.number", "tcp.stream", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "tcp.flags.syn",
          "tcp.flags.ack", "tcp.flags.fin", "tcp.flags.reset", "tcp.len", "tcp.analysis.retransmission", "tcp.analysis.out_of_order",
          "tls.handshake.type", "tls.handshake.version", "tls.handshake.extensions.supported_version",
          "tls.handshake.extensions_server_name", "tls.handshake.certificate", "tls.handshake.ciphersuite",
          "tls.alert_message.level", "tls.alert_message.desc", "http.request.method", "http.response.code",
          "sstp.messagetype", "sstp.status", "sstp.cert_hash", "proxy.src.ipv4", "proxy.version", "proxy.v1.magic", "tls.app_data",
          "tls.handshake.random", "icmp.type", "http.x_forwarded_for")
RETRY = hashlib.sha256(b"HelloRetryRequest").hexdigest()  # RFC 8446 section 4.1.3: no ServerHello yet
# Segments overtake each other here, as processors do.
REASSEMBLE = ("-o", "tcp.reassemble_out_of_order:TRUE")
VERSIONS = {"0x0300": "SSL 3.0", "0x0301": "TLS 1.0", "0x0302": "TLS 1.1", "0x0303": "TLS 1.2", "0x0304": "TLS 1.3"}


def flag(row, name):
    return row["tcp.flags." + name][:1] in (["1"], ["True"])


class Connection:
    """One TCP connection; its client is who sent the first SYN, or else who does not own the service's port."""

    def __init__(self, stream, source, destination, first):
        self.client, self.server = (destination, source) if source[1] in (443, 80, 8443) else (source, destination)
        self.facts = {
            "stream": stream, "client": dict(zip(("address", "port"), self.client)),
            "server": dict(zip(("address", "port"), self.server)), "first_frame": first, "last_frame": first, "packets": 0,
            "client_bytes": 0, "server_bytes": 0, "syns": 0, "syn_acks": 0, "fin_from": [], "reset_from": None,
            "retransmissions": 0, "out_of_order": 0,
            "sni": None, "tls_version": None, "cipher": None, "client_random": None, "certificates": [], "alerts": [],
            "http_method": None, "http_status": None, "messages": [], "statuses": [], "certificate_hash": None, "decrypted": False,
            "proxy_header": None,
        }

    def add(self, row, side):
        facts = self.facts
        facts["packets"] += 1
        facts["last_frame"] = int(row["frame.number"][0])
        if not row["tcp.analysis.retransmission"]:
            facts[side + "_bytes"] += int(row["tcp.len"][0])
        else:
            facts["retransmissions"] += 1
        facts["out_of_order"] += len(row["tcp.analysis.out_of_order"][:1])
        if flag(row, "syn"):
            facts["syn_acks" if flag(row, "ack") else "syns"] += 1
        if flag(row, "fin") and side not in facts["fin_from"]:
            facts["fin_from"].append(side)
        if flag(row, "reset") and not facts["reset_from"]:
            facts["reset_from"] = side
        self.add_tls(row, side)
        if row["proxy.version"] or row["proxy.v1.magic"]:
            facts["proxy_header"] = {"version": 1 if row["proxy.v1.magic"] else 2, "client": (row["proxy.src.ipv4"] or [None])[0]}
        if row["http.request.method"] and not facts["http_method"]:
            facts["http_method"] = row["http.request.method"][0]
        if row["http.response.code"] and not facts["http_status"]:
            facts["http_status"] = int(row["http.response.code"][0])
        for kind in row["sstp.messagetype"]:
            facts["messages"].append("%s %s" % (side, NAMES.get(int(kind, 0), kind)))
        facts["statuses"] += [int(value, 0) for value in row["sstp.status"]]
        if row["sstp.cert_hash"]:
            facts["certificate_hash"] = row["sstp.cert_hash"][0].replace(":", "")

    def add_tls(self, row, side):
        facts, types = self.facts, row["tls.handshake.type"]
        # Once decrypted, there may be a second handshake inside.
        if "1" in types and side == "client" and not facts["client_random"]:
            facts["sni"] = (row["tls.handshake.extensions_server_name"] or [None])[0]
            facts["client_random"] = (row["tls.handshake.random"] or [None])[0].replace(":", "")
        retry = RETRY in [random.replace(":", "") for random in row["tls.handshake.random"]]
        if "2" in types and not retry and not facts["tls_version"]:
            chosen = row["tls.handshake.extensions.supported_version"] or row["tls.handshake.version"]
            facts["tls_version"] = VERSIONS.get(chosen[0], chosen[0])
            facts["cipher"] = int(row["tls.handshake.ciphersuite"][0], 0)
        if not facts["certificates"] and side == "server":
            facts["certificates"] = [hashlib.sha256(bytes.fromhex(der.replace(":", ""))).hexdigest()
                                     for der in row["tls.handshake.certificate"]]
        for level, number in zip(row["tls.alert_message.level"], row["tls.alert_message.desc"]):
            facts["alerts"].append({"frame": int(row["frame.number"][0]), "from": side, "level": int(level), "code": int(number)})
        if facts["tls_version"] and (row["http.request.method"] or row["sstp.messagetype"]):
            facts["decrypted"] = True


def read(path, keylog, empty, options=()):
    """(counts, rows): tshark's rows of each connection in the order of their first packets."""
    plain = (80,)  # an offloader's own leg
    connections, counts = {}, {"tcp": 0, "tls_records_of_data": 0, "sstp": 0}
    os.makedirs(empty, exist_ok=True)
    clear = [option for port in plain for option in ("-d", "tcp.port==%d,http" % port)]
    for row in tshark.rows(path, FIELDS, empty, "-Y", "tcp", *REASSEMBLE, *options, *tshark.key_log(keylog), *clear):
        if not row["tcp.stream"] or row["icmp.type"][:1] in (["3"], ["11"]):
            continue  # an error quotes what it is about
        stream = int(row["tcp.stream"][0])
        source = ((row["ip.src"] or row["ipv6.src"])[0], int(row["tcp.srcport"][0]))
        destination = ((row["ip.dst"] or row["ipv6.dst"])[0], int(row["tcp.dstport"][0]))
        if stream not in connections:
            connections[stream] = Connection(stream, source, destination, int(row["frame.number"][0]))
        one = connections[stream]
        one.add(row, "client" if source == one.client else "server")
        counts["tcp"] += 1
        counts["tls_records_of_data"] += len(row["tls.app_data"])
        counts["sstp"] += len(row["sstp.messagetype"])
    return counts, [one.facts for one in connections.values()]
