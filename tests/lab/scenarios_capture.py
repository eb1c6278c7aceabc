"""What can happen to a recording: cut packets, a late start, other link layers and file formats."""

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


@scenario("formats", "one good login as big-endian pcap with nanoseconds, gzip and zstd", outcomes=["established"],
          healthy=True)
def _(lab):
    server = Server(lab, "nps1")
    with lab.record(None) as raw:
        login(lab, server)
    recorder.big_endian_nanoseconds(raw, lab.path("-big-endian-nano.pcap"))
    lab.keep(lab.path("-big-endian-nano.pcap"))
    for stem, suffix in (("formats-gz", ".pcap.gz"), ("formats-zst", ".pcap.zst")):
        path = lab.path(stem[len("formats"):] + suffix)
        recorder.compress(raw, path)
        lab.keep(path)
