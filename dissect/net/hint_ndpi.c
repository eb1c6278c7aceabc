/*
 * nDPI trusts IP headers more than we do, so it never sees a captured one: it is shown an IP and a transport header
 * made here from what was dissected, with lengths that are true, in a buffer that is longer than the packet. So
 * options, extension headers, fragments and cut packets cannot lead it astray, and joined datagrams can be shown too.
 */
#define _DEFAULT_SOURCE /* nDPI's headers want the BSD names of unsigned types */
#include "dissect/net/hint.h"

#include <stdlib.h>

#include <ndpi/ndpi_api.h>

enum { PAYLOAD_MAX = 2048, HEADERS_MAX = 40 + 20, SLACK = 128, NONE = UINT16_MAX };

struct state {
    struct ndpi_flow_struct *ndpi; /* NULL: free */
    uint32_t flow;                 /* id of the flow that it belongs to */
    uint16_t shown;
    uint16_t older, newer;         /* by last use; `newer` also links the free ones */
};

struct hint {
    struct ndpi_detection_module_struct *module; /* made at the first packet: it takes milliseconds and megabytes */
    bool failed;
    uint16_t oldest, newest, free;
    struct state states[HINT_FLOWS_MAX];
    uint8_t packet[HEADERS_MAX + PAYLOAD_MAX + SLACK];
};

struct hint *hint_new(void)
{
    struct hint *h = calloc(1, sizeof *h);
    if (h == NULL)
        return NULL;
    h->oldest = h->newest = NONE;
    for (uint16_t i = 0; i < HINT_FLOWS_MAX; i++)
        h->states[i].newer = i + 1 < HINT_FLOWS_MAX ? (uint16_t)(i + 1) : (uint16_t)NONE;
    return h;
}

void hint_free(struct hint *h)
{
    if (h == NULL)
        return;
    for (size_t i = 0; i < HINT_FLOWS_MAX; i++)
        if (h->states[i].ndpi != NULL)
            ndpi_free_flow(h->states[i].ndpi);
    if (h->module != NULL)
        ndpi_exit_detection_module(h->module);
    free(h);
}

static bool set_up(struct hint *h)
{
    if (h->module != NULL || h->failed)
        return h->module != NULL;
    h->module = ndpi_init_detection_module(ndpi_dont_load_tor_hosts | ndpi_dont_init_libgcrypt);
    if (h->module == NULL) {
        h->failed = true;
        return false;
    }
    NDPI_PROTOCOL_BITMASK all;
    NDPI_BITMASK_SET_ALL(all);
    ndpi_set_protocol_detection_bitmask2(h->module, &all);
    ndpi_finalize_initialization(h->module);
    return true;
}

static void unlink_state(struct hint *h, uint16_t i)
{
    struct state *s = &h->states[i];
    if (s->older == NONE)
        h->oldest = s->newer;
    else
        h->states[s->older].newer = s->newer;
    if (s->newer == NONE)
        h->newest = s->older;
    else
        h->states[s->newer].older = s->older;
}

static void link_newest(struct hint *h, uint16_t i)
{
    struct state *s = &h->states[i];
    s->older = h->newest;
    s->newer = NONE;
    if (h->newest == NONE)
        h->oldest = i;
    else
        h->states[h->newest].newer = i;
    h->newest = i;
}

static void drop_state(struct hint *h, uint16_t i)
{
    struct state *s = &h->states[i];
    unlink_state(h, i);
    ndpi_free_flow(s->ndpi);
    *s = (struct state){.newer = h->free};
    h->free = i;
}

/* The flow's state, made when it has none; NULL when there is none to be had (any more). */
static struct state *state_of(struct hint *h, struct flow *f)
{
    if (f->hint != 0) {
        uint16_t held = (uint16_t)(f->hint - 1);
        struct state *s = f->hint <= HINT_FLOWS_MAX ? &h->states[held] : NULL;
        if (s == NULL || s->ndpi == NULL || s->flow != f->id)
            return NULL; /* given to another flow */
        unlink_state(h, held);
        link_newest(h, held);
        return s;
    }
    if (h->free == NONE)
        drop_state(h, h->oldest);
    uint16_t i = h->free;
    struct state *s = &h->states[i];
    struct ndpi_flow_struct *ndpi = ndpi_flow_malloc(SIZEOF_FLOW_STRUCT);
    if (ndpi == NULL)
        return NULL;
    memset(ndpi, 0, SIZEOF_FLOW_STRUCT);
    h->free = s->newer;
    *s = (struct state){.ndpi = ndpi, .flow = f->id};
    link_newest(h, i);
    f->hint = (uint16_t)(i + 1);
    return s;
}

static uint8_t *put_be16(uint8_t *to, size_t value)
{
    *to++ = (uint8_t)(value >> 8);
    *to++ = (uint8_t)value;
    return to;
}

static uint8_t *put_be32(uint8_t *to, uint32_t value)
{
    return put_be16(put_be16(to, value >> 16), value & 0xffff);
}

static uint8_t *put_bytes(uint8_t *to, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(to, bytes, len);
    return to + len;
}

static uint8_t *put_ip(uint8_t *to, const struct packet *p, size_t length)
{
    if (p->src.address.family == FAMILY_IPV6) {
        to = put_be16(put_be32(to, 0x60000000), length);
        *to++ = p->ip_proto;
        *to++ = 64;
        return put_bytes(put_bytes(to, p->src.address.bytes, 16), p->dst.address.bytes, 16);
    }
    to = put_be16(put_be16(to, 0x4500), 20 + length);
    to = put_be32(to, 0);
    *to++ = 64;
    *to++ = p->ip_proto;
    to = put_be16(to, 0);
    return put_bytes(put_bytes(to, p->src.address.bytes, 4), p->dst.address.bytes, 4);
}

/* Writes the packet for nDPI; returns its length. */
static uint16_t compose(struct hint *h, const struct packet *p)
{
    size_t payload = p->payload.len < PAYLOAD_MAX ? p->payload.len : PAYLOAD_MAX;
    size_t header = p->kind == PACKET_TCP ? 20 : 8;
    uint8_t *to = put_ip(h->packet, p, header + payload);
    to = put_be16(put_be16(to, p->src.port), p->dst.port);
    if (p->kind == PACKET_TCP) {
        to = put_be32(put_be32(to, p->tcp_seq), p->tcp_ack);
        *to++ = 5 << 4;
        *to++ = p->tcp_flags;
        to = put_be32(put_be16(to, p->tcp_window), 0);
    } else {
        to = put_be16(put_be16(to, header + payload), 0);
    }
    to = put_bytes(to, p->payload.data, payload);
    memset(to, 0, SLACK);
    return (uint16_t)(to - h->packet);
}

static uint16_t named(ndpi_protocol found)
{
    return found.master_protocol != NDPI_PROTOCOL_UNKNOWN ? found.master_protocol : found.app_protocol;
}

void hint_packet(struct hint *h, struct flow *f, const struct packet *p, bool from_low)
{
    (void)from_low; /* nDPI tells directions by the addresses, which it is shown */
    bool shown = p->kind == PACKET_UDP || p->kind == PACKET_TCP;
    if (!shown || p->payload.len == 0 || f->hint == FLOW_HINT_DONE || f->protocol != 0 || !set_up(h))
        return;
    struct state *s = state_of(h, f);
    if (s == NULL) {
        f->hint = FLOW_HINT_DONE;
        return;
    }
    uint64_t milliseconds = p->frame->time_ns > 0 ? (uint64_t)p->frame->time_ns / 1000000 : 0;
    uint16_t length = compose(h, p);
    ndpi_protocol found = ndpi_detection_process_packet(h->module, s->ndpi, h->packet, length, milliseconds);
    if (named(found) == NDPI_PROTOCOL_UNKNOWN && ++s->shown >= HINT_PACKETS) {
        uint8_t guessed = 0;
        found = ndpi_detection_giveup(h->module, s->ndpi, 0, &guessed);
        if (guessed)
            found = (ndpi_protocol)NDPI_PROTOCOL_NULL;
        hint_release(h, f);
    }
    if (named(found) != NDPI_PROTOCOL_UNKNOWN) {
        f->protocol = named(found);
        hint_release(h, f);
    }
}

void hint_release(struct hint *h, struct flow *f)
{
    bool held = f->hint != 0 && f->hint <= HINT_FLOWS_MAX;
    if (held && h->states[f->hint - 1].ndpi != NULL && h->states[f->hint - 1].flow == f->id)
        drop_state(h, (uint16_t)(f->hint - 1));
    f->hint = FLOW_HINT_DONE;
}

const char *hint_name(const struct hint *h, uint16_t protocol)
{
    if (protocol == NDPI_PROTOCOL_UNKNOWN || h->module == NULL)
        return "Unknown";
    return ndpi_get_proto_name(h->module, protocol);
}

bool hint_matters(uint16_t protocol)
{
    static const uint16_t matter[] = {
        NDPI_PROTOCOL_FTP_CONTROL, NDPI_PROTOCOL_TELNET, NDPI_PROTOCOL_TFTP, NDPI_PROTOCOL_SNMP, NDPI_PROTOCOL_SYSLOG, NDPI_PROTOCOL_NFS,
        NDPI_PROTOCOL_RSYNC, NDPI_PROTOCOL_VNC, NDPI_PROTOCOL_TEAMVIEWER, NDPI_PROTOCOL_ANYDESK, NDPI_PROTOCOL_RDP, NDPI_PROTOCOL_MYSQL,
        NDPI_PROTOCOL_POSTGRES, NDPI_PROTOCOL_MSSQL_TDS, NDPI_PROTOCOL_ORACLE, NDPI_PROTOCOL_MONGODB, NDPI_PROTOCOL_REDIS,
        NDPI_PROTOCOL_BITTORRENT, NDPI_PROTOCOL_SMBV1, NDPI_PROTOCOL_SMBV23, NDPI_PROTOCOL_LDAP, NDPI_PROTOCOL_KERBEROS,
        NDPI_PROTOCOL_DCERPC, NDPI_PROTOCOL_MAIL_SMTP, NDPI_PROTOCOL_MAIL_POP, NDPI_PROTOCOL_MAIL_IMAP};
    for (size_t i = 0; i < sizeof matter / sizeof matter[0]; i++)
        if (matter[i] == protocol)
            return true;
    return false;
}
