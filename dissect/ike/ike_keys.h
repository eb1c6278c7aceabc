/*
 * Keys of IKEv2 SAs in the format of Wireshark's ikev2_decryption_table, and the opening of SK and SKF payloads with them
 * (RFC 7296 section 3.14, RFC 5282, RFC 7383 section 2.5; wire-facts 3.10).
 */
#ifndef VS_IKE_IKE_KEYS_H
#define VS_IKE_IKE_KEYS_H

#include "dissect/crypto/cipher.h"
#include "dissect/crypto/digest.h"
#include "dissect/crypto/secrets.h"
#include "dissect/ike/ike.h"

enum { IKE_KEYS_MAX = 100000, IKE_KEY_BYTES = 64 };

/* One line: directions are those of the SA's original initiator and responder. */
struct ike_keys {
    uint8_t initiator_spi[IKE_SPI], responder_spi[IKE_SPI];
    uint16_t encr_id, encr_bits;       /* transform type 1 with its key length in bits */
    uint16_t integ_id;                 /* transform type 3; 0 with an AEAD */
    uint8_t icv;                       /* bytes of the ICV or AEAD tag at the end */
    uint8_t ei_len, er_len, ai_len, ar_len;
    uint8_t ei[IKE_KEY_BYTES], er[IKE_KEY_BYTES], ai[IKE_KEY_BYTES], ar[IKE_KEY_BYTES]; /* salts at the end of e*, if any */
};

/*
 * Adds a text of such lines (CRLF, comments with #, quoted or bare names, upper or lower hex, blank lines). Of lines with
 * the same SPIs the first counts. Returns false with "line N: ..." at the first bad line; the others are still taken.
 */
bool secrets_add_ike_keys(struct secrets *s, struct span text, char message[static SECRETS_MESSAGE]);
/* The keys of an SA; NULL. Lives as long as s. */
const struct ike_keys *secrets_ike(const struct secrets *s, const uint8_t initiator_spi[static IKE_SPI],
                                   const uint8_t responder_spi[static IKE_SPI]);
size_t secrets_ike_count(const struct secrets *s);

enum ike_opened { IKE_OPENED, IKE_OPEN_WRONG_KEY, /* the ICV does not fit: key of another SA, or changed bytes */
                  IKE_OPEN_MALFORMED,             /* lengths or padding cannot be */
                  IKE_OPEN_UNSUPPORTED };         /* the library lacks the algorithm */

/*
 * Opens the SK or SKF body of m. out has room for m->sk.len bytes; *plain is set to the payloads (of this fragment) without
 * padding. The ICV is checked before anything is decrypted. m must not be cut.
 */
enum ike_opened ike_open(struct ciphers *c, struct digests *d, const struct ike_keys *k, const struct ike_message *m,
                         uint8_t *out, struct span *plain);

#endif
