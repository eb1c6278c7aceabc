/* For the programs that make captures: a pcap file in microseconds, checksums, numbers of the command line. */
#ifndef VS_BENCH_CAPTURE_WRITER_H
#define VS_BENCH_CAPTURE_WRITER_H

#include <stdio.h>
#include <stdlib.h>

#include "capture/platform.h"
#include "capture/wire/span.h"

enum { ETHERNET_HEADER = 14, IP_HEADER = 20, WRITER_BUFFER = 1 << 20 };
#define START_NS (INT64_C(1795340400) * 1000000000) /* after the recordings' certificates began */

struct capture_writer {
    FILE *out;
    uint64_t frames, bytes;
};

static inline void put_be16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void put_be32(uint8_t *at, uint32_t value)
{
    put_be16(at, value >> 16);
    put_be16(at + 2, value & 0xffff);
}

/* Sum of 16-bit words as the Internet checksum wants it (RFC 1071), not folded. */
static inline uint32_t sum_words(const uint8_t *p, size_t len, uint32_t sum)
{
    for (; len > 1; p += 2, len -= 2)
        sum += (uint32_t)p[0] << 8 | p[1];
    return len > 0 ? sum + ((uint32_t)p[0] << 8) : sum;
}

static inline unsigned checksum_of(uint32_t sum)
{
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff ? 0xffff : 0xffff ^ sum;
}

/* Begins the file; false with why. */
static inline bool writer_open(struct capture_writer *w, const char *path, char why[static PLATFORM_ERROR])
{
    const uint32_t magic = 0xa1b2c3d4;
    const uint16_t version[2] = {2, 4};
    const uint32_t rest[4] = {0, 0, 262144, 1}; /* zone, accuracy, snap length, Ethernet */
    w->out = platform_open(path, "w", why);
    if (w->out == NULL)
        return false;
    setvbuf(w->out, NULL, _IOFBF, WRITER_BUFFER);
    return fwrite(&magic, 4, 1, w->out) == 1 && fwrite(version, 4, 1, w->out) == 1 && fwrite(rest, 16, 1, w->out) == 1;
}

static inline bool writer_add(struct capture_writer *w, int64_t time_ns, const uint8_t *frame, size_t len)
{
    uint32_t head[4] = {(uint32_t)(time_ns / 1000000000), (uint32_t)(time_ns % 1000000000 / 1000), (uint32_t)len,
                        (uint32_t)len};
    w->frames++;
    w->bytes += sizeof head + len;
    return fwrite(head, sizeof head, 1, w->out) == 1 && fwrite(frame, len, 1, w->out) == 1;
}

static inline bool number_option(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    char *end;
    unsigned long long n = strtoull(text, &end, 10);
    *out = n;
    return end != text && *end == '\0' && n >= least && n <= most;
}

#endif
