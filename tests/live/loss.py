"""
loss.py VPNSCOPE CAPTURE [tcpreplay's options]: sends a capture into a virtual cable as fast as it goes, while the program and
tcpdump, with its own ring and with one of the same size, sniff the other end; says who lost how many. By hand: what is lost
depends on what else the machine does.
"""

import json
import re
import signal
import subprocess
import sys
import tempfile
import time

import cable

TIMEOUT = 600
TCPDUMP = ["tcpdump", "-Z", "root", "-i", "sniffed0", "-s", "0", "-w", "/dev/null"]


def main():
    vpnscope, capture = sys.argv[1:3]
    speed = sys.argv[3:] or ["--topspeed"]
    cable.enter("tcpdump", "tcpreplay")
    cable.lay("player0", "sniffed0")
    with tempfile.TemporaryFile() as report:
        ours = subprocess.Popen([vpnscope, "-i", "sniffed0", "--json"], stdout=report)
        dumps = [subprocess.Popen(TCPDUMP + more, stderr=subprocess.PIPE, text=True) for more in ([], ["-B", "65536"])]
        for process in [ours] + dumps:
            cable.wait_for(lambda p=process: cable.sniffs(p), TIMEOUT, "sniffing to begin")
        sent = subprocess.run(["tcpreplay", "-q", "-i", "player0", *speed, capture], capture_output=True, text=True, check=True).stdout
        time.sleep(2)
        for process in [ours] + dumps:
            process.send_signal(signal.SIGINT)
        said = [dump.communicate(timeout=TIMEOUT)[1] for dump in dumps]
        ours.wait(TIMEOUT)
        report.seek(0)
        mine = json.load(report)["captures"][0]
    print(re.search(r"Actual: .*", sent).group(), re.search(r"Rated: .*", sent).group(), sep="\n")
    print("vpnscope: %d packets, %d lost" % (mine["packets"], mine["lost"]))
    for name, text in zip(("tcpdump -w /dev/null", "the same with -B 65536"), said):
        print("%s: %s packets, %s lost" % (name, re.search(r"(\d+) packets captured", text).group(1),
                                           re.search(r"(\d+) packets dropped by kernel", text).group(1)))


main()
