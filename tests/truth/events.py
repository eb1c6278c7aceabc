"""Runs dump_events and counts its lines."""

import collections
import subprocess

TIMEOUT = 30


class Events:
    """What the dissector told of one capture."""

    def __init__(self, dump_events, capture, keylogs=(), ike_keys=()):
        argv = [dump_events]
        for keylog in keylogs:
            argv += ["--keylog", keylog]
        for table in ike_keys:
            argv += ["--ike-keys", table]
        done = subprocess.run(argv + [capture], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT, check=False)
        self.status = done.returncode
        self.errors = done.stderr.decode("utf-8", "replace").strip()
        self.lines = collections.defaultdict(list)
        for line in done.stdout.decode("utf-8").splitlines():
            kind, *words = line.split(" ")
            self.lines[kind].append((int(words[0]), [word for word in words[1:] if "=" not in word],
                                     dict(word.split("=") for word in words[1:] if "=" in word)))

    def total(self, name):
        """A value of the last line: frames itself, duplicates, fragments, damage."""
        for frames, _, values in self.lines["frames"]:
            return frames if name == "frames" else int(values[name])
        return None

    def radius(self):
        """(frame, code, role) of every RADIUS packet; a request that nobody answered is no packet."""
        return [(frame, values["code"], words[0]) for frame, words, values in self.lines["radius"]
                if words[0] != "unanswered"]

    def radius_codes(self):
        return collections.Counter(code for _, code, _ in self.radius())

    def eap(self):
        """
        Code and type of every EAP packet outside of tunnels, by the names of the truth files. RADIUS retransmissions are
        not followed as EAP, but their EAP counts as a packet.
        """
        followed, counts = set(), collections.Counter()
        for frame, words, values in self.lines["eap"]:
            if values["depth"] == "0" and "malformed" not in words:
                followed.add(frame)
                counts[self.eap_name(values["code"], values["type"])] += 1
        for frame, _, values in self.lines["radius"]:
            if "eap" in values and frame not in followed:
                counts[self.eap_name(*values["eap"].split("/"))] += 1
        return counts

    @staticmethod
    def eap_name(code, kind):
        names = {"1": "request", "2": "response", "3": "success", "4": "failure"}
        return names.get(code, code) + (" " + kind if code in "12" else "")

    def certificates(self):
        """(frame, whose, [sha256...]) of every Certificate message."""
        return [(frame, words[0], words[1:]) for frame, words, _ in self.lines["certificates"]]

    def alerts(self):
        return [(frame, words[0], int(values["code"])) for frame, words, values in self.lines["alert"]]
