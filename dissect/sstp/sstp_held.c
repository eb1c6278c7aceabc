/* A ring of first octets: of a storm of ClientHellos that nobody answers each costs a copy, and none is looked into. */
#include "dissect/sstp/sstp_layer_state.h"

static struct held *slot_of(struct sstp_layer *l, uint64_t serial)
{
    return &l->held[serial % l->held_slots];
}

struct held *held_of(struct sstp_layer *l, const struct connection *c)
{
    struct held *h = slot_of(l, c->held_serial);
    return c->held_serial != 0 && h->serial == c->held_serial ? h : NULL;
}

void held_forget(struct sstp_layer *l, struct connection *c)
{
    struct held *h = held_of(l, c);
    if (h != NULL)
        h->serial = 0;
    c->held_serial = 0;
}

/* A first TLS record is whole: what the client sends next answers something. */
static bool is_whole(const struct held *h)
{
    enum { RECORD = 5 };
    return h->len >= RECORD && h->bytes[0] == TLS_HANDSHAKE && h->len >= RECORD + (h->bytes[3] << 8 | h->bytes[4]);
}

bool held_keep(struct sstp_layer *l, struct connection *c, struct span bytes, const struct place *place)
{
    struct held *h = held_of(l, c);
    if (h == NULL && c->held_serial != 0)
        return false; /* the ring went round */
    if (h == NULL) {
        c->held_serial = ++l->held_serial;
        h = slot_of(l, c->held_serial);
        h->serial = c->held_serial;
        h->len = 0;
    } else if (is_whole(h)) {
        return false;
    }
    if (bytes.len > (size_t)(HELD_MAX - h->len))
        return false;
    if (bytes.len > 0)
        memcpy(h->bytes + h->len, bytes.data, bytes.len);
    h->len = (uint16_t)(h->len + bytes.len);
    h->place = *place;
    return true;
}
