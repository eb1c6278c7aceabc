"""Findings, the verdict and the exit status against what the lab's configuration implies."""


def expected_status(run):
    if any(capture["damage"] for capture in run.report["captures"]):
        return 2
    return 1 if any(severity != "info" for severity in run.raised().values()) else 0


def implied(truth):
    """Findings that the logins' own facts imply, so that they are right beside those that a recording is about."""
    names = set(truth["expect_findings"]) | set(truth.get("expect_later", []))
    for login in truth["logins"]:
        if login["client_alert"]:
            names.add("eap-client-rejected-certificate")
        if login["method"] in ("EAP-MSCHAPv2", "MD5-Challenge"):
            names.add("eap-weak-method")  # no tunnel around it
        if login["method"] == "PAP":
            names.add("radius-missing-message-authenticator")
            if login["expected_outcome"] == "rejected":
                names.add("radius-rejected")
        if login["expected_outcome"] == "rejected" and "1" not in truth["frames"]["radius_codes"]:
            names.add("radius-rejected")  # why it was, the requests would show
    return names


def compare(truth, run, table):
    raised = run.raised()
    for name in truth["expect_findings"]:
        if name not in raised:
            table.differs("finding", name, "not raised")
    for name in truth["forbid_findings"]:
        if name in raised:
            table.differs("finding", "no " + name, "raised")
    for name, severity in sorted(raised.items()):
        if severity in truth["forbid_severity"]:
            table.differs("finding", "no " + severity, name)
        elif severity != "info" and name not in implied(truth):
            table.differs("finding", "not named by the truth", "%s (%s)" % (name, severity))
    if "client_error" in truth:
        codes = {session["client_error"]["code"] for session in run.report["sessions"] if session["client_error"]}
        table.check("client errors", {truth["client_error"]}, codes)
        if str(truth["client_error"]) not in run.report["verdict"]:
            table.differs("verdict", "names %d" % truth["client_error"], run.report["verdict"])
    if "capture-damaged" not in truth["expect_findings"]:
        table.check("complaints", "", run.errors)
    table.check("exit status", expected_status(run), run.status)
