/* Whether two readings of the same RADIUS packet found the same. */
#ifndef VS_TEST_RADIUS_SAME_H
#define VS_TEST_RADIUS_SAME_H

#include "dissect/radius/radius.h"

static inline bool same_span(struct span a, struct span b)
{
    return a.data == b.data && a.len == b.len;
}

static inline bool radius_same(const struct radius_packet *a, const struct radius_packet *b)
{
    if (a->code != b->code || a->length != b->length || a->cut != b->cut || a->malformed != b->malformed ||
        a->reason != b->reason || a->seen != b->seen || a->proxy_states != b->proxy_states ||
        a->eap_pieces != b->eap_pieces || a->eap_length != b->eap_length || a->eap_not_adjacent != b->eap_not_adjacent ||
        !same_span(a->attributes, b->attributes) || !same_span(a->state, b->state))
        return false;
    for (unsigned i = 0; i < a->eap_pieces; i++)
        if (!same_span(a->eap[i], b->eap[i]))
            return false;
    for (unsigned field = 0; field < RADIUS_FIELDS; field++)
        if (!same_span(radius_span(a, (enum radius_field)field), radius_span(b, (enum radius_field)field)))
            return false;
    return true;
}

#endif
