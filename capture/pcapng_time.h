/* Time stamps of pcapng: a 64-bit count of units, whose length and origin each interface says. */
#ifndef VS_CAPTURE_PCAPNG_TIME_H
#define VS_CAPTURE_PCAPNG_TIME_H

#include <stdbool.h>
#include <stdint.h>

enum { PCAPNG_DEFAULT_RESOLUTION = 6 };

struct pcapng_clock {
    uint64_t multiply, divide; /* of a decimal resolution; divide 0: the unit is too small to count */
    uint64_t most;             /* counts beyond this are the limit: multiplied they would be too large */
    uint8_t binary;            /* the unit is 2^-binary seconds, when binary_unit */
    bool binary_unit;
    int64_t offset_ns;
};

/* From if_tsresol (the top bit says a power of two, draft-ietf-opsawg-pcapng section 4.2) and if_tsoffset (seconds). */
struct pcapng_clock pcapng_clock(uint8_t resolution, int64_t offset_s);

/* Nanoseconds since 1970, rounded down. 0, as of a packet without a time, for what lies READER_TIME_LIMIT (146 years) or more from
 * there on either side of the origin and cannot be: certificates are not to be judged by it. */
int64_t pcapng_time(const struct pcapng_clock *c, uint64_t count);

/* Decimal digits of a resolution, binary ones rounded up. */
uint8_t pcapng_clock_digits(uint8_t resolution);

#endif
