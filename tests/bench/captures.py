"""The captures that are measured."""

import subprocess


def run(command, options, recordings):
    """Runs a maker, its options given as "name=value"; returns its counts by name."""
    for option in options:
        name, value = option.split("=")
        command += ["--" + name, value]
    words = subprocess.run(command + recordings, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return {name: int(number) for number, name in zip(words[::2], words[1::2])}


def make(make_logins, recordings, capture, logins, options=()):
    """Makes a capture of PEAP-MSCHAPv2 logins, a third of them resumed."""
    command = [make_logins, "--out", capture, "--secret", recordings / "pki" / "radius-secret", "--logins", str(logins),
               "--fail", recordings / "nps-untrusted-root.pcap"]
    return run(command, options, [recordings / "peap-mschapv2.pcap", recordings / "resumption.pcap"])


def make_vpn(program, recordings, capture, kind, options=()):
    """Makes a capture of a VPN server's external interface (kind: external or storm)."""
    command = [program, "--out", capture, "--kind", kind]
    return run(command, options, [recordings / "ike-user-peap.pcap", recordings / "sstp-mschapv2.pcap"])
