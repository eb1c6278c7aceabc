/* The finished analysis as its writers see it, and what they have in common. */
#ifndef VS_ANALYZE_REPORT_H
#define VS_ANALYZE_REPORT_H

#include "analyze/analysis.h"
#include "analyze/report/certificates.h"
#include "analyze/report/layout.h"
#include "analyze/report/times.h"

struct report {
    struct analysis *analysis; /* finished */
    const struct certificates *certificates; /* NULL while the analysis works; then */
    struct digests *digests;                 /* hash those of a chain */
    const struct capture_report *captures;
    size_t capture_count;
    const struct finding *findings;
    size_t finding_count;
    const char *certs_dir; /* --certs was given: where the PEM files are; NULL without */
    uint32_t session;      /* --session was given; 0 without */
    unsigned columns;      /* of the terminal, LAYOUT_COLUMNS when there is none */
    bool colour;
    bool dates; /* the captures span several days (UTC) */
};

/* Takes what the analysis offers; the caller fills the rest. False when memory is short. Freed by report_end. */
bool report_begin(struct report *r, struct analysis *a);
void report_end(struct report *r);

/* Decimals of a capture's times: the finest of its interfaces; 6 when it has none. */
unsigned report_digits(const struct report *r, uint32_t capture);

/* The capture's file, as the user named it; "standard input" for "-". */
const char *report_file(const struct report *r, uint32_t capture);

/* All times of packets, first and last over all captures; false without packets. */
bool report_span(const struct report *r, int64_t *first_ns, int64_t *last_ns);

/* Time of day of a place, with the date when the captures span several days; "no time" without. Returns out. */
const char *report_clock(const struct report *r, char out[static TIME_TEXT], struct place p, unsigned digits);

/* Beginning and end of a session over its exchanges. */
struct place session_first(const struct session *s);
struct place session_last(const struct session *s);

/* The best name for the user: authenticated inside the tunnel, then the RADIUS name, then the outer identity. */
struct span session_user(const struct session *s);

/* Who tries to connect: Tunnel-Client-Endpoint, Calling-Station-Id, else the nearest client that was seen. */
struct span session_client(const struct session *s, char room[static ENDPOINT_TEXT]);

/* The VPN server, as who is asked for a tunnel or who asks RADIUS; false where nothing shows it (EAPOL alone). */
bool session_backend(const struct session *s, struct address *out);

/* "PEAP, EAP-MSCHAPv2" as far as known, "" otherwise. Returns out. */
enum { METHOD_TEXT = 96 };
const char *session_method(char out[static METHOD_TEXT], const struct session *s);
/* One EAP conversation's method: IANA's name, "PAP" and the like inside TTLS; "" when there is none. */
const char *eap_facts_method(char out[static METHOD_TEXT], const struct eap_facts *e);
/* Name of an EAP type or "EAP type 99". */
const char *eap_type_text(char out[static METHOD_TEXT], uint8_t type);

/* "SSL 3.0" ... "TLS 1.3" or a number; cipher suite likewise; alert name likewise. */
enum { TLS_NAME_TEXT = 64 };
const char *tls_suite_text(char out[static TLS_NAME_TEXT], uint16_t suite);
const char *tls_alert_text(char out[static TLS_NAME_TEXT], uint8_t code);
/* By level; TLS 1.3 ignores it, so odd levels are judged by what the alert says. */
bool tls_alert_is_fatal(const struct alert_fact *a);

/* Community ID of the exchange's flow as other tools name it; only where it has one: not EAPOL, nor PPTP's GRE. Returns out. */
bool exchange_has_community_id(const struct exchange *x);
const char *exchange_community_id(char out[static 32], const struct exchange *x);

/* "radius", "eapol", "ikev2", "ikev1", "sstp", "probe", "tls", "l2tp", "pptp" as in the schema; the protocol of a session is
 * that of its nearest exchange, for which probes and other TLS are "sstp" too. */
const char *exchange_type_name(const struct exchange *x);
const char *exchange_protocol_name(const struct exchange *x);

/* The writers. All of them escape what strangers wrote. False when the spool cannot be read back. */
bool report_text(const struct report *r, struct output *out);
bool report_json(const struct report *r, struct output *out);

/* One session in full. *found tells whether there is such a session. */
bool report_session(const struct report *r, struct output *out, bool *found);

/* Parts of the text report. */
void report_finding_text(const struct report *r, const struct layout *l, size_t index);
bool report_sessions_text(const struct report *r, const struct layout *l);
void report_translation_text(const struct report *r, const struct layout *l);
void report_balance_text(const struct report *r, const struct layout *l);
void report_certificates_text(const struct report *r, const struct layout *l);
void report_captures_text(const struct report *r, const struct layout *l);
void report_protocols_text(const struct report *r, const struct layout *l);

#endif
