#include "dissect/hosts.h"

#include "capture/wire/cursor.h"
#include "dissect/hosts_table.h"
#include "dissect/recognise.h"
#include "dissect/tcp/tcp_stream.h"

enum { PORT_NETBIOS_NAMES = 137, PORT_NETBIOS_DATAGRAMS = 138, PORT_NETBIOS_SESSIONS = 139, PORT_HTTPS = 443, PORT_SMB = 445,
       PORT_DHCP_SERVER = 67, PORT_DHCP_CLIENT = 68, PORT_DHCP6_CLIENT = 546, PORT_DHCP6_SERVER = 547, PORT_L2TP_UDP = 1701,
       PORT_PPTP_TCP = 1723, PORT_RDP = 3389, PORT_RPC = 135 };

static bool is_group(const struct address *a)
{
    if (a->family == FAMILY_IPV4)
        return a->bytes[0] >= 224;
    return a->family == FAMILY_IPV6 && a->bytes[0] == 0xff;
}

/* What someone asks for at a TCP port; HOST_KINDS: nothing that matters here. */
static enum host_kind tcp_asked(uint16_t port)
{
    switch (port) {
    case DNS_PORT: return HOST_DNS;
    case 88: return HOST_KERBEROS;
    case PORT_RPC: return HOST_RPC;
    case PORT_NETBIOS_SESSIONS: return HOST_NETBIOS;
    case 389: case 636: case 3268: case 3269: return HOST_LDAP;
    case PORT_SMB: return HOST_SMB;
    default: return HOST_KINDS;
    }
}

static enum host_kind tcp_open(uint16_t port)
{
    switch (port) {
    case DNS_PORT: return HOST_DNS_SERVED;
    case PORT_RPC: return HOST_RPC_OPEN;
    case PORT_NETBIOS_SESSIONS: return HOST_NETBIOS_OPEN;
    case 389: case 636: return HOST_LDAP_OPEN;
    case PORT_SMB: return HOST_SMB_OPEN;
    case PORT_RDP: return HOST_RDP_OPEN;
    case 5985: case 5986: return HOST_WINRM_OPEN;
    default: return HOST_KINDS;
    }
}

/* Of UDP, by ports and where it goes. */
static enum host_kind udp_asked(const struct packet *p, unsigned class)
{
    bool group = is_group(&p->dst.address);
    switch (p->dst.port) {
    case DNS_PORT: return class == FLOW_DNS ? HOST_DNS : HOST_KINDS;
    case PORT_DHCP_SERVER: return p->src.port == PORT_DHCP_CLIENT ? HOST_DHCP : HOST_KINDS;
    case PORT_DHCP6_SERVER: return p->src.port == PORT_DHCP6_CLIENT ? HOST_DHCP : HOST_KINDS;
    case 88: return HOST_KERBEROS;
    case 123: return HOST_NTP;
    case PORT_NETBIOS_NAMES: case PORT_NETBIOS_DATAGRAMS: return p->src.port == p->dst.port ? HOST_NETBIOS : HOST_KINDS;
    case 389: return HOST_LDAP;
    case 1900: return group ? HOST_SSDP : HOST_KINDS;
    case 3544: return HOST_TEREDO;
    case 3702: return group ? HOST_WSD : HOST_KINDS;
    case 5353: return group ? HOST_MDNS : HOST_KINDS;
    case 5355: return group ? HOST_LLMNR : HOST_KINDS;
    default: return HOST_KINDS;
    }
}

/* What an answer from that port says about who sends it, besides that it answers. */
static enum host_kind udp_open(const struct packet *p, unsigned class)
{
    switch (p->src.port) {
    case DNS_PORT: return class == FLOW_DNS ? HOST_DNS_SERVED : HOST_KINDS;
    case PORT_NETBIOS_NAMES: return HOST_NETBIOS;
    case 5355: return HOST_LLMNR;
    case 5353: return HOST_MDNS;
    default: return HOST_KINDS;
    }
}

static bool names_a_directory(const char *name)
{
    static const char *const beginnings[] = {"_ldap.", "_kerberos.", "_gc.", "_kpasswd.", "wpad", "isatap"};
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        size_t len = strlen(beginnings[i]);
        bool whole = beginnings[i][len - 1] == '.' || name[len] == '.' || name[len] == '\0';
        if (strncmp(name, beginnings[i], len) == 0 && whole)
            return true;
    }
    return strstr(name, "._msdcs.") != NULL;
}

static void name_question(struct host_deed *d, const struct packet *p)
{
    struct dns_question q;
    struct span message = p->kind == PACKET_TCP ? dns_in_tcp(p->payload) : p->payload;
    if (!dns_query(message, &q))
        return;
    bool directory = names_a_directory(q.name);
    if (d->name[0] != '\0' && (d->directory || !directory))
        return;
    size_t len = strlen(q.name);
    if (len >= HOST_NAME)
        len = HOST_NAME - 1;
    memcpy(d->name, q.name, len);
    d->name[len] = '\0';
    d->directory = directory;
    d->named = frame_place(p->frame);
}

/* Who has no address yet goes by its MAC. */
static struct address sender(const struct packet *p)
{
    static const uint8_t none[16];
    uint8_t mac[6];
    size_t len = p->src.address.family == FAMILY_IPV4 ? 4 : 16;
    bool unspecified = memcmp(p->src.address.bytes, none, len) == 0;
    return unspecified && hosts_source_mac(p, mac) ? address_mac(mac) : p->src.address;
}

static void asks(struct hosts *h, const struct packet *p, enum host_kind kind, bool answered_before)
{
    struct host_deed *d = hosts_deed(h, sender(p), kind, p->dst.address, 0, p);
    if (d == NULL)
        return;
    d->port = p->dst.port;
    d->answered += answered_before && d->answered != UINT32_MAX;
    if (kind == HOST_DNS)
        name_question(d, p);
}

static void opens(struct hosts *h, const struct packet *p, enum host_kind kind)
{
    struct host_deed *d = hosts_deed(h, p->src.address, kind, p->dst.address, 0, p);
    if (d != NULL)
        d->port = p->src.port;
}

/* Met with every tunnel: what is known of a server already is not looked for again. */
static void serves(struct hosts *h, const struct packet *p, bool answers)
{
    if (hosts_serves(h, &p->src.address))
        return;
    struct host_deed *d = hosts_deed(h, p->src.address, HOST_SERVES, (struct address){.family = FAMILY_NONE}, 0, p);
    if (d == NULL)
        return;
    d->port = p->src.port;
    d->answered += answers && d->answered != UINT32_MAX;
    hosts_is_serving(h, d);
}

/* The peer of a deed speaks: counted there, if it is known. */
static void answered(struct hosts *h, const struct packet *p, enum host_kind kind)
{
    struct host_deed *d = hosts_find(h, &p->dst.address, kind, &p->src.address, 0);
    if (d != NULL)
        d->answered += d->answered != UINT32_MAX;
}

/* A capture that begins later may show the answering side of a connection first. */
static void tcp(struct hosts *h, const struct packet *p, bool answers)
{
    if ((p->tcp_flags & TCP_RST) != 0)
        return;
    if (p->src.port == PORT_HTTPS || p->src.port == PORT_PPTP_TCP) {
        if ((p->tcp_flags & TCP_ACK) != 0)
            serves(h, p, answers);
        return;
    }
    enum host_kind open = tcp_open(p->src.port), asked = tcp_asked(p->dst.port), asked_by_peer = tcp_asked(p->src.port);
    bool acknowledges = (p->tcp_flags & TCP_ACK) != 0;
    if (acknowledges && answers && asked_by_peer != HOST_KINDS)
        answered(h, p, asked_by_peer);
    if (open != HOST_KINDS && acknowledges)
        opens(h, p, open);
    else if (open == HOST_KINDS && asked != HOST_KINDS && asked_by_peer == HOST_KINDS)
        asks(h, p, asked, answers);
}

/* RADIUS: requests are Access-Request, Accounting-Request and Status-Server (RFC 2865, 2866, 5997). */
static void radius(struct hosts *h, const struct packet *p, bool answers)
{
    uint8_t code = p->payload.len > 0 ? p->payload.data[0] : 0;
    if (code == 1 || code == 4 || code == 12)
        asks(h, p, HOST_RADIUS, answers);
    else if (answers)
        answered(h, p, HOST_RADIUS);
}

/* The address, subnet mask and server of a DHCPOFFER or DHCPACK (RFC 2131 section 2, RFC 2132 sections 3.3, 9.6, 9.7). */
static void lease(struct hosts *h, const struct packet *p)
{
    enum { COOKIE = 0x63825363, MASK = 1, TYPE = 53, SERVER = 54, END = 255, ACK = 5 };
    struct cursor c = cursor_of(p->payload);
    uint8_t op, hardware, length, yours[4], mac[6], option, type = 0;
    uint32_t cookie, mask = 0;
    struct cursor value;
    if (!take_u8(&c, &op) || op != 2 || !take_u8(&c, &hardware) || hardware != 1 || !take_u8(&c, &length) || length != 6 ||
        !take_skip(&c, 13) || !take_bytes(&c, 4, yours) || !take_skip(&c, 8) || !take_bytes(&c, 6, mac) || !take_skip(&c, 202) ||
        !take_be32(&c, &cookie) || cookie != COOKIE)
        return;
    struct address by = p->src.address;
    while (take_u8(&c, &option) && option != END) {
        uint8_t server[4];
        if (option == 0)
            continue;
        if (!take_sub_u8(&c, &value))
            break;
        if ((option == TYPE && !take_u8(&value, &type)) || (option == MASK && !take_be32(&value, &mask)))
            break;
        if (option == SERVER && take_bytes(&value, 4, server))
            by = address_ipv4(server);
    }
    struct host_deed *d = type == ACK ? hosts_deed(h, address_mac(mac), HOST_LEASE, address_ipv4(yours), 0, p) : NULL;
    if (d == NULL)
        return;
    d->has_mac = false; /* the frame is the server's */
    d->by = by;
    for (d->bits = 0; d->bits < 32 && (mask & UINT32_C(1) << (31 - d->bits)) != 0;)
        d->bits++;
}

static void udp(struct hosts *h, const struct packet *p, bool answers, unsigned class)
{
    if (p->src.port == PORT_DHCP_SERVER && (p->dst.port == PORT_DHCP_CLIENT || p->dst.port == PORT_DHCP_SERVER)) {
        opens(h, p, HOST_DHCP_SERVED);
        lease(h, p);
        return;
    }
    enum host_kind asked = udp_asked(p, class), open = udp_open(p, class), asked_by_peer = HOST_KINDS;
    if (answers) {
        struct packet turned = *p;
        turned.src = p->dst;
        turned.dst = p->src;
        asked_by_peer = udp_asked(&turned, class);
    }
    if (asked_by_peer != HOST_KINDS)
        answered(h, p, asked_by_peer);
    if (answers && open != HOST_KINDS)
        opens(h, p, open);
    else if (asked != HOST_KINDS && asked_by_peer == HOST_KINDS)
        asks(h, p, asked, false);
}

bool hosts_knows_answer(const struct hosts *h, const struct packet *p)
{
    return p->src.port == PORT_HTTPS && p->kind == PACKET_TCP && hosts_serves(h, &p->src.address);
}

void hosts_flow(struct hosts *h, const struct packet *p, bool answers, unsigned class)
{
    if (p->kind == PACKET_TCP) {
        tcp(h, p, answers);
        return;
    }
    if (class == FLOW_IKE || class == FLOW_ESP || class == FLOW_L2TP) {
        if (answers && (recognise_ike_port(p->src.port) || p->src.port == PORT_L2TP_UDP))
            serves(h, p, answers);
        return;
    }
    if (class == FLOW_RADIUS)
        radius(h, p, answers);
    else
        udp(h, p, answers, class);
}

void hosts_hint(struct hosts *h, const struct packet *p, bool to_server, uint16_t hint)
{
    uint16_t port = to_server ? p->dst.port : p->src.port;
    if (p->kind == PACKET_TCP && (tcp_asked(port) != HOST_KINDS || tcp_open(port) != HOST_KINDS))
        return; /* told by its port already */
    struct host_deed *d = hosts_deed(h, p->src.address, to_server ? HOST_HINT : HOST_HINT_OPEN, p->dst.address, hint, p);
    if (d != NULL)
        d->port = port;
}

/* RFC 826, over Ethernet for IPv4. */
static void arp(struct hosts *h, const struct packet *p)
{
    struct cursor c = cursor_of(p->payload);
    uint16_t hardware, protocol, operation;
    uint8_t lengths[2], mac[6], own[4];
    uint32_t asked;
    if (!take_be16(&c, &hardware) || hardware != 1 || !take_be16(&c, &protocol) || protocol != ETHERTYPE_IPV4 ||
        !take_bytes(&c, 2, lengths) || lengths[0] != 6 || lengths[1] != 4 || !take_be16(&c, &operation) ||
        !take_bytes(&c, 6, mac) || !take_bytes(&c, 4, own) || !take_skip(&c, 6) || !take_be32(&c, &asked) || own[0] == 0)
        return;
    struct host_deed *d = hosts_deed(h, address_ipv4(own), HOST_ARP, address_mac(mac), 0, p);
    bool itself = asked == ((uint32_t)own[0] << 24 | (uint32_t)own[1] << 16 | (uint32_t)own[2] << 8 | own[3]);
    if (d == NULL || operation != 1 || itself || asked >> 16 == 0xa9fe /* 169.254 is on every link */)
        return;
    d->asked_low = asked < d->asked_low ? asked : d->asked_low;
    d->asked_high = asked > d->asked_high ? asked : d->asked_high;
}

void hosts_frame(struct hosts *h, const struct packet *p)
{
    uint8_t mac[6];
    if (p->kind != PACKET_LINK)
        return;
    if (p->ethertype == ETHERTYPE_ARP)
        arp(h, p);
    else if ((p->ethertype == ETHERTYPE_LLDP || p->ethertype == ETHERTYPE_LLTD) && hosts_source_mac(p, mac))
        hosts_deed(h, address_mac(mac), p->ethertype == ETHERTYPE_LLDP ? HOST_LLDP : HOST_LLTD, (struct address){0}, 0, p);
}
