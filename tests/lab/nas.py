"""Starts the lab's NAS parts: the relay, hostapd with wpa_supplicant, and radclient."""

import os
import subprocess
import sys
import time

import network
from freeradius import PASSWORD, SECRET
from supplicant import ALERTS, Login, network_block

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE_PORT = 49200


def start_relay(lab, nas="RRAS01", server=network.NPS01, source=None, hold=0.04, silent=()):
    """Returns login options that lead through the relay."""
    port = 18120 + int(nas[-1])
    log = os.path.join(lab.directory, "relay-%s.log" % nas)
    process = lab.network.start("nas", [sys.executable, os.path.join(HERE, "relay.py"), str(port),
                                        source or network.NAS[nas], str(SOURCE_PORT), server, SECRET, str(hold),
                                        *silent], log, {"PYTHONDONTWRITEBYTECODE": "1"})
    network.wait_for("relay ready", log, process)
    return {"nas": nas, "to": "127.0.0.1", "to_port": port, "source": None}


HOSTAPD = """interface=port0
driver=wired
ieee8021x=1
eapol_version=2
use_pae_group_addr=1
own_ip_addr={address}
nas_identifier=SWITCH01
auth_server_addr={server}
auth_server_port=1812
auth_server_shared_secret={secret}
"""


def start_hostapd(lab):
    path, log = (os.path.join(lab.directory, "hostapd." + part) for part in ("conf", "log"))
    with open(path, "w", encoding="ascii") as out:
        out.write(HOSTAPD.format(address=network.NAS["RRAS01"], server=network.NPS01, secret=SECRET))
    process = lab.network.start("nas", ("hostapd", "-dd", path), log)
    network.wait_for("AP-ENABLED", log, process)


def wired_login(lab, server, user="alice@corp.contoso.com", seconds=8, **options):
    """One 802.1X login of wpa_supplicant on the lab's port."""
    path, log = (os.path.join(lab.directory, "wpa_supplicant." + part) for part in ("conf", "log"))
    block = network_block(lab, "PEAP/MSCHAPv2", user, {"name": "nps01.corp.contoso.com", **options})
    with open(path, "w", encoding="ascii") as out:
        out.write("ap_scan=0\n" + block.replace("\n}", "\n eapol_flags=0\n}"))
    process = lab.network.start("client", ("wpa_supplicant", "-d", "-Dwired", "-ieth0", "-c" + path), log)
    login = Login(user, "SWITCH01", "PEAP", server, "EAP-MSCHAPv2")
    lab.logins.append(login)
    ends = {"CTRL-EVENT-EAP-SUCCESS": "established", "CTRL-EVENT-EAP-FAILURE": "rejected"}
    until = time.monotonic() + seconds
    while login.outcome == "incomplete" and time.monotonic() < until:
        time.sleep(0.05)
        with open(log, encoding="utf-8", errors="replace") as lines:
            login.log = lines.read()
        for text, outcome in ends.items():
            if text in login.log:
                login.outcome = outcome
    for words, (code, name) in ALERTS.items():
        if "fatal:" + words in login.log:
            login.alert = {"code": code, "name": name}
    time.sleep(0.2)
    lab.network.stop(process)


def radclient(lab, kind, lines, *options, secret=SECRET):
    """Sends one packet made of `lines`; returns radclient's output."""
    port = 1813 if kind == "acct" else 1812
    argv = lab.network.inside("nas", "radclient", "-x", *options, "%s:%d" % (network.NPS01, port), kind, secret)
    result = subprocess.run(argv, input=", ".join(lines).encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            check=False)
    return result.stdout.decode("utf-8", "replace")


def password_login(lab, server, user, port, secret=SECRET, password=PASSWORD, asked=("Service-Type = Framed-User", "Framed-Protocol = PPP",
                                                                                     "NAS-Port-Type = Virtual")):
    """A PAP login as a NAS without EAP sends it."""
    login = Login(user, "RRAS01", "PAP", server)
    out = radclient(lab, "auth", ['User-Name = "%s"' % user, 'User-Password = "%s"' % password,
                                  "NAS-IP-Address = " + network.NAS["RRAS01"], 'NAS-Identifier = "RRAS01"',
                                  "NAS-Port = %d" % port, *asked, 'Calling-Station-Id = "203.0.113.%d"' % port],
                    "-r", "1", "-t", "2", secret=secret)
    login.outcome = "rejected" if "Access-Reject" in out else "established" if "Access-Accept" in out else "unanswered"
    login.log = out
    lab.logins.append(login)
