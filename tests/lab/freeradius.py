"""FreeRADIUS in the role of NPS: one configuration file per server, written from the scenario's wishes."""

import os
import re

import network

SECRET = "Lab-Secret-4-RRAS"
PASSWORD = "Passw0rd-of-the-lab"
USERS = ("alice", "pc01", "bob", "carol", "dave", "erin", "frank", "grace", "heidi")

HEAD = """prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = {directory}
logdir = {directory}
run_dir = {directory}
name = radiusd
pidfile = {directory}/radiusd.pid
max_request_time = 60
security {{
	reject_delay = 0
	status_server = yes
}}
client lab4 {{
	ipaddr = 10.20.0.0/16
	secret = {secret}
}}
client dmz4 {{
	ipaddr = 172.20.30.0/24
	secret = {secret}
}}
client lab6 {{
	ipv6addr = fd00:20::/32
	secret = {secret}
}}
"""

TLS = """		tls-config tls-common {{
			private_key_file = {key}
			certificate_file = {chain}
			ca_file = {client_ca}
			auto_chain = no
			fragment_size = {fragment}
			include_length = {include_length}
			cipher_list = "{ciphers}"
			tls_min_version = "{tls_min}"
			tls_max_version = "{tls_max}"
{cache}		}}
"""

CACHE = """			cache {{
				enable = yes
				lifetime = 24
				name = "lab"
				persist_dir = "{directory}/sessions"
			}}
"""

METHODS = {
    "peap": """		peap {{
			tls = tls-common
			default_eap_type = {inner}
			virtual_server = "inner"
		}}
""",
    "tls": """		tls {{
			tls = tls-common
		}}
""",
    "ttls": """		ttls {{
			tls = tls-common
			default_eap_type = {inner}
			virtual_server = "inner"
		}}
""",
    "md5": "		md5 {{\n		}}\n",
    "mschapv2": "		mschapv2 {{\n		}}\n",
    "gtc": "		gtc {{\n			auth_type = PAP\n		}}\n",
}

INNER_EAP = """	eap inner-eap {{
		default_eap_type = {inner}
		tls-config tls-inner {{
			private_key_file = {inner_key}
			certificate_file = {inner_chain}
			ca_file = {client_ca}
			auto_chain = no
			fragment_size = {inner_fragment}
			include_length = no
			cipher_list = "DEFAULT"
			tls_min_version = "1.2"
			tls_max_version = "1.2"
		}}
		tls {{
			tls = tls-inner
		}}
		mschapv2 {{
		}}
		gtc {{
			auth_type = PAP
		}}
	}}
"""

MODULES = """	mschap {{
		use_mppe = yes
		with_ntdomain_hack = yes
	}}
	pap {{
	}}
	chap {{
	}}
	files {{
		usersfile = {directory}/users
	}}
	always ok {{
		rcode = ok
	}}
	always reject {{
		rcode = reject
	}}
	detail {{
		filename = {directory}/accounting
	}}
"""

SERVER = """server default {{
{listen}	authorize {{
{policy}		chap
		mschap
		eap {{
			ok = return
		}}
		files
		pap
	}}
	authenticate {{
		Auth-Type PAP {{
			pap
		}}
		Auth-Type CHAP {{
			chap
		}}
		Auth-Type MS-CHAP {{
			mschap
		}}
		mschap
		eap
	}}
	preacct {{
		ok
	}}
	accounting {{
		detail
	}}
	post-auth {{
		update reply {{
			Service-Type := Framed-User
			Framed-Protocol := PPP
			Class := 0x4e505330312d6c61622d636c617373
		}}
		Post-Auth-Type REJECT {{
			eap
		}}
	}}
}}
server inner {{
	authorize {{
		mschap
		inner-eap {{
			ok = return
		}}
		files
		pap
	}}
	authenticate {{
		Auth-Type PAP {{
			pap
		}}
		mschap
		inner-eap
	}}
}}
"""

LISTEN = "	listen {{\n		type = {kind}\n		{family} = *\n		port = {port}\n	}}\n"

PROXY = """proxy server {{
	default_fallback = no
}}
home_server nps {{
	type = auth
	ipaddr = {target}
	port = 1812
	secret = {secret}
	response_window = 20
	zombie_period = 40
}}
home_server_pool nps {{
	type = fail-over
	home_server = nps
}}
realm nps {{
	auth_pool = nps
	nostrip
}}
modules {{
	always ok {{
		rcode = ok
	}}
}}
server default {{
{listen}	authorize {{
		update control {{
			Proxy-To-Realm := "nps"
		}}
	}}
	authenticate {{
		ok
	}}
}}
"""

# Read before any other setting, so that certificates below today's level can be loaded at all.
WEAK_OPENSSL = """openssl_conf = init
[init]
ssl_conf = ssl
[ssl]
system_default = weak
[weak]
MinProtocol = TLSv1
CipherString = DEFAULT@SECLEVEL=0
"""

DEFAULTS = {
    "chain": ("nps01", "issuing"), "client_ca": ("root", "issuing"), "methods": ("peap", "tls", "ttls"),
    "default": "peap", "inner": "mschapv2", "fragment": 1400, "include_length": "no", "ciphers": "DEFAULT",
    "tls_min": "1.2", "tls_max": "1.2", "resume": False, "weak": False, "suites": None, "accounting": False,
    "secret": SECRET, "inner_chain": None, "policy": "", "auth_port": 1812,
}


def listeners(kinds):
    return "".join(LISTEN.format(kind=kind, family=family, port=port)
                   for kind, port in kinds for family in ("ipaddr", "ipv6addr"))


def write_users(path):
    with open(path, "w", encoding="ascii") as out:
        for user in USERS:
            out.write('DEFAULT User-Name =~ "%s", Cleartext-Password := "%s"\n' % (user, PASSWORD))


class Server:
    """A running FreeRADIUS on one node; `certificates` is what it was configured to send."""

    def __init__(self, lab, node, **wishes):
        self.lab, self.node = lab, node
        self.options = {**DEFAULTS, **wishes}
        self.directory = os.path.join(lab.directory, "freeradius-" + node)
        self.log = os.path.join(self.directory, "server.log")
        self.keylog = os.path.join(self.directory, "keys.log")
        os.makedirs(os.path.join(self.directory, "sessions"), mode=0o700, exist_ok=True)
        self.certificates = [lab.pki.sha256(name) for name in self.options["chain"]]
        inner = self.options["inner_chain"]
        self.inner_certificates = [lab.pki.sha256(name) for name in inner] if inner else None
        self.process = None
        self.start()

    def configuration(self):
        options, pki = self.options, self.lab.pki
        inner_chain = options["inner_chain"] or options["chain"]
        values = {**options, "directory": self.directory, "key": pki.key(options["chain"][0]),
                  "chain": pki.chain(*options["chain"]), "client_ca": pki.chain(*options["client_ca"]),
                  "inner_chain": pki.chain(*inner_chain), "inner_key": pki.key(inner_chain[0]),
                  "inner_fragment": options["fragment"] - 150,
                  "cache": CACHE.format(directory=self.directory) if options["resume"] else ""}
        kinds = [("auth", options["auth_port"])] + ([("acct", 1813)] if options["accounting"] else [])
        text = HEAD + "modules {{\n	eap {{\n		default_eap_type = {default}\n" + TLS
        text += "".join(METHODS[method] for method in options["methods"]) + "	}}\n" + INNER_EAP + MODULES + "}}\n"
        return (text + SERVER).format(**values, listen=listeners(kinds))

    def environment(self):
        environment = {"SSLKEYLOGFILE": self.keylog}
        if self.options["weak"] or self.options["suites"]:
            path = os.path.join(self.directory, "openssl.cnf")
            with open(path, "w", encoding="ascii") as out:
                out.write(WEAK_OPENSSL)
                if self.options["suites"]:
                    out.write("Ciphersuites = %s\n" % self.options["suites"])
            environment["OPENSSL_CONF"] = path
        return environment

    def start(self):
        with open(os.path.join(self.directory, "radiusd.conf"), "w", encoding="ascii") as out:
            out.write(self.configuration())
        write_users(os.path.join(self.directory, "users"))
        self.process = self.lab.network.start(
            self.node, ("freeradius", "-d", self.directory, "-n", "radiusd", "-f", "-X"), self.log,
            self.environment())
        network.wait_for("Ready to process requests", self.log, self.process)

    def alerts_read(self):
        """The client's TLS alerts as the server's log has them, in OpenSSL's words."""
        with open(self.log, encoding="utf-8", errors="replace") as lines:
            return re.findall(r"TLS Alert read:fatal:([a-z0-9 ]+)", lines.read())


class Proxy(Server):
    """A FreeRADIUS that hands every request to another server and adds Proxy-State."""

    def __init__(self, lab, node, target):
        self.target = target
        super().__init__(lab, node)

    def configuration(self):
        return (HEAD + PROXY).format(directory=self.directory, secret=SECRET, target=self.target,
                                     listen=listeners([("auth", 1812)]))
