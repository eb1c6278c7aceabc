"""The program itself, sniffing beside a recording while it happens: when each of its events came."""

import datetime
import json
import os
import signal
import subprocess
import threading
import time

PROGRAM = None  # set by `run --live`
SECONDS = 30
PATIENCE = 1.5  # seconds before it is asked to end: what it says within a second it says by itself


def locked(process):
    """It sniffs: its devices are open, its rights are gone."""
    with open("/proc/%d/status" % process.pid, encoding="ascii") as f:
        return "NoNewPrivs:\t1" in f.read()


def nanoseconds_free(text):
    """Seconds since 1970 of a time in JSON."""
    return datetime.datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00").timestamp()


class Watcher:
    def __init__(self, lab, node, interface, expression):
        self.path = os.path.join(lab.output, "%s.%s.live.json" % (lab.entry.name, node))
        self.process = subprocess.Popen(
            lab.network.inside(node, PROGRAM, "-i", interface, "-f", expression, "--jsonl", "--trusted-root",
                               os.path.join(lab.output, "pki", lab.entry.root + ".pem"), "--server-name", lab.entry.server_name),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        lab.network.started.append(self.process)
        self.network, self.rows = lab.network, []
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()
        end = time.monotonic() + SECONDS
        while not locked(self.process) and self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)

    def read(self):
        for line in self.process.stdout:
            came, event = time.time(), json.loads(line)
            late = came - nanoseconds_free(event["time"]) if event.get("time") else None
            self.rows.append({"event": event["event"], "late": late, "asked": False, "id": event.get("id"), "outcome": event.get("outcome"),
                              "client_error": event.get("client_error"), "captures": event.get("captures")})

    def stop(self):
        """What it says from here on it says since it was asked to end."""
        time.sleep(PATIENCE)
        told = len(self.rows)
        self.process.send_signal(signal.SIGINT)
        self.thread.join(SECONDS)
        errors = self.process.stderr.read().decode()
        status = self.process.wait(SECONDS)
        if self.process in self.network.started:
            self.network.started.remove(self.process)
        for row in self.rows[told:]:
            row["asked"] = True
        with open(self.path, "w", encoding="ascii") as out:
            json.dump({"events": self.rows, "errors": errors, "status": status}, out, indent=1)


def begin(lab, node, interface, expression):
    """None when nobody asked for it."""
    return Watcher(lab, node, interface, expression) if PROGRAM is not None else None
