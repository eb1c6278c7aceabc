/* Keys that the user hands over: read once, then constant. Every text line is checked; nothing is guessed. */
#ifndef VS_CRYPTO_SECRETS_H
#define VS_CRYPTO_SECRETS_H

#include "capture/wire/address.h"

enum { SECRETS_MESSAGE = 256, SECRETS_KEYLOG_MAX = 4000000, RADIUS_SECRET_MAX = 255 };

enum tls_secret_label { /* labels of the NSS key log format */
    TLS_SECRET_CLIENT_RANDOM,            /* TLS <= 1.2 master secret, 48 bytes */
    TLS_SECRET_CLIENT_HANDSHAKE_TRAFFIC,
    TLS_SECRET_SERVER_HANDSHAKE_TRAFFIC,
    TLS_SECRET_CLIENT_TRAFFIC_0,
    TLS_SECRET_SERVER_TRAFFIC_0,
    TLS_SECRET_CLIENT_EARLY_TRAFFIC,
    TLS_SECRET_EXPORTER,
    TLS_SECRET_LABELS
};

struct secrets;

struct secrets *secrets_new(void);
void secrets_free(struct secrets *s);

/*
 * Adds a text in NSS key log format (also without a final newline, CRLF, comments). Unknown labels are skipped.
 * Returns false with "line N: ..." in message at the first malformed line; lines before and after it are still taken.
 */
bool secrets_add_key_log(struct secrets *s, struct span text, char message[static SECRETS_MESSAGE]);

/* The secret for a client random and label; empty span when there is none. Lives as long as s. */
struct span secrets_tls(const struct secrets *s, const uint8_t client_random[static 32], enum tls_secret_label label);
size_t secrets_tls_count(const struct secrets *s);
/* Where that count stands, for who asks at every record; lives as long as s. NULL has none. */
const size_t *secrets_tls_counter(const struct secrets *s);

/* A RADIUS shared secret for NAS addresses in net/bits (family FAMILY_NONE: for all). Longest prefix wins; the later of
 * equals. Trailing CR and LF are not part of it. False when empty or longer than RADIUS_SECRET_MAX. */
bool secrets_add_radius(struct secrets *s, const struct address *net, unsigned bits, struct span secret);

/* Empty span when none was given for this NAS. */
struct span secrets_radius(const struct secrets *s, const struct address *nas);
/* Where the number of these secrets stands, for who asks at every packet; lives as long as s. NULL has none. */
const size_t *secrets_radius_counter(const struct secrets *s);

/* What another subject keeps with the secrets (the keys of IKE): the first member of its own struct. */
struct secrets_part {
    void (*free)(struct secrets_part *part);
};
/* Hands the part over, which is freed with s; there is one. */
void secrets_set_part(struct secrets *s, struct secrets_part *part);
struct secrets_part *secrets_get_part(const struct secrets *s); /* NULL without */

#endif
