/*
 * What the records of a TLS connection prove of SSTP inside by their order and lengths alone (wire-facts 2.8). Pure; nothing
 * here decrypts. Connections whose records were opened have no reading: what was read says more.
 */
#ifndef VS_ANALYZE_SSTP_LENGTHS_H
#define VS_ANALYZE_SSTP_LENGTHS_H

#include "analyze/session/sstp_facts.h"

struct sstp_reading sstp_read_lengths(const struct sstp_facts *f);

/* The same, for a connection that is closed read once. */
static inline struct sstp_reading sstp_reading_of(const struct sstp_facts *f)
{
    return f->reading_known ? f->reading : sstp_read_lengths(f);
}

#endif
