"""The lab's certification authorities and the certificates that its servers and clients present.

`openssl ca` makes every certificate, because it alone takes a start date and an empty subject.
"""

import hashlib
import os
import shutil
import subprocess
import time

NAME = "nps01.corp.contoso.com"
NAME2 = "nps02.corp.contoso.com"
VPN_NAME = "vpn.contoso.com"
DAY = 86400

CA_EXTENSIONS = ("basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
                 "subjectKeyIdentifier=hash\n")
POINTERS = ("crlDistributionPoints=URI:http://pki.corp.contoso.com/issuing.crl\n"
            "authorityInfoAccess=caIssuers;URI:http://pki.corp.contoso.com/issuing.crt\n")
# `openssl ca` copies nothing from the request and keeps the subject as it is given.
CA_CONFIG = """[ca]
default_ca = lab
[lab]
database = {directory}/index
rand_serial = yes
new_certs_dir = {directory}
policy = any
default_md = sha256
unique_subject = no
email_in_dn = no
preserve = yes
[any]
domainComponent = optional
organizationName = optional
commonName = optional
"""


def openssl(*argv):
    result = subprocess.run(("openssl", *argv), stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                            env={**os.environ, "OPENSSL_CONF": os.devnull})
    if result.returncode != 0:
        raise RuntimeError("openssl %s:\n%s" % (" ".join(argv), result.stderr.decode()))
    return result.stdout


def utc(offset_days):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + offset_days * DAY))


def leaf_extensions(name=NAME, eku="serverAuth,clientAuth", usage="digitalSignature,keyEncipherment", key_id=True):
    """Extensions of a server certificate as a certification authority of a Windows domain would set them."""
    lines = "basicConstraints=critical,CA:FALSE\nsubjectKeyIdentifier=hash\n" + POINTERS
    if usage:
        lines += "keyUsage=critical,%s\n" % usage
    if eku:
        lines += "extendedKeyUsage=%s\n" % eku
    lines += "authorityKeyIdentifier=%s\n" % ("keyid" if key_id else "none")
    return lines + "subjectAltName=DNS:%s\n" % name


class Pki:
    """Certificates by name in `public` (PEM), their keys in `private`."""

    def __init__(self, public, private):
        self.public, self.private = public, private
        os.makedirs(public, exist_ok=True)
        os.makedirs(private, exist_ok=True)
        os.chmod(private, 0o700)

    def pem(self, name):
        return os.path.join(self.public, name + ".pem")

    def key(self, name):
        return os.path.join(self.private, name + ".key")

    def kept(self, name):
        """The certificate's copy beside its key: both must be there to use either again."""
        return os.path.join(self.private, name + ".pem")

    def chain(self, *names):
        """A file with these certificates in this order."""
        path = os.path.join(self.private, "chain-%s.pem" % "-".join(names))
        text = "".join(open(self.pem(name), encoding="ascii").read() for name in names)
        temporary = "%s.%d" % (path, id(names))
        with open(temporary, "w", encoding="ascii") as out:
            out.write(text)
        os.replace(temporary, path)
        return path

    def der(self, name):
        return openssl("x509", "-in", self.pem(name), "-outform", "DER")

    def sha256(self, name):
        return hashlib.sha256(self.der(name)).hexdigest()

    def sha1(self, name):
        return hashlib.sha1(self.der(name)).hexdigest()

    def make_key(self, name, kind):
        options = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256") if kind == "ec" else \
                  ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:%s" % kind)
        openssl("genpkey", *options, "-out", self.key(name))

    def issue(self, name, subject, extensions, issuer=None, key="2048", start=-30, end=800, digest="sha256"):
        """Makes certificate `name`; `key` is a size, "ec", or the name of a certificate whose key is used again.

        What an earlier run left in `private` is taken as it is.
        """
        if os.path.exists(self.kept(name)):
            shutil.copyfile(self.kept(name), self.pem(name))
            return
        if key in ("ec", "1024", "2048", "3072", "4096"):
            self.make_key(name, key)
        else:
            with open(self.key(key), "rb") as old, open(self.key(name), "wb") as new:
                new.write(old.read())
        directory = os.path.join(self.private, "ca")
        os.makedirs(directory, exist_ok=True)
        config, request, ext = (os.path.join(directory, part) for part in ("ca.cnf", "request.pem", "ext.cnf"))
        for path, text in ((config, CA_CONFIG.format(directory=directory)), (ext, extensions),
                           (os.path.join(directory, "index"), "")):
            with open(path, "w", encoding="ascii") as out:
                out.write(text)
        openssl("req", "-new", "-key", self.key(name), "-subj", subject, "-out", request, "-config", config)
        signer = ("-selfsign", "-keyfile", self.key(name)) if issuer is None else \
                 ("-cert", self.pem(issuer), "-keyfile", self.key(issuer))
        # The level lets SHA-1 signatures and 1024 bits through.
        openssl("ca", "-batch", "-config", config, "-in", request, "-out", self.pem(name), "-notext", *signer,
                "-subj", subject, "-extfile", ext, "-md", digest, "-startdate", utc(start), "-enddate", utc(end))
        shutil.copyfile(self.pem(name), self.kept(name))


def authorities(pki):
    """Two organisations: Contoso with an issuing CA below its root, and Fabrikam, which no client should trust."""
    below = CA_EXTENSIONS + "authorityKeyIdentifier=keyid\n"
    dn = "/DC=com/DC=contoso/DC=corp/CN="
    pki.issue("root", dn + "Contoso Root CA", CA_EXTENSIONS, end=7300)
    pki.issue("issuing", dn + "Contoso Issuing CA", below, issuer="root", end=3650)
    pki.issue("fabrikam-root", "/O=Fabrikam/CN=Fabrikam Root CA", CA_EXTENSIONS, end=7300)
    pki.issue("ec-root", dn + "Contoso EC Root CA", CA_EXTENSIONS, key="ec", end=7300)
    pki.issue("ec-issuing", dn + "Contoso EC Issuing CA", below, issuer="ec-root", key="ec", end=3650)
    # The issuing CA before it was renewed with its key, and a root that is over.
    pki.issue("issuing-expired", dn + "Contoso Issuing CA", below, issuer="root", key="issuing", start=-2000, end=-35)
    pki.issue("expired-root", dn + "Contoso Old Root CA", CA_EXTENSIONS, start=-4000, end=-35)
    # Same name as the issuing CA, another key, no key identifiers that would tell them apart.
    pki.issue("issuing-renewed", dn + "Contoso Issuing CA",
              CA_EXTENSIONS.replace("=hash", "=none"), issuer="root", end=3650)


def servers(pki):
    """NPS certificates: the good ones first, then one for each thing that can be wrong with them."""
    good = leaf_extensions()
    pki.issue("nps01", "/CN=" + NAME, good, issuer="issuing")
    pki.issue("nps02", "/CN=" + NAME2, leaf_extensions(NAME2), issuer="issuing", key="nps01")
    pki.issue("ec-nps01", "/CN=" + NAME, leaf_extensions(usage="digitalSignature"), issuer="ec-issuing", key="ec")
    pki.issue("ec-nps02", "/CN=" + NAME2, leaf_extensions(NAME2, usage="digitalSignature"), issuer="ec-issuing",
              key="ec-nps01")
    pki.issue("fabrikam-nps", "/O=Fabrikam/CN=" + NAME, good, issuer="fabrikam-root", key="nps01")
    pki.issue("fabrikam-nps02", "/O=Fabrikam/CN=" + NAME2, leaf_extensions(NAME2), issuer="fabrikam-root", key="nps01")
    pki.issue("client-eku-only", "/CN=" + NAME, leaf_extensions(eku="clientAuth"), issuer="issuing", key="nps01")
    pki.issue("no-eku", "/CN=" + NAME, leaf_extensions(eku=None), issuer="issuing", key="nps01")
    pki.issue("expired", "/CN=" + NAME, good, issuer="issuing", key="nps01", start=-400, end=-35)
    pki.issue("below-expired-root", "/CN=" + NAME, good, issuer="expired-root", key="nps01", start=-400)
    pki.issue("not-yet-valid", "/CN=" + NAME, good, issuer="issuing", key="nps01", start=30, end=430)
    pki.issue("expires-soon", "/CN=" + NAME, good, issuer="issuing", key="nps01", start=-360, end=5)
    pki.issue("self-signed", "/CN=" + NAME, leaf_extensions(key_id=False), key="nps01")
    pki.issue("no-key-id", "/CN=" + NAME, leaf_extensions(key_id=False), issuer="issuing", key="nps01")
    pki.issue("rsa-1024", "/CN=" + NAME, good, issuer="issuing", key="1024")
    pki.issue("sha1", "/CN=" + NAME, good, issuer="issuing", key="nps01", digest="sha1")
    pki.issue("empty-subject", "/", good.replace("subjectAltName=", "subjectAltName=critical,"), issuer="issuing",
              key="nps01")
    pki.issue("wildcard", "/CN=*.corp.contoso.com", leaf_extensions("*.corp.contoso.com"), issuer="issuing",
              key="nps01")
    pki.issue("unknown-critical", "/CN=" + NAME, good + "1.3.6.1.4.1.32473.1=critical,ASN1:NULL\n", issuer="issuing",
              key="nps01")
    pki.issue("no-signing", "/CN=" + NAME, leaf_extensions(usage="keyEncipherment"), issuer="issuing", key="nps01")


def vpn_servers(pki):
    """Certificates of VPN servers (RFC 4945 5.1.3.12 for the EKU 1.3.6.1.5.5.8.2.2) and of computers."""
    eku, usage = "serverAuth,1.3.6.1.5.5.8.2.2", "digitalSignature,keyEncipherment"
    good = leaf_extensions(VPN_NAME, eku=eku, usage=usage)
    pki.issue("vpn", "/CN=" + VPN_NAME, good, issuer="issuing", key="4096")
    pki.issue("vpn-other-name", "/CN=rras01.corp.contoso.com", leaf_extensions("rras01.corp.contoso.com", eku=eku),
              issuer="issuing", key="vpn")
    pki.issue("fabrikam-vpn", "/O=Fabrikam/CN=" + VPN_NAME, good, issuer="fabrikam-root", key="vpn")
    pki.issue("ec-vpn", "/CN=" + VPN_NAME, leaf_extensions(VPN_NAME, eku=eku, usage="digitalSignature"), issuer="ec-issuing",
              key="ec")
    pki.issue("vpn-expired", "/CN=" + VPN_NAME, good, issuer="issuing", key="vpn", start=-400, end=-35)
    contoso = "/DC=com/DC=contoso/DC=corp/CN="
    for name, key, issuer, subject in (("pc01", "2048", "issuing", contoso + "PC01"), ("pc02", "2048", "issuing", contoso + "PC02"),
                                       ("fabrikam-pc01", "pc01", "fabrikam-root", "/O=Fabrikam/CN=PC01")):
        host = subject[-4:] + ".corp.contoso.com"
        pki.issue(name, subject + ".corp.contoso.com",
                  "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n"
                  "subjectAltName=DNS:%s\nauthorityKeyIdentifier=keyid\n" % host, issuer=issuer, key=key)


def ocsp_response(pki, name, revoked, path):
    """An OCSP response of the issuing CA about certificate `name`, for stapling, into the file `path`."""
    serial = openssl("x509", "-in", pki.pem(name), "-noout", "-serial").decode().strip().split("=")[1]
    status, when = ("R", utc(-1)[2:]) if revoked else ("V", "")
    with open(path + ".index", "w", encoding="ascii") as out:
        out.write("\t".join((status, utc(800)[2:], when, serial, "unknown", "/CN=" + NAME)) + "\n")
    openssl("ocsp", "-issuer", pki.pem("issuing"), "-cert", pki.pem(name), "-no_nonce", "-reqout", path + ".request")
    openssl("ocsp", "-index", path + ".index", "-CA", pki.pem("issuing"), "-rsigner", pki.pem("issuing"),
            "-rkey", pki.key("issuing"), "-reqin", path + ".request", "-ndays", "7", "-respout", path)


def clients(pki):
    user = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=clientAuth\n"
    upn = "subjectAltName=otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@corp.contoso.com\n"
    pki.issue("alice", "/DC=com/DC=contoso/DC=corp/CN=alice", user + upn, issuer="issuing")
    pki.issue("fabrikam-alice", "/O=Fabrikam/CN=alice", user + upn, issuer="fabrikam-root", key="alice")


def make(public, private):
    """The whole PKI; keys that an earlier run left in `private` are used again with their certificates."""
    pki = Pki(public, private)
    authorities(pki)
    servers(pki)
    clients(pki)
    vpn_servers(pki)
    return pki
