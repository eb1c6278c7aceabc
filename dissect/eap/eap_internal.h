/* What the files of this folder share; nobody else includes it but tests. */
#ifndef VS_EAP_EAP_INTERNAL_H
#define VS_EAP_EAP_INTERNAL_H

#include "dissect/eap/eap.h"

enum { EAP_HEADER = 4, EAP_CODE_INITIATE = 5, EAP_CODE_FINISH = 6 }; /* the codes of RFC 6696 */

/* Remembered packets of a side: a fragment that a mirror or a path shows late is still known. */
enum { EAP_REMEMBERED = 4 };

/* The longest decrypted message whose inner packet is read; grown to it as needed. */
enum { EAP_INNER_MESSAGE_MAX = 16384 };

/* The fragments of one flight from one side: RFC 5216 section 2.1.5. After its end it stays readable until the next. */
struct eap_run {
    uint32_t announced;  /* L, 0 while unknown */
    uint32_t present;    /* TLS bytes seen */
    uint32_t size;       /* bytes of its first fragment */
    uint16_t fragments;
    uint8_t identifier;  /* of the last fragment */
    bool open;           /* M was set on the last fragment */
    bool lost;           /* bytes are missing or contradict; told once */
};

struct eap_side {
    uint64_t hashes[EAP_REMEMBERED]; /* of its last packets, the newest first */
    struct eap_run run;
    uint8_t identifier;  /* of the last packet */
    bool spoke;
    bool irregular;      /* its identifiers do not count up by one */
};

struct eap_inner;

struct eap {
    struct eap_event event; /* the one that is told; its place is that of the packet that is being fed */
    bool cut; /* a packet of this conversation was cut by the capture: what is missing then proves no loss */
    uint8_t depth;
    uint8_t method;              /* the TLS-based type that runs, 0 none */
    uint8_t version;             /* its version bits */
    uint8_t tls_state;           /* as in struct eap_state */
    uint8_t last_type;
    uint8_t last_dir;
    bool spoke;
    struct tls_context *tls;
    eap_event_fn *on_event;
    void *ctx;
    struct tls_session *session; /* made with the first TLS bytes */
    struct eap_inner *inner;     /* made with the first decrypted bytes */
    struct eap_side side[2];     /* by enum direction */
};

extern const char eap_reason_short[]; /* the packet is shorter than its length says */

static inline bool eap_type_is_tls(uint8_t type)
{
    const uint64_t types = UINT64_C(1) << EAP_TYPE_TLS | UINT64_C(1) << EAP_TYPE_TTLS | UINT64_C(1) << EAP_TYPE_PEAP |
                           UINT64_C(1) << EAP_TYPE_FAST | UINT64_C(1) << EAP_TYPE_TEAP;
    return type < 64 && (types >> type & 1) != 0;
}

/* What packets of a TLS-based method do not hold, in the order of the struct and field by field, because compilers clear
 * a struct of this size with a slow string instruction. */
static inline void eap_packet_clear_rest(struct eap_packet *p)
{
    static const struct span none;
    p->closed_record = 0;
    p->retransmission = p->malformed = p->tlv_crypto_binding = false;
    p->tlv_result = p->mschapv2_opcode = p->nak_count = 0;
    for (unsigned i = 0; i < EAP_NAK_MAX; i++)
        p->nak[i] = 0;
    p->mschapv2_error = p->vendor = p->vendor_type = 0;
    p->reason = NULL;
    p->identity = p->mschapv2_name = p->mschapv2_text = none;
}

static inline void eap_packet_clear(struct eap_packet *p)
{
    static const struct span none;
    p->code = p->identifier = p->type = p->flags = p->version = 0;
    p->length = 0;
    p->tls_based = false;
    p->data = p->tls_bytes = none;
    p->tls_length = 0;
    eap_packet_clear_rest(p);
}

/* The number after "E=" in a failure message of MS-CHAP (RFC 2759 section 6), 0 without. */
uint32_t eap_mschap_error(struct span text);

/* True when the bytes are a whole number of TLVs (type u16, length u16, value). */
bool eap_tlvs_plausible(struct span bytes);

/* The member of e->event's union that the kind names is set. */
static inline void eap_emit(struct eap *e, enum eap_event_kind kind, enum direction dir)
{
    e->event.kind = kind;
    e->event.dir = dir;
    e->on_event(e->ctx, &e->event);
}

/* A conversation at the given depth. */
struct eap *eap_new_at(struct tls_context *tls, eap_event_fn *on_event, void *ctx, uint8_t depth);

/* eap_tls.c: the method starts anew: session, runs and what was inside are forgotten. */
void eap_tls_reset(struct eap *e);

/* A packet of a TLS-based method that is no retransmission. partial: some of its bytes are missing at its end. */
void eap_tls_packet(struct eap *e, enum direction dir, const struct eap_packet *p, bool partial);

/* Takes a whole packet of a TLS-based method that is no retransmission, when all that it changes is told by the length
 * that is returned: see closed_record in struct eap_packet. Else 0, with nothing done. */
uint32_t eap_tls_closed_record(struct eap *e, enum direction dir, const struct eap_packet *p);

/* eap_inner.c: decrypted bytes of the message that is being fed; kept until its end. */
void eap_inner_bytes(struct eap *e, enum direction dir, struct span bytes);

/* The carrying message is over: what it held is read. whole: nothing of it was missing. */
void eap_inner_message(struct eap *e, enum direction dir, uint8_t identifier, bool whole);
void eap_inner_free(struct eap *e);

#endif
