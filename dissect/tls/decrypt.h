/* Protected records into clear bytes, with the user's secrets. Internal to this folder. */
#ifndef VS_TLS_DECRYPT_H
#define VS_TLS_DECRYPT_H

#include "dissect/tls/session.h"

enum opened {
    OPENED,     /* *out and *type are the content */
    NOT_OPENED, /* no key for it, or a suite that is not decrypted: treat as encrypted */
    OPEN_FAILED /* there was a key and the record failed its authentication */
};

/* The keys of this side, derived when they are not there yet; asked only when there are secrets. */
bool side_finds_keys(struct tls_session *s, enum direction dir);

/* True when records of this side may be decryptable: secrets are there, and were not found wrong. Derives keys if
 * needed. */
static inline bool side_has_keys(struct tls_session *s, enum direction dir)
{
    return *s->context->secret_count > 0 && !s->side[dir].no_keys && side_finds_keys(s, dir);
}

/*
 * Decrypts the whole current record of the side (its header is in the side). Room must hold as many bytes as the
 * fragment; *out lies in it. Inner type for TLS 1.3 (RFC 8446 section 5.2), the record's otherwise. Steps the sequence
 * number.
 */
enum opened record_open(struct tls_session *s, enum direction dir, struct span fragment, uint8_t *room,
                        struct span *out, uint8_t *type);

/* The same for a side that has keys or had some. */
void keys_passed(struct tls_session *s, enum direction dir);

/* A protected record of this side went by unread. */
static inline void record_passed(struct tls_session *s, enum direction dir)
{
    s->side[dir].sequence++;
    if (s->keys != NULL)
        keys_passed(s, dir);
}

/* Key changes: after this side's change_cipher_spec; its Finished (TLS 1.3); its KeyUpdate; its EndOfEarlyData. */
void keys_after_ccs(struct tls_session *s, enum direction dir);
void keys_after_message(struct tls_session *s, enum direction dir, uint8_t handshake_type);
void keys_free(struct keys *k);

struct openers *openers_new(void);
void openers_free(struct openers *o);

#endif
