"""
windows.py VPNSCOPE MAKE_LOGINS MAKE_VPN PCAPS: a busy server's healthy captures, looked at through windows.

A capture of many logins at a time begins and ends in the middle of most of them. Whatever its window, it must warn of nothing that
the whole does not; nor must the whole where its clock was set forward, or what came between two parts is missing; and all windows
together, as a tool that rotates its files leaves them, must tell of the same sessions as the whole. Exit status 1: something else
was said.
"""

import collections
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "bench"))
import captures  # noqa: E402  (of the benchmark, which makes them)
import same_files as files  # noqa: E402

LOGINS, MIB, WINDOWS, HOLES = 500, 3, 40, (20, 3600, 864000)
WARNS = ("warning", "critical")
# What a window of few connections may say of their spread, as chance has it.
BY_CHANCE = ("backend-uneven",)


def report(program, paths):
    done = subprocess.run([program, "--json"] + paths, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr.decode())
    return json.loads(done.stdout)


def warnings_of(told):
    return {f["id"]: f["title"] for f in told["findings"] if f["severity"] in WARNS}


def sessions_of(told):
    return collections.Counter((s["outcome"], s.get("user")) for s in told["sessions"])


def wrong_with_holes(program, link, frames, allowed, scratch):
    middle, path = len(frames) // 2, pathlib.Path(scratch) / "hole.pcap"
    for seconds in HOLES:
        later = [files.Frame(f.when + seconds * 10**9, f.original, f.data) for f in frames[middle:]]
        path.write_bytes(files.pcap(link, frames[:middle] + later))
        for name, title in warnings_of(report(program, [str(path)])).items():
            if name not in allowed:
                yield "%d s missing: %s: %s" % (seconds, name, title)


def wrong_in(program, whole, scratch):
    link, frames = files.read(whole)
    told = report(program, [whole])
    allowed, size, parts = warnings_of(told).keys() | set(BY_CHANCE), -(-len(frames) // WINDOWS), []
    yield from wrong_with_holes(program, link, frames, allowed, scratch)
    for at in range(0, len(frames), size):
        parts.append(str(pathlib.Path(scratch) / ("window_%05d.pcapng" % at)))
        pathlib.Path(parts[-1]).write_bytes(files.pcapng(link, frames[at:at + size]))
        for name, title in warnings_of(report(program, [parts[-1]])).items():
            if name not in allowed:
                yield "frames %d to %d: %s: %s" % (at + 1, min(at + size, len(frames)), name, title)
    joined = report(program, parts)
    for name in warnings_of(joined).keys() - allowed:
        yield "rotated: %s: %s" % (name, warnings_of(joined)[name])
    for session, count in (sessions_of(joined) - sessions_of(told)).items():
        yield "rotated: %d more of %s" % (count, session)
    if len(joined["sessions"]) != len(told["sessions"]):
        yield "rotated: %d sessions instead of %d" % (len(joined["sessions"]), len(told["sessions"]))
    for part in parts:
        pathlib.Path(part).unlink()


def main():
    program, make_logins, make_vpn, recordings = sys.argv[1], sys.argv[2], sys.argv[3], pathlib.Path(sys.argv[4])
    wrong = []
    with tempfile.TemporaryDirectory() as scratch:
        logins, external = (str(pathlib.Path(scratch) / name) for name in ("logins.pcap", "external.pcap"))
        captures.make(make_logins, recordings, logins, LOGINS, ["fail-percent=0"])
        captures.make_vpn(make_vpn, recordings, external, "external", ["mib=%d" % MIB, "clients=40"])
        for whole in (logins, external):
            wrong += ["%s, %s" % (pathlib.Path(whole).stem, line) for line in wrong_in(program, whole, scratch)]
    print("\n".join(wrong + ["%d windows of two captures, %d wrong" % (2 * WINDOWS, len(wrong))]))
    return 1 if wrong else 0


sys.exit(main())
