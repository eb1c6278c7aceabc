"""What a recording shows of IKE, by tshark; and what its NAT detection hashes say, recomputed here."""

import collections
import hashlib
import ipaddress
import os

import tshark

FIELDS = ("frame.number", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "udp.srcport", "udp.dstport", "isakmp.ispi",
          "isakmp.rspi", "isakmp.version", "isakmp.exchangetype", "isakmp.flags", "isakmp.messageid",
          "isakmp.notify.msgtype", "isakmp.notify.data", "isakmp.frag.number", "isakmp.enc.decrypted",
          "isakmp.tf.id.encr", "isakmp.tf.id.integ", "isakmp.tf.id.prf", "isakmp.tf.id.dh", "isakmp.ike2.attr.key_length",
          "esp.spi", "icmp.type", "icmpv6.type", "isakmp.typepayload", "isakmp.auth.method", "frame.time_epoch", "udp.length")
EXCHANGES = {34: "IKE_SA_INIT", 35: "IKE_AUTH", 36: "CREATE_CHILD_SA", 37: "INFORMATIONAL", 2: "Identity Protection",
             4: "Aggressive", 5: "Informational", 32: "Quick Mode"}
NOTIFIES = {
    1: "UNSUPPORTED_CRITICAL_PAYLOAD", 4: "INVALID_IKE_SPI", 7: "INVALID_SYNTAX", 11: "INVALID_SPI",
    14: "NO_PROPOSAL_CHOSEN", 17: "INVALID_KE_PAYLOAD", 24: "AUTHENTICATION_FAILED",
    36: "INTERNAL_ADDRESS_FAILURE", 37: "FAILED_CP_REQUIRED", 38: "TS_UNACCEPTABLE", 16384: "INITIAL_CONTACT",
    16388: "NAT_DETECTION_SOURCE_IP", 16389: "NAT_DETECTION_DESTINATION_IP", 16390: "COOKIE",
    16393: "REKEY_SA", 16394: "ESP_TFC_PADDING_NOT_SUPPORTED", 16396: "MOBIKE_SUPPORTED", 16397: "ADDITIONAL_IP4_ADDRESS",
    16398: "ADDITIONAL_IP6_ADDRESS", 16399: "NO_ADDITIONAL_ADDRESSES", 16400: "UPDATE_SA_ADDRESSES", 16401: "COOKIE2",
    16403: "AUTH_LIFETIME", 16404: "MULTIPLE_AUTH_SUPPORTED", 16405: "ANOTHER_AUTH_FOLLOWS",
    16406: "REDIRECT_SUPPORTED", 16407: "REDIRECT", 16408: "REDIRECTED_FROM",
    16417: "EAP_ONLY_AUTHENTICATION", 16418: "CHILDLESS_IKEV2_SUPPORTED", 16420: "IKEV2_MESSAGE_ID_SYNC_SUPPORTED",
    16430: "IKEV2_FRAGMENTATION_SUPPORTED", 16431: "SIGNATURE_HASH_ALGORITHMS",
}
SOURCE, DESTINATION = 16388, 16389


def tshark_rows(path, decode, keys):
    options = [option for port, protocol in decode for option in ("-d", "udp.port==%d,%s" % (port, protocol))]
    return tshark.rows(path, FIELDS, keys, *options)


def rows(path, keys):
    """
    Rows of every frame. A translator takes source ports that other protocols own, and tshark goes by the lower port: those
    are named to it.
    """
    odd = set()
    for row in tshark_rows(path, (), keys):
        ports = [int(value) for value in row["udp.srcport"][:1] + row["udp.dstport"][:1]]
        for known, protocol in ((500, "isakmp"), (4500, "udpencap")):
            odd.update((port, protocol) for port in ports if known in ports and port not in (500, 4500))
    return list(tshark_rows(path, sorted(odd), keys))


def number(values, default=None):
    return int(values[0], 0) if values else default


def hash_of(ispi, rspi, address, port):
    return hashlib.sha1(bytes.fromhex(ispi + rspi) + ipaddress.ip_address(address).packed + port.to_bytes(2, "big")).hexdigest()


def hashes(row):
    """The NAT detection data of a message: {notify type: [hex...]}; tshark gives no data for an empty notify."""
    types = [int(value) for value in row["isakmp.notify.msgtype"]]
    data = [value.replace(":", "") for value in row["isakmp.notify.data"]]
    found = collections.defaultdict(list)
    if len(types) != len(data):
        types = [kind for kind in types if kind in (SOURCE, DESTINATION, 16431, 16390, 17)]
    for kind, value in zip(types, data):
        if kind in (SOURCE, DESTINATION) and len(value) == 40:
            found[kind].append(value)
    return found


def compare_hashes(row, ispi, rspi, source, destination):
    found, out = hashes(row), {}
    for name, kind, (address, port) in (("source", SOURCE, source), ("destination", DESTINATION, destination)):
        if not found[kind]:
            out[name] = "absent"
        else:
            out[name] = "match" if hash_of(ispi, rspi, address, port) in found[kind] else "differs"
    return out


class Association:
    """One SA as a recording shows it."""

    def __init__(self, ispi):
        self.ispi, self.rspi, self.version, self.client, self.server = ispi, "0" * 16, None, None, None
        self.ports, self.exchanges, self.hashes = [], {}, {}
        self.notifies = {"initiator": set(), "responder": set()}
        self.proposal, self.decrypted, self.auth_methods, self.first = None, False, [], None
        self.addresses = []

    def add(self, row):
        source = (row["ip.src"] + row["ipv6.src"])[0], int(row["udp.srcport"][0])
        destination = (row["ip.dst"] + row["ipv6.dst"])[0], int(row["udp.dstport"][0])
        frame, flags, exchange = int(row["frame.number"][0]), number(row["isakmp.flags"], 0), number(row["isakmp.exchangetype"])
        version = number(row["isakmp.version"]) >> 4
        rspi = row["isakmp.rspi"][0]
        if self.first is None:
            self.first, self.version = frame, version
        if rspi.strip("0"):
            self.rspi = rspi
        initiator = bool(flags & 0x08) if version == 2 else (self.client is None or source[0] == self.client[0])
        response = bool(flags & 0x20)
        near, far = (source, destination) if initiator else (destination, source)
        if self.client is None:
            self.client, self.server = near, far
        if near not in self.addresses:
            self.addresses.append(near)
        if far[1] not in self.ports:
            self.ports.append(far[1])
        key = (exchange, number(row["isakmp.messageid"]))
        entry = self.exchanges.setdefault(key, [0, 0, 0])
        entry[0 if initiator else 1] += 1
        if row["isakmp.frag.number"]:
            entry[2] += 1
        if row["isakmp.enc.decrypted"]:
            self.decrypted = True
        for kind in row["isakmp.notify.msgtype"]:
            self.notifies["initiator" if initiator else "responder"].add(NOTIFIES.get(int(kind), kind))
        self.auth_methods += [int(value) for value in row["isakmp.auth.method"]]
        if exchange == 34 and version == 2:
            which = "response" if response else "request"
            if which not in self.hashes and hashes(row):
                self.hashes[which] = compare_hashes(row, self.ispi, rspi if response else "0" * 16, source, destination)
            if response and row["isakmp.tf.id.encr"]:
                self.proposal = {
                    "encryption": number(row["isakmp.tf.id.encr"]), "key_bits": number(row["isakmp.ike2.attr.key_length"]),
                    "integrity": number(row["isakmp.tf.id.integ"]), "prf": number(row["isakmp.tf.id.prf"]),
                    "dh": number(row["isakmp.tf.id.dh"])}

    def truth(self):
        return {
            "initiator_spi": self.ispi, "responder_spi": self.rspi, "version": self.version, "first_frame": self.first,
            "client": {"address": self.client[0], "port": self.client[1]},
            "client_addresses": sorted({address for address, _ in self.addresses}),
            "server": {"address": self.server[0], "port": self.server[1]}, "ports": sorted(self.ports),
            "proposal": self.proposal, "nat_detection": self.hashes, "decrypted": self.decrypted,
            "exchanges": {"%s %d" % (EXCHANGES.get(kind, kind), message): counts
                          for (kind, message), counts in self.exchanges.items()},
            "notifies": {side: sorted(names) for side, names in self.notifies.items()}, "authentication_methods": sorted(set(self.auth_methods)),
        }


def read(path, keys):
    """{initiator SPI: Association} in the order of the recording, and counts of what is no IKE."""
    found, counts = {}, collections.Counter()
    for row in rows(path, keys):
        counts["frames"] += 1
        if row["icmp.type"] or row["icmpv6.type"]:
            counts["icmp"] += 1
            continue
        if row["isakmp.ispi"] and row["isakmp.exchangetype"]:
            counts["ike"] += 1
            found.setdefault(row["isakmp.ispi"][0], Association(row["isakmp.ispi"][0])).add(row)
        elif row["esp.spi"]:
            counts["esp"] += 1
    return found, dict(counts)


def key_directory(work, lines):
    """A configuration directory of tshark with these keys."""
    os.makedirs(work, exist_ok=True)
    with open(os.path.join(work, "ikev2_decryption_table"), "w", encoding="ascii") as out:
        out.writelines(lines)
    return work


def owners(client_captures, work):
    """{initiator SPI: (client's true address, its port, order)} from captures on the clients' own interfaces."""
    out = {}
    for path in client_captures:
        found, _ = read(path, work)
        for ispi, association in found.items():
            out.setdefault(ispi, association.client)
    return out


def begun(client_captures, work):
    """Initiator SPIs that an IKE_SA_INIT or an IKEv1 phase 1 brought into the world; others are renewals of those."""
    out = set()
    for path in client_captures:
        for ispi, association in read(path, work)[0].items():
            if any(exchange in (34, 2, 4) for exchange, _ in association.exchanges):
                out.add(ispi)
    return out
