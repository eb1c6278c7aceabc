/* What the search for a hidden address costs: nanoseconds a candidate for each width that this processor has, and the
 * seconds for all of RFC 1918 on one port. */
#include <stdio.h>
#include <time.h>

#include "analyze/nat/nat_sha1_lanes.h"

enum { CANDIDATES = 1 << 23, RFC1918 = (1 << 24) + (1 << 20) + (1 << 16) };

int main(void)
{
    /* A hash that nobody has: every candidate is looked at. */
    struct nat_question q = {.initiator_spi = {1, 2, 3, 4, 5, 6, 7, 8}};
    struct nat_lanes_job job;
    struct nat_lanes_kernel kernels[NAT_LANES_KERNELS];
    nat_lanes_prepare(&job, &q);
    size_t count = nat_lanes_kernels(kernels);
    for (size_t i = 0; i < count; i++) {
        clock_t begin = clock();
        uint64_t at = kernels[i].scan(&job, 0x0a000000, 500, false, CANDIDATES);
        double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC, each = seconds / CANDIDATES;
        printf("%-10s %2u lanes  %6.2f ns a candidate  %5.2f s for RFC 1918 on one port%s\n", kernels[i].name,
               kernels[i].lanes, each * 1e9, each * RFC1918, at == CANDIDATES ? "" : " (found by chance)");
    }
    return 0;
}
