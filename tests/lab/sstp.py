"""SSTP packets (MS-SSTP 2.2), PPP frames in them (RFC 1661), and what both ends of a tunnel do alike."""

import hashlib
import hmac
import json
import socket
import struct
import sys
import time

URI = "/sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/"
LENGTH = 2 ** 64 - 1

REQUEST, ACK, NAK, CONNECTED, ABORT, DISCONNECT, DISCONNECT_ACK, ECHO_REQUEST, ECHO_RESPONSE = range(1, 10)
NAMES = {1: "CALL_CONNECT_REQUEST", 2: "CALL_CONNECT_ACK", 3: "CALL_CONNECT_NAK", 4: "CALL_CONNECTED", 5: "CALL_ABORT",
         6: "CALL_DISCONNECT", 7: "CALL_DISCONNECT_ACK", 8: "ECHO_REQUEST", 9: "ECHO_RESPONSE"}
PROTOCOL_ID, STATUS_INFO, CRYPTO_BINDING, CRYPTO_BINDING_REQ = 1, 2, 3, 4
SHA1, SHA256 = 1, 2
HASHES = {SHA1: hashlib.sha1, SHA256: hashlib.sha256}
SEED = b"SSTP inner method derived CMK"

LCP, PAP, CHAP, EAP, IPCP, IPV6CP, IPV4 = 0xC021, 0xC023, 0xC223, 0xC227, 0x8021, 0x8057, 0x0021
CONF_REQUEST, CONF_ACK, CONF_NAK, CONF_REJECT, TERM_REQUEST, TERM_ACK, CODE_REJECT, PROTOCOL_REJECT = range(1, 9)
LCP_ECHO, LCP_ECHO_REPLY, LCP_IDENTIFICATION = 9, 10, 12


def attribute(kind, value):
    return struct.pack(">BBH", 0, kind, len(value) + 4) + value


def control(kind, *attributes):
    body = b"".join(attributes)
    return struct.pack(">BBHHH", 0x10, 1, 8 + len(body), kind, len(attributes)) + body


def status_info(about, status, value=b""):
    return attribute(STATUS_INFO, struct.pack(">BBBBI", 0, 0, 0, about, status) + value)


def attributes(packet):
    """(kind, value) of each attribute of a control packet."""
    offset = 8
    while offset + 4 <= len(packet):
        kind, length = packet[offset + 1], struct.unpack_from(">H", packet, offset + 2)[0] & 0x0FFF
        yield kind, packet[offset + 4:offset + length]
        offset += max(length, 4)


def statuses(packet):
    """[(attribute, status)] of a packet's STATUS_INFO attributes."""
    return [(value[3], struct.unpack_from(">I", value, 4)[0]) for kind, value in attributes(packet) if kind == STATUS_INFO]


def connected(algorithm, nonce, certificate, key):
    """CALL_CONNECTED with the crypto binding over the certificate (DER) under the higher-layer key (MS-SSTP 3.2.5.2)."""
    new, size = HASHES[algorithm], HASHES[algorithm]().digest_size
    digest = new(certificate).digest().ljust(32, b"\0")
    head = bytes([0, 0, 0, algorithm]) + nonce + digest
    unsigned = control(CONNECTED, attribute(CRYPTO_BINDING, head + bytes(32)))
    binding = hmac.new(key, SEED + struct.pack("<H", size) + b"\x01", new).digest()
    mac = hmac.new(binding, unsigned, new).digest().ljust(32, b"\0")
    return unsigned[:-32] + mac


class Ended(Exception):
    """The other end ended the tunnel, or nothing came any more: (outcome, details)."""

    def __init__(self, outcome, **details):
        super().__init__(outcome)
        self.outcome, self.details = outcome, details


def say(event, **details):
    """One line of the program's log, in one piece: several threads write."""
    sys.stdout.write(json.dumps({"event": event, "time": round(time.time(), 6), **details}) + "\n")
    sys.stdout.flush()


class Tunnel:
    """One end of an SSTP connection on a socket (TLS or plain) after the HTTP exchange."""

    def __init__(self, connection, rest=b""):
        self.connection, self.buffer = connection, rest
        self.identifier = 0
        self.identifications = []
        self.gives_up = False  # when the other end terminates the link

    def send(self, packet):
        self.connection.sendall(packet)

    def send_control(self, kind, *attributes_):
        say("sent", message=NAMES[kind])
        self.send(control(kind, *attributes_))

    def send_ppp(self, protocol, payload):
        frame = b"\xFF\x03" + struct.pack(">H", protocol) + payload
        self.send(struct.pack(">BBH", 0x10, 0, 4 + len(frame)) + frame)

    def send_code(self, protocol, code, identifier, body=b""):
        self.send_ppp(protocol, struct.pack(">BBH", code, identifier, 4 + len(body)) + body)

    def next_identifier(self):
        self.identifier = self.identifier % 255 + 1
        return self.identifier

    def fill(self, size):
        while len(self.buffer) < size:
            try:
                more = self.connection.recv(16384)
            except TimeoutError:
                raise Ended("silence") from None
            except OSError as error:
                raise Ended("connection lost", error=str(error)) from None
            if not more:
                raise Ended("closed")
            self.buffer += more

    def packet(self):
        """The next SSTP packet."""
        self.fill(4)
        size = struct.unpack_from(">H", self.buffer, 2)[0] & 0x0FFF
        if self.buffer[0] != 0x10 or size < 4:
            raise Ended("no SSTP", bytes=self.buffer[:16].hex())
        self.fill(size)
        packet, self.buffer = self.buffer[:size], self.buffer[size:]
        return packet

    def receive(self):
        """
        The next packet that somebody waits for: ("control", type, packet) or ("ppp", protocol, payload). Echoes are
        answered here, the other end's farewell raises Ended.
        """
        while True:
            packet = self.packet()
            if packet[1] & 1:
                kind = struct.unpack_from(">H", packet, 4)[0]
                say("received", message=NAMES.get(kind, str(kind)), statuses=statuses(packet))
                if kind == ECHO_REQUEST:
                    self.send_control(ECHO_RESPONSE)
                elif kind == DISCONNECT:
                    self.send_control(DISCONNECT_ACK)
                    raise Ended("disconnected", statuses=statuses(packet))
                elif kind == ABORT:
                    raise Ended("aborted", statuses=statuses(packet))
                else:
                    return "control", kind, packet
                continue
            frame = packet[6:] if packet[4:6] == b"\xFF\x03" else packet[4:]
            protocol, payload = struct.unpack_from(">H", frame)[0], frame[2:]
            if protocol != LCP or not self.lcp_housekeeping(payload):
                return "ppp", protocol, payload

    def lcp_housekeeping(self, payload):
        code, identifier = payload[0], payload[1]
        if code == LCP_ECHO:
            self.send_code(LCP, LCP_ECHO_REPLY, identifier, payload[4:])
        elif code == LCP_IDENTIFICATION:
            self.identifications.append(payload[8:])
        elif code == TERM_REQUEST:
            self.send_code(LCP, TERM_ACK, identifier)
            if self.gives_up:
                raise Ended("ppp terminated")
        else:
            return False
        return True

    def expect_ppp(self, protocol):
        """The next frame of this protocol; others are answered or dropped."""
        while True:
            what, kind, payload = self.receive()
            if what == "ppp" and kind == protocol:
                return payload
            if what == "control":
                raise Ended("unexpected " + NAMES.get(kind, str(kind)))

    def negotiate(self, protocol, wishes, judge, fixed=None):
        """
        Configures a protocol in both directions. `wishes`: {option: value}; `judge(option, value)`: None when the other
        end's option is taken, b"" when it is rejected, or the value that is wanted instead. Returns both lists of options. The option
        `fixed` is not given up: the link is terminated when the other end has refused it three times.
        """
        def ask():
            identifier = self.next_identifier()
            self.send_code(protocol, CONF_REQUEST, identifier, pack(wishes.items()))
            return identifier
        asked, theirs = ask(), None
        agreed, refusals = False, 0
        while not agreed or theirs is None:
            payload = self.expect_ppp(protocol)
            code, identifier, body = payload[0], payload[1], payload[4:struct.unpack_from(">H", payload, 2)[0]]
            if code == CONF_REQUEST:
                theirs = self.judge(protocol, identifier, unpack(body), judge)
            elif identifier != asked:
                continue
            elif code == CONF_ACK:
                agreed = True
            elif code in (CONF_NAK, CONF_REJECT):
                for option, value in unpack(body):
                    if option == fixed:
                        refusals += 1
                    elif code == CONF_REJECT:
                        wishes.pop(option, None)
                    else:
                        wishes[option] = value
                if refusals == 3:
                    self.send_code(protocol, TERM_REQUEST, self.next_identifier())
                    raise Ended("not agreed")
                asked = ask()
        return dict(wishes), dict(theirs)

    def judge(self, protocol, identifier, options, judge):
        """Answers a Configure-Request; its options when they are all taken."""
        said = [(option, value, judge(option, value)) for option, value in options]
        rejected = [(option, value) for option, value, better in said if better == b""]
        changed = [(option, better) for option, value, better in said if better]
        code, answer = (CONF_REJECT, rejected) if rejected else (CONF_NAK, changed) if changed else (CONF_ACK, options)
        self.send_code(protocol, code, identifier, pack(answer))
        return options if code == CONF_ACK else None


def leave(connection):
    """Closes a connection, TLS with its farewell first (RFC 5246, 7.2.1)."""
    try:
        connection.settimeout(1)
        if hasattr(connection, "unwrap"):
            connection = connection.unwrap()
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
    except (OSError, ValueError):
        pass
    connection.close()


def pack(options):
    return b"".join(bytes([option, len(value) + 2]) + value for option, value in options)


def unpack(body):
    options, offset = [], 0
    while offset + 2 <= len(body):
        size = max(body[offset + 1], 2)
        options.append((body[offset], body[offset + 2:offset + size]))
        offset += size
    return options


def http_head(connection, limit=8192):
    """(lines of the head, bytes behind it); raises Ended when there is none."""
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            more = connection.recv(4096)
        except TimeoutError:
            raise Ended("silence") from None
        except OSError as error:
            raise Ended("connection lost", error=str(error)) from None
        if not more or len(data) > limit:
            raise Ended("closed" if not more else "no HTTP")
        data += more
    head, rest = data.split(b"\r\n\r\n", 1)
    return head.decode("latin-1").split("\r\n"), rest
