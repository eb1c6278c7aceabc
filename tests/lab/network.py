"""Network namespaces of the lab: the RRAS side, two NPS, a proxy, and the switch between them.

Every address is fixed; nothing has a default route, so no packet can leave the lab.
Processes are started inside a namespace and ended by their own pid.
"""

import os
import signal
import subprocess
import time

NAS = {"RRAS01": "10.20.0.21", "RRAS02": "10.20.0.22", "RRAS03": "10.20.0.23"}
NAS_V6 = "fd00:20::21"
NPS01, NPS02, PROXY = "10.20.1.11", "10.20.1.12", "10.20.1.30"
NPS01_V6 = "fd00:20::1:11"

NODES = {
    "nas": (*NAS.values(), NAS_V6),
    "nps1": (NPS01, NPS01_V6),
    "nps2": (NPS02,),
    "proxy": (PROXY,),
}


def mac_of(address):
    """A locally administered MAC that shows the IPv4 address in its last four bytes."""
    return "02:00:" + ":".join("%02x" % int(part) for part in address.split("."))


def run(*argv, **options):
    return subprocess.run(argv, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)


class Network:
    """One set of namespaces. `close()` ends what was started in it and removes it."""

    def __init__(self, name):
        self.name = name
        self.started = []
        self.namespaces = []
        self._vpn = None
        try:
            self._build()
        except subprocess.CalledProcessError as error:
            self.close()
            raise SystemExit("lab: %s: %s" % (" ".join(error.cmd), error.output.decode().strip()))

    def _add(self, node):
        namespace = self.namespace(node)
        run("ip", "netns", "add", namespace)
        self.namespaces.append(namespace)
        run("ip", "-n", namespace, "link", "set", "lo", "up")

    def _build(self):
        self._add("switch")
        switch = self.namespace("switch")
        run("ip", "-n", switch, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", switch, "link", "set", "br0", "up")
        for node, addresses in NODES.items():
            self._add(node)
            namespace = self.namespace(node)
            run("ip", "-n", switch, "link", "add", node, "type", "veth",
                "peer", "name", "eth0", "address", mac_of(addresses[0]), "netns", namespace)
            run("ip", "-n", switch, "link", "set", node, "master", "br0", "up")
            for address in addresses:
                suffix = ("/32", "nodad") if ":" in address else ("/16",)
                run("ip", "-n", namespace, "address", "add", address + suffix[0], "dev", "eth0", *suffix[1:])
            # Without this the captures hold unfinished UDP checksums.
            run("ip", "netns", "exec", namespace, "ethtool", "-K", "eth0", "tx", "off")
            run("ip", "-n", namespace, "link", "set", "eth0", "up")
        # Two 802.1X ports: one end is the supplicant's, the other the authenticator's.
        self._add("client")
        run("ip", "-n", self.namespace("nas"), "link", "add", "port0", "address", "02:00:00:00:01:01",
            "type", "veth", "peer", "name", "eth0", "address", "02:00:00:00:01:02",
            "netns", self.namespace("client"))
        run("ip", "-n", self.namespace("nas"), "link", "set", "port0", "up")
        run("ip", "-n", self.namespace("client"), "link", "set", "eth0", "up")

    def vpn(self):
        """The nodes of the VPN scenarios, made when first asked for; without any rule of an earlier scenario."""
        import vpn_network  # only here: it builds on this module
        if self._vpn is None:
            self._vpn = vpn_network.Vpn(self)
        self._vpn.reset()
        return self._vpn

    def namespace(self, node):
        return "%s-%s" % (self.name, node)

    def inside(self, node, *argv):
        return ["ip", "netns", "exec", self.namespace(node), *argv]

    def start(self, node, argv, log, env=None):
        """Starts a daemon; its output goes to the file `log`."""
        with open(log, "wb") as out:
            process = subprocess.Popen(self.inside(node, *argv), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                       env={**os.environ, **(env or {})})
        self.started.append(process)
        return process

    def stop(self, process, how=signal.SIGTERM):
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()
        if process in self.started:
            self.started.remove(process)

    def stop_all(self):
        for process in list(reversed(self.started)):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
            self.stop(process)

    def drop_trailing_fragments(self):
        """Drops every IPv4 fragment but the first on the switch, as some firewalls do."""
        self.on_switch("ether type ip ip frag-off & 0x1fff != 0 drop")

    def answer_from(self, server, other):
        """A RADIUS server's answers come from another address, as of a host with two or behind what translates one direction."""
        self.on_switch("ether type ip ip saddr %s udp sport 1812 ip saddr set %s" % (server, other))

    def on_switch(self, rule):
        rules = "table bridge lab {\n chain forward {\n  type filter hook forward priority 0\n  %s\n }\n}\n" % rule
        run(*self.inside("switch", "nft", "-f", "-"), input=rules.encode())

    def forward_all(self):
        subprocess.run(self.inside("switch", "nft", "delete", "table", "bridge", "lab"),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def close(self):
        self.stop_all()
        for namespace in self.namespaces:
            subprocess.run(["ip", "netns", "delete", namespace], check=False)
        self.namespaces = []


def wait_for(text, log, process, seconds=10.0):
    """Waits until `text` stands in the file `log`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with open(log, "rb") as lines:
            if text.encode() in lines.read():
                return
        if process.poll() is not None:
            break
        time.sleep(0.02)
    with open(log, "rb") as lines:
        tail = lines.read()[-2000:].decode("utf-8", "replace")
    raise RuntimeError("no %r from %s:\n%s" % (text, " ".join(process.args), tail))
