/* What the IKE layer tells of an association. All of it is lent for the call. */
#ifndef VS_IKE_IKE_EVENT_H
#define VS_IKE_IKE_EVENT_H

#include "dissect/ike/ike.h"
#include "capture/frame.h"

enum ike_event_kind {
    IKE_EVENT_MESSAGE,        /* a message is whole and seen for the first time (a fragmented one: with its last fragment) */
    IKE_EVENT_RETRANSMISSION, /* the same bytes again, same path */
    IKE_EVENT_FRAGMENT,       /* an SKF fragment that does not complete its message; first time */
    IKE_EVENT_TRANSLATED,     /* the same bytes with other addresses or ports, at once (0.4 s): the other side of a translator,
                                 or another point of the same vantage. Counted once, not fed again. Later on a way that
                                 is not known they are a retransmission that has moved (another NAT port, another backend). */
    IKE_EVENT_UNREACHABLE,    /* an ICMP error quotes one of its messages; place is that of the ICMP, source who sent it,
                                 request the one that waits. No message: it is NULL. */
};

enum ike_sk_state { IKE_SK_NONE, /* nothing encrypted */ IKE_SK_NO_KEY, IKE_SK_OPENED, IKE_SK_WRONG_KEY, IKE_SK_UNREADABLE };

struct ike_event {
    enum ike_event_kind kind;
    const struct ike_message *message;    /* of this packet; of the first fragment's header when joined */
    const struct ike_payloads *clear;     /* payloads outside SK; NULL but for MESSAGE */
    const struct ike_payloads *inside;    /* payloads inside SK when opened, else NULL */
    enum ike_sk_state sk;
    struct endpoint source, destination;  /* of this packet */
    uint8_t ttl;
    uint32_t sk_length;                   /* UDP payload bytes of the (whole) message with a marker, also where it has none: the
                                             L of wire-facts 3.8; of a joined message the sum over its fragments */
    uint32_t ip_fragments;                /* IP fragments that the datagram was joined from */
    struct place request;                 /* a response: first transmission of its request; frame 0 when not seen */
    int64_t elapsed_ns;                   /* a response: since then */
    uint32_t transmissions;               /* RETRANSMISSION: of this message so far, 2.. */
    bool marker;                          /* came with the non-ESP marker (port 4500) */
    bool moved;                           /* the first message whose address or port, of either end, differs from the SA's
                                             last ones (its copies beyond a translator do not count) */
    bool other_responder;                 /* MESSAGE: its responder SPI is not that of the first answer: two backends answered
                                             one initiator. The first answer counts until the initiator goes on with the other. */
    struct place first_fragment;          /* of a message joined from SKF fragments: the first seen */
};

enum { IKE_ESP_SPIS = 4 };

/* What is known of the association when it is closed. */
struct ike_state {
    uint64_t esp_packets[2], esp_bytes[2]; /* from the initiator's side, from the responder's; payload bytes */
    int64_t esp_first_ns[2], esp_last_ns[2]; /* 0 without */
    bool esp_bare;                          /* protocol 50, not UDP */
    uint64_t keepalives;
    uint32_t fragments_waiting;             /* SKF fragments of a message that never became whole, */
    uint16_t fragments_announced;           /* of so many; 0 none */
    uint32_t fragments_message_id; bool fragments_from_initiator;
    bool request_waiting;                   /* the last request was never answered */
    uint8_t waiting_exchange; uint32_t waiting_message_id, waiting_transmissions;
    bool waiting_from_initiator; struct place waiting_first, waiting_last;
    bool waiting_deletes, other_deletes;    /* it begins with Delete; so does the last request of who does not answer */
};

#endif
