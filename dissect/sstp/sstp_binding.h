/*
 * The crypto binding of MS-SSTP (3.2.5.2): it ties the authentication inside PPP to the TLS session that carries it.
 * Who sits between them has another certificate, whose hash the client signs with keys that only it and the server
 * share. wire-facts 2.7 and 11.1.
 */
#ifndef VS_SSTP_SSTP_BINDING_H
#define VS_SSTP_SSTP_BINDING_H

#include "dissect/crypto/digest.h"
#include "dissect/sstp/sstp.h"

enum { SSTP_HLAK = 32, SSTP_MPPE_KEY = 16, SSTP_MASTER_SECRET = 16, SSTP_NT_RESPONSE = 24 };

/* The higher-layer authentication key from RADIUS' MS-MPPE-Recv-Key and MS-MPPE-Send-Key (RFC 2548 section 2.4) as the
 * VPN server gets them, for MS-CHAPv2 and for EAP alike: Recv | Send, cut to 32 octets, filled up with zeros. */
void sstp_hlak_from_mppe(struct span recv_key, struct span send_key, uint8_t out[static SSTP_HLAK]);

/* The same from MS-CHAPv2 itself (RFC 3079 section 3.4): the hash of the hash of the password (16 octets) and the NT
 * response (24). False when the library refuses. */
bool sstp_hlak_from_mschapv2(struct digests *d, const uint8_t password_hash_hash[static SSTP_MASTER_SECRET],
                             const uint8_t nt_response[static SSTP_NT_RESPONSE], uint8_t out[static SSTP_HLAK]);

/* The compound MAC key: 20 octets for SSTP_HASH_SHA1, 32 for SSTP_HASH_SHA256; out has room for DIGEST_MAX. False for
 * another hash or when the library refuses. */
bool sstp_compound_mac_key(struct digests *d, uint8_t hash, const uint8_t hlak[static SSTP_HLAK], uint8_t *out);

/* The compound MAC over a CALL_CONNECTED of SSTP_CONNECTED_SIZE octets; its MAC field counts as zero. out as above. */
bool sstp_compound_mac(struct digests *d, uint8_t hash, const uint8_t hlak[static SSTP_HLAK], struct span connected,
                       uint8_t *out);

enum sstp_verdict { SSTP_UNCHECKED, SSTP_VALID, SSTP_INVALID };

/* What is known about a connection; what is not is empty or NULL, and then unchecked. */
struct sstp_binding_facts {
    struct span connected;    /* the CALL_CONNECTED, whole */
    struct span nonce;        /* of CALL_CONNECT_ACK, 32 octets */
    uint8_t hashes_accepted;  /* its bits, 0 unknown */
    struct span certificate;  /* DER of the server's certificate in the TLS session that carries this connection */
    const uint8_t *hlak;      /* SSTP_HLAK octets */
};

/* Each part by itself, so that an interception (another certificate hash, the MAC is right) and a wrong key (the MAC
 * alone is not) are told apart. */
struct sstp_binding_check {
    enum sstp_verdict result;      /* INVALID: a part is; VALID: nonce, certificate and MAC are; else UNCHECKED */
    enum sstp_verdict hash;        /* the client chose a hash that the server accepts */
    enum sstp_verdict nonce, certificate, mac;
    uint8_t hash_protocol;         /* SSTP_HASH_*, as in the message */
    const char *reason;            /* why the result is not VALID: constant sentence; NULL when it is */
};
void sstp_binding_check(struct digests *d, const struct sstp_binding_facts *facts, struct sstp_binding_check *out);

#endif
