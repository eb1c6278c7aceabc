"""eapol_test as VPN client and RRAS in one, and what its log says about the end of a login."""

import os
import re
import subprocess

import network
from freeradius import PASSWORD, SECRET

# OpenSSL's words for an alert, as eapol_test and FreeRADIUS log them: number and the RFC's name.
ALERTS = {
    "bad certificate": (42, "bad_certificate"), "unsupported certificate": (43, "unsupported_certificate"),
    "certificate revoked": (44, "certificate_revoked"), "certificate expired": (45, "certificate_expired"),
    "certificate unknown": (46, "certificate_unknown"), "unknown CA": (48, "unknown_ca"),
    "access denied": (49, "access_denied"), "decrypt error": (51, "decrypt_error"),
    "protocol version": (70, "protocol_version"), "internal error": (80, "internal_error"),
    "bad certificate status response": (113, "bad_certificate_status_response"),
    "handshake failure": (40, "handshake_failure"),
}

PEAP = 'eap=PEAP\n password="{password}"\n phase1="peapver={peap}{phase1}"\n phase2="auth=MSCHAPV2"\n'
METHODS = {
    "PEAP/MSCHAPv2": PEAP,
    "PEAP/TLS": 'eap=PEAP\n phase1="peapver=0{phase1}"\n phase2="auth=TLS"\n ca_cert2="{ca}"\n'
                ' client_cert2="{cert}"\n private_key2="{key}"\n',
    "EAP-TLS": 'eap=TLS\n client_cert="{cert}"\n private_key="{key}"\n phase1="{phase1}"\n',
    "EAP-TTLS/PAP": 'eap=TTLS\n anonymous_identity="anonymous@corp.contoso.com"\n password="{password}"\n'
                    ' phase1="{phase1}"\n phase2="auth=PAP"\n',
    "EAP-MSCHAPv2": 'eap=MSCHAPV2\n password="{password}"\n',
    "EAP-FAST/MSCHAPv2": 'eap=FAST\n anonymous_identity="anonymous@corp.contoso.com"\n password="{password}"\n'
                         ' phase1="fast_provisioning=2"\n pac_file="blob://lab"\n phase2="auth=MSCHAPV2"\n',
    "MD5-Challenge": 'eap=MD5\n password="{password}"\n',
}
TUNNELS = ("PEAP", "EAP-TLS", "EAP-TTLS", "EAP-FAST")


def microsoft(number, value):
    """A vendor-specific attribute of vendor 311 for eapol_test's -N."""
    return "26:x:00000137%02x%02x%s" % (number, len(value) + 2, value.hex())


def rras_attributes(nas, client, port):
    """What RRAS puts into an Access-Request for an SSTP client."""
    computer = b"MSRAS-0-PC%02d\0" % port
    correlation = b"{5D1C0A4E-0000-4000-8000-%012X}" % port
    address = network.NAS[nas]
    specs = ["4:x:" + "".join("%02x" % int(part) for part in address.split(".")), "32:s:" + nas,
             "5:d:%d" % port, "6:d:2", "7:d:1", "61:d:5", "64:d:%d" % 0x00013701, "65:d:1",
             "30:s:198.51.100.10", "31:s:" + client, "66:s:" + client, "67:s:198.51.100.10",
             microsoft(9, (311).to_bytes(4, "big")), microsoft(18, b"MSRASV5.20"),
             microsoft(47, (2).to_bytes(4, "big")), microsoft(34, computer), microsoft(35, b"MSRASV5.20"),
             microsoft(56, correlation)]
    return specs


class Login:
    """One login as it was configured and as it ended."""

    def __init__(self, user, nas, method, server, inner=None):
        self.user, self.nas, self.method, self.inner = user, nas, method, inner
        self.certificates = list(server.certificates) if server and method in TUNNELS else []
        self.inner_certificates = server.inner_certificates if server else None
        self.client_certificates, self.outer_identity = [], None
        self.outcome, self.alert, self.resumed, self.log = "incomplete", None, False, ""

    def nothing_sent(self):
        """The login ends before any certificate is sent."""
        self.certificates, self.client_certificates = [], []

    def judge(self, log):
        """Outcome and alert from eapol_test's log (the last reply wins)."""
        self.log = log
        codes = re.findall(r"RADIUS message: code=(\d+) \(Access-(?:Accept|Reject|Challenge)\)", log)
        last = codes[-1] if codes else None
        self.outcome = {"2": "established", "3": "rejected", "11": "incomplete", None: "unanswered"}[last]
        alerts = re.findall(r"SSL3 alert: write \(local SSL3 detected an error\):fatal:([A-Za-z0-9 ]+)", log)
        if alerts:
            code, name = ALERTS[alerts[-1].strip()]
            self.alert = {"code": code, "name": name}

    def truth(self):
        row = {"user": self.user, "nas": self.nas, "method": self.method, "inner": self.inner,
               "expected_outcome": self.outcome, "client_alert": self.alert, "certificates": self.certificates}
        if self.outer_identity:
            row["outer_identity"] = self.outer_identity
        if self.inner_certificates:
            row["inner_certificates"] = self.inner_certificates
        if self.client_certificates:
            row["client_certificates"] = self.client_certificates
        if self.resumed:
            row["resumed"] = True
        return row


def client_chain(cert):
    return (cert, "issuing") if cert == "alice" else (cert,)


def network_block(lab, method, user, options):
    """wpa_supplicant's network block for one login."""
    trust = options.get("trust", "root")
    ca = lab.pki.pem(trust) if trust else None
    cert = options.get("cert", "alice")
    lines = METHODS[method].format(password=options.get("password", PASSWORD), phase1=options.get("phase1", ""),
                                   peap=options.get("peap", 0),
                                   ca=ca, cert=lab.pki.chain(*client_chain(cert)),
                                   key=lab.pki.key(cert))
    text = 'network={\n key_mgmt=IEEE8021X\n identity="%s"\n %s' % (user, lines)
    if ca and method.split("/")[0] in TUNNELS:
        text += ' ca_cert="%s"\n' % ca
        if options.get("name"):
            text += ' domain_suffix_match="%s"\n' % options["name"]
    return text + "".join(" %s\n" % line for line in options.get("lines", ())) + "}\n"


def command(lab, method, user, nas, options):
    """eapol_test's command line, its configuration file written."""
    path = os.path.join(lab.directory, "client-%d.conf" % lab.count())
    with open(path, "w", encoding="ascii") as out:
        out.write(network_block(lab, method, user, options))
    port = options.get("port", lab.counter)
    client = options.get("client", "203.0.113.%d" % (40 + port))
    specs = rras_attributes(nas, client, port) + ["12:d:%d" % options.get("mtu", 1400)]
    argv = ["eapol_test", "-c", path, "-a", options.get("to", network.NPS01), "-p", str(options.get("to_port", 1812)),
            "-s", options.get("secret", SECRET), "-t", str(options.get("seconds", 8)), *options.get("flags", ())]
    source = options.get("source", network.NAS[nas])
    if source:
        argv += ["-A", source]
    for spec in specs:
        argv += ["-N", spec]
    return argv


def begin(lab, server, user="alice@corp.contoso.com", nas="RRAS01", method="PEAP/MSCHAPv2", **options):
    """Starts a login and returns it with its process; `finish` waits for it."""
    outer, _, inner = method.partition("/")
    login = Login(user, nas, outer, server, {"MSCHAPv2": "EAP-MSCHAPv2", "TLS": "EAP-TLS"}.get(inner, inner) or None)
    anonymous = re.search('anonymous_identity="([^"]+)"', METHODS[method])
    login.outer_identity = anonymous and anonymous[1]
    if "TLS" in (outer[-3:], inner):
        login.client_certificates = [lab.pki.sha256(name) for name in client_chain(options.get("cert", "alice"))]
    options.setdefault("name", "nps01.corp.contoso.com")
    argv = lab.network.inside("nas", *command(lab, method, user, nas, options))
    path = os.path.join(lab.directory, "client-%d.log" % lab.counter)
    with open(path, "wb") as out:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    lab.network.started.append(process)
    lab.logins.append(login)
    return login, process, path


def finish(lab, started):
    login, process, path = started
    process.wait(90)
    lab.network.started.remove(process)
    with open(path, encoding="utf-8", errors="replace") as log:
        login.judge(log.read())
    return login


def login(lab, server, **options):
    return finish(lab, begin(lab, server, **options))
