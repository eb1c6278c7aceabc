"""
softether.py VPNSCOPE PCAPS: a real SoftEther VPN server and a real sstpc, sniffed while they talk. Debian's server of this version takes
TLS and never answers the request for SSTP; when the client gives up, this is told within a second.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import cable
from sniffer import Sniffer, TIMEOUT

SERVER, CLIENT, SECONDS, AT_ONCE = "198.51.100.10", "198.51.100.77", 6, 1.0
# In TLS 1.3 the server's tickets come behind sstpc's request often enough; it takes them for the end and resets.
TLS12 = """openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = limits
[limits]
MaxProtocol = TLSv1.2
"""
OWN = ("/var/lib/softether", "/var/log/softether", "/run/softether")  # folders that the server writes to: its own ones here


def lay(namespace):
    cable.command("ip", "netns", "add", namespace)
    cable.command("ip", "link", "add", "server0", "type", "veth", "peer", "name", "client0", "netns", namespace)
    cable.command("ip", "address", "add", SERVER + "/24", "dev", "server0")
    cable.command("ip", "link", "set", "server0", "up")
    cable.command("ip", "-n", namespace, "address", "add", CLIENT + "/24", "dev", "client0")
    cable.command("ip", "-n", namespace, "link", "set", "client0", "up")


def serve():
    own = "".join("mkdir -p %s && mount -t tmpfs none %s && " % (folder, folder) for folder in OWN)
    return subprocess.Popen(["unshare", "--mount", "sh", "-c", own + "exec vpnserver execsvc"], stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, start_new_session=True)


def listens():
    with open("/proc/net/tcp", encoding="ascii") as f:
        return any(":01BB 00000000:0000 0A" in line for line in f)


def connect(namespace, sniffer, settings):
    subprocess.run(["env", "OPENSSL_CONF=" + settings, "ip", "netns", "exec", namespace, "timeout", str(SECONDS), "sstpc", "--cert-warn", "--log-stderr", "--user", "a", "--password", "b", SERVER,
                    "noauth"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=TIMEOUT)
    ended, seen = time.monotonic(), []
    while "sstp-no-answer" not in [e.get("id") for e in seen]:
        event = sniffer.line(max(ended + AT_ONCE - time.monotonic(), 0.01))
        assert event is not None, "not told within a second: %s" % seen
        seen.append(event)
    assert "SSTP_DUPLEX_POST" in seen[-1]["title"], seen
    print("SoftEther: %s, told %.2f s after its client gave up" % (seen[-1]["title"], time.monotonic() - ended))


def main():
    for name in ("vpnserver", "sstpc"):
        if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
            cable.skip(name + " is not installed")
    if "--unfiltered" in sys.argv:
        cable.skip("a real server does not wait for a program that is checked on the way")
    cable.enter()
    namespace = "vslive%d" % os.getpid()
    server = None
    try:
        lay(namespace)
        server = serve()
        cable.wait_for(listens, TIMEOUT, "the server to listen")
        time.sleep(5)  # it makes its keys
        sniffer = Sniffer("server0", "--jsonl")
        with tempfile.NamedTemporaryFile("w", suffix=".cnf") as settings:
            settings.write(TLS12)
            settings.flush()
            connect(namespace, sniffer, settings.name)
        _, errors, _ = sniffer.end()
        assert errors == "", errors
    finally:
        if server is not None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(TIMEOUT)
        subprocess.run(["ip", "netns", "delete", namespace], check=False)


main()
