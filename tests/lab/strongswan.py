"""strongSwan as VPN server and as VPN clients: configuration, start, and what its log says about each attempt."""

import os
import re
import shutil
import subprocess
import time

import network
import vpn_network
from freeradius import PASSWORD, SECRET
from vpn_network import NAS, NETWORK, NODE_OF, RRAS, VIP

NAME = "vpn.contoso.com"
IKE = "aes256-sha256-prfsha256-modp2048"
ESP = "aes256-sha256"

DAEMON = """charon {{
	threads = 80
	port = 500
	port_nat_t = 4500
	retransmit_timeout = {timeout}
	retransmit_tries = {tries}
	retransmit_base = {base}
	half_open_timeout = 60
	install_routes = {routes}
	make_before_break = no
	cisco_unity = no
	send_vendor_id = yes
{daemon}	filelog {{
		log {{
			path = {directory}/charon.log
			flush_line = yes
			ike_name = yes
			default = 1
			ike = 2
			net = 0
			knl = 1
		}}
	}}
	load_modular = yes
	plugins {{
		include {plugin_folder}/*.conf
		vici {{
			socket = unix://{directory}/v
		}}
		save-keys {{
			load = yes
			ike = yes
			esp = yes
			wireshark_keys = {directory}
		}}
		kernel-libipsec {{
			load = {libipsec}
		}}
{plugins}	}}
}}
"""

# IKE and CHILD_SAs are negotiated as ever, but no packet is protected.
FAKE_KERNEL = """		load-tester {{
			enable = yes
			fake_kernel = yes
			initiators = 0
			eap_password = {password}
		}}
"""

RADIUS = """		eap-radius {{
			accounting = {accounting}
			nas_identifier = {name}
			servers {{
				nps {{
					address = {nps}
					secret = {secret}
				}}
			}}
		}}
"""


def block(name, content, depth=0):
    """A section of swanctl.conf from nested dictionaries."""
    indent = "\t" * depth
    lines = [indent + name + " {"]
    for key, value in content.items():
        if isinstance(value, dict):
            lines.append(block(key, value, depth + 1))
        elif value is not None:
            lines.append("%s\t%s = %s" % (indent, key, value))
    return "\n".join(lines + [indent + "}"])


class Charon:
    """One running daemon on one node, loaded with `configuration` (sections of swanctl.conf)."""

    def __init__(self, lab, node, configuration, authorities=(), certificates=(), kernel="libipsec", radius=None,
                 daemon="", tries=3, timeout=1.0, base=1.8, debian=False):
        self.lab, self.node, self.debian = lab, node, debian
        self.directory = os.path.join(lab.directory, "charon-%s" % node)
        self.log = os.path.join(self.directory, "charon.log")
        for folder in ("x509", "x509ca", "private", "conf"):
            os.makedirs(os.path.join(self.directory, folder), exist_ok=True)
        for name in authorities:
            shutil.copy(lab.pki.pem(name), os.path.join(self.directory, "x509ca"))
        for name in certificates:
            shutil.copy(lab.pki.pem(name), os.path.join(self.directory, "x509"))
            shutil.copy(lab.pki.key(name), os.path.join(self.directory, "private", name + ".pem"))
        plugins = FAKE_KERNEL.format(password=PASSWORD) if kernel == "fake" else ""
        if radius:
            plugins += RADIUS.format(name=NAS[node][0], secret=SECRET, **radius)
        with open(os.path.join(self.directory, "strongswan.conf"), "w", encoding="ascii") as out:
            folder = "/etc/strongswan.d/charon" if debian else os.path.join(lab.strongswan, "etc/strongswan.d/charon")
            out.write(DAEMON.format(directory=self.directory, plugins=plugins, plugin_folder=folder, daemon=daemon, tries=tries,
                                    timeout=timeout, base=base, routes="no" if kernel == "fake" else "yes",
                                    libipsec="yes" if kernel == "libipsec" else "no"))
        self.path = os.path.join(self.directory, "swanctl.conf")
        with open(self.path, "w", encoding="ascii") as out:
            out.write("\n".join(block(name, content) for name, content in configuration.items()) + "\n")
        self.start()

    def program(self, name):
        if self.debian:
            return {"charon": "/usr/lib/ipsec/charon", "swanctl": "/usr/sbin/swanctl"}[name]
        return os.path.join(self.lab.strongswan, {"charon": "libexec/ipsec/charon", "swanctl": "sbin/swanctl"}[name])

    def start(self):
        environment = {"STRONGSWAN_CONF": os.path.join(self.directory, "strongswan.conf"),
                       "SWANCTL_DIR": self.directory}
        # A private /run: every daemon has the same pid file.
        self.process = self.lab.network.start(
            self.node, ("sh", "-c", "mount -t tmpfs lab /run && exec " + self.program("charon")),
            os.path.join(self.directory, "stdout"), environment)
        end = time.monotonic() + 10
        while not os.path.exists(os.path.join(self.directory, "v")):
            if time.monotonic() > end or self.process.poll() is not None:
                raise RuntimeError("charon on %s does not start: see %s" % (self.node, self.directory))
            time.sleep(0.03)
        done = self.swanctl("--load-all", "--noprompt", "--file", self.path)
        if done.returncode:
            raise RuntimeError("swanctl: " + done.stdout.decode())

    def swanctl(self, *argv, seconds=60):
        environment = {**os.environ, "SWANCTL_DIR": self.directory,
                       "STRONGSWAN_CONF": os.path.join(self.directory, "strongswan.conf")}
        return subprocess.run((self.program("swanctl"), *argv, "--uri", "unix://%s/v" % self.directory), check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, timeout=seconds)

    def stop(self, how=15):
        self.lab.network.stop(self.process, how)

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as lines:
            return lines.read()

    def keys(self):
        """Lines of Wireshark's ikev2_decryption_table, the first of each pair of SPIs."""
        path, seen, out = os.path.join(self.directory, "ikev2_decryption_table"), set(), []
        if os.path.exists(path):
            with open(path, encoding="ascii") as lines:
                for line in lines:
                    pair = tuple(line.split(",")[:2])
                    # After a rekeying one peer writes the old SPIs with the new keys.
                    if pair not in seen and line.strip():
                        seen.add(pair)
                        out.append(line)
        return out


def server(lab, node="rras1", auth="eap-radius", certificate="vpn", proposals=IKE, esp=ESP, local=None, pool="10.50.0.0/24",
           network_behind=NETWORK, fragmentation="yes", encap="no", kernel="libipsec", nps=network.NPS01, daemon="",
           client_authorities=("root",), accounting="yes", identity=NAME, redirect=None, children=None, connection=None,
           remote=None, users=(), **options):
    """A VPN server in the role of RRAS: EAP through RADIUS, or machine certificates; `users`: EAP-MSCHAPv2 beside it."""
    local_addrs = local or ",".join([RRAS[node]])
    remotes = {"auth": auth}
    if auth == "pubkey":
        remotes["cacerts"] = ",".join(lab.pki.pem(name) for name in client_authorities)
    elif auth.startswith("eap"):
        remotes["eap_id"] = "%any"
    remotes.update(remote or {})
    own = {"auth": "psk" if auth == "psk" else "pubkey", "id": identity}
    if auth != "psk":
        own["certs"] = lab.pki.pem(certificate)
    connections = {"vpn": {
        "version": "2", "local_addrs": local_addrs, "proposals": proposals, "fragmentation": fragmentation,
        "encap": encap, "send_cert": "always", "pools": "pool" if pool else None, "rekey_time": "0", "unique": "never",
        "local": own, "remote": remotes,
        "children": {"net": {"local_ts": network_behind, "esp_proposals": esp, "rekey_time": "0", **(children or {})}},
        **(connection or {})}}
    configuration = {"connections": connections}
    if pool:
        configuration["pools"] = {"pool": {"addrs": pool}}
    secrets = {"ike-psk": {"secret": '"%s"' % PASSWORD}} if auth == "psk" else {}
    if auth in ("eap-mschapv2", "eap-md5"):
        users = lab.vpn_users
    elif users:
        connections["user"] = {**connections["vpn"], "remote": {"auth": "eap-mschapv2", "eap_id": "%any"}}
    secrets.update({"eap-%d" % i: {"id": user, "secret": '"%s"' % PASSWORD} for i, user in enumerate(users)})
    if secrets:
        configuration["secrets"] = secrets
    authorities = ("root", "issuing", *[name for name in client_authorities if name != "root"])
    if certificate.startswith("fabrikam"):
        authorities = ("fabrikam-root", *authorities)
    daemon = lab_daemon(daemon, redirect)
    return lab.keep_daemon(Charon(
        lab, node, configuration, authorities, (certificate,) if auth != "psk" else (), kernel,
        {"nps": nps, "accounting": accounting} if auth == "eap-radius" else None, daemon, **options))


def lab_daemon(text, redirect):
    return text + ("	redirect = %s\n" % redirect if redirect else "")


METHODS = {  # method of the truth: (auth of swanctl.conf, inner method)
    "PEAP": ("eap", "EAP-MSCHAPv2"), "EAP-TLS": ("eap-tls", None), "EAP-MSCHAPv2": ("eap", None),
    "EAP-TTLS": ("eap", None), "certificate": ("pubkey", None), "psk": ("psk", None), "MD5-Challenge": ("eap", None),
}

# Notifies that refuse something (RFC 7296 section 3.10.1).
ERRORS = ("UNSUPPORTED_CRITICAL_PAYLOAD", "INVALID_[A-Z_]+", "NO_PROPOSAL_CHOSEN", "AUTHENTICATION_FAILED", "NO_ADDITIONAL_SAS",
          "INTERNAL_ADDRESS_FAILURE", "FAILED_CP_REQUIRED", "TS_UNACCEPTABLE", "UNACCEPTABLE_ADDRESSES")


class Attempt:
    """One client's attempt: as configured, and as its daemon's log says it ended."""

    protocol = "ikev2"

    def __init__(self, lab, name, address, user, method, certificate=None, to=VIP):
        self.lab, self.name, self.address, self.user, self.method, self.to = lab, name, address, user, method, to
        self.certificate, self.node, self.daemon = certificate, NODE_OF[address], None
        self.inner = METHODS[method][1]
        self.virtual_address = None

    def lines(self):
        """The daemon's lines about this connection, rekeyed ones included."""
        return [line for line in self.daemon.text().splitlines() if re.search(r"<%s\|\d+>" % self.name, line)]

    def outcome(self):
        """In the words of the report: who gave up, or what never came."""
        text = "\n".join(self.lines())
        if re.search(r"CHILD_SA %s\{\d+\} established" % self.name, text):
            return "established"
        if re.search(r"giving up after \d+ retransmits", text):
            return "unanswered"
        if "received EAP_FAILURE" in text or "failed with error ERROR_AUTHENTICATION_FAILURE" in text:
            return "rejected"
        if "no private key found" in text or re.search(r"generating INFORMATIONAL request \d+ \[ N\(AUTH_FAILED\) \]", text):
            return "aborted"
        return "rejected" if self.notify_errors() or re.search(r"giving up after \d+ retries", text) else "incomplete"

    def notify_errors(self):
        """Errors that this client received."""
        return sorted(set(re.findall(r"received (%s) (?:notify|error)" % "|".join(ERRORS), "\n".join(self.lines()))))

    def proposal(self):
        """The IKE proposal that was chosen, in strongSwan's words."""
        found = re.findall(r"selected proposal: IKE:(\S+)", "\n".join(self.lines()))
        return found[0] if found else None


def connection(attempt, pki, proposals=IKE, esp=ESP, fragmentation="yes", encap="no", mobike="yes", trust="root",
               aaa_trust=None, name=NAME, aaa_name="nps01.corp.contoso.com", remote_ts=NETWORK, vips="0.0.0.0", more=None,
               child=None, pinned=True, identity=None):
    """The client's section of swanctl.conf. `trust`: root for the VPN server's certificate (and for NPS)."""
    auth = METHODS[attempt.method][0]
    local = {"auth": auth}
    if auth in ("eap", "eap-tls"):
        local.update(id=attempt.user, eap_id=attempt.user, aaa_id=aaa_name)
    if attempt.method in ("EAP-TLS", "certificate"):
        local["certs"] = pki.pem(attempt.certificate)
    remote = {"auth": "psk" if auth == "psk" else "pubkey", "id": name}
    if pinned and auth != "psk":
        remote["cacerts"] = pki.pem(trust)
    if auth == "psk":
        local["id"] = identity or attempt.user
    return {
        "version": "2", "local_addrs": attempt.address, "remote_addrs": attempt.to, "vips": vips, "proposals": proposals,
        "fragmentation": fragmentation, "encap": encap, "mobike": mobike, "rekey_time": "0", "unique": "never",
        "send_cert": "always", "local": local, "remote": remote,
        "children": {attempt.name: {"remote_ts": remote_ts, "esp_proposals": esp, "rekey_time": "0", **(child or {})}},
        **(more or {})}


def clients(lab, attempts, trust=("root",), kernel="libipsec", debian=False, daemon="", tries=3, timeout=1.0, base=1.8,
            passwords=None, each=None, lost_keys=(), shared_key=PASSWORD, **wishes):
    """Starts the clients' daemons, one on each node, with a connection for each attempt; `each`: wishes by its name."""
    for node in dict.fromkeys(attempt.node for attempt in attempts):
        mine = [attempt for attempt in attempts if attempt.node == node]
        wanted = {**wishes, "trust": trust[0]} if wishes.get("pinned", True) else wishes
        configuration = {
            "connections": {one.name: connection(one, lab.pki, **{**wanted, **(each or {}).get(one.name, {})})
                            for one in mine},
            "secrets": {**{"eap-%s" % one.name: {"id": one.user, "secret": '"%s"' % (passwords or {}).get(one.user, PASSWORD)}
                           for one in mine if METHODS[one.method][0] == "eap"},
                        **({"ike-psk": {"secret": '"%s"' % shared_key}} if any(one.method == "psk" for one in mine) else {})}}
        certificates = [one.certificate for one in mine if one.certificate]
        certificates = [name for name in certificates if name not in lost_keys]
        started = Charon(lab, node, configuration, trust + (("issuing",) if certificates else ()), certificates, kernel,
                         debian=debian, daemon=daemon, tries=tries, timeout=timeout, base=base)
        lab.keep_daemon(started)
        for one in mine:
            one.daemon = started
    lab.attempts += attempts


def initiate(attempt, seconds=14):
    """Connects; returns the attempt's outcome by the daemon's log."""
    attempt.daemon.swanctl("--initiate", "--child", attempt.name, "--timeout", str(seconds), seconds=seconds + 20)
    found = re.findall(r"installing new virtual IP (\S+)", "\n".join(attempt.lines()))
    attempt.virtual_address = found[-1] if found else None
    return attempt.outcome()


def begin(attempt, seconds=20):
    """Starts connecting; the process ends when it is over."""
    one = attempt.daemon
    argv = (one.program("swanctl"), "--initiate", "--child", attempt.name, "--timeout", str(seconds),
            "--uri", "unix://%s/v" % one.directory)
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def initiate_all(attempts, seconds=20):
    """Connects all at the same time."""
    for process in [begin(one, seconds) for one in attempts]:
        process.wait(seconds + 20)
    for one in attempts:
        found = re.findall(r"installing new virtual IP (\S+)", "\n".join(one.lines()))
        one.virtual_address = found[-1] if found else None


def ping(attempt, count=3, host=vpn_network.INTERNAL_HOST):
    """A few packets through the tunnel; raises when none comes back."""
    done = subprocess.run(attempt.lab.network.inside(
        attempt.node, "ping", "-q", "-n", "-c", str(count), "-i", "0.2", "-W", "1", "-s", "24",
        "-I", attempt.virtual_address or attempt.address, host), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise RuntimeError("no ping through the tunnel of %s:\n%s" % (attempt.name, done.stdout.decode()))


def disconnect(attempt):
    attempt.daemon.swanctl("--terminate", "--ike", attempt.name, "--timeout", "5")
