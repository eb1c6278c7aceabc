"""
rights.py VPNSCOPE PCAPS: while it reads packets the program has no rights: started by root it is nobody (or --user), started by
somebody else with the file's capability it has none left; what it cannot do without is said in one line.
"""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile

import cable

TIMEOUT = 60
NOBODY = 65534
ALL_GONE = "0000000000000000"
FILTERED = "2"


def state(process):
    with open("/proc/%d/status" % process.pid, encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def check(process, name, uid):
    """Waits until it sniffs without rights, lets it see a failing login, and has it end."""
    said = "calls of the kernel are not filtered (seccomp)"
    cable.wait_for(lambda: cable.sniffs(process) and state(process)["NoNewPrivs"] == "1", TIMEOUT, name + " to sniff without rights")
    cable.wait_for(lambda: state(process)["Seccomp"] == FILTERED or process.poll() is not None or "--unfiltered" in sys.argv,
                   TIMEOUT, "a filter of system calls")
    now = state(process)
    assert now["Uid"].split() == [str(uid)] * 4, now["Uid"]
    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert now[kind] == ALL_GONE, (kind, now[kind])
    cable.play("player0", cable.frames(sys.argv[2] + "/nps-untrusted-root.pcap"))
    process.send_signal(signal.SIGINT)
    text, errors = process.communicate(timeout=TIMEOUT)
    if "--unfiltered" in sys.argv:
        assert said in errors, errors
    else:
        assert errors == "", errors
    assert process.returncode == 1 and text.startswith("Error 864 "), (process.returncode, text[:200])
    print(name + ": no rights while reading")


def start(*words, **more):
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def with_capability(vpnscope, folder):
    """Somebody who is not root runs a program that has the capability to sniff."""
    for name in ("setcap", "setpriv"):
        if shutil.which(name) is None:
            print("not tried: a file's capability (%s is not installed)" % name)
            return
    own = os.path.join(folder, "vpnscope")
    shutil.copy(vpnscope, own)
    os.chmod(folder, stat.S_IRWXU | stat.S_IXGRP | stat.S_IXOTH)
    os.chmod(own, 0o755)
    if subprocess.run(["setcap", "cap_net_raw+ep", own], capture_output=True, check=False).returncode != 0:
        print("not tried: a file's capability (the file system has none)")
        return
    as_nobody = ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"]
    check(start(*as_nobody, own, "-i", "sniffed0"), "a file's capability", NOBODY)
    refused = subprocess.run(as_nobody + [own, "-i", "sniffed0", "--user", "daemon"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and refused.stderr == "vpnscope: only root can become another user (--user)\n", refused.stderr
    shutil.copy(vpnscope, own + "-without")
    os.chmod(own + "-without", 0o755)
    refused = subprocess.run(as_nobody + [own + "-without", "-i", "sniffed0"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "sniffing is not permitted" in refused.stderr, refused.stderr


def main():
    cable.enter()
    cable.lay("player0", "sniffed0")
    vpnscope = sys.argv[1]
    check(start(vpnscope, "-i", "sniffed0"), "root", NOBODY)
    check(start(vpnscope, "-i", "sniffed0", "--user", "daemon"), "root with --user", 1)
    with tempfile.TemporaryDirectory() as folder:
        with_capability(vpnscope, folder)


main()
