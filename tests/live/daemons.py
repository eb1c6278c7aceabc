"""
daemons.py VPNSCOPE PCAPS [--strongswan FOLDER]: real daemons, sniffed while they talk (tests/lab/run --live): FreeRADIUS with eapol_test
and hostapd with wpa_supplicant; SSTP's clients and servers, where their packages are installed; strongSwan, where the folder
of tests/lab/build-strongswan is given. What a session fails for is told within a second of the packet that decides.
"""

import argparse
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

import cable

TIMEOUT, AT_ONCE = 600, 1.0
LAB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab", "run")
# Scenario: findings, client error; None: nothing is wrong.
RADIUS = {"peap-mschapv2": None, "eap-tls": None, "nps-untrusted-root": ("cert-untrusted-root", 864),
          "nps-wrong-name": ("cert-name-mismatch", 864), "eapol-untrusted-root": ("cert-untrusted-root", 864)}
SSTP = {"sstp-untrusted-root": ("cert-untrusted-root", 0x800B0109), "sstp-nak": ("sstp-call-nak", None), "sstp-mschapv2": None}
IKE = {"ike-no-proposal": ("ike-no-proposal-chosen", 13868), "ike-untrusted-server": ("ike-auth-failed", 13801), "ike-device": None}
ASKED_FOR = {"radius": ("freeradius", "radclient", "eapol_test", "hostapd", "wpa_supplicant", "tcpdump", "tshark", "editcap", "nft", "ethtool"),
             "sstp": ("dnsmasq", "haproxy", "sstpc", "conntrack", "sysctl"), "ike": ("conntrack", "swanctl", "ping", "sysctl")}


def missing(programs):
    return [name for name in programs if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None]


def check(path, wanted):
    """What the program said while the scenario `wanted` was played, at one place."""
    with open(path, encoding="ascii") as f:
        live = json.load(f)
    events, name = live["events"], os.path.basename(path).removesuffix(".live.json")
    summary = events[-1]
    assert summary["event"] == "summary" and [c["lost"] for c in summary["captures"]] == [0], (name, summary)
    assert not live["errors"], (name, live["errors"])
    if wanted is None:
        assert live["status"] == 0 and "established" in [e["outcome"] for e in events], (name, events)
        print("%-34s established, nothing is wrong" % name)
        return
    finding, error = wanted
    told = [e for e in events if e["event"] == "finding" and e["id"] == finding]
    assert len(told) == 1 and told[0]["client_error"] == error, (name, events)
    assert not told[0]["asked"] and told[0]["late"] <= AT_ONCE, (name, told)
    print("%-34s %s (%s), told %.2f s after the packet" % (name, finding, error, told[0]["late"]))


def play(o, scenarios, *more):
    with tempfile.TemporaryDirectory() as out:
        done = subprocess.run([sys.executable, "-B", LAB, "-j", "1", "--live", o.vpnscope, *more, out, *scenarios], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT, check=False)
        assert done.returncode == 0, done.stdout
        for name, wanted in scenarios.items():
            paths = sorted(glob.glob("%s/%s.*.live.json" % (out, name)))
            assert paths, (name, os.listdir(out))
            for path in paths:
                check(path, wanted)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("vpnscope")
    p.add_argument("pcaps")
    p.add_argument("--strongswan")
    p.add_argument("--unfiltered", action="store_true")
    o = p.parse_args()
    if o.unfiltered:
        cable.skip("real daemons do not wait for a program that is checked on the way")
    if os.geteuid() != 0:
        cable.skip("network namespaces need root")
    if subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True).returncode != 0:
        cable.skip("no network namespaces allowed here")
    lacking = missing(ASKED_FOR["radius"])
    if lacking:
        cable.skip("not installed: " + " ".join(lacking))
    play(o, RADIUS)
    lacking = missing(ASKED_FOR["sstp"])
    if lacking:
        print("not tried: SSTP (not installed: %s)" % " ".join(lacking))
    else:
        play(o, SSTP)
    lacking = missing(ASKED_FOR["ike"])
    if o.strongswan is None or lacking:
        print("not tried: IKE (%s)" % ("no --strongswan" if o.strongswan is None else "not installed: " + " ".join(lacking)))
    else:
        play(o, IKE, "-s", o.strongswan)


main()
