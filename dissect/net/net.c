#include "dissect/net/layers.h"

#include <stdlib.h>

#include "capture/wire/hash.h"

struct net *net_new(const struct net_handler *handler)
{
    struct net *n = calloc(1, sizeof *n);
    if (n == NULL)
        return NULL;
    n->handler = *handler;
    n->time_ns = INT64_MIN;
    n->fragments = fragments_new();
    n->duplicates = duplicates_new();
    plain_init(n);
    if (n->fragments == NULL || n->duplicates == NULL) {
        net_free(n);
        return NULL;
    }
    return n;
}

void net_free(struct net *n)
{
    if (n == NULL)
        return;
    fragments_free(n->fragments);
    duplicates_free(n->duplicates);
    free(n);
}

const struct net_counters *net_counters(const struct net *n)
{
    return &n->counters;
}

void walk_frame(struct net *n, const struct frame *f)
{
    struct walk w = {
        .net = n,
        .p = {.frame = f, .first_frame = f->number},
        .at = {f->bytes, f->len, 0},
        .wire = f->wire_len > f->len ? f->wire_len : f->len,
    };
    link_frame(&w, f->link_type);
}

void net_finish(struct net *n)
{
    fragments_finish(n);
}

bool walk_take(struct walk *w, size_t n, struct span *header)
{
    if (take_span(&w->at, n, header)) {
        w->wire -= n;
        return true;
    }
    if (n > w->wire)
        w->net->counters.malformed++;
    else
        w->net->counters.cut++;
    return false;
}

void walk_limit(struct walk *w, size_t n)
{
    if (w->at.len > n)
        w->at.len = n;
    w->wire = n;
}

bool walk_deeper(struct walk *w)
{
    if (++w->nesting <= NET_NESTING_MAX)
        return true;
    w->net->counters.too_deep++;
    return false;
}

void walk_enter_tunnel(struct walk *w, uint8_t kind, uint32_t key)
{
    const struct address *a = &w->p.src.address, *b = &w->p.dst.address;
    if (memcmp(a, b, sizeof *a) > 0) {
        const struct address *swap = a;
        a = b;
        b = swap;
    }
    uint64_t hash = hash_mix(w->p.tunnel, (uint64_t)kind << 32 | key);
    hash = hash_bytes(b, sizeof *b, hash_bytes(a, sizeof *a, hash));
    uint32_t folded = (uint32_t)(hash ^ hash >> 32);
    w->p.tunnel = folded == 0 ? 1 : folded;
    w->p.depth++;
    w->p.src = w->p.dst = (struct endpoint){0};
    w->src_mac = w->dst_mac = NULL;
    w->ip_id = 0;
}

static struct endpoint link_endpoint(const uint8_t *mac)
{
    return mac == NULL ? (struct endpoint){0} : (struct endpoint){.address = address_mac(mac)};
}

void walk_deliver(struct walk *w, enum packet_kind kind)
{
    w->p.kind = kind;
    w->p.payload = cursor_rest(&w->at);
    w->p.payload_wire_len = (uint32_t)w->wire;
    if (kind == PACKET_EAPOL || kind == PACKET_LINK) {
        w->p.src = link_endpoint(w->src_mac);
        w->p.dst = link_endpoint(w->dst_mac);
    }
    if (w->p.depth > 0 || w->carried)
        w->p.inner_mac = w->src_mac;
    w->p.ends = packet_ends_of(&w->p);
    if (w->p.fragments == 0 && duplicates_seen(w->net->duplicates, &w->p, w->ip_id, w->ip_fragment)) {
        w->net->counters.duplicates++;
        return;
    }
    w->net->counters.packets++;
    w->net->handler.packet(w->net->handler.ctx, &w->p);
}
