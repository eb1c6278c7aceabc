/* What encrypted IKE messages prove by their lengths, and by the type of their first payload, which the header of SK tells in
 * the clear (RFC 7296 section 3.14; wire-facts 3.8). Pure; nothing here decrypts. */
#ifndef VS_ANALYZE_IKE_LENGTHS_H
#define VS_ANALYZE_IKE_LENGTHS_H

#include "analyze/session/ike_facts.h"

/* Bytes of payloads that a message can hold inside SK, from least to most; padding makes it a range. */
struct ike_content { uint32_t least, most; };

/* Of a message of UDP payload length `length`, marker included, under this suite. False when the suite is not known well
 * enough, or no such message exists. */
bool ike_content_of(const struct ike_suite *suite, uint32_t length, struct ike_content *out);

/* Whether the message can hold exactly n bytes of payloads. */
static inline bool ike_content_fits(struct ike_content c, uint32_t n)
{
    return c.least <= n && n <= c.most;
}

/* A message of that first payload and length is a lone notify, with a few bytes of data at most. */
bool ike_tells_refusal(const struct ike_suite *suite, uint8_t first, uint32_t length);

/* How the EAP conversation inside IKE_AUTH ended, as far as lengths and order show it. */
enum ike_eap_shape {
    IKE_EAP_UNKNOWN,
    IKE_EAP_NONE,            /* one exchange of IKE_AUTH only: certificates or shared keys */
    IKE_EAP_REFUSED_AT_ONCE, /* the first response is too small for anything but an error notify (K10) */
    IKE_EAP_SUCCESS,         /* the final response is as large as a child association needs */
    IKE_EAP_PROVED,          /* the final response proves the server; whether there is a tunnel its size does not tell */
    IKE_EAP_NO_CHILD,        /* the final response proves the server and is too small for a child association */
    IKE_EAP_FAILURE,         /* a last response as small as EAP-Failure, and no further IKE_AUTH request */
    IKE_EAP_CLIENT_ALERT,    /* FAILURE, right after a message of the size of a TLS alert where an acknowledgment belongs,
                                behind the server's large flight: the client refused the EAP server's certificate (E1, E2) */
    IKE_EAP_STALLED,         /* stops in the middle */
};

struct ike_eap_reading {
    enum ike_eap_shape shape;
    uint32_t rounds;         /* IKE_AUTH exchanges that were answered */
    uint32_t large_flight;   /* responses in the run that carried the server's certificates; 0 not seen */
};

struct ike_eap_reading ike_read_lengths(const struct ike_facts *f);

/* Every request of IKE_AUTH up to the last response was seen, and its response. */
bool ike_lengths_are_whole(const struct ike_facts *f);

/* The initiator ended the association: its INFORMATIONAL request that is a lone notify or Delete, by type and size. NULL. An
 * empty one merely asks whether the peer lives, and several notifies tell of a new address (MOBIKE). */
const struct ike_length_fact *ike_goodbye(const struct ike_facts *f);

/* What kind of proposals the initiator offers: Windows' own (1024-bit MODP only), or a policy that somebody set. By the
 * proposals; where the snap length cut them, by the length of the first request (wire-facts 3.6). */
enum ike_offer { IKE_OFFER_UNKNOWN, IKE_OFFER_WINDOWS_DEFAULT, IKE_OFFER_CUSTOM };
enum ike_offer ike_offer_of(const struct ike_facts *f);
const char *ike_offer_name(enum ike_offer o); /* "windows-default", "custom"; NULL for unknown */

/* Who authenticates: with EAP it is a user's tunnel, without it a device's (or a site's, with a shared key). */
enum ike_tunnel { IKE_TUNNEL_UNKNOWN, IKE_TUNNEL_USER, IKE_TUNNEL_DEVICE };
enum ike_tunnel ike_tunnel_of(const struct ike_facts *f);
const char *ike_tunnel_name(enum ike_tunnel t); /* "user", "device"; NULL for unknown */

#endif
