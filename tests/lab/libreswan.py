"""
Libreswan's pluto as a VPN server: a second implementation of IKEv2. Its package cannot stand beside strongSwan's, so it is
unpacked into a folder. A kernel without ESP lets it establish the IKE SA and refuse the tunnel in it.
"""

import glob
import os
import time

import network
from freeradius import PASSWORD
from strongswan import NAME
from vpn_network import NETWORK, RRAS

CONFIGURATION = """config setup
    logfile={directory}/pluto.log
    plutodebug=none
conn vpn
    left={address}
    leftid=@{name}
    leftsubnet={network}
    right=%any
    rightid=@{user}
    authby=secret
    ikev2=insist
    ike=aes256-sha2_256-modp2048
    esp=aes256-sha2_256
    rightaddresspool=10.50.0.10-10.50.0.20
    auto=add
"""
# It looks for its helpers in /usr/libexec/ipsec: this process sees them there.
START = """mount -t tmpfs lab /run && mkdir /run/pluto && mount --bind {program}/.. /usr/libexec || exit 1
program=/usr/libexec/ipsec
(for turn in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do [ -S /run/pluto/pluto.ctl ] && break; sleep 0.2; done
 $program/addconn --ctlsocket /run/pluto/pluto.ctl --config {directory}/ipsec.conf vpn; echo loaded) &
exec $program/pluto --nofork --config {directory}/ipsec.conf --secretsfile {directory}/ipsec.secrets \\
    --nssdir sql:{directory}/nss --rundir /run/pluto --logfile {directory}/pluto.log
"""


def unpack(folder):
    """Where pluto lies; the package is fetched when it is not there yet."""
    program = os.path.join(folder, "usr/libexec/ipsec")
    if not os.path.exists(os.path.join(program, "pluto")):
        os.makedirs(folder, exist_ok=True)
        network.run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", "libreswan", cwd=folder)
        network.run("dpkg", "-x", glob.glob(os.path.join(folder, "libreswan_*.deb"))[0], folder)
    missing = [line.split()[0] for line in network.run("ldd", os.path.join(program, "pluto")).stdout.decode().splitlines()
               if "not found" in line]
    if missing:
        raise RuntimeError("pluto needs " + " ".join(missing))
    return program


class Pluto:
    """One running pluto with one connection, for clients with the shared secret."""

    def __init__(self, lab, node, user):
        self.directory = os.path.join(lab.directory, "pluto-" + node)
        os.makedirs(os.path.join(self.directory, "nss"))
        program = unpack(lab.strongswan + "-libreswan")
        values = {"directory": self.directory, "address": RRAS[node], "name": NAME, "network": NETWORK, "user": user,
                  "program": program}
        for name, text in (("ipsec.conf", CONFIGURATION.format(**values)), ("start", START.format(**values)),
                           ("ipsec.secrets", '@%s %%any : PSK "%s"\n' % (NAME, PASSWORD))):
            with open(os.path.join(self.directory, name), "w", encoding="ascii") as out:
                out.write(text)
        network.run("certutil", "-N", "-d", "sql:" + os.path.join(self.directory, "nss"), "--empty-password")
        log = os.path.join(self.directory, "stdout")
        self.process = lab.network.start(node, ("sh", os.path.join(self.directory, "start")), log)
        network.wait_for("loaded", log, self.process)
        time.sleep(0.5)

    def keys(self):
        """Pluto writes none; its peer does."""
        return []
