"""
offline.py VPNSCOPE PCAPS: what is sniffed gives the same report as a file of the same packets, but for the capture itself.
Recordings are played into a cable; the program sniffs its other end, beside tcpdump, whose file is then analysed.
"""

import difflib
import glob
import json
import os
import signal
import subprocess
import sys
import tempfile

import cable

PLAYED = ["nps-untrusted-root", "peap-mschapv2", "eap-tls", "server-dead", "eapol-untrusted-root", "ike-many",
          "ike-fragments", "ike-no-proposal", "ike-user-peap", "sstp-many", "sstp-untrusted-root", "sstp-nak", "sstp-http-503",
          "l2tp-mschapv2", "nat-snat", "nic-names", "nic-dns", "nic-smb", "nic-dhcp", "nic-offers", "interleaved", "ip-fragments", "duplicates"]
TIMEOUT = 60


def options(pcaps):
    return ["--json", "--trusted-root", pcaps + "/pki/root.pem", "--server-name", "nps01.corp.contoso.com"]


def comparable(text, names):
    """The report without the captures themselves, whose names are made the same elsewhere, too."""
    report = json.loads(text)
    captures = report.pop("captures")
    report["statistics"].pop("peak_state_bytes")  # measured after each batch of frames
    out = json.dumps(report, indent=1, sort_keys=True)
    for name, instead in names:
        out = out.replace(json.dumps(name), json.dumps(instead))
    return out.splitlines(), captures


def sniff_and_record(vpnscope, pcaps, ends, recordings, folder):
    """The program's report, and tcpdump's files, one for each end."""
    sniffed = [end[1] for end in ends]
    files = [os.path.join(folder, end + ".pcap") for end in sniffed]
    devices = [word for end in sniffed for word in ("-i", end)]
    program = subprocess.Popen([vpnscope] + options(pcaps) + devices, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    dumps = [subprocess.Popen(["tcpdump", "-Z", "root", "-i", end, "-U", "--immediate-mode", "-B", "65536", "-s", "0",
                               "--time-stamp-precision=nano", "-w", file], stderr=subprocess.DEVNULL)
             for end, file in zip(sniffed, files)]
    try:
        for process, sockets in [(program, len(ends))] + [(d, 1) for d in dumps]:
            cable.wait_for(lambda p=process, n=sockets: cable.sniffs(p, n), TIMEOUT, "sniffing to begin")
        sent = [0] * len(ends)
        for i, path in enumerate(recordings):
            frames = cable.frames(path)
            if frames is not None:
                sent[i % len(ends)] += cable.play(ends[i % len(ends)][0], frames)
        for file, count in zip(files, sent):
            cable.wait_for(lambda f=file, n=count: len(cable.frames(f) or []) == n, TIMEOUT, "tcpdump to write %d frames" % count)
        program.send_signal(signal.SIGINT)
        text, errors = program.communicate(timeout=TIMEOUT)
    finally:
        for process in dumps + [program]:
            if process.poll() is None:
                process.terminate()
            process.wait(TIMEOUT)
    errors = [line for line in errors.splitlines() if "--unfiltered" not in sys.argv or "seccomp" not in line]
    assert not errors, errors
    return text, files, sent, program.returncode


def compare(vpnscope, pcaps, ends, recordings):
    with tempfile.TemporaryDirectory() as folder:
        text, files, sent, status = sniff_and_record(vpnscope, pcaps, ends, recordings, folder)
        offline = subprocess.run([vpnscope] + options(pcaps) + files, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert offline.returncode == status, "exit status %d, offline %d" % (status, offline.returncode)
    live, captures = comparable(text, [])
    filed, file_captures = comparable(offline.stdout, [(file, end[1]) for file, end in zip(files, ends)])
    for capture, end, count, other in zip(captures, ends, sent, file_captures):
        assert (capture["file"], capture["format"], capture["interfaces"]) == (end[1], "live", [end[1]]), capture
        assert (capture["packets"], capture["lost"], capture["damage"]) == (count, 0, None), (capture, count)
        for same in ("bytes", "first", "last", "link_types", "truncated_packets", "duplicates"):
            assert capture[same] == other[same], (same, capture, other)
    if len(ends) > 1:  # interfaces are read in turn, files one after the other: what is numbered is numbered otherwise
        count = len(json.loads(text)["sessions"])
        assert count == len(json.loads(offline.stdout)["sessions"]) and count > 0, count
        return count, sum(sent)
    assert any(f["id"].startswith("nic-") for f in json.loads(offline.stdout)["findings"]), "nothing of the NICs"
    difference = list(difflib.unified_diff(filed, live, "file", "sniffed", lineterm="", n=3))
    assert not difference, "\n".join(difference[:60])
    return len(json.loads(text)["sessions"]), sum(sent)


def main():
    vpnscope, pcaps = sys.argv[1:3]
    cable.enter("tcpdump")
    stamps = cable.keep_time()
    recordings = [path for name in PLAYED for path in sorted(glob.glob("%s/%s.pcap" % (pcaps, name)))]
    cable.lay("player0", "sniffed0")
    cable.lay("player1", "sniffed1")
    ends = [("player0", "sniffed0"), ("player1", "sniffed1")]
    print("one interface: %d sessions of %d frames, as offline" % compare(vpnscope, pcaps, ends[:1], recordings))
    print("two interfaces: %d sessions of %d frames, as offline" % compare(vpnscope, pcaps, ends, recordings))
    stamps.close()


main()
