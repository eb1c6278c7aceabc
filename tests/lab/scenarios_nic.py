"""What VPN servers send and answer on the NIC that clients come to: daemons of a Windows network's protocols beside the tunnel."""

import contextlib
import os
import subprocess
import time

import network
import recorder
from freeradius import Server
from lab import scenario
from network import NPS02
from scenarios_ike import ALICE, AT_HOME, attempts, home
from strongswan import clients, disconnect, initiate, ping, server
from vpn_lab import POINTS
from vpn_network import LB_INSIDE, RRAS, RRAS_PUBLIC, VIP

RESOLVER = "198.51.100.53"  # of a provider, on the Internet's router
SECOND_NIC = "172.20.30.13"
SAMBA = """[global]
	workgroup = CORP
	netbios name = RRAS1
	server string =
	bind interfaces only = yes
	interfaces = {interface}
	private dir = {directory}
	lock directory = {directory}
	state directory = {directory}
	cache directory = {directory}
	pid directory = {directory}
	ncalrpc dir = {directory}
	log file = {directory}/samba.log
	disable spoolss = yes
	load printers = no
	map to guest = Bad User
	server min protocol = SMB2
[public]
	path = {directory}
	guest ok = yes
"""
# TPKT and X.224 Connection Request with RDP_NEG_REQ (MS-RDPBCGR 2.2.1.1), as any scanner sends it.
RDP_REQUEST = """import socket, sys
with socket.create_connection((sys.argv[1], 3389), 3) as rdp:
    rdp.sendall(bytes.fromhex("03000013 0ee00000000000 01000800 03000000"))
    rdp.settimeout(3)
    rdp.recv(100)
"""
AVAHI = """[server]
host-name=rras1
use-ipv4=yes
use-ipv6=no
allow-interfaces=eth0
enable-dbus=no
[wide-area]
enable-wide-area=no
"""


def configuration(lab, name, text):
    path = os.path.join(lab.directory, name)
    with open(path, "w", encoding="ascii") as out:
        out.write(text)
    return path


def daemon(lab, node, name, *argv):
    """Starts a daemon with a /run of its own; ended by the scenario's end."""
    return lab.network.start(node, ("sh", "-c", "mount -t tmpfs none /run && mkdir -p /run/lldpd /run/samba && exec \"$@\"", "sh", *argv),
                             os.path.join(lab.directory, name + ".log"))


def once(lab, node, *argv, seconds=10):
    """A tool that asks something; what becomes of it is the recording's to tell."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(lab.network.inside(node, *argv), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False, timeout=seconds)


def samba(lab, node="rras1", interface="eth0"):
    folder = os.path.join(lab.directory, "samba")
    os.makedirs(folder, exist_ok=True)
    return configuration(lab, "smb.conf", SAMBA.format(directory=folder, interface=interface))


def resolver(lab, node, name, address):
    """A DNS server that knows the company's names."""
    return daemon(lab, node, name, "dnsmasq", "-k", "-u", "root", "--no-resolv", "--no-hosts", "--listen-address=" + address,
                  "--bind-interfaces", "--srv-host=_ldap._tcp.dc._msdcs.corp.contoso.com,dc01.corp.contoso.com,389",
                  "--address=/dc01.corp.contoso.com/10.20.1.5", "--address=/crl.contoso.com/198.51.100.80", "--local=/contoso.com/")


@contextlib.contextmanager
def everything(lab, *points):
    """Records what the other scenarios leave out, too: ARP, neighbour discovery, multicast."""
    recordings = []
    try:
        for name in points:
            node, interface = POINTS[name]
            path = os.path.join(lab.directory, "at-%s.pcap" % name)
            recordings.append(recorder.Recorder(lab, path, node=node, interface=interface, expression="not ip6"))
            lab.points[name] = path
        yield
    finally:
        for recording in reversed(recordings):
            recording.stop()


def tunnel(lab, beside, points=("rras1", "client1"), auth="eap-mschapv2", method="EAP-MSCHAPv2", before=None):
    """A user's tunnel from home; `beside` is done while it stands."""
    home(lab)
    made = attempts(lab, ("192.168.178.23", ALICE, method))
    server(lab, auth=auth)
    clients(lab, made)
    with everything(lab, *points):
        if before:
            before()
        if initiate(made[0]) == "established":
            ping(made[0])
            beside()
            disconnect(made[0])
        time.sleep(0.3)


@scenario("nic-names", "a server with two NICs speaks NetBIOS and mDNS to the outside", attempts=["established"], seconds=12,
          expect=["nic-name-resolution"], forbid=["nic-dns-client", "nic-smb", "nic-dhcp", "nic-discovery", "nic-same-subnet",
                                                  "nic-unexpected-protocol"],
          shows=["nbns && ip.src == %s" % RRAS["rras1"], "mdns && eth.src == 02:00:ac:14:1e:0b"])
def _(lab):
    def speak():
        daemon(lab, "rras1", "nmbd", "nmbd", "-F", "-s", samba(lab))
        daemon(lab, "rras1", "avahi", "avahi-daemon", "--no-drop-root", "--no-chroot", "--no-rlimits", "-f",
               configuration(lab, "avahi.conf", AVAHI))
        time.sleep(5)
    tunnel(lab, speak)
    lab.keep_point("rras1", **AT_HOME)
    lab.keep_point("client1", "-client", expect_findings=[], forbid_severity=["critical", "warning"],
                   description="the same as the client sees it: nothing of it")


@scenario("nic-dns", "a server asks a provider's DNS server for names of its domain by the NIC that clients come to",
          attempts=["established"], seconds=6, expect=["nic-dns-client"],
          forbid=["nic-name-resolution", "nic-smb", "nic-unexpected-protocol"],
          shows=["dns.qry.name == \"_ldap._tcp.dc._msdcs.corp.contoso.com\" && ip.src == %s" % RRAS["rras1"]])
def _(lab):
    lab.vpn.ip("internet", "address", "replace", RESOLVER + "/32", "dev", "lo")
    lab.vpn.ip("internet", "route", "replace", "172.20.30.0/24", "via", VIP)

    def ask():
        resolver(lab, "internet", "dnsmasq", RESOLVER)
        time.sleep(0.5)
        for name, kind in (("crl.contoso.com", "A"), ("_ldap._tcp.dc._msdcs.corp.contoso.com", "SRV"), ("dc01.corp.contoso.com", "A")):
            once(lab, "rras1", "dig", "+tries=1", "+time=1", "@" + RESOLVER, name, kind)
    tunnel(lab, ask)
    lab.keep_point("rras1", **AT_HOME)


@scenario("nic-smb", "a server's files are offered to the outside", attempts=["established"], seconds=8, expect=["nic-smb"],
          forbid=["nic-dns-client", "nic-same-subnet"], shows=["tcp.srcport == 445 && tcp.flags.syn == 1 && tcp.flags.ack == 1"])
def _(lab):
    def offer():
        daemon(lab, "rras1", "smbd", "smbd", "-F", "-s", samba(lab))
        time.sleep(1.5)
        once(lab, "direct", "smbclient", "-N", "-L", "//%s" % RRAS_PUBLIC, "-s", samba(lab))
    tunnel(lab, offer)
    lab.keep_point("rras1", **AT_HOME)


@scenario("nic-offers", "a server offers Remote Desktop and a data base (Redis) to the outside", attempts=["established"], seconds=10,
          expect=["nic-unexpected-protocol"], forbid=["nic-dns-client", "nic-smb", "nic-same-subnet", "nic-name-resolution", "nic-dhcp"],
          shows=["tcp.srcport == 3389 && tpkt", "tcp.srcport == 6379 && tcp.len > 0"])
def _(lab):
    def offer():
        daemon(lab, "rras1", "redis", "redis-server", "--port", "6379", "--protected-mode", "no", "--save", "")
        daemon(lab, "rras1", "xrdp", "sh", "-c", "mkdir -p /run/xrdp && exec \"$@\"", "sh", "xrdp", "--nodaemon")
        time.sleep(2)
        once(lab, "direct", "redis-cli", "-h", RRAS_PUBLIC, "ping")
        once(lab, "direct", "python3", "-c", RDP_REQUEST, RRAS_PUBLIC)
    tunnel(lab, offer)
    lab.keep_point("rras1", **AT_HOME)


@scenario("nic-dhcp", "a server asks for its address by DHCP and tells LLDP who it is", attempts=["established"], seconds=12,
          expect=["nic-dhcp", "nic-discovery"], forbid=["nic-dns-client", "nic-smb", "nic-name-resolution"],
          shows=["dhcp.option.dhcp == 1", "lldp"])
def _(lab):
    def ask():
        daemon(lab, "lb", "dnsmasq", "dnsmasq", "-k", "-p", "0", "-u", "root", "--interface=in", "--bind-interfaces", "--dhcp-authoritative",
               "--dhcp-range=172.20.30.11,172.20.30.11,255.255.255.0,10m", "--dhcp-leasefile=" + os.path.join(lab.directory, "leases"))
        daemon(lab, "rras1", "lldpd", "lldpd", "-d", "-I", "eth0")
        time.sleep(0.5)
        once(lab, "rras1", "udhcpc", "-i", "eth0", "-f", "-n", "-q", "-s", "/bin/true", "-t", "3", "-T", "1")
        time.sleep(2)
    tunnel(lab, ask)
    lab.keep_point("rras1", **AT_HOME)


@scenario("nic-one", "a server with one NIC: RADIUS and DNS of the company by the NIC that clients come to, and SMB to its own",
          attempts=["established"], seconds=10, healthy=True,
          forbid=["nic-dns-client", "nic-smb", "nic-unexpected-protocol", "nic-dhcp", "nic-same-subnet"],
          shows=["radius.code == 2", "dns.flags.response == 1"])
def _(lab):
    radius = Server(lab, "nps1", accounting=True, inner_chain=("nps01", "issuing"))
    bridge(lab)
    try:
        def ask():
            resolver(lab, "nps2", "dnsmasq", NPS02)
            daemon(lab, "nps2", "smbd", "smbd", "-F", "-s", samba(lab))
            time.sleep(1.5)
            once(lab, "rras1", "dig", "+tries=1", "+time=1", "@" + NPS02, "_ldap._tcp.dc._msdcs.corp.contoso.com", "SRV")
            once(lab, "rras1", "smbclient", "-N", "-L", "//" + NPS02, "-s", samba(lab))
            daemon(lab, "rras1", "avahi", "avahi-daemon", "--no-drop-root", "--no-chroot", "--no-rlimits", "-f",
                   configuration(lab, "avahi.conf", AVAHI))
            time.sleep(2)
        tunnel(lab, ask, auth="eap-radius", method="PEAP")
    finally:
        unbridge(lab)
    assert radius
    lab.keep_point("rras1", **AT_HOME)


def bridge(lab):
    """The server's second NIC is gone; the first one reaches the inside."""
    dmz, switch = lab.network.namespace("dmz"), lab.network.namespace("switch")
    network.run("ip", "-n", dmz, "link", "add", "inside", "type", "veth", "peer", "name", "dmz", "netns", switch)
    network.run("ip", "-n", dmz, "link", "set", "inside", "master", "br0", "up")
    network.run("ip", "-n", switch, "link", "set", "dmz", "master", "br0", "up")
    lab.vpn.ip("rras1", "link", "set", "eth1", "down")
    lab.vpn.ip("rras1", "route", "add", "10.20.0.0/16", "dev", "eth0", "src", RRAS["rras1"])
    for node in ("nps1", "nps2"):
        lab.vpn.ip(node, "route", "add", "172.20.30.0/24", "dev", "eth0")


def unbridge(lab):
    for node in ("nps1", "nps2"):
        lab.vpn.ip(node, "route", "del", "172.20.30.0/24", "dev", "eth0")
    lab.vpn.ip("rras1", "route", "del", "10.20.0.0/16", "dev", "eth0")
    lab.vpn.ip("rras1", "link", "set", "eth1", "up")
    lab.vpn.ip("dmz", "link", "del", "inside")


@scenario("nic-same-subnet", "both NICs of a server are in one subnet: each answers for the other's address",
          attempts=["established"], seconds=8, expect=["nic-same-subnet"],
          forbid=["nic-dns-client", "nic-smb", "nic-name-resolution", "nic-dhcp"],
          shows=["arp.opcode == 2 && arp.src.proto_ipv4 == %s && arp.src.hw_mac == 02:00:ac:14:1e:0d" % RRAS["rras1"]])
def _(lab):
    dmz = lab.network.namespace("dmz")
    network.run("ip", "-n", dmz, "link", "add", "rras1b", "type", "veth", "peer", "name", "eth2",
                "address", network.mac_of(SECOND_NIC), "netns", lab.network.namespace("rras1"))
    network.run("ip", "-n", dmz, "link", "set", "rras1b", "master", "br0", "up")
    lab.vpn.ready("rras1", "eth2", (SECOND_NIC + "/24",))
    try:
        def look():
            for _ in range(2):
                lab.vpn.ip("lb", "neigh", "flush", "dev", "in")
                for address in (SECOND_NIC, RRAS["rras1"]):
                    once(lab, "lb", "ping", "-q", "-n", "-c", "1", "-W", "1", "-I", LB_INSIDE, address)
            once(lab, "rras1", "ping", "-q", "-n", "-c", "1", "-W", "1", LB_INSIDE)
        tunnel(lab, look, points=("inside", "client1"), before=lambda: lab.vpn.ip("lb", "neigh", "flush", "dev", "in"))
    finally:
        network.run("ip", "-n", dmz, "link", "del", "rras1b")
    lab.keep_point("inside", nat={RRAS["rras1"]: "client-side-nat"})
