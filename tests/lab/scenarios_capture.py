"""What can happen to a recording: cut packets, a late start, other link layers and file formats."""

import os

import network
import recorder
from freeradius import Server
from lab import scenario
from supplicant import login


@scenario("snap-length", "a snap length of 400 bytes cuts the certificate", outcomes=["established"],
          expect=["capture-truncated-packets", "cert-unseen"], hidden="packets are cut",
          shows=["frame.cap_len < frame.len"])
def _(lab):
    server = Server(lab, "nps1")
    with lab.record(snap=400):
        login(lab, server)


@scenario("begins-late", "the recording begins after the server's certificate", outcomes=["established"],
          expect=["cert-unseen"], hidden="begun later")
def _(lab):
    server = Server(lab, "nps1")
    with lab.record(None) as raw:
        login(lab, server)
    path = lab.path()
    recorder.from_frame(raw, 8, path)
    lab.keep(path)


@scenario("begins-in-certificate", "the recording begins in the middle of the server's certificate flight",
          outcomes=["established"], expect=["cert-unseen"], hidden="begun later")
def _(lab):
    server = Server(lab, "nps1")
    with lab.record(None) as raw:
        login(lab, server)
    path = lab.path()
    recorder.from_frame(raw, 5, path)
    lab.keep(path)


@scenario("server-side-only", "only the server's packets were recorded; Fabrikam's certificate is there",
          outcomes=["rejected"], alert=48, expect=["capture-one-sided", "cert-untrusted-root"],
          lacks=["radius.code == 1"], tshark_misses=True, alert_encrypted=True)
def _(lab):
    server = Server(lab, "nps1", chain=("fabrikam-nps", "fabrikam-root"))
    with lab.record(expression="udp and src host " + network.NPS01):
        login(lab, server)


@scenario("client-side-only", "only the NAS's packets were recorded", outcomes=["rejected"], alert=48,
          expect=["capture-one-sided", "cert-unseen"], lacks=["radius.code != 1"], hidden="one side")
def _(lab):
    server = Server(lab, "nps1", chain=("fabrikam-nps", "fabrikam-root"))
    with lab.record(expression="udp and dst host " + network.NPS01):
        login(lab, server)


@scenario("duplicates", "recorded on all ports of the switch: every packet several times", outcomes=["rejected"],
          alert=48, expect=["capture-duplicates", "cert-untrusted-root"], tshark_misses=True)
def _(lab):
    server = Server(lab, "nps1", chain=("fabrikam-nps", "fabrikam-root"))
    with lab.record(node="switch", interface="any"):
        login(lab, server)


@scenario("two-link-types", "one pcapng with an Ethernet and an SLL2 interface, one login on each",
          outcomes=["established", "rejected"], alert=48, expect=["eap-client-rejected-certificate"],
          forbid=["cert-untrusted-root"], shows=["sll && radius.code == 3", "eth && radius.code == 2"],
          tshark_misses=True)
def _(lab):
    server = Server(lab, "nps1")
    raw = [os.path.join(lab.directory, name) for name in ("ethernet.pcap", "any.pcap")]
    for path, interface, options in zip(raw, ("eth0", "any"), ({}, {"trust": "fabrikam-root", "nas": "RRAS02"})):
        recording = recorder.Recorder(lab, path, interface=interface)
        login(lab, server, **options)
        recording.stop()
    recorder.merge(raw, lab.path(".pcapng"))
    lab.keep(lab.path(".pcapng"))


@scenario("comments", "a pcapng in which somebody noted what to look at", outcomes=["rejected"], alert=48,
          expect=["cert-untrusted-root", "eap-client-rejected-certificate"], shows=["frame.comment contains \"the alert\""])
def _(lab):
    server = Server(lab, "nps1", chain=("fabrikam-nps", "fabrikam-root"))
    with lab.record(None) as raw:
        login(lab, server)
    recorder.comment(raw, lab.path(".pcapng"), {0: "RRAS01, Tuesday night", 7: "is this the alert?", 8: "and \x1b[31mred\x1b[0m"})
    lab.keep(lab.path(".pcapng"))


@scenario("cut-off", "the file ends in the middle of a packet", outcomes=["rejected"], alert=48,
          expect=["capture-damaged", "cert-untrusted-root", "eap-client-rejected-certificate"], tshark_misses=True)
def _(lab):
    server = Server(lab, "nps1", chain=("fabrikam-nps", "fabrikam-root"))
    with lab.record(None) as raw:
        login(lab, server)
    with open(raw, "rb") as whole, open(lab.path(), "wb") as out:
        out.write(whole.read()[:-40])
    lab.keep(lab.path())


@scenario("any-interface", "recorded on all interfaces at once (SLL2)", outcomes=["established"], healthy=True,
          shows=["sll && radius.code == 2"])
def _(lab):
    server = Server(lab, "nps1")
    with lab.record(interface="any"):
        login(lab, server)


@scenario("pcapng", "recorded by dumpcap as pcapng", outcomes=["established"], healthy=True)
def _(lab):
    server = Server(lab, "nps1")
    with lab.record(".pcapng", pcapng=True):
        login(lab, server)


@scenario("formats", "one good login", outcomes=["established"],
          healthy=True)
def _(lab):
    server = Server(lab, "nps1")
    with lab.record(None) as raw:
        login(lab, server)
    recorder.big_endian_nanoseconds(raw, lab.path("-big-endian-nano.pcap"))
    lab.keep(lab.path("-big-endian-nano.pcap"), description="one good login as big-endian pcap with nanoseconds")
    for program, suffix in (("gzip", "gz"), ("zstd", "zst")):
        path = lab.path("-%s.pcap.%s" % (program, suffix))
        recorder.compress(raw, path)
        lab.keep(path, description="one good login, compressed with " + program)


@scenario("rotated", "one refused login; the recorder began a second file in the middle of it", outcomes=["rejected"],
          alert=48, expect=["cert-untrusted-root", "eap-client-rejected-certificate"], tshark_misses=True)
def _(lab):
    server = Server(lab, "nps1", chain=("fabrikam-nps", "fabrikam-root"))
    with lab.record(None) as raw:
        login(lab, server)
    recorder.part(raw, 1, 4, lab.path("-1.pcap"))
    recorder.part(raw, 5, 0, lab.path("-2.pcap"))
    lab.keep(lab.path("-1.pcap"), stem=lab.entry.name, further_captures=["rotated-2.pcap"])


@scenario("two-vantage-points", "one good login recorded at the NAS and at the NPS, whose clock is 2.5 s ahead",
          outcomes=["established"], healthy=True)
def _(lab):
    server = Server(lab, "nps1")
    raw = os.path.join(lab.directory, "nps.pcap")
    there = recorder.Recorder(lab, raw, node="nps1")
    with lab.record("-nas.pcap", differs={"further_captures": ["two-vantage-points-nps.pcap"],
                                          "clock_offset_ms": 2500}):
        login(lab, server)
    there.stop()
    recorder.shift(raw, 2.5, lab.path("-nps.pcap"))
    lab.keep(lab.path("-nps.pcap"))
