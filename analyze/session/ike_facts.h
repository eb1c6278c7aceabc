/* What was seen of one IKE association: flat and of fixed size, so that it is spooled as it is. wire-facts 3. */
#ifndef VS_ANALYZE_IKE_FACTS_H
#define VS_ANALYZE_IKE_FACTS_H

#include "analyze/session/text.h"
#include "dissect/event.h"

enum { IKE_FACTS_EXCHANGES = 24, IKE_FACTS_NOTIFIES = 40, IKE_FACTS_VENDOR_IDS = 12, IKE_FACTS_LENGTHS = 64, IKE_FACTS_PORTS = 4,
       IKE_FACTS_OFFERED = 24, IKE_FACTS_SOURCES = 4, IKE_FACTS_VENDOR_BYTES = 20, IKE_FACTS_NOTIFY_DATA = 4 };

/* One request with its response, by message id and who asked. */
struct ike_exchange_fact {
    uint8_t type;                  /* enum ike_exchange_type */
    bool from_initiator;           /* of the association, in IKEv2 */
    uint32_t message_id;
    uint16_t initiator_packets, responder_packets; /* saturating; datagrams, retransmissions and fragments too */
    uint16_t fragments, ip_fragments; /* SKF; IP fragments; of both directions */
    bool answered;
};

struct ike_notify_fact {
    uint16_t type;
    bool from_initiator, inside;   /* inside: read with keys */
    uint8_t data[IKE_FACTS_NOTIFY_DATA], data_len; /* its first bytes; data_len saturates at 255 */
    struct place place;
};

/* One whole message of IKE_AUTH or later, for what lengths prove (wire-facts 3.8). */
struct ike_length_fact {
    uint16_t length;               /* L: UDP payload with marker, of a whole message; saturating */
    uint8_t message_id;            /* saturating */
    uint8_t exchange;
    uint8_t first;                 /* type of the first payload inside SK, which stands in the clear; IKE_NO_PAYLOAD: none */
    bool from_initiator, response;
    uint8_t fragments;             /* SKF: how many, whose lengths are summed; saturating, 0 for one piece */
};

/* One step of IKEv1, whose messages are encrypted: who said something, in distinct messages, and how often the initiator
 * repeated itself. */
struct ike1_step {
    uint16_t by_initiator, by_responder, repeated;
    struct place asked, asked_last, told; /* the initiator's first and last; the responder's first */
};

enum ike_nat_result { IKE_NAT_ABSENT, IKE_NAT_MATCH, IKE_NAT_DIFFERS };

/* NAT_DETECTION hashes of one message. */
struct ike_nat_fact {
    bool present;
    uint8_t source_count;          /* of several SOURCE notifies the first are kept */
    bool has_destination;
    uint8_t source[IKE_FACTS_SOURCES][IKE_NAT_HASH], destination[IKE_NAT_HASH];
    uint8_t responder_spi[IKE_SPI]; /* as in the header of that message */
    struct endpoint from, to;      /* as that message was seen */
    uint8_t source_result, destination_result; /* enum ike_nat_result: hash against from, to; set when it is closed */
    uint8_t ttl;
    struct place place;
};

struct ike_suite { struct ike_transform encr, integ, prf, dh; }; /* type 0: absent */

/* As in exchange.h, what any association fills lies together, what only some do behind it, and the lists last: pack_own.c. */
struct ike_facts {
    uint8_t version;               /* 0x20, 0x10 */
    uint8_t initiator_spi[IKE_SPI], responder_spi[IKE_SPI];
    uint16_t ports[IKE_FACTS_PORTS]; uint8_t port_count; /* of the responder, in order */
    bool floated;                  /* moved to the non-ESP marker's port */
    bool encrypted_seen, decrypted, wrong_key, unreadable;

    /* IKE_SA_INIT. Counts are of distinct messages; retransmissions apart. */
    uint32_t init_requests, init_request_retransmissions, init_responses, init_response_retransmissions;
    uint16_t init_length;          /* bytes of the first request's IKE message */
    uint8_t nonce_length;
    bool offer_seen; uint8_t offer_proposals; /* saturating */
    uint8_t offered_count[4];
    uint16_t offered_group;        /* of the first KE */
    bool chosen_seen; struct ike_suite chosen; struct place chosen_place;
    struct place init_request, init_request_last, init_response, init_response_last;
    bool fragmentation_initiator, fragmentation_responder;  /* N(IKEV2_FRAGMENTATION_SUPPORTED) */
    bool redirect_supported;
    bool init_bare;                /* the first request, whole, has neither NAT detection (IKEv2) nor a vendor id: of no VPN client */
    struct endpoint init_initiator, init_responder, auth_initiator, auth_responder; /* of the first request of either;
                                      FAMILY_NONE: not seen */
    uint8_t vendor_id_count;
    bool windows_initiator, windows_responder, strongswan_initiator, strongswan_responder, xbox, nlb_responder;
    uint32_t windows_version;      /* behind the MS NT5 vendor id of the initiator, 0 none */
    bool certreq_in_clear;

    /* IKE_AUTH and later. */
    uint32_t auth_requests, auth_responses;       /* distinct message ids seen */
    uint32_t auth_last_id;                        /* greatest message id of IKE_AUTH */
    struct place auth_request, auth_request_last, auth_response, auth_response_last;
    uint16_t auth_request_length, auth_response_length; /* L of the first ones (3.8); 0 none */
    uint32_t auth_ip_fragments;                   /* IP fragments in joined IKE_AUTH datagrams */
    uint32_t skf_messages;                        /* messages that were fragmented by IKE */
    bool informational_seen, child_seen; uint32_t child_exchanges;
    struct place first_informational;
    uint8_t length_count, exchange_count, notify_count;
    uint32_t exchanges_more, notifies_more;
    struct ike_nat_fact nat_request, nat_response;          /* first request and first response that have them */

    /* What some have; first what is known when it is closed. */
    struct ike_state state;
    bool malformed; struct place malformed_place;
    bool refused_proposal; struct place refused_place;      /* N(NO_PROPOSAL_CHOSEN) in the clear */
    uint16_t invalid_ke, wanted_first, wanted_group; struct place invalid_ke_place; /* N(INVALID_KE_PAYLOAD): times, group asked for */
    bool retried_with_wanted_group;
    uint16_t cookies; struct place cookie_place; bool cookie_returned;
    bool redirected; struct text redirect_target; struct place redirect_place;
    uint16_t init_error; struct place init_error_place;     /* another error notify in the clear, 0 none */
    uint32_t auth_request_retransmissions;        /* of any IKE_AUTH request, */
    uint32_t auth_repeated_although_answered;     /* of these, after its response was seen */
    /* Answers to CREATE_CHILD_SA, by type and size no more than a notify, since the last one that made something. */
    uint16_t child_refusals; bool child_refused_by_initiator; struct place child_refusal_place; /* the first's */

    /* IKEv1 (RFC 2409 section 5): the encrypted end of main or aggressive mode; quick mode; informational messages. */
    struct ike1_step phase1, phase2, notices;
    uint16_t auth_method;          /* that the responder chose; enum ike1_auth_method */

    /* Inside SK, with keys. */
    uint8_t initiator_id_type, responder_id_type; struct text initiator_id, responder_id; /* readable text */
    uint8_t asked_id_type; struct text asked_id;  /* the responder that the initiator asked for (IDr of its request) */
    uint8_t initiator_auth, responder_auth;       /* enum: IANA authentication methods, 0 none */
    bool eap;                                     /* EAP inside IKE_AUTH was read */
    uint32_t server_chain, client_chain;          /* chains_get() serials, 0 none */
    bool server_certificate_seen, client_certificate_seen, certificate_too_many;
    struct place server_certificate_place, client_certificate_place;
    uint32_t certreq_authorities;                 /* of the initiator */
    uint16_t auth_error; struct place auth_error_place; bool auth_error_from_initiator; /* error notify inside IKE_AUTH, 0 none */
    uint16_t child_error; struct place child_error_place; /* inside the IKE_AUTH that was to make a child SA */
    uint16_t later_error; struct place later_error_place; bool later_error_from_initiator; /* inside an answer to CREATE_CHILD_SA */
    uint32_t ms_status; struct place ms_status_place;     /* N(12345): Windows error */
    bool child_created; struct ike_suite child;
    struct text ts_initiator, ts_responder, assigned_address, internal_server; /* as text */
    bool deleted, deleted_by_initiator; struct place delete_place;
    bool rekeyed, mobike;

    /* The path. */
    /* The first request of IKE_SA_INIT or IKE_AUTH, seen with two pairs of addresses: [0] came first. */
    uint32_t translated; struct endpoint sides_initiator[2], sides_responder[2]; struct place sides_place[2];
    uint32_t moves; struct endpoint moved_to; struct place moved_place; bool move_announced; /* N(UPDATE_SA_ADDRESSES) */
    uint32_t unreachable; struct place unreachable_place; struct address unreachable_by;

    /* Lists, as long as their counts say; the most aligned one first, so that no holes are between them. */
    struct ike_notify_fact notifies[IKE_FACTS_NOTIFIES];
    struct ike_transform offered[4][IKE_FACTS_OFFERED]; /* distinct, by type - 1: ENCR, PRF, INTEG, DH */
    struct { uint8_t len, from_initiator; uint8_t bytes[IKE_FACTS_VENDOR_BYTES]; } vendor_ids[IKE_FACTS_VENDOR_IDS];
    struct ike_length_fact lengths[IKE_FACTS_LENGTHS];
    struct ike_exchange_fact exchanges[IKE_FACTS_EXCHANGES];
};

#endif
