"""The captures that are measured."""

import subprocess


def make(make_logins, recordings, capture, logins, options=()):
    """Makes a capture of PEAP-MSCHAPv2 logins, a third of them resumed; returns make_logins' counts by name."""
    command = [make_logins, "--out", capture, "--secret", recordings / "pki" / "radius-secret", "--logins", str(logins),
               "--fail", recordings / "nps-untrusted-root.pcap"]
    for option in options:
        name, value = option.split("=")
        command += ["--" + name, value]
    command += [recordings / "peap-mschapv2.pcap", recordings / "resumption.pcap"]
    words = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return {name: int(number) for number, name in zip(words[::2], words[1::2])}


def make_vpn(program, recordings, capture, kind, options=()):
    """Makes a capture of a VPN server's external interface (kind: external or storm); returns make_vpn's counts by name."""
    command = [program, "--out", capture, "--kind", kind]
    for option in options:
        name, value = option.split("=")
        command += ["--" + name, value]
    command += [recordings / "ike-user-peap.pcap", recordings / "sstp-mschapv2.pcap"]
    words = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return {name: int(number) for number, name in zip(words[::2], words[1::2])}
