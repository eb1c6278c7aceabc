"""The network of the VPN scenarios: clients behind several kinds of NAT, a load balancer, four VPN servers behind it.

                  home1 (NAT) -- client1        192.168.178.0/24 behind 203.0.113.22
                  home2 (NAT) -- client2        192.168.1.0/24 behind 203.0.113.26
    internet -----cgn (NAT) ---- mobile         100.64.0.0/10 behind 203.0.113.30
    (router)      direct                        203.0.113.64/26, 203.0.113.128/25 and 2001:db8:64::/64, no NAT
     + DNS   \\------ lb 198.51.100.10 -- dmz (switch) -- rras1 172.20.30.11 ... rras4 172.20.30.14
                                                         \\-- the switch of network.py -- nps1, nps2

Every translator is nftables in a namespace of its own; without rules it only routes.
"""

import os
import subprocess

import network
from network import run

VIP, VIP6 = "198.51.100.10", "2001:db8:100::10"
LB_INSIDE = "172.20.30.4"
RRAS = {"rras%d" % number: "172.20.30.1%d" % number for number in (1, 2, 3, 4)}
PUBLICS = {"rras%d" % number: "198.51.100.%d" % (16 + number) for number in (1, 2, 3, 4)}  # reached without translation
RRAS_PUBLIC = PUBLICS["rras1"]
RRAS_V6 = "2001:db8:30::11"
NAS = {"rras%d" % number: ("RRAS1%d" % number, "10.20.0.3%d" % number) for number in (1, 2, 3, 4)}
DNS = "203.0.113.2"              # the clients' resolver
AZURE = "168.63.129.16"          # whence Azure's load balancer asks whether servers live
NETWORK = "10.40.0.0/24"         # behind the VPN servers
INTERNAL_HOST = "10.40.0.1"

HOME1, HOME2, CGN = "203.0.113.22", "203.0.113.26", "203.0.113.30"
HOME1_CLIENTS = ["192.168.178.%d" % last for last in (23, 24, 25)]
HOME2_CLIENTS = ["192.168.1.%d" % last for last in (5, 6)]
CGN_CLIENTS = ["100.64.7.%d" % last for last in range(11, 17)]
DIRECT = ["203.0.113.%d" % last for last in range(66, 100)]
CROWD = ["203.0.113.%d" % last for last in range(130, 254)]
DIRECT_V6 = "2001:db8:64::66"

# translator or client: (address of the router's end, own addresses towards the router)
UPLINKS = {
    "lb": (("198.51.100.1/24", "2001:db8:100::1/64"), (VIP + "/24", VIP6 + "/64")),
    "home1": (("203.0.113.21/30",), (HOME1 + "/30",)),
    "home2": (("203.0.113.25/30",), (HOME2 + "/30",)),
    "cgn": (("203.0.113.29/30",), (CGN + "/30",)),
    "direct": (("203.0.113.65/26", "2001:db8:64::1/64"), tuple(one + "/26" for one in DIRECT) + (DIRECT_V6 + "/64",)),
}
LANS = {
    "client1": ("home1", "192.168.178.1/24", HOME1_CLIENTS),
    "client2": ("home2", "192.168.1.1/24", HOME2_CLIENTS),
    "mobile": ("cgn", "100.64.0.1/10", CGN_CLIENTS),
}
TRANSLATORS = ("lb", "home1", "home2", "cgn")
# Where an address of a client lives.
NODE_OF = {address: node for node, (_, _, addresses) in LANS.items() for address in addresses}
NODE_OF.update({address: "direct" for address in DIRECT + CROWD + [DIRECT_V6]})


class Vpn:
    """The VPN nodes beside those of `network`, made once and used by one scenario after the other."""

    def __init__(self, net):
        self.net = net
        for node in ("internet", "dmz", *RRAS, *UPLINKS, *LANS):
            net._add(node)
            self.sysctl(node, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
                        "net.ipv4.conf.all.promote_secondaries=1", "net.ipv6.conf.all.accept_dad=0",
                        "net.ipv6.conf.default.accept_dad=0", "net.ipv4.conf.all.rp_filter=0",
                        "net.ipv4.conf.default.rp_filter=0", "net.ipv4.icmp_ratelimit=0", "net.ipv4.ipfrag_time=3")
        for node, (router, own) in UPLINKS.items():
            self.link("internet", node, node, "wan", router, own)
            self.ip(node, "route", "add", "default", "via", router[0].split("/")[0])
            if len(router) > 1:
                self.ip(node, "-6", "route", "add", "default", "via", router[1].split("/")[0])
        for node, (parent, gateway, addresses) in LANS.items():
            bits = gateway.split("/")[1]
            self.link(parent, "lan", node, "eth0", (gateway,), ["%s/%s" % (one, bits) for one in addresses])
            self.ip(node, "route", "add", "default", "via", gateway.split("/")[0])
        self.servers()
        self.crowd()

    def servers(self):
        self.ip("dmz", "link", "add", "br0", "type", "bridge")
        self.ip("dmz", "link", "set", "br0", "up")
        self.port("lb", "in", (LB_INSIDE + "/24", "2001:db8:30::4/64"))
        for node, address in RRAS.items():
            self.port(node, "eth0", (address + "/24", PUBLICS[node] + "/32", "2001:db8:30::1%s/64" % node[-1]))
            self.ip(node, "route", "add", "default", "via", LB_INSIDE)
            self.ip(node, "-6", "route", "add", "default", "via", "2001:db8:30::4")
            self.ip(node, "address", "add", INTERNAL_HOST + "/32", "dev", "lo")
            self.inner(node)
            self.ip("internet", "route", "add", PUBLICS[node], "via", VIP)
            self.ip("lb", "route", "add", PUBLICS[node], "via", address)
        self.ip("internet", "-6", "route", "add", "2001:db8:30::/64", "via", VIP6)
        self.ip("lb", "address", "add", AZURE + "/32", "dev", "lo")

    def crowd(self):
        """Many more clients on one machine, and the resolver."""
        lines = "".join("address add %s/32 dev wan\n" % one for one in CROWD)
        subprocess.run(("ip", "-n", self.net.namespace("direct"), "-batch", "-"), input=lines.encode(), check=True)
        self.ip("internet", "route", "add", "203.0.113.128/25", "via", DIRECT[0])
        self.ip("internet", "address", "add", DNS + "/32", "dev", "lo")

    def inner(self, node):
        """The leg towards the RADIUS servers."""
        switch = self.net.namespace("switch")
        run("ip", "-n", switch, "link", "add", node, "type", "veth", "peer", "name", "eth1",
            "address", network.mac_of(NAS[node][1]), "netns", self.net.namespace(node))
        run("ip", "-n", switch, "link", "set", node, "master", "br0", "up")
        self.ready(node, "eth1", (NAS[node][1] + "/16",))

    def sysctl(self, node, *settings):
        run(*self.net.inside(node, "sysctl", "-q", "-w", *settings))

    def ip(self, node, *argv):
        run("ip", "-n", self.net.namespace(node), *argv)

    def ready(self, node, interface, addresses):
        # Without this the captures hold unfinished checksums and segments that no wire carries.
        run(*self.net.inside(node, "ethtool", "-K", interface, "tx", "off", "rx", "off", "gso", "off", "gro", "off"))
        self.ip(node, "link", "set", interface, "up")
        for address in addresses:
            self.ip(node, "address", "add", address, "dev", interface, *(("nodad",) if ":" in address else ()))

    def link(self, upper, upper_name, lower, lower_name, upper_addresses, lower_addresses):
        run("ip", "-n", self.net.namespace(upper), "link", "add", upper_name, "type", "veth",
            "peer", "name", lower_name, "netns", self.net.namespace(lower))
        self.ready(upper, upper_name, upper_addresses)
        self.ready(lower, lower_name, lower_addresses)

    def port(self, node, interface, addresses):
        """A port on the switch of the DMZ; the MAC shows the address."""
        dmz = self.net.namespace("dmz")
        run("ip", "-n", dmz, "link", "add", node, "type", "veth", "peer", "name", interface,
            "address", network.mac_of(addresses[0].split("/")[0]), "netns", self.net.namespace(node))
        run("ip", "-n", dmz, "link", "set", node, "master", "br0", "up")
        self.ready(node, interface, addresses)

    def nft(self, node, rules):
        """Adds rules of nftables on a node."""
        subprocess.run(self.net.inside(node, "nft", "-f", "-"), input=rules.encode(), check=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def reset(self):
        """No rules, no remembered translation, every address back."""
        for node in (*TRANSLATORS, *RRAS, "direct", "internet"):
            run(*self.net.inside(node, "nft", "flush", "ruleset"))
            subprocess.run(self.net.inside(node, "conntrack", "-F"), stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False)
        for one in DIRECT[:2]:
            subprocess.run(("ip", "-n", self.net.namespace("direct"), "address", "replace", one + "/26", "dev", "wan"),
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    # What a scenario asks of its translators.

    def home_nat(self, *nodes):
        for node in nodes or ("home1", "home2", "cgn"):
            self.nft(node, 'table ip nat {\n chain post {\n  type nat hook postrouting priority 100\n'
                           '  oifname "wan" masquerade\n }\n}\n')

    def balance(self, to="rras1", snat="none", nat_t_to=None):
        """
        The load balancer's translation. `to`: a server, or {client: server}; `nat_t_to`: another one for UDP 4500;
        `snat`: "none", "all", or a network whose clients only are hidden.
        """
        def target(choice):
            if isinstance(choice, dict):
                pairs = ", ".join("%s : %s" % (client, RRAS[server]) for client, server in choice.items())
                return "dnat to ip saddr map { %s }" % pairs
            return "dnat to " + RRAS[choice]
        source = {"none": "", "all": "ip saddr != %s " % LB_INSIDE}.get(snat, "ip saddr %s " % snat)
        hide = '  oifname "in" udp dport { 500, 4500 } %ssnat to %s\n' % (source, LB_INSIDE) if source else ""
        self.nft("lb", 'table ip nat {\n chain pre {\n  type nat hook prerouting priority -100\n'
                       '  iifname "wan" ip daddr %s udp dport 500 %s\n'
                       '  iifname "wan" ip daddr %s udp dport 4500 %s\n }\n'
                       ' chain post {\n  type nat hook postrouting priority 100\n%s }\n}\n'
                       % (VIP, target(to), VIP, target(nat_t_to or to), hide))

    def contradict(self):
        """
        INITs of more than 450 bytes (DH group 14) go to the first server, smaller ones (group 19) to the second, without
        any memory: so whoever changes the group meets the other server.
        """
        self.nft("lb", 'table ip contradict {\n chain in {\n  type filter hook prerouting priority -300\n'
                       '  iifname "wan" ip daddr %s udp dport 500 udp length > 450 notrack ip daddr set %s\n'
                       '  iifname "wan" ip daddr %s udp dport 500 udp length <= 450 notrack ip daddr set %s\n'
                       '  iifname "in" udp sport 500 notrack\n }\n'
                       ' chain out {\n  type filter hook postrouting priority 300\n'
                       '  oifname "wan" udp sport 500 ip saddr set %s\n }\n}\n'
                       % (VIP, RRAS["rras1"], VIP, RRAS["rras2"], VIP))

    def filter(self, node, hook, rule, priority=0):
        self.nft(node, "table inet filter_%s {\n chain c {\n  type filter hook %s priority %d\n  %s\n }\n}\n"
                 % (hook, hook, priority, rule))

    def drop_fragments(self, node):
        """Drops IP fragments before the connection tracker joins them."""
        self.nft(node, "table ip fragments {\n chain c {\n  type filter hook prerouting priority -450\n"
                       "  ip frag-off & 0x3fff != 0 drop\n }\n}\n")


def have_ping():
    return any(os.access(os.path.join(folder, "ping"), os.X_OK) for folder in ("/bin", "/usr/bin"))
