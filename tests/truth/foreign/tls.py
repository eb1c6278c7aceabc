"""tshark's TLS over TCP against vs_tls fed with the same streams: hellos, certificates and readable alerts."""

VERSIONS = {"SSL 3.0": "0300", "TLS 1.0": "0301", "TLS 1.1": "0302", "TLS 1.2": "0303", "TLS 1.3": "0304"}
MANY = 8  # of one kind missing in a capture: told in one line


def of_tcp(rows):
    return [row for row in rows if row["over"].startswith("tcp.stream")]


def compare_lists(what, theirs, ours, table):
    """Tuples that begin with the frame: tshark names the frame in which a whole record is there, we that of the message."""
    missing = []
    for row in sorted(theirs):
        same = [one for one in ours if one[1:] == row[1:] and one[0] <= row[0]]
        if same:
            ours.remove(max(same))
            table.checks += 1
        else:
            missing.append(row)
    if len(missing) > MANY:
        table.differs("TLS %ss" % what, "%d in frames %d to %d" % (len(missing), missing[0][0], missing[-1][0]), "not seen")
        missing = []
    for row in missing:
        table.differs("TLS %s in frame %d" % (what, row[0]), " ".join(str(word)[:8] for word in row[1:]), "not seen")
    for row in sorted(ours):
        table.differs("TLS %s in frame %d" % (what, row[0]), "not seen", " ".join(str(word)[:8] for word in row[1:]))


def compare(truth, told, table):
    tls = truth.get("tls") or {}
    compare_lists("certificate", [(row["frame"], row["role"], *(one["sha256"] for one in row["chain"]))
                                  for row in of_tcp(tls.get("certificates", []))],
                  [(frame, *words) for frame, words, _ in told.lines["certificates"] if len(words) > 1], table)
    compare_lists("alert", [(row["frame"], row["level"], row["desc"]) for row in of_tcp(tls.get("alerts", []))],
                  [(frame, int(values["level"]), int(values["code"])) for frame, _, values in told.lines["alert"]], table)
    compare_lists("ServerHello", [(hello["frame"], VERSIONS.get(hello["version"], hello["version"])[-4:], hello["cipher"][2:])
                                  for session in of_tcp(tls.get("sessions", [])) for hello in session["server_hello"]],
                  [(frame, values["version"], values["cipher"]) for frame, _, values in told.lines["server_hello"]], table)
