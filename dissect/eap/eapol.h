/*
 * EAPOL (IEEE 802.1X-2020 section 11): EAP between a supplicant and an authenticator on one link. One conversation is one
 * authentication of a supplicant; the PAE group address stands for "whoever is there" on either side. wire-facts 5.8a.
 */
#ifndef VS_EAP_EAPOL_H
#define VS_EAP_EAPOL_H

#include "dissect/event.h"

enum eapol_type { EAPOL_TYPE_EAP = 0, EAPOL_TYPE_START = 1, EAPOL_TYPE_LOGOFF = 2, EAPOL_TYPE_KEY = 3,
                  EAPOL_TYPE_ASF_ALERT = 4, EAPOL_TYPE_MKA = 5, EAPOL_TYPES };

/* Conversations held at a time; the one that was silent for longest goes first (CLOSE_EVICTED). */
enum { EAPOL_CONVERSATIONS_MAX = 1024 };

/* One EAPOL PDU. Lent like the bytes it was read from. */
struct eapol_packet {
    uint8_t version, type;
    uint16_t length;          /* of the body, as in the header */
    struct span body;         /* as far as captured; padding of the frame left out */
    bool cut;                 /* the capture holds less of the body than was sent */
    bool malformed;           /* the length is longer than the frame was */
    uint8_t key_message;      /* type 3, pairwise: 1..4 of the 4-way handshake (IEEE 802.11 section 12.7.6), else 0 */
    bool key_acknowledge;     /* type 3: the Key Ack bit, which only authenticators set */
};

/* Parses one PDU; wire_len: bytes that the frame had. False when not even the 4-byte header is there. */
bool eapol_parse(struct span bytes, uint32_t wire_len, struct eapol_packet *out);

struct eapol;

/* NULL when memory is short. The context and what the sink points to outlive it; the sink itself is copied. */
struct eapol *eapol_new(struct tls_context *tls, const struct event_sink *sink);

/* Frees without telling: call eapol_finish before. */
void eapol_free(struct eapol *l);

/*
 * A packet of kind PACKET_EAPOL. Tells EVENT_OPENED, EVENT_EAPOL (Start, Logoff, Key, others), EVENT_EAP and
 * EVENT_CLOSED. conv->server (or client) is FAMILY_NONE until a frame shows it: a Start to the group address names no
 * authenticator. Key handshakes, MACsec and lone Success or Failure packets open no conversation.
 */
void eapol_feed(struct eapol *l, const struct packet *p);

/* Capture time has come to now_ns: conversations without a packet for CONVERSATION_IDLE_NS are told as closed. Packets
 * alone close none, since a time stamp may be wrong. */
void eapol_expire(struct eapol *l, int64_t now_ns);

/* The capture ended: what is open is told as closed. */
void eapol_finish(struct eapol *l);

/* Every PDU counts, whether or not it belongs to a conversation. */
struct eapol_counters {
    uint64_t pdus, malformed;
    uint64_t types[EAPOL_TYPES + 1]; /* by type; the last one: all others */
    uint64_t key_messages[5];        /* by number in the 4-way handshake; 0: other keys */
    uint64_t conversations, evicted;
};
void eapol_get_counters(const struct eapol *l, struct eapol_counters *out);

/* "EAP", "Start", "Logoff", "Key", "ASF-Alert", "MKA"; NULL when unknown. */
const char *eapol_type_name(uint8_t type);

#endif
