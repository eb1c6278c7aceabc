"""
written.py VPNSCOPE PCAPS: --session ID --write FILE: the file holds the session's packets and no others, as the captures have
them, as a second tool reads them; analysed again it tells the same of the session.
"""

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile

SKIPPED = 77
# Capture, session: all packets of the capture are the session's, or these (as the daemons' logs and the ladder have them).
WHOLE = ["nps-untrusted-root", "peap-mschapv2", "eap-tls", "eapol-untrusted-root", "ike-no-proposal", "ike-fragments-dropped",
         "ike-fragments", "ip-fragments", "sstp-untrusted-root", "sstp-nak", "sstp-refused", "l2tp-wrong-password",
         "l2tp-mschapv2", "pptp-pap-refused", "pptp-mschapv2", "radius-untrusted-root-server", "server-dead", "client-vanishes"]
SEVERAL = ["interleaved-mixed", "ike-many", "sstp-many", "proxy-interleaved"]


def run(*words):
    return subprocess.run([sys.argv[1], *words], capture_output=True, text=True, check=False)


def packets(path):
    """(interface's link type, time in ns, captured bytes, length on the wire) of a pcap or pcapng file, through tshark."""
    done = subprocess.run(["tshark", "-n", "-r", path, "-T", "json", "-x", "-J", "frame"], capture_output=True, text=True, check=True)
    out = []
    for packet in json.loads(done.stdout):
        layers = packet["_source"]["layers"]
        frame = layers["frame"]
        assert int(frame["frame.cap_len"]) * 2 == len(layers["frame_raw"][0]), path
        out.append((frame["frame.encap_type"], int(frame["frame.time_epoch"].replace(".", "").ljust(19, "0")), layers["frame_raw"][0],
                    int(frame["frame.len"])))
    return out


MICROSECONDS = len("2026-11-22T09:40:04.858303")


def facts(session):
    """What is told of one session; times as exactly as the recordings have them."""
    told = {key: session[key] for key in ("protocol", "outcome", "client_error", "backend", "user")}
    return told, session["started"].rstrip("Z")[:MICROSECONDS], session["ended"].rstrip("Z")[:MICROSECONDS]


def report_of(*words):
    done = run("--json", *words)
    assert done.returncode in (0, 1) and done.stderr == "", (words, done.stderr)
    return json.loads(done.stdout)


def write(folder, number, *captures):
    out = os.path.join(folder, "out.pcapng")
    done = run("--session", str(number), "--write", out, *captures)
    assert done.returncode in (0, 1) and done.stderr == "", (captures, done.stderr)
    assert not os.path.exists(out + ".part")
    said = subprocess.run(["capinfos", "-M", out], capture_output=True, text=True, check=False)
    assert said.returncode == 0 and said.stderr == "", said.stderr
    return out


def one_session_a_capture(pcaps, folder):
    count = 0
    for name in WHOLE:
        path = "%s/%s.pcap" % (pcaps, name)
        if not os.path.exists(path):
            continue
        before = report_of(path)
        if len(before["sessions"]) != 1:
            continue
        out = write(folder, 1, path)
        assert packets(out) == packets(path), name
        after = report_of(out)
        assert [facts(s) for s in after["sessions"]] == [facts(s) for s in before["sessions"]], name
        assert after["verdict"] == before["verdict"], (name, after["verdict"], before["verdict"])
        count += 1
    assert count >= 12, count
    print("%d captures of one session come out as they went in" % count)


def sessions_share_a_capture(pcaps, folder):
    """Each packet goes into one session's file at most; together they are all that are any session's."""
    for name in SEVERAL:
        path = "%s/%s.pcap" % (pcaps, name)
        before, original = report_of(path), packets(path)
        left = list(original)
        for session in before["sessions"]:
            out = write(folder, session["id"], path)
            mine = packets(out)
            places = [original.index(packet) for packet in mine]
            assert places == sorted(places) and mine, name
            for packet in mine:
                left.remove(packet)
            after = report_of(out)
            assert [facts(s)[1:] for s in after["sessions"]] == [facts(session)[1:]], (name, session["id"])
            assert after["sessions"][0]["outcome"] == session["outcome"], (name, session["id"])
        print("%s: %d sessions, %d packets; %d are no session's" % (name, len(before["sessions"]), len(original), len(left)))
        assert len(left) * 10 <= len(original), (name, len(left))


def cut_and_raw(path, folder, name, link_type, skip, most):
    """The packets of an Ethernet pcap as another link type, and cut to so many bytes."""
    with open(path, "rb") as f:
        data = f.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    out, at = [data[:16] + struct.pack(order + "II", most, link_type)], 24
    while at < len(data):
        head = struct.unpack(order + "IIII", data[at:at + 16])
        frame = data[at + 16:at + 16 + head[2]][skip:][:most]
        out.append(struct.pack(order + "IIII", head[0], head[1], len(frame), head[3] - skip) + frame)
        at += 16 + head[2]
    changed = os.path.join(folder, name)
    with open(changed, "wb") as f:
        f.write(b"".join(out))
    return changed


def several_captures(pcaps, folder):
    """A session out of captures of different link types; cut packets stay cut; interfaces keep their names."""
    raw = cut_and_raw(pcaps + "/ike-no-proposal.pcap", folder, "raw.pcap", 101, 14, 400)
    other = pcaps + "/nps-untrusted-root.pcap"
    named = os.path.join(folder, "named.pcapng")
    subprocess.run(["editcap", "-F", "pcapng", other, named], check=True, capture_output=True)
    before = report_of(raw, named)
    for session in before["sessions"]:
        source = raw if session["protocol"] == "ikev2" else named
        out = write(folder, session["id"], raw, named)
        assert packets(out) == packets(source), source
    assert any(len(data) < 2 * whole for _, _, data, whole in packets(raw))
    # The same session seen from two places: both go into one file, as two interfaces of it.
    two = cut_and_raw(other, folder, "two.pcap", 101, 14, 262144)
    before = report_of(two, other)
    assert len(before["sessions"]) == 1
    out = write(folder, 1, two, other)
    got = packets(out)
    assert sorted(got) == sorted(packets(two) + packets(other)), len(got)
    assert [p[1] for p in got] == sorted(p[1] for p in got)
    names = subprocess.run(["capinfos", "-I", out], capture_output=True, text=True, check=True).stdout
    assert "Number of interfaces in file: 2" in names and two in names and other in names, names
    assert report_of(out)["verdict"].split(";")[0] == before["verdict"].split(";")[0]
    print("captures of several link types, cut packets, one session in two captures")


def secrets_go_along(pcaps, folder):
    """Of secrets that a capture carries those of the session, and no others."""
    keyed = [name for name in sorted(os.listdir(pcaps)) if name.startswith("sstp-") and name.endswith(".keylog")]
    assert keyed, "no recording with secrets"
    name = keyed[0][:-len(".keylog")]
    other = "CLIENT_RANDOM " + "ab" * 32 + " " + "cd" * 48 + "\n"
    with open(pcaps + "/" + keyed[0], encoding="ascii") as f:
        text = f.read()
    log, both = os.path.join(folder, "both.keylog"), os.path.join(folder, "secrets.pcapng")
    with open(log, "w", encoding="ascii") as f:
        f.write(other + text)
    subprocess.run(["editcap", "--inject-secrets", "tls," + log, "%s/%s.pcap" % (pcaps, name), both], check=True, capture_output=True)
    before = report_of(both)
    out = write(folder, 1, both)
    with open(out, "rb") as f:
        written = f.read()
    assert b"ab" * 32 not in written and any(line.encode() in written for line in text.splitlines() if line and line[0] != "#")
    assert facts(report_of(out)["sessions"][0]) == facts(before["sessions"][0])
    print("secrets of the session go along, others do not")


def refusals(pcaps, folder):
    path, out = pcaps + "/nps-untrusted-root.pcap", os.path.join(folder, "x.pcapng")

    def said(*words, **more):
        done = subprocess.run([sys.argv[1], *words], capture_output=True, text=True, check=False, **more)
        assert done.returncode == 2, (words, done.returncode)
        return done.stderr
    with open(path, "rb") as f:
        assert "standard input" in said("--session", "1", "--write", out, "-", stdin=f)
    assert "--session" in said("--write", out, path)
    assert "standard output" in said("--session", "1", "--write", "-", path)
    assert said("--session", "2", "--write", out, path) == "vpnscope: --session 2: there is no such session; they are 1 to 1\n"
    assert said("--session", "1", "--write", folder + "/none/x.pcapng", path) == "vpnscope: %s/none/x.pcapng: no such file\n" % folder
    assert said("--session", "1", "--write", "/dev/full", path) == "vpnscope: /dev/full: no space left on the device\n"
    assert not os.path.exists(out)
    own = os.path.join(folder, "own.pcap")
    shutil.copy(path, own)
    assert run("--session", "1", "--write", own, own).returncode == 1  # over the capture itself: it is read before
    assert packets(own) == packets(path)
    print("what cannot be written, or not be read again: one line")


def main():
    for name in ("tshark", "capinfos", "editcap"):
        if shutil.which(name) is None:
            print("SKIPPED: %s is not installed" % name)
            sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory() as folder:
        for part in (one_session_a_capture, sessions_share_a_capture, several_captures, secrets_go_along, refusals):
            part(sys.argv[2], folder)


main()
