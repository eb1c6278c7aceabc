#include "dissect/protocols.h"

#include <stdlib.h>

unsigned protocols_row_of_packet(const struct packet *p)
{
    switch (p->kind) {
    case PACKET_EAPOL: return PROTOCOL_EAPOL;
    case PACKET_ICMP: return p->ip_proto == IP_PROTO_ICMPV6 ? PROTOCOL_ICMPV6 : PROTOCOL_ICMP;
    case PACKET_IP:
        return p->ip_proto == IP_PROTO_ESP ? PROTOCOL_ESP : p->ip_proto == IP_PROTO_GRE ? PROTOCOL_GRE : PROTOCOL_UNKNOWN;
    case PACKET_LINK:
        return p->ethertype == ETHERTYPE_ARP ? PROTOCOL_ARP
                                             : p->ethertype == ETHERTYPE_LLDP ? PROTOCOL_LLDP : PROTOCOL_UNKNOWN;
    case PACKET_UDP:
    case PACKET_TCP: break;
    }
    return PROTOCOL_UNKNOWN;
}

static void add_held_flow(void *ctx, struct flow *f)
{
    struct protocols *t = ctx;
    protocols_add_flow(t->all, f);
}

static const char *name_of_row(unsigned row, const struct hint *hint)
{
    static const char *const own[PROTOCOL_OWN] = {
        [PROTOCOL_UNKNOWN] = "unknown", [PROTOCOL_RADIUS] = "RADIUS", [PROTOCOL_EAPOL] = "EAPOL", [PROTOCOL_IKE] = "IKE",
        [PROTOCOL_ESP] = "ESP", [PROTOCOL_TLS] = "TLS", [PROTOCOL_L2TP] = "L2TP", [PROTOCOL_PPTP] = "PPTP",
        [PROTOCOL_GRE] = "GRE", [PROTOCOL_SSTP] = "SSTP", [PROTOCOL_DNS] = "DNS",
        [PROTOCOL_ICMP] = "ICMP", [PROTOCOL_ICMPV6] = "ICMPv6", [PROTOCOL_ARP] = "ARP", [PROTOCOL_LLDP] = "LLDP",
    };
    const char *name = row < PROTOCOL_OWN ? own[row] : hint != NULL ? hint_name(hint, (uint16_t)(row - PROTOCOL_OWN)) : NULL;
    return name != NULL ? name : own[PROTOCOL_UNKNOWN];
}

static int by_bytes_then_name(const void *left, const void *right)
{
    const struct protocol_count *a = left, *b = right;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return strcmp(a->name, b->name);
}

/* Two rows may bear one name (TLS is ours and nDPI's): they are one line. */
static struct protocol_count *line_named(struct protocol_count *lines, size_t *count, const char *name)
{
    for (size_t i = 0; i < *count; i++)
        if (strcmp(lines[i].name, name) == 0)
            return &lines[i];
    lines[*count] = (struct protocol_count){.name = name};
    return &lines[(*count)++];
}

size_t protocols_sort(struct protocols *t, struct flow_table *flows, const struct hint *hint)
{
    size_t count = 0;
    memcpy(t->all, t->past, sizeof t->all);
    flow_each(flows, add_held_flow, t);
    for (unsigned i = 0; i < PROTOCOL_ROWS; i++) {
        if (t->all[i].packets == 0)
            continue;
        struct protocol_count *line = line_named(t->sorted, &count, name_of_row(i, hint));
        line->flows += t->all[i].flows;
        line->packets += t->all[i].packets;
        line->bytes += t->all[i].bytes;
    }
    qsort(t->sorted, count, sizeof *t->sorted, by_bytes_then_name);
    return count;
}
