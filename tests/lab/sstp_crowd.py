#!/usr/bin/env python3
"""Many SSTP clients from one start: PLAN is a JSON list of {"at": seconds, "log": path, "argv": options of sstp_client.py}."""

import json
import os
import sys
import time

import sstp_client


def child(row):
    """One client, in a process of its own; never returns."""
    log = os.open(row["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.argv = ["sstp_client.py", *row["argv"]]
    status = 1
    try:
        sstp_client.main()
        status = 0
    finally:
        sys.stdout.flush()
        os._exit(status)


def main():
    with open(sys.argv[1], encoding="utf-8") as source:
        plan = json.load(source)
    begun, children = time.monotonic(), []
    for row in sorted(plan, key=lambda one: one["at"]):
        time.sleep(max(0, begun + row["at"] - time.monotonic()))
        number = os.fork()
        if number == 0:
            child(row)
        children.append(number)
    for number in children:
        os.waitpid(number, 0)


if __name__ == "__main__":
    main()
