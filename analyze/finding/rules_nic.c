/* What a VPN server's external NIC should not send or answer, nor have as a subnet. wire-facts 8. */
#include <stdio.h>

#include "analyze/finding/rules.h"

enum { WHAT = 160 };

static const enum finding_id ids[NIC_TOPICS] = {
    [NIC_NAME_RESOLUTION] = FINDING_NIC_NAME_RESOLUTION, [NIC_DNS_CLIENT] = FINDING_NIC_DNS_CLIENT,
    [NIC_SMB] = FINDING_NIC_SMB, [NIC_DHCP] = FINDING_NIC_DHCP, [NIC_DISCOVERY] = FINDING_NIC_DISCOVERY,
    [NIC_SAME_SUBNET] = FINDING_NIC_SAME_SUBNET, [NIC_UNEXPECTED] = FINDING_NIC_UNEXPECTED_PROTOCOL,
};

static const char *protocol(const struct host_deed *d)
{
    switch ((enum host_kind)d->kind) {
    case HOST_DNS: case HOST_DNS_SERVED: return "DNS";
    case HOST_LLMNR: return "LLMNR";
    case HOST_MDNS: return "mDNS";
    case HOST_NETBIOS: case HOST_NETBIOS_OPEN: return "NetBIOS";
    case HOST_SMB: case HOST_SMB_OPEN: return "SMB";
    case HOST_DHCP: case HOST_DHCP_SERVED: case HOST_LEASE: return d->port == 547 ? "DHCPv6" : "DHCP";
    case HOST_LLDP: return "LLDP";
    case HOST_LLTD: return "LLTD";
    case HOST_SSDP: return "SSDP";
    case HOST_WSD: return "WS-Discovery";
    case HOST_NTP: return "NTP";
    case HOST_KERBEROS: return "Kerberos";
    case HOST_LDAP: case HOST_LDAP_OPEN: return "LDAP";
    case HOST_RPC: case HOST_RPC_OPEN: return "RPC";
    case HOST_RADIUS: return "RADIUS";
    case HOST_TEREDO: return "Teredo";
    case HOST_RDP_OPEN: return "Remote Desktop";
    case HOST_WINRM_OPEN: return "Windows Remote Management";
    case HOST_HINT: case HOST_HINT_OPEN: return d->hint_name != NULL ? d->hint_name : "another protocol";
    case HOST_ARP: return "ARP";
    case HOST_SERVES: case HOST_KINDS: break;
    }
    return "VPN";
}

static bool is_open(const struct host_deed *d)
{
    return d->kind == HOST_NETBIOS_OPEN || d->kind == HOST_SMB_OPEN || d->kind == HOST_LDAP_OPEN || d->kind == HOST_RPC_OPEN ||
           d->kind == HOST_RDP_OPEN || d->kind == HOST_WINRM_OPEN || d->kind == HOST_HINT_OPEN;
}

/* "NetBIOS, LLMNR and mDNS", each once, of the heaviest sights. */
static const char *list_protocols(char out[static WHAT], const struct nic_verdict *v)
{
    const char *names[NIC_SIGHTS_MAX];
    size_t count = 0, at = 0;
    for (size_t i = 0; i < v->sight_count; i++) {
        size_t k = 0;
        while (k < count && strcmp(names[k], protocol(v->sights[i].deed)) != 0)
            k++;
        if (k == count && v->sights[i].weight == v->weight)
            names[count++] = protocol(v->sights[i].deed);
    }
    out[0] = '\0';
    for (size_t i = 0; i < count && at < WHAT; i++) {
        int n = snprintf(out + at, WHAT - at, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " and ", names[i]);
        at += n > 0 ? (size_t)n : 0;
    }
    return out;
}

static const char *describe_deed(char out[static WHAT], const struct host_deed *d)
{
    char host[ADDRESS_TEXT], peer[ADDRESS_TEXT], answered[48] = "";
    address_text(peer, &d->peer);
    if (is_open(d)) {
        snprintf(out, WHAT, "%s: %s answers %s on port %u", protocol(d), address_text(host, &d->host), peer, d->port);
        return out;
    }
    if (d->peer.family == FAMILY_NONE) {
        snprintf(out, WHAT, "%s from %s", protocol(d), address_text(host, &d->host));
        return out;
    }
    if (d->kind == HOST_ARP) {
        snprintf(out, WHAT, "ARP: %s is at %s", address_text(host, &d->host), peer);
        return out;
    }
    if (d->kind == HOST_DNS || d->kind == HOST_SMB || d->kind == HOST_NTP || d->kind == HOST_KERBEROS || d->kind == HOST_LDAP ||
        d->kind == HOST_RPC || d->kind == HOST_RADIUS)
        snprintf(answered, sizeof answered, d->answered == 0 ? ", not answered" : ", answered");
    snprintf(out, WHAT, "%s to %s%s%s", protocol(d), peer, d->host.family == FAMILY_MAC ? " from " : "",
             d->host.family == FAMILY_MAC ? address_text(host, &d->host) : answered);
    return out;
}

static void show(struct findings *out, struct finding *f, const struct nic_verdict *v)
{
    char what[WHAT];
    for (size_t i = 0; i < v->sight_count; i++)
        if (v->sights[i].deed->name[0] != '\0' && v->sights[i].weight == v->weight)
            finding_evidence(out, f, v->sights[i].deed->named, "%s, for %s", describe_deed(what, v->sights[i].deed), v->sights[i].deed->name);
    if (v->sight_count == 1) /* one kind to one peer: its first frames */
        for (size_t i = 0; i < HOST_PLACES && i < v->sights[0].deed->count; i++)
            if (v->sights[0].deed->places[i].frame != v->sights[0].deed->named.frame)
                finding_evidence(out, f, v->sights[0].deed->places[i], "%s", describe_deed(what, v->sights[0].deed));
    for (size_t i = 0; i < v->sight_count && v->sight_count > 1; i++)
        finding_evidence(out, f, v->sights[i].deed->places[0], "%s%s", describe_deed(what, v->sights[i].deed),
                         v->sights[i].deed->count > 1 ? ", the first of several" : "");
}

/* Why it is not said to be wrong, or that it is. */
static void explain_nics(struct finding *f, const struct nic_verdict *v)
{
    char other[ADDRESS_TEXT];
    if (v->nics == NIC_COUNT_TWO)
        finding_explain(f, "The server has another NIC: it asks RADIUS about its clients from %s. Traffic with the inside belongs there.",
                        address_text(other, &v->other));
    else if (v->weight == NIC_DOUBTFUL)
        finding_explain(f, "If this is the server's only NIC, it belongs there; if the server has a second one towards the inside, "
                           "it does not.");
    else if (v->weight == NIC_HARMLESS && v->nics == NIC_COUNT_ONE)
        finding_explain(f, "The server seems to have this one NIC, as it is answered by RADIUS or the domain there: then it does no "
                           "harm beyond what it tells its neighbours.");
}

static void name_resolution(struct finding *f, const struct nic_verdict *v, const char *server)
{
    char list[WHAT];
    finding_title(f, "the VPN server %s speaks %s on the captured NIC", server, list_protocols(list, v));
    finding_explain(f, "Names are asked of, and told to, whoever is on that network: the server reveals its name and domain there, "
                       "and anybody can answer in another's place. On an external NIC only IPv4 and IPv6 belong.");
    finding_fix(f, "NetBIOS: external NIC > Internet Protocol Version 4 > Advanced > WINS > Disable NetBIOS over TCP/IP.");
    finding_fix(f, "LLMNR: Group Policy > Administrative Templates > Network > DNS Client > Turn off multicast name resolution. mDNS: "
                   "HKLM\\SYSTEM\\CurrentControlSet\\Services\\Dnscache\\Parameters, EnableMDNS = 0.");
}

static void dns_client(struct finding *f, const struct nic_verdict *v, const char *server)
{
    const struct host_deed *named = NULL;
    for (size_t i = 0; i < v->sight_count; i++)
        if (v->sights[i].deed->directory && named == NULL)
            named = v->sights[i].deed;
    finding_title(f, "the VPN server %s asks DNS on the captured NIC%s", server, named != NULL ? ", for names of its domain" : "");
    finding_explain(f, "A server with two NICs has its DNS servers, the company's, on the internal one only, and none on the external "
                       "one: whom it asks there cannot tell it where its domain controllers are, and log-ins become slow or fail.");
    if (named != NULL)
        finding_explain(f, "\"%s\" is a name that members of a domain look for.", named->name);
    finding_fix(f, "External NIC > Internet Protocol Version 4 (and 6): no DNS server; Advanced > DNS: clear \"Register this "
                   "connection's addresses in DNS\". The company's DNS servers stand on the internal NIC.");
}

static void smb(struct finding *f, const struct nic_verdict *v, const char *server)
{
    bool open = v->sight_count > 0 && is_open(v->sights[0].deed);
    finding_title(f, open ? "the VPN server %s answers SMB on the captured NIC" : "the VPN server %s asks for SMB on the captured NIC",
                  server);
    finding_explain(f, open ? "File and Printer Sharing is bound to the NIC, and its port is open to those outside."
                            : "Client for Microsoft Networks is bound to the NIC, or routes to the inside are missing: log-on data of "
                              "the server goes where it does not belong.");
    finding_fix(f, "External NIC > Properties: clear \"File and Printer Sharing for Microsoft Networks\" and \"Client for Microsoft "
                   "Networks\" (Disable-NetAdapterBinding -ComponentID ms_server, ms_msclient); let no firewall rule for SMB apply to it.");
}

static void dhcp(struct finding *f, const struct nic_verdict *v, const char *server)
{
    finding_title(f, "the VPN server %s has the address of the captured NIC from %s", server, protocol(v->sights[0].deed));
    if (v->weight == NIC_HARMLESS && v->nics != NIC_COUNT_ONE)
        finding_explain(f, "In a cloud this is how it is done: the cloud gives each guest the same address every time.");
    else
        finding_explain(f, "Clients come to that address, and load balancers and firewalls send them there: when the lease changes "
                           "it, they come in vain. A lease also brings a DNS server and a gateway that may not be wanted.");
    finding_fix(f, v->weight == NIC_HARMLESS && v->nics != NIC_COUNT_ONE
                       ? "Nothing is wrong, as long as the address is set as static in the cloud."
                       : "Give the external NIC a static address, with the default gateway and without DNS servers.");
}

static void discovery(struct finding *f, const struct nic_verdict *v, const char *server)
{
    char list[WHAT];
    finding_title(f, "the VPN server %s speaks %s on the captured NIC", server, list_protocols(list, v));
    finding_explain(f, "Devices on a network find each other like that; outside it only tells strangers what the server is.");
    finding_fix(f, "External NIC > Properties: clear \"Microsoft LLDP Protocol Driver\" and both entries of \"Link-Layer Topology "
                   "Discovery\" (Disable-NetAdapterBinding -ComponentID ms_lldp, ms_lltdio, ms_rspndr).");
    finding_fix(f, "SSDP and WS-Discovery: turn network discovery off for the NIC's network profile (Public).");
}

static void same_subnet(struct finding *f, const struct nic_verdict *v, const char *server)
{
    char other[ADDRESS_TEXT], one[ADDRESS_TEXT], two[ADDRESS_TEXT];
    struct address macs[2] = {address_mac(v->macs[0]), address_mac(v->macs[1])};
    finding_title(f, "two NICs of the VPN server %s are in one subnet", server);
    finding_explain(f, "%s and %s, with the MACs %s and %s, are on one link%s: answers leave by either NIC, whatever the question "
                       "came by, and firewalls and switches on the way drop them now and then. RRAS does not support it.",
                    server, address_text(other, &v->other), address_text(one, &macs[0]), address_text(two, &macs[1]),
                    v->bits != 0 ? " and in one subnet" : "");
    finding_fix(f, "Put the two NICs into different subnets, with the default gateway on the external one only and static routes on the "
                   "internal one; or use a single NIC.");
}

static void unexpected(struct finding *f, const struct nic_verdict *v, const char *server)
{
    char list[WHAT];
    bool open = v->sight_count > 0 && is_open(v->sights[0].deed);
    bool teredo = v->sight_count > 0 && v->sights[0].deed->kind == HOST_TEREDO;
    list_protocols(list, v);
    finding_title(f, open ? "the VPN server %s answers %s from outside" : "the VPN server %s asks for %s on the captured NIC", server, list);
    if (open)
        finding_explain(f, "Whoever can reach the server can try it; nothing but the VPN's own ports should be open there.");
    else if (teredo)
        finding_explain(f, "The server sets up tunnels for IPv6 by itself; a server with an address of its own needs none.");
    else
        finding_explain(f, "That is traffic with hosts inside. On a server with two NICs it takes the internal one; here the route to "
                           "the inside is missing, or the default gateway stands in its place.");
    if (open)
        finding_fix(f, "Let the firewall's rules for it apply to the internal NIC, or to administrators' addresses, only.");
    else if (teredo)
        finding_fix(f, "netsh interface teredo set state disabled");
    else
        finding_fix(f, "On the internal NIC: no default gateway, but static routes to all internal networks (route -p add, or "
                       "New-NetRoute). On the external one: the default gateway.");
}

/* Frames of the server are facts; whether they are out of place follows from what else is seen. */
static enum confidence confidence_of(const struct nic_verdict *v)
{
    if (v->weight == NIC_DOUBTFUL)
        return CONFIDENCE_HINT;
    if (v->topic == NIC_SAME_SUBNET)
        return v->bits != 0 ? CONFIDENCE_CERTAIN : CONFIDENCE_STRONG;
    bool hint = v->sight_count > 0 && (v->sights[0].deed->kind == HOST_HINT || v->sights[0].deed->kind == HOST_HINT_OPEN);
    bool of_nics = v->topic == NIC_DNS_CLIENT || v->topic == NIC_UNEXPECTED;
    return hint || (of_nics && v->nics == NIC_COUNT_UNKNOWN) ? CONFIDENCE_STRONG : CONFIDENCE_CERTAIN;
}

static void raise(struct findings *out, const struct nic_verdict *v, bool one_sided)
{
    static void (*const words[NIC_TOPICS])(struct finding *, const struct nic_verdict *, const char *) = {
        [NIC_NAME_RESOLUTION] = name_resolution, [NIC_DNS_CLIENT] = dns_client, [NIC_SMB] = smb, [NIC_DHCP] = dhcp,
        [NIC_DISCOVERY] = discovery, [NIC_SAME_SUBNET] = same_subnet, [NIC_UNEXPECTED] = unexpected,
    };
    char server[ADDRESS_TEXT];
    bool fresh;
    address_text(server, &v->server);
    struct finding *f = findings_raise(out, ids[v->topic], server, 0, &fresh);
    if (f == NULL || !fresh)
        return;
    f->severity = v->weight == NIC_WRONG ? SEVERITY_WARNING : SEVERITY_INFO;
    f->confidence = confidence_of(v);
    words[v->topic](f, v, server);
    if (v->topic != NIC_SAME_SUBNET)
        explain_nics(f, v);
    if (one_sided && v->nics == NIC_COUNT_UNKNOWN && v->topic != NIC_SAME_SUBNET) {
        f->severity = SEVERITY_INFO;
        f->confidence = CONFIDENCE_HINT;
        finding_explain(f, "Only one direction was captured, so whether this is the server's only NIC, where it belongs, is "
                           "unknown.");
    }
    show(out, f, v);
}

void rules_nic(struct findings *out, const struct rule_input *in)
{
    size_t count;
    const struct nic_verdict *all = nic_judge(in->nic, in->services, in->captures, in->capture_count, &count);
    for (size_t i = 0; i < count; i++)
        raise(out, &all[i], rule_one_sided(in));
}
