"""The program on one end of a cable, its lines as they come. Called by tests that are given VPNSCOPE PCAPS [--unfiltered]."""

import json
import os
import select
import signal
import subprocess
import sys
import time

import cable

TIMEOUT = 60


class Sniffer:
    """The program on one end of a cable, its lines as they come."""

    def __init__(self, end, *more, stdout=subprocess.PIPE, stderr=subprocess.PIPE):
        self.process = subprocess.Popen(
            [sys.argv[1], "-i", end, "--trusted-root", sys.argv[2] + "/pki/root.pem", *more], stdout=stdout, stderr=stderr)
        self.waiting = b""
        cable.wait_for(lambda: cable.sniffs(self.process), TIMEOUT, "sniffing to begin")

    def line(self, seconds):
        """The next event, None when none comes in time."""
        end = time.monotonic() + seconds
        out = self.process.stdout.fileno()
        while b"\n" not in self.waiting:
            left = end - time.monotonic()
            if left <= 0 or not select.select([out], [], [], left)[0]:
                return None
            read = os.read(out, 65536)
            if not read:
                return None
            self.waiting += read
        line, self.waiting = self.waiting.split(b"\n", 1)
        return json.loads(line)

    def end(self, signal_number=signal.SIGINT):
        """Asks it to end: the rest of its events, its words on standard error, its exit status."""
        self.process.send_signal(signal_number)
        return self.over()

    def over(self):
        text, errors = self.process.communicate(timeout=TIMEOUT)
        lines = (self.waiting + (text or b"")).decode().splitlines()
        self.waiting = b""
        errors = (errors or b"").decode()
        if "--unfiltered" in sys.argv:
            errors = "".join(line + "\n" for line in errors.splitlines() if "seccomp" not in line)
        return lines, errors, self.process.returncode
