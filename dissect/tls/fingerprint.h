/* JA3 and JA4 of a ClientHello. Internal to this folder. */
#ifndef VS_TLS_FINGERPRINT_H
#define VS_TLS_FINGERPRINT_H

#include "dissect/crypto/digest.h"

/* The parts of a ClientHello that the fingerprints are made of; spans of the message. */
struct fingerprint_input {
    uint16_t legacy_version;
    struct span cipher_suites;
    struct span extensions;           /* the whole list, as sent */
    struct span groups, points;       /* lists of extensions 10 and 11, without their lengths */
    struct span signature_algorithms; /* likewise 13 */
    struct span versions;             /* likewise 43 */
    struct span alpn;                 /* the first protocol */
};

struct fingerprints; /* a small cache */

struct fingerprints *fingerprints_new(void);
void fingerprints_free(struct fingerprints *f);

/* Both texts, lent until the next call; "" for a hello that lists more than anyone does. */
void fingerprints_of(struct fingerprints *f, struct digests *d, const struct fingerprint_input *in, const char **ja3,
                     const char **ja4);

/* A value that RFC 8701 reserves for being ignored. */
static inline bool is_grease(uint16_t v)
{
    return (v & 0x0f0f) == 0x0a0a && v >> 8 == (v & 0xff);
}

#endif
