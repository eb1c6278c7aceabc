"""EapHostConfig files of Windows clients for the lab's PKI."""

import os

BASE = "http://www.microsoft.com/provisioning/"

VALIDATION = """<ServerValidation>
{pad}  <DisableUserPromptForServerValidation>true</DisableUserPromptForServerValidation>
{pad}  <ServerNames>{names}</ServerNames>
{pad}  <TrustedRootCA>{thumbprint} </TrustedRootCA>
{pad}</ServerValidation>"""

TEMPLATE = """<EapHostConfig xmlns="{base}EapHostConfig">
  <EapMethod>
    <Type xmlns="{base}EapCommon">25</Type>
    <VendorId xmlns="{base}EapCommon">0</VendorId>
    <VendorType xmlns="{base}EapCommon">0</VendorType>
    <AuthorId xmlns="{base}EapCommon">0</AuthorId>
  </EapMethod>
  <Config xmlns="{base}EapHostConfig">
    <Eap xmlns="{base}BaseEapConnectionPropertiesV1">
      <Type>25</Type>
      <EapType xmlns="{base}MsPeapConnectionPropertiesV1">
        {outer}
        <FastReconnect>true</FastReconnect>
        <InnerEapOptional>false</InnerEapOptional>
        <Eap xmlns="{base}BaseEapConnectionPropertiesV1">
          <Type>26</Type>
          <EapType xmlns="{base}MsChapV2ConnectionPropertiesV1">
            <UseWinLogonCredentials>false</UseWinLogonCredentials>
          </EapType>
        </Eap>
        <EnableQuarantineChecks>false</EnableQuarantineChecks>
        <RequireCryptoBinding>true</RequireCryptoBinding>
        <PeapExtensions>
          <PerformServerValidation xmlns="{base}MsPeapConnectionPropertiesV2">true</PerformServerValidation>
          <AcceptServerName xmlns="{base}MsPeapConnectionPropertiesV2">true</AcceptServerName>
        </PeapExtensions>
      </EapType>
    </Eap>
  </Config>
</EapHostConfig>
"""


def spaced(thumbprint):
    """A thumbprint in the form that the Windows console shows."""
    return " ".join(thumbprint[i:i + 2] for i in range(0, len(thumbprint), 2))


def write(pki, name, names, certificate):
    """A profile that pins `certificate` as its trusted root and accepts `names`."""
    outer = VALIDATION.format(pad=" " * 8, names=names, thumbprint=spaced(pki.sha1(certificate)))
    with open(os.path.join(pki.public, name), "w", encoding="utf-8") as out:
        out.write(TEMPLATE.format(base=BASE, outer=outer))


def write_all(pki):
    both = "nps01.corp.contoso.com;nps02.corp.contoso.com"
    write(pki, "eap-config-good.xml", both, "root")
    write(pki, "eap-config-pins-issuing-ca.xml", both, "issuing")
    write(pki, "eap-config-pins-leaf.xml", both, "nps01")
    write(pki, "eap-config-regex.xml", r"nps.*\.corp\.contoso\.com", "root")
    write(pki, "eap-config-wrong-name.xml", "nps.vpn.contoso.com", "root")
