/*
 * Many candidates for one NAT_DETECTION hash at once: SHA-1 of one padded block in the lanes of a vector register, as wide
 * as the processor has it. Steps that are the same for all candidates are done once, the last four never.
 */
#ifndef VS_ANALYZE_NAT_SHA1_LANES_H
#define VS_ANALYZE_NAT_SHA1_LANES_H

#include "analyze/nat/nat_hash.h"

/* What all candidates of a question share. */
struct nat_lanes_job {
    uint32_t w[4];     /* the SPIs as SHA-1 words */
    uint32_t state[5]; /* a, b, c, d, e after the four steps over them */
    uint32_t wanted;   /* a after step 75, from the hash's last word: a candidate that has it is nearly always the one */
};

void nat_lanes_prepare(struct nat_lanes_job *job, const struct nat_question *q);

/*
 * Looks at `count` IPv4 endpoints: addresses from `address` on, all with `port`; or, with by_port, that address with ports
 * from `port` on (port + count must not pass 65536). Returns the index of the first that fits, `count` when none does.
 * One in four thousand million fits by chance: check with nat_hash_matches.
 */
uint64_t nat_lanes_scan(const struct nat_lanes_job *job, uint32_t address, uint16_t port, bool by_port, uint64_t count);

/* The ways to scan that this processor and build have, widest first; the first is nat_lanes_scan's. */
struct nat_lanes_kernel {
    const char *name; /* "AVX-512" */
    unsigned lanes;
    uint64_t (*scan)(const struct nat_lanes_job *job, uint32_t address, uint16_t port, bool by_port, uint64_t count);
};
enum { NAT_LANES_KERNELS = 4 };
size_t nat_lanes_kernels(struct nat_lanes_kernel out[static NAT_LANES_KERNELS]);

#endif
