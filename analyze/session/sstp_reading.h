/* What the lengths of an SSTP connection's records say (sstp_lengths.h). */
#ifndef VS_ANALYZE_SSTP_READING_H
#define VS_ANALYZE_SSTP_READING_H

#include <stdbool.h>
#include <stdint.h>

#include "analyze/session/confidence.h"

/* How far SSTP came; each but the first two and the last holds what stands before it. */
enum sstp_shape {
    SSTP_SHAPE_UNKNOWN,       /* cipher suite not known, records opened, or the first ones not captured */
    SSTP_SHAPE_OTHER,         /* in this order and these lengths it is no SSTP: small_request and large_answer may say why */
    SSTP_SHAPE_NOTHING,       /* no application data */
    SSTP_SHAPE_ASKED,         /* the client's first record or run of records is as large as SSTP_DUPLEX_POST */
    SSTP_SHAPE_ANSWERED,      /* ... and was answered; in TLS 1.3 this may be no more than tickets */
    SSTP_SHAPE_CALLED,        /* ... then CALL_CONNECT_REQUEST's 14 octets, without an answer */
    SSTP_SHAPE_REFUSED,       /* ... answered by less than CALL_CONNECT_ACK: CALL_CONNECT_NAK or CALL_ABORT */
    SSTP_SHAPE_ACKNOWLEDGED,  /* ... answered by CALL_CONNECT_ACK's 48: it is SSTP */
    SSTP_SHAPE_CONNECTED      /* ... and CALL_CONNECTED's 112 where the server's success stands before: authenticated */
};

/* The server's certificates inside EAP, and what the client said to them. */
enum sstp_flight {
    SSTP_FLIGHT_NONE,         /* none was seen: another method, or resumed */
    SSTP_FLIGHT_SEEN,         /* large records of the server, acknowledged one by one */
    SSTP_FLIGHT_REFUSED       /* answered by an alert, and then EAP-Failure: the NPS certificate was refused (E1, E2) */
};

/* The length of the request, against that of SSTP_DUPLEX_POST with the name of the SNI as Host. */
enum sstp_request {
    SSTP_REQUEST_UNKNOWN,     /* no SNI; padding hides it; or only that of a rare client would fit */
    SSTP_REQUEST_OTHER,       /* no client that is known makes it as long */
    SSTP_REQUEST_FITS         /* to the octet */
};

struct sstp_reading {
    enum sstp_shape shape;
    enum confidence confidence;   /* of shape: hint where block ciphers leave too wide a range */
    enum sstp_flight flight;
    uint32_t flight_records;      /* large ones of the server, before the client said anything but acknowledgments */
    bool eap_failed;              /* EAP ended with the size of Success and Failure, and CALL_CONNECTED did not follow */
    bool aborted;                 /* CONNECTED: the server's last word came next, as large as CALL_ABORT (T9) */
    uint8_t request;              /* enum sstp_request; from ASKED on, and of OTHER */
    bool small_request;           /* OTHER: the request is too small for SSTP_DUPLEX_POST, as a monitor's is */
    bool large_answer;            /* OTHER: a first answer that no SSTP server gives */
    bool one_answer;              /* one request and one answer are all there is */
    bool no_certificate;          /* TLS 1.3: before its Finished the client said that it has no certificate; so it was asked for one */
    bool refused_at_finished;     /* TLS 1.3: an alert stands where the client's Finished belongs */
    bool closing, closing_by_client; /* TLS 1.3: an alert came later; who sent the first */
    bool last_from_client;        /* the last record but for closing alerts; valid from ASKED on */
    bool all;                     /* the connection has no more records than were looked at */
    uint32_t call_frame, connected_frame, refusal_frame; /* of what shows CALLED, CONNECTED, FLIGHT_REFUSED; 0 */
};

#endif
