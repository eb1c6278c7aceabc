"""haproxy as load balancer or as something that looks into TLS: a full proxy with its own connection on each side."""

import os
import shutil
import subprocess
import time

from sstp import URI

CONFIGURATION = """global
	maxconn 200
	ssl-server-verify none
defaults
	mode {mode}
	timeout connect 3s
	timeout client 30s
	timeout server 30s
	timeout check 2s
{http}frontend vpn
	bind {listen}{tls}
	default_backend servers
backend servers
{check}	server rras1 {to}{options}
"""

CHECKS = {
    None: ("", ""),
    "tcp": ("", " check inter {every}ms"),
    "tls": ("", " check check-ssl verify none inter {every}ms"),
    "http": ("	option httpchk HEAD " + URI + "\n	http-check expect status 401\n", " check check-ssl verify none inter {every}ms"),
    "get": ("	option httpchk GET " + URI + "\n	http-check expect status 401\n", " check inter {every}ms"),
}


class Proxy:
    """
    A running haproxy. certificate: TLS ends here, with that certificate; again=True: towards the server there is TLS, too;
    header: "send-proxy" or "send-proxy-v2"; check: how it asks whether the server lives; http=True: it reads
    HTTP and adds X-Forwarded-For; staple: a file with an OCSP response; demand: a file with the authorities of the clients'
    certificates, which it insists on.
    """

    def __init__(self, lab, node, listen, to, certificate=None, issuing="issuing", again=False, header="", check=None, every=400,
                 http=False, staple=None, demand=None):
        text, options = CHECKS[check]
        options = options.format(every=every) + (" " + header if header else "")
        if again:
            options += " ssl verify none sni str(vpn.contoso.com)"
        directory = os.path.join(lab.directory, "haproxy-" + node)
        os.makedirs(directory, exist_ok=True)
        tls = ""
        if certificate:
            pem = os.path.join(directory, "front.pem")
            with open(pem, "wb") as out:
                for path in (lab.pki.chain(certificate, issuing), lab.pki.key(certificate)):
                    with open(path, "rb") as part:
                        out.write(part.read())
            tls = " ssl crt " + pem + (" verify required ca-file " + demand if demand else "")
            if staple:
                shutil.copyfile(staple, pem + ".ocsp")
        path = os.path.join(directory, "haproxy.cfg")
        with open(path, "w", encoding="ascii") as out:
            out.write(CONFIGURATION.format(listen=listen, to=to, tls=tls, check=text, options=options, mode="http" if http else "tcp",
                                           http="	option forwardfor\n" if http else ""))
        self.process = lab.network.start(node, ("haproxy", "-db", "-f", path), os.path.join(directory, "haproxy.log"))
        lab.behind_proxy = True
        lab.front_certificate = certificate
        wait_until_listening(lab, node, listen, self.process)


def wait_until_listening(lab, node, listen, process):
    until = time.monotonic() + 5
    while time.monotonic() < until and process.poll() is None:
        table = subprocess.run(lab.network.inside(node, "ss", "-Hltn"), stdout=subprocess.PIPE, check=True).stdout.decode()
        if " %s " % listen in table:
            return
        time.sleep(0.05)
    raise RuntimeError("haproxy does not listen on " + listen)
