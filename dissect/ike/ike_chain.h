/* Walking a chain of payloads by their generic headers, RFC 7296 section 3.2: for the IKE parsers. */
#ifndef VS_IKE_IKE_CHAIN_H
#define VS_IKE_IKE_CHAIN_H

#include "capture/wire/cursor.h"

struct ike_chain {
    uint8_t next;       /* type of the payload that comes now; 0: the chain is at its end */
    size_t announced;   /* bytes left of the message by its length field; may be more than were captured */
    struct cursor at;   /* captured bytes left */
    const char *reason; /* why the walk ended before the chain's end, NULL when it was only cut */
};

struct ike_chain_payload {
    uint8_t type;
    bool critical;
    bool cut;           /* the body lacks bytes that were not captured */
    struct cursor body; /* after the generic header */
};

/* Takes the payload that comes now; false at the end of the chain, of what was captured, or at lengths that cannot be
 * (reason says so). */
bool ike_chain_next(struct ike_chain *chain, struct ike_chain_payload *out);

#endif
