"""
record.py VPNSCOPE PCAPS: while sniffing, the packets of sessions that fail are recorded from the first to the last one, and those
of others are not; the ring of files keeps its bounds; of a full disk one line tells, and one when there is room again.
"""

import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import cable

TIMEOUT = 60
NOBODY = 65534
FAILING = ["nps-untrusted-root", "ike-no-proposal", "sstp-untrusted-root", "eapol-untrusted-root", "sstp-refused",
           "l2tp-wrong-password", "pptp-pap-refused"]
HEALTHY = ["peap-mschapv2", "eap-tls", "ip-fragments", "ike-fragments", "l2tp-mschapv2", "pptp-mschapv2",
           "ike-user-peap", "sstp-many"]
# The tunnel fails and its login does not; the login fails; both do.
PAIRS_FAILING = ["sstp-binding-nonce", "sstp-wrong-password", "ike-wrong-password-peap"]
PAIRS_HEALTHY = ["sstp-pap", "ike-user-peap"]


def packets(path):
    """Bytes of the packets in a file, as a second tool reads them; it must find nothing wrong with it."""
    done = subprocess.run(["tshark", "-n", "-r", path, "-T", "fields", "-e", "frame.number"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    copy = path + ".copy"
    subprocess.run(["editcap", "-F", "nsecpcap", path, copy], check=True, capture_output=True)
    out = cable.frames(copy)
    os.remove(copy)
    assert len(out) == len(done.stdout.split()), (path, len(out))
    return [data for _, data in out]


def recorded(folder):
    return [data for path in sorted(glob.glob(folder + "/rec-*.pcapng")) for data in packets(path)]


class Recorder:
    def __init__(self, folder, *more, end="sniffed0"):
        self.folder = folder
        self.process = subprocess.Popen([sys.argv[1], "-i", end, "--write", folder + "/rec.pcapng", *more],
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        cable.wait_for(lambda: cable.sniffs(self.process, 1 + more.count("-i")), TIMEOUT, "sniffing to begin")
        cable.wait_for(lambda: glob.glob(folder + "/rec-*.pcapng"), TIMEOUT, "the first file")

    def end(self, signal_number=signal.SIGINT):
        self.process.send_signal(signal_number)
        text, errors = self.process.communicate(timeout=TIMEOUT)
        return text, [line for line in errors.splitlines() if "--unfiltered" not in sys.argv or "seccomp" not in line]


def frames(name):
    return cable.frames("%s/%s.pcap" % (sys.argv[2], name))


def play(*names):
    for name in names:
        cable.play("player0", frames(name))


def from_port(recorded_frames, port):
    """The same datagrams of a NAS (Ethernet, IPv4, UDP to port 1812), from another port of its."""
    out = []
    for when, data in recorded_frames:
        changed = bytearray(data)
        at = 34 if data[36:38] == (1812).to_bytes(2, "big") else 36
        changed[at:at + 2] = port.to_bytes(2, "big")
        changed[40:42] = b"\0\0"  # no checksum
        out.append((when, bytes(changed)))
    return out


def failed_ones_only(folder):
    """All packets of sessions that fail, none of those that succeed."""
    recorder = Recorder(folder + "/a")
    for fails, succeeds in zip(FAILING, HEALTHY):
        play(succeeds, fails)
    first = glob.glob(folder + "/a/rec-*.pcapng")[0]
    cable.wait_for(lambda: os.path.getsize(first) > sum(len(d) for _, d in frames(FAILING[0])), TIMEOUT, "a session on disk at once")
    assert os.stat(first).st_uid == NOBODY and os.stat(first).st_mode & 0o137 == 0, oct(os.stat(first).st_mode)
    text, errors = recorder.end()
    assert not errors and recorder.process.returncode == 1 and text, (errors, recorder.process.returncode)
    got, wanted = recorded(folder + "/a"), [data for name in FAILING for _, data in frames(name)]
    assert sorted(got) == sorted(wanted), "%d packets recorded, %d expected" % (len(got), len(wanted))
    again = subprocess.run([sys.argv[1], "--json", first], capture_output=True, text=True, check=False)
    assert again.returncode == 1 and again.stderr == "", again.stderr
    outcomes = [session["outcome"] for session in json.loads(again.stdout)["sessions"]]
    assert len(outcomes) == len(FAILING) and set(outcomes) == {"rejected", "aborted"}, outcomes
    print("%d packets of %d sessions that failed, none of %d others" % (len(got), len(FAILING), len(HEALTHY)))


def attempts_are_whole(folder):
    """Tunnels on one interface, the logins behind them on the other: when one of them fails both are recorded."""
    recorder = Recorder(folder + "/d", "-i", "sniffed1")
    wanted = []
    for name in PAIRS_FAILING + PAIRS_HEALTHY:
        both = [(when, "player0", data) for when, data in frames(name)] + [(when, "player1", data) for when, data in frames(name + "-radius")]
        before = None
        for when, end, data in sorted(both):
            time.sleep(min(when - before, 0.01) if before is not None else 0)
            before = when
            cable.play(end, [(when, data)])
        time.sleep(1)
        wanted += [data for _, _, data in both] if name in PAIRS_FAILING else []
    time.sleep(6)  # SSTP waits for what may come after its end
    _, errors = recorder.end()
    assert not errors, errors
    got = recorded(folder + "/d")
    assert sorted(got) == sorted(wanted), "%d packets recorded, %d expected" % (len(got), len(wanted))
    outcome = json.loads(subprocess.run([sys.argv[1], "--json"] + glob.glob(folder + "/d/rec-*.pcapng"), capture_output=True,
                                        text=True, check=False).stdout)["sessions"]
    assert [len(session["exchanges"]) for session in outcome] == [2] * len(PAIRS_FAILING), outcome
    print("%d attempts whose tunnel and login were seen apart are recorded whole" % len(PAIRS_FAILING))


def ring_keeps_its_bounds(folder):
    """Far more than two files of a mebibyte."""
    recorder = Recorder(folder + "/b", "--write-size", "1", "--write-files", "2")
    one, count = frames("nps-untrusted-root"), 0
    size = sum(len(data) for _, data in one)
    while count * size < 5 << 20:
        cable.play("player0", from_port(one, 10000 + count), most_gap=0)
        count += 1
        if count % 20 == 0:
            time.sleep(0.05)
    time.sleep(0.5)
    _, errors = recorder.end()
    files = sorted(glob.glob(folder + "/b/rec-*.pcapng"))
    assert not errors, errors
    assert len(files) == 2 and os.path.basename(files[1]) > "rec-00004.pcapng", files
    assert all(os.path.getsize(path) <= 1 << 20 for path in files), [os.path.getsize(path) for path in files]
    got = recorded(folder + "/b")
    assert len(got) * 2 > (1 << 20) / size * len(one), len(got)
    before = len(got)
    recorder = Recorder(folder + "/b", "--write-files", "3")  # another run goes on where that one ended
    play("ike-no-proposal")
    recorder.end()
    assert len(recorded(folder + "/b")) == before + len(frames("ike-no-proposal"))
    print("a ring of 2 files of 1 MiB: %d packets of %d" % (before, count * len(one)))


def full_disk(folder):
    """A file system of 96 KiB that somebody else fills, and empties again."""
    disk = folder + "/disk"
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96k,mode=777", "tmpfs", disk], capture_output=True, check=False).returncode != 0:
        print("not tried: a full disk (no mounts allowed)")
        return
    try:
        recorder = Recorder(disk)
        filler = disk + "/filler"
        with open(filler, "wb") as f:
            try:
                f.write(bytes(1 << 20))
            except OSError:
                pass
        for port in (10001, 10002):
            cable.play("player0", from_port(frames("nps-untrusted-root"), port))
        line = recorder.process.stderr.readline()
        while "--unfiltered" in sys.argv and "seccomp" in line:
            line = recorder.process.stderr.readline()
        assert line == ("vpnscope: recording stopped: %s/rec-00001.pcapng: no space left on the device; it goes on when that is over\n" % disk), line
        time.sleep(0.5)
        os.remove(filler)
        play("ike-no-proposal")
        time.sleep(0.5)
        _, errors = recorder.end()
        assert errors[0] == "vpnscope: recording goes on; 2 sessions that failed meanwhile could not be recorded", errors
        assert recorder.process.returncode == 2 and len(errors) == 2 and "2 not or not wholly" in errors[1], errors
        got = recorded(disk)
        assert sorted(got) == sorted(data for _, data in frames("ike-no-proposal")), len(got)
    finally:
        subprocess.run(["umount", disk], check=True)
    print("a full disk: one line when it is full, one when there is room again; what is recorded is whole")


def unanswered(logins):
    """Logins that never go on, each request repeated."""
    request, out = frames("nps-untrusted-root")[0], []
    for i in range(18000):
        (_, one), = from_port([request], 20000 + i % logins)
        changed = bytearray(one)
        changed[18:20] = (i // logins).to_bytes(2, "big")  # another datagram
        changed[46:50] = (i % logins).to_bytes(4, "big")   # of its authenticator
        out.append((0.0, bytes(changed)))
    return out


def what_is_held_is_state(folder):
    """Two side by side, of which one records: its state is greater by what it holds."""
    recorder = Recorder(folder + "/f", "--json")
    other = subprocess.Popen([sys.argv[1], "-i", "sniffed0", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    cable.wait_for(lambda: cable.sniffs(other), TIMEOUT, "sniffing to begin")
    flood = unanswered(3000)
    cable.play("player0", flood, most_gap=0)
    time.sleep(0.5)
    other.send_signal(signal.SIGINT)
    peaks = [json.loads(text)["statistics"]["peak_state_bytes"] for text in (other.communicate(timeout=TIMEOUT)[0], recorder.end()[0])]
    held = sum(len(data) for _, data in flood)
    assert peaks[0] + held < peaks[1] < 256 << 20, (peaks, held)
    print("state of %.1f MiB, and %.1f MiB where %.1f MiB of packets are held" % tuple(n / 2 ** 20 for n in peaks + [held]))


def memory_is_short(folder):
    """A flood of logins that nobody answers drives out what is held longest; that is counted and said. What comes later is whole."""
    recorder = Recorder(folder + "/c", "--memory", "8")
    play("ike-no-proposal")  # waits for two minutes until it is over
    cable.play("player0", unanswered(200), most_gap=0)  # no more than there is room for at a time
    play("nps-wrong-name")
    time.sleep(0.5)
    with open("/proc/%d/statm" % recorder.process.pid, encoding="ascii") as f:
        resident = int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert resident < 128 << 20, resident
    _, errors = recorder.end()
    got = recorded(folder + "/c")
    kept = set(got)
    assert all(data in kept for _, data in frames("nps-wrong-name"))
    assert not any(data in kept for _, data in frames("ike-no-proposal"))
    said = re.fullmatch(r"vpnscope: of the sessions that failed (\d+) were recorded, \d+ of them without their beginning, and (\d+) "
                        r"not or not wholly \((\d+) packets were given up for want of memory\)", errors[0] if errors else "")
    assert len(errors) == 1 and said and int(said.group(2)) > 0 and int(said.group(3)) > 100, errors
    print("a flood: %d packets recorded, %d MiB resident" % (len(got), resident >> 20))


def killed(folder):
    """What was recorded is on disk, whole, whatever becomes of the program."""
    recorder = Recorder(folder + "/e")
    play("nps-untrusted-root", "peap-mschapv2")
    path, = glob.glob(folder + "/e/rec-*.pcapng")
    cable.wait_for(lambda: os.path.getsize(path) > sum(len(d) for _, d in frames("nps-untrusted-root")), TIMEOUT, "a session on disk")
    recorder.end(signal.SIGKILL)
    assert sorted(recorded(folder + "/e")) == sorted(data for _, data in frames("nps-untrusted-root"))
    with open(path, "rb") as f:
        whole = f.read()
    cut = folder + "/cut.pcapng"
    with open(cut, "wb") as f:
        f.write(whole[:-100])  # in the middle of what is at its end
    done = subprocess.run([sys.argv[1], cut], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("Error 864 ") and done.stderr.startswith("vpnscope: %s: the file ends in the block" % cut), done
    print("killed: what was recorded is whole; a file that is cut is read up to there")


def refusals(folder):
    def said(*words):
        done = subprocess.run([sys.argv[1], *words], capture_output=True, text=True, check=False, timeout=TIMEOUT)
        assert done.returncode == 2, (words, done)
        return [line for line in done.stderr.splitlines() if "seccomp" not in line]
    os.mkdir(folder + "/root", 0o755)
    assert said("-i", "sniffed0", "--write", folder + "/root/rec.pcapng") == [
        "vpnscope: %s/root/rec-00001.pcapng: permission denied" % folder]
    assert os.listdir(folder + "/root") == []
    assert said("-i", "sniffed0", "--write", "/proc/none/rec.pcapng") == ["vpnscope: /proc/none/rec-00001.pcapng: no such file"]
    assert said("--write", folder + "/x.pcapng", "-i", "no-such-device") != []
    print("folders that cannot be written to: one line")


def main():
    cable.enter("tshark", "editcap")
    if os.environ.get("VPNSCOPE_TEST_MOUNTS") is None and shutil.which("unshare") is not None:
        os.environ["VPNSCOPE_TEST_MOUNTS"] = "1"
        if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0:
            os.execvp("unshare", ["unshare", "--mount", sys.executable, "-B"] + sys.argv)
    cable.lay("player0", "sniffed0")
    cable.lay("player1", "sniffed1")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o711)
        failed_ones_only(folder)
        attempts_are_whole(folder)
        ring_keeps_its_bounds(folder)
        full_disk(folder)
        memory_is_short(folder)
        what_is_held_is_state(folder)
        killed(folder)
        refusals(folder)


main()
