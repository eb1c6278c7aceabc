/* The message ladder's lines about IKE. */
#include <stdio.h>

#include "analyze/session/track_ladder.h"

static void add_notify(struct ladder_list *l, uint8_t version, uint16_t type)
{
    const char *name = ike_notify_name(version, type);
    char text[64];
    snprintf(text, sizeof text, "N(%u)", type);
    if (name != NULL)
        snprintf(text, sizeof text, "N(%.56s)", name);
    ladder_add(l, text);
}

/* Notifies one by one, other payloads once by their name; vendor ids and SK say nothing here. */
static void add_payloads(struct ladder_list *l, uint8_t version, const struct ike_payloads *p)
{
    uint8_t before = IKE_NO_PAYLOAD;
    for (unsigned i = 0; i < p->count; i++) {
        uint8_t type = p->types[i];
        const char *name = ike_payload_name(version, type);
        bool told = type == IKE_NOTIFY || type == IKE_VENDOR_ID || type == IKE_SK || type == IKE_SKF || type == before;
        if (!told && name != NULL)
            ladder_add(l, name);
        before = type;
    }
    for (unsigned i = 0; i < p->notify_count; i++)
        add_notify(l, version, p->notifies[i].type);
}

static const char *sk_text(enum ike_sk_state sk)
{
    switch (sk) {
    case IKE_SK_NO_KEY:
        return "encrypted";
    case IKE_SK_WRONG_KEY:
        return "encrypted, the given key does not fit";
    case IKE_SK_UNREADABLE:
        return "encrypted, cannot be read";
    case IKE_SK_NONE:
    case IKE_SK_OPENED:
        break;
    }
    return NULL;
}

static void message(struct live *l, const struct event *e, const char *name)
{
    const struct ike_event *ev = e->u.ike;
    const struct ike_message *m = ev->message;
    struct ladder_list what = {"", 0};
    if (ev->clear != NULL)
        add_payloads(&what, m->version, ev->clear);
    if (ev->inside != NULL)
        add_payloads(&what, m->version, ev->inside);
    if (sk_text(ev->sk) != NULL)
        ladder_add(&what, sk_text(ev->sk));
    if (m->malformed && m->reason != NULL)
        ladder_add(&what, m->reason);
    ladder_say(l, e->place, e->dir, "%s %s, message id %u, %u bytes%s%s", name, m->response ? "response" : "request",
               m->message_id, ev->sk_length, what.len > 0 ? ": " : "", what.text);
}

void ladder_ike(struct live *l, const struct event *e)
{
    const struct ike_event *ev = e->u.ike;
    const struct ike_message *m = ev->message;
    char number[32], from[ENDPOINT_TEXT];
    const char *name = m != NULL ? ike_exchange_name(m->version, m->exchange) : NULL;
    snprintf(number, sizeof number, "exchange %u", m != NULL ? m->exchange : 0u);
    name = name != NULL ? name : number;
    switch (ev->kind) {
    case IKE_EVENT_MESSAGE:
        message(l, e, name);
        break;
    case IKE_EVENT_RETRANSMISSION:
        ladder_say(l, e->place, e->dir, "%s, message id %u, sent again", name, m->message_id);
        break;
    case IKE_EVENT_FRAGMENT:
        ladder_say(l, e->place, e->dir, "%s, message id %u, fragment %u of %u", name, m->message_id, m->fragment,
                   m->fragments);
        break;
    case IKE_EVENT_TRANSLATED:
        ladder_say(l, e->place, e->dir, "the same message, here from %s", endpoint_text(from, &ev->source));
        break;
    case IKE_EVENT_UNREACHABLE:
        ladder_say(l, e->place, e->dir, "ICMP: unreachable, from %s", address_text(from, &ev->source.address));
        break;
    }
}
