/* The bodies of single handshake messages as plain data: pure parsing, no state. Internal to this folder. */
#ifndef VS_TLS_MESSAGES_H
#define VS_TLS_MESSAGES_H

#include "dissect/tls/fingerprint.h"
#include "dissect/tls/tls.h"

enum extension {
    EXTENSION_SERVER_NAME = 0,
    EXTENSION_STATUS_REQUEST = 5,
    EXTENSION_SUPPORTED_GROUPS = 10,
    EXTENSION_EC_POINT_FORMATS = 11,
    EXTENSION_SIGNATURE_ALGORITHMS = 13,
    EXTENSION_ALPN = 16,
    EXTENSION_ENCRYPT_THEN_MAC = 22,
    EXTENSION_SESSION_TICKET = 35,
    EXTENSION_PRE_SHARED_KEY = 41,
    EXTENSION_EARLY_DATA = 42,
    EXTENSION_SUPPORTED_VERSIONS = 43,
    EXTENSION_CERTIFICATE_AUTHORITIES = 47
};

/* What else a ClientHello tells, for this folder. */
struct client_hello_parts {
    struct fingerprint_input fingerprint;
    bool early_data;
};

struct server_hello_parts {
    bool encrypt_then_mac, compressed;
};

/* RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2. False when the lengths contradict; an extension whose inside is
 * wrong only counts as not there. ja3, ja4 and the protocols beyond alpn_count are not set. */
bool client_hello_parse(struct span body, struct tls_client_hello *out, struct client_hello_parts *parts);

/* RFC 8446 section 4.1.3; session_id_echoed is not set. */
bool server_hello_parse(struct span body, struct tls_server_hello *out, struct server_hello_parts *parts);

/* RFC 5246 section 7.4.2, RFC 8446 section 4.4.2; *ocsp is the leaf's stapled response in the latter. The chain beyond
 * count is not set. */
void certificate_parse(struct span body, bool tls13, struct tls_certificate *out, struct span *ocsp);

/* RFC 4346 section 7.4.4, RFC 5246 section 7.4.4, RFC 8446 section 4.3.2. Version 0 is not known. */
void certificate_request_parse(struct span body, uint16_t version, struct tls_certificate_request *out);

/* RFC 6066 section 8: the OCSP response; false when it is of another kind or its lengths contradict. */
bool certificate_status_parse(struct span body, struct span *ocsp);

#endif
