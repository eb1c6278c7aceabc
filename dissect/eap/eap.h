/*
 * EAP (RFC 3748) as one conversation between a peer and a server, whoever carries it (RADIUS, EAPOL; later PPP and IKEv2).
 * Fed with whole packets, it follows methods, joins the fragments of TLS-based methods (RFC 5216 section 3, RFC 5281
 * section 9, RFC 7170), feeds TLS, and with secrets follows the method inside PEAP and TTLS. wire-facts 5.
 */
#ifndef VS_EAP_EAP_H
#define VS_EAP_EAP_H

#include "dissect/tls/tls.h"

enum eap_code { EAP_REQUEST = 1, EAP_RESPONSE = 2, EAP_SUCCESS = 3, EAP_FAILURE = 4 };
enum eap_type { EAP_TYPE_NONE = 0, EAP_TYPE_IDENTITY = 1, EAP_TYPE_NOTIFICATION = 2, EAP_TYPE_NAK = 3, EAP_TYPE_MD5 = 4,
                EAP_TYPE_OTP = 5, EAP_TYPE_GTC = 6, EAP_TYPE_TLS = 13, EAP_TYPE_LEAP = 17, EAP_TYPE_SIM = 18, EAP_TYPE_TTLS = 21,
                EAP_TYPE_AKA = 23, EAP_TYPE_PEAP = 25, EAP_TYPE_MSCHAPV2 = 26, EAP_TYPE_TLV = 33, EAP_TYPE_FAST = 43,
                EAP_TYPE_IKEV2 = 49, EAP_TYPE_AKA_PRIME = 50, EAP_TYPE_PWD = 52, EAP_TYPE_TEAP = 55, EAP_TYPE_EXPANDED = 254 };

enum { EAP_NAK_MAX = 8, EAP_TEXT_MAX = 253, EAP_INNER_DEPTH = 2, EAP_FRAGMENTS_MAX = 256 };

/* TLS flags octet of RFC 5216 section 3.1 */
enum { EAP_TLS_LENGTH = 0x80, EAP_TLS_MORE = 0x40, EAP_TLS_START = 0x20 };

/* One EAP packet, or for TTLS without EAP inside, one inner authentication message. Lent for the call. */
struct eap_packet {
    uint8_t code, identifier;
    uint16_t length;           /* as in the header */
    uint8_t type;              /* 0 for Success and Failure */
    bool tls_based;            /* type 13, 21, 25, 43, 55: flags, tls_length and tls_bytes hold */
    uint8_t flags;             /* flags octet */
    uint8_t version;           /* its version bits (PEAP, TTLS, FAST, TEAP) */
    struct span data;          /* after the type octet */
    struct span tls_bytes;     /* TLS bytes of this fragment */
    uint32_t tls_length;       /* announced total with L, else 0 */
    uint32_t closed_record;    /* they are one record of application data, this long, that cannot be read: no event of
                                  TLS tells of it; else 0 */
    bool retransmission;       /* same identifier and bytes as the one before in that direction */
    bool malformed;            /* lengths contradict, or code unknown: reason says it */
    bool tlv_crypto_binding;   /* type 33 holds a cryptobinding TLV */
    uint8_t tlv_result;        /* type 33 Result TLV: 1 success, 2 failure, 0 none */
    uint8_t mschapv2_opcode;   /* type 26: 1 challenge, 2 response, 3 success, 4 failure, 7 change password; 0 none */
    uint8_t nak_count;
    uint8_t nak[EAP_NAK_MAX];  /* wanted types of a legacy Nak; 0 is "none" */
    uint32_t mschapv2_error;   /* E= of a failure, 0 none */
    uint32_t vendor, vendor_type; /* type 254 */
    const char *reason;        /* constant sentence or NULL */
    struct span identity;      /* Identity response */
    struct span mschapv2_name; /* name of challenge or response */
    struct span mschapv2_text; /* failure or success message as sent */
};

/* What TTLS carries when its inner method is not EAP (RFC 5281 section 11.2). */
enum ttls_inner { TTLS_PAP, TTLS_CHAP, TTLS_MSCHAP, TTLS_MSCHAPV2, TTLS_MSCHAPV2_RESULT };
struct ttls_avps {
    enum ttls_inner method;
    struct span user_name;
    uint32_t error;            /* MS-CHAP-Error E=, 0 none */
    struct span error_text;
};

enum eap_event_kind {
    EAP_EVENT_PACKET,          /* u.packet */
    EAP_EVENT_TLS,             /* u.tls: an event of the TLS session inside this EAP conversation */
    EAP_EVENT_TTLS_AVPS,       /* u.avps */
    EAP_EVENT_FRAGMENT_GAP,    /* u.gap: fragments of a TLS flight are missing or contradict their announced length */
};

/* cut: the capture itself kept only the beginning of the packet (snap length), so the path lost nothing */
struct eap_gap { uint32_t present, announced; uint8_t identifier; bool cut; const char *reason; };

struct eap_event {
    enum eap_event_kind kind;
    enum direction dir;        /* TO_CLIENT: from the EAP server */
    uint8_t depth;             /* 0 outer conversation, 1 inside its PEAP/TTLS tunnel */
    struct place place;
    union {
        const struct eap_packet *packet;
        const struct tls_event *tls;
        const struct ttls_avps *avps;
        struct eap_gap gap;
    } u;
};
typedef void eap_event_fn(void *ctx, const struct eap_event *event);

/* Parses one EAP packet without state (retransmission stays false). False when not even the 4-byte header is there. */
bool eap_parse(struct span bytes, struct eap_packet *out);

struct eap;

/* NULL when memory is short. The context outlives it. Small (a few hundred bytes) until TLS starts. */
struct eap *eap_new(struct tls_context *tls, eap_event_fn *on_event, void *ctx);
void eap_free(struct eap *e);
/* Forgets all: as eap_new made it. Not from its on_event. */
void eap_restart(struct eap *e);

/*
 * One whole EAP packet. dir as claimed by the carrier. cut: the capture holds fewer bytes than were sent. The carrier
 * tells its own retransmissions apart by not feeding them; those of EAP are recognised here.
 */
void eap_feed(struct eap *e, enum direction dir, struct span bytes, bool cut, const struct place *place);

/* State for judgements when a conversation ends. */
struct eap_state {
    enum { EAP_TLS_NOT_STARTED, EAP_TLS_CLIENT_HELLO, EAP_TLS_SERVER_FLIGHT, EAP_TLS_CLIENT_FLIGHT, EAP_TLS_ESTABLISHED } tls;
    bool server_flight_partial;  /* the server's run of fragments is incomplete */
    uint32_t present, announced; /* of that run */
    uint8_t last_type;           /* type of the last Request */
    enum direction last_dir;     /* who spoke last */
    bool spoke;                  /* anyone did */
};
void eap_get_state(const struct eap *e, struct eap_state *out);

/* IANA's names: "PEAP", "EAP-TLS", "EAP-TTLS", "EAP-MSCHAPv2", "MD5-Challenge" ...; NULL when unknown. */
const char *eap_type_name(uint8_t type);
/* Expanded types by vendor and type ("Microsoft SoH" 311/33 ...), NULL when unknown. */
const char *eap_vendor_type_name(uint32_t vendor, uint32_t vendor_type);
const char *eap_code_name(uint8_t code);

#endif
