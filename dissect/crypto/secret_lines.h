/* What the texts of secrets have in common: lines that are taken one by one, and hexadecimal. */
#ifndef VS_CRYPTO_SECRET_LINES_H
#define VS_CRYPTO_SECRET_LINES_H

#include "dissect/crypto/secrets.h"

/* Takes one line, without its newline; NULL or what is wrong with it. */
typedef const char *secret_line_fn(void *ctx, struct span line);

/* Hands over every line. False with "line N: ..." in message at the first that is wrong; the others are still taken. */
bool secret_lines_each(struct span text, secret_line_fn *take, void *ctx, char message[static SECRETS_MESSAGE]);

/* Bytes of a hexadecimal text in either case; 0 when it is none, of odd length, or longer than max bytes. */
size_t secret_hex(struct span text, uint8_t *out, size_t max);

#endif
