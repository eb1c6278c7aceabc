"""What tshark says of a recording, field by field."""

import os
import subprocess


def rows(path, fields, config, *options):
    """A row a frame, {field: [value...]}. config: the folder of tshark's settings, instead of the user's."""
    argv = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "separator=\t", "-E", "occurrence=a", *options]
    for field in fields:
        argv += ["-e", field]
    out = subprocess.run(argv, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         env={**os.environ, "WIRESHARK_CONFIG_DIR": config, "LC_ALL": "C", "TZ": "UTC"}).stdout
    for line in out.decode("utf-8", "replace").splitlines():
        values = line.split("\t")
        values += [""] * (len(fields) - len(values))
        yield {field: value.split(",") if value else [] for field, value in zip(fields, values)}


def key_log(path):
    """The options with which it opens TLS; path may be None."""
    return ("-o", "tls.keylog_file:" + path) if path else ()
