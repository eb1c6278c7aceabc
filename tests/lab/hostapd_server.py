"""hostapd as RADIUS server: a second implementation, with PEAPv1 and EAP-FAST."""

import os

import network
from freeradius import PASSWORD, SECRET
from pki import ocsp_response

CONFIG = """driver=none
radius_server_clients={directory}/hostapd-clients
radius_server_auth_port=1812
eap_server=1
eap_user_file={directory}/hostapd-users
ca_cert={ca}
server_cert={chain}
private_key={key}
pac_opaque_encr_key=000102030405060708090a0b0c0d0e0f
eap_fast_a_id=101112131415161718191a1b1c1d1e1f
eap_fast_a_id_info=lab
eap_fast_prov=2
{stapling}"""


class HostapdServer:
    inner_certificates = None

    def __init__(self, lab, method, chain=("nps01", "issuing"), revoked=None, about=None):
        """`revoked`: whether the response stapled to the handshake says so; None staples nothing. `about`: another certificate
        than the one presented."""
        self.certificates = [lab.pki.sha256(name) for name in chain]
        path = os.path.join(lab.directory, "hostapd-")
        stapling = ""
        if revoked is not None:
            ocsp_response(lab.pki, about or chain[0], revoked, path + "ocsp")
            stapling = "ocsp_stapling_response=%socsp\n" % path
        texts = {"clients": "0.0.0.0/0 %s\n" % SECRET,
                 "users": '* %s\n"alice@corp.contoso.com" MSCHAPV2 "%s" [2]\n' % (method, PASSWORD),
                 "server.conf": CONFIG.format(directory=lab.directory, stapling=stapling, ca=lab.pki.pem("root"),
                                              key=lab.pki.key(chain[0]), chain=lab.pki.chain(*chain))}
        for name, text in texts.items():
            with open(path + name, "w", encoding="ascii") as out:
                out.write(text)
        process = lab.network.start("nps1", ("hostapd", "-dd", path + "server.conf"), path + "server.log")
        network.wait_for("AP-ENABLED", path + "server.log", process)
