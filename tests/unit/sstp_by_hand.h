/* Facts of SSTP connections made by hand: records from the lengths of what is inside, as "C194 S125 C14 S48". */
#ifndef VS_TEST_SSTP_BY_HAND_H
#define VS_TEST_SSTP_BY_HAND_H

#include <stdlib.h>
#include <string.h>

#include "analyze/session/exchange.h"

/* What a sender of this suite makes of n octets. */
struct sealing {
    uint16_t version, suite;
    uint32_t iv, block, mac; /* block 1: AEAD, or a stream */
    bool inner_type, behind, split; /* TLS 1.3; encrypt-then-MAC; a record ahead with the first octet, as TLS 1.0 needs it */
};

static const struct sealing by_gcm = {0x0303, 0xc030, 8, 1, 16, false, false, false};
static const struct sealing by_tls13 = {0x0304, 0x1302, 0, 1, 16, true, false, false};
static const struct sealing by_chacha = {0x0303, 0xcca8, 0, 1, 16, false, false, false};
static const struct sealing by_cbc = {0x0303, 0xc014, 16, 16, 20, false, false, false};
static const struct sealing by_cbc_behind = {0x0303, 0xc014, 16, 16, 20, false, true, false};
static const struct sealing by_cbc_sha256 = {0x0303, 0xc027, 16, 16, 32, false, false, false};
static const struct sealing by_cbc_sha384 = {0x0303, 0xc028, 16, 16, 48, false, false, false};
static const struct sealing by_3des = {0x0303, 0x000a, 8, 8, 20, false, false, false};
static const struct sealing by_tls10 = {0x0301, 0xc014, 0, 16, 20, false, false, true};

static inline uint32_t sealed(const struct sealing *by, uint32_t n)
{
    uint32_t inside = n + (by->inner_type ? 1 : 0);
    if (by->block == 1)
        return by->iv + inside + by->mac;
    uint32_t padded = n + 1 + (by->behind ? 0 : by->mac);
    padded = (padded + by->block - 1) / by->block * by->block;
    return by->iv + padded + (by->behind ? by->mac : 0);
}

static inline void put_record(struct sstp_facts *f, const struct sealing *by, bool client, uint32_t n)
{
    if (f->record_count < SSTP_RECORDS_MAX) {
        struct sstp_record *r = &f->records[f->record_count++];
        *r = (struct sstp_record){.frame = 100u + f->record_count, .length = (uint16_t)sealed(by, n),
                                  .dir = client ? TO_SERVER : TO_CLIENT};
    }
    f->records_seen[client ? TO_SERVER : TO_CLIENT]++;
}

/* A connection whose handshake is whole; words: sender and octets of content of each record. */
static inline void put_records(struct sstp_facts *f, const struct sealing *by, const char *words)
{
    f->carrier = SSTP_CARRIER_TLS;
    f->tls.seen = f->tls.client_hello = f->tls.server_hello = f->tls.client_finished = f->tls.server_finished = true;
    f->tls.version = by->version;
    f->tls.cipher_suite = by->suite;
    while (*words != '\0') {
        bool client = *words == 'C';
        uint32_t n = (uint32_t)strtoul(words + 1, NULL, 10);
        if (by->split) {
            put_record(f, by, client, n > 0 ? 1 : 0);
            n = n > 0 ? n - 1 : 0;
        }
        put_record(f, by, client, n);
        *(client ? &f->tls.data_from_client : &f->tls.data_from_server) = true;
        words += strcspn(words, " ");
        words += strspn(words, " ");
    }
}

#define OPENING "C194 S125 C14 S48 C29 S31 C31 S15 C26 S26 C26"
/* MS-CHAPv2 and a tunnel, PEAP and a tunnel, wrong passwords of both: lengths that a dissector shows with keys. */
#define CHAP_TUNNEL OPENING " S35 C28 C32 C84 S54 C112 S18 C42 S24 C18 C30 S30 C30 S30 C92 S92 C20 S8"
#define PEAP_FLIGHT OPENING " S13 C28 C32 C35 S14 C207 S1388 C14 S1104"
#define PEAP_TUNNEL \
    PEAP_FLIGHT " C140 S65 C14 S48 C66 S81 C120 S90 C45 S54 C54 S12 C112 S18 C42 S24 C18 C30 S30 C30 S30 C92 S92 C20 S8"
#define PEAP_WRONG_PASSWORD PEAP_FLIGHT " C140 S65 C14 S48 C66 S81 C120 S54 C54 S12 C16 S12 C20 S8"
#define PEAP_ALERT_IN_CLEAR PEAP_FLIGHT " C21 S12 C16 S12 C20 S8"
#define PEAP_ALERT_BEHIND PEAP_FLIGHT " C140 S65 C45 S12 C16 S12 C20 S8"
#define CHAP_WRONG_PASSWORD OPENING " S35 C28 C32 C84 S86 C16 S12 C20 S8"

#endif
