"""What distributes clients over several servers: haproxy, maps of nftables, DNS; and its log, which says who was sent where."""

import os
import re
import subprocess
import time

import network
from haproxy import wait_until_listening
from vpn_network import DNS, PUBLICS, RRAS, VIP

CONFIGURATION = """global
	maxconn 500
	log stdout format iso local0
	ssl-server-verify none
defaults
	log global
	mode tcp
	retries 0
	timeout connect 3s
	timeout client 60s
	timeout server 60s
	timeout check 2s
frontend vpn
	bind {listen}
	log-format "from %ci:%cp to %s end %ts"
	default_backend servers
backend servers
	balance {algorithm}
{servers}"""

SSTP, IKE = {"tcp": "443"}, {"udp": "500, 4500"}


class Haproxy:
    """
    A running haproxy on the load balancer. `algorithm` as haproxy names it; servers: {node: weight}; check: the
    milliseconds between health checks (None: it asks nobody); header: "send-proxy" or "send-proxy-v2".
    """

    def __init__(self, lab, algorithm, servers, check=None, header=""):
        directory = os.path.join(lab.directory, "haproxy-balance")
        os.makedirs(directory, exist_ok=True)
        options = (" check inter %d fall 2 rise 2" % check if check else "") + (" " + header if header else "")
        lines = "".join("	server %s %s:443 weight %d%s\n" % (node, RRAS[node], weight, options) for node, weight in servers.items())
        path, self.log = os.path.join(directory, "haproxy.cfg"), os.path.join(directory, "haproxy.log")
        with open(path, "w", encoding="ascii") as out:
            out.write(CONFIGURATION.format(listen=VIP + ":443", algorithm=algorithm, servers=lines))
        self.process = lab.network.start("lb", ("haproxy", "-db", "-f", path), self.log)
        wait_until_listening(lab, "lb", VIP + ":443", self.process)
        lab.behind_proxy = True

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as lines:
            return lines.read()

    def choices(self, _):
        """{(client's address, port): node}; None where haproxy had nobody."""
        return {(address, int(port)): node if node in RRAS else None
                for address, port, node in re.findall(r"from (\S+):(\d+) to (\S+) end", self.text())}

    def wait_for(self, node, state, seconds=10):
        """Waits until a server is UP or DOWN by the log."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            told = re.findall(r"Server servers/%s is (UP|DOWN)" % node, self.text())
            if told[-1:] == [state]:
                return
            time.sleep(0.05)
        raise RuntimeError("%s is not %s:\n%s" % (node, state, self.text()[-2000:]))


class Nftables:
    """
    nftables on the load balancer chooses the destination. choice: an expression, "numgen random" or "jhash ip saddr", or
    {client: node}; services: protocols and their ports. The log is that of the kernel's connection tracker.
    """

    def __init__(self, lab, choice, nodes=tuple(RRAS), services=SSTP):
        if isinstance(choice, dict):
            target = "dnat to ip saddr map { %s }" % ", ".join("%s : %s" % (one, RRAS[node]) for one, node in choice.items())
        else:
            slots = ", ".join("%d : %s" % (number, RRAS[node]) for number, node in enumerate(nodes))
            expression = choice + (" mod %d" % len(nodes)) + (" seed 0x1234" if "jhash" in choice else "")
            target = "dnat to %s map { %s }" % (expression, slots)
        rules = "".join('  iifname "wan" ip daddr %s %s dport { %s } %s\n' % (VIP, protocol, ports, target)
                        for protocol, ports in services.items())
        lab.vpn.nft("lb", "table ip balance {\n chain pre {\n  type nat hook prerouting priority -100\n%s }\n}\n" % rules)
        self.log = os.path.join(lab.directory, "conntrack.log")
        self.process = lab.network.start("lb", ("conntrack", "-E", "-e", "NEW"), self.log)
        time.sleep(0.3)

    def choices(self, port):
        """{(client's address, port): node} of every connection to this port of the service."""
        with open(self.log, encoding="utf-8", errors="replace") as lines:
            rows = re.findall(r"src=(\S+) dst=%s sport=(\d+) dport=(\d+) .*?src=(\S+) " % re.escape(VIP), lines.read())
        nodes = {address: node for node, address in RRAS.items()}
        return {(client, int(own)): nodes.get(server) for client, own, to, server in rows if int(to) == port}


class RoundRobin:
    """dnsmasq at the clients' provider: one name, the servers' public addresses in turn."""

    def __init__(self, lab, nodes=tuple(RRAS), name="vpn.contoso.com"):
        self.log = os.path.join(lab.directory, "dnsmasq.log")
        hosts = os.path.join(lab.directory, "hosts")
        with open(hosts, "w", encoding="ascii") as out:
            out.writelines("%s %s\n" % (PUBLICS[node], name) for node in nodes)
        self.process = lab.network.start("internet", (
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--addn-hosts=" + hosts,
            "--listen-address=" + DNS, "--bind-interfaces", "--log-facility=-", "--log-queries", "--user=root", "--pid-file=",
            "--local-ttl=30"), self.log)
        network.wait_for(" names", self.log, self.process)


def hold_back(lab, node, rule):
    """A rule on a server's own firewall."""
    subprocess.run(lab.network.inside(node, "nft", "-f", "-"), check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                   input=("table inet dead {\n chain in {\n  type filter hook input priority 0\n  %s\n }\n}\n" % rule).encode())
