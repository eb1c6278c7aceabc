#include "analyze/nat/nat_sha1_lanes.h"

#define FROM_4(n) (n), (n) + 1, (n) + 2, (n) + 3

/* One candidate after the other: any compiler, any processor. */
#define NAT_SCAN scan_one
#define NAT_LANES 1
#define NAT_LANE_NUMBERS 0
#define NAT_VECTOR uint32_t
#define NAT_TARGET
#include "analyze/nat/nat_sha1_scan.inc"

#if defined(__GNUC__)
typedef uint32_t lanes_4 __attribute__((vector_size(16)));
#define NAT_SCAN scan_4
#define NAT_LANES 4
#define NAT_LANE_NUMBERS                                                                                               \
    {                                                                                                                  \
        FROM_4(0)                                                                                                      \
    }
#define NAT_VECTOR lanes_4
#define NAT_TARGET
#include "analyze/nat/nat_sha1_scan.inc"

#if defined(__x86_64__)
typedef uint32_t lanes_8 __attribute__((vector_size(32)));
#define NAT_SCAN scan_8
#define NAT_LANES 8
#define NAT_LANE_NUMBERS                                                                                               \
    {                                                                                                                  \
        FROM_4(0), FROM_4(4)                                                                                           \
    }
#define NAT_VECTOR lanes_8
#define NAT_TARGET __attribute__((target("avx2")))
#include "analyze/nat/nat_sha1_scan.inc"

typedef uint32_t lanes_16 __attribute__((vector_size(64)));
#define NAT_SCAN scan_16
#define NAT_LANES 16
#define NAT_LANE_NUMBERS                                                                                               \
    {                                                                                                                  \
        FROM_4(0), FROM_4(4), FROM_4(8), FROM_4(12)                                                                    \
    }
#define NAT_VECTOR lanes_16
#define NAT_TARGET __attribute__((target("avx512f")))
#include "analyze/nat/nat_sha1_scan.inc"
#endif
#endif

static uint32_t word(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t rotate(uint32_t x, unsigned n)
{
    return x << n | x >> (32 - n);
}

void nat_lanes_prepare(struct nat_lanes_job *job, const struct nat_question *q)
{
    static const uint32_t initial[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    job->w[0] = word(q->initiator_spi);
    job->w[1] = word(q->initiator_spi + 4);
    job->w[2] = word(q->responder_spi);
    job->w[3] = word(q->responder_spi + 4);
    uint32_t *s = job->state;
    memcpy(s, initial, sizeof initial);
    for (int t = 0; t < 4; t++) {
        uint32_t a = rotate(s[0], 5) + (s[3] ^ (s[1] & (s[2] ^ s[3]))) + s[4] + UINT32_C(0x5a827999) + job->w[t];
        s[4] = s[3];
        s[3] = s[2];
        s[2] = rotate(s[1], 30);
        s[1] = s[0];
        s[0] = a;
    }
    /* e after the last step is a of four steps before, turned by 30. */
    job->wanted = rotate(word(q->hash + 16) - initial[4], 2);
}

size_t nat_lanes_kernels(struct nat_lanes_kernel out[static NAT_LANES_KERNELS])
{
    size_t n = 0;
#if defined(__GNUC__)
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        out[n++] = (struct nat_lanes_kernel){"AVX-512", 16, scan_16};
    if (__builtin_cpu_supports("avx2"))
        out[n++] = (struct nat_lanes_kernel){"AVX2", 8, scan_8};
#endif
    out[n++] = (struct nat_lanes_kernel){"four lanes", 4, scan_4};
#endif
    out[n++] = (struct nat_lanes_kernel){"one lane", 1, scan_one};
    return n;
}

uint64_t nat_lanes_scan(const struct nat_lanes_job *job, uint32_t address, uint16_t port, bool by_port, uint64_t count)
{
    struct nat_lanes_kernel kernels[NAT_LANES_KERNELS];
    nat_lanes_kernels(kernels);
    return kernels[0].scan(job, address, port, by_port, count);
}
