#include "capture/pcapng_time.h"

#include <stdbool.h>

#include "capture/reader.h"

enum { BINARY = 0x80, POWER = 0x7f, NS_DIGITS = 9, MAX_DIGITS = NS_DIGITS + 19, MAX_BITS = 63 };

static const uint64_t ns_per_second = 1000000000;

static uint64_t power_of_ten(unsigned n)
{
    uint64_t p = 1;
    while (n-- > 0)
        p *= 10;
    return p;
}

struct pcapng_clock pcapng_clock(uint8_t resolution, int64_t offset_s)
{
    const int64_t most = READER_TIME_LIMIT / (int64_t)ns_per_second;
    unsigned power = resolution & POWER;
    struct pcapng_clock c = {.multiply = 1, .divide = 1};
    c.offset_ns = offset_s > most    ? READER_TIME_LIMIT
                  : offset_s < -most ? -READER_TIME_LIMIT
                                     : offset_s * (int64_t)ns_per_second;
    if ((resolution & BINARY) != 0) {
        c.binary_unit = true;
        c.binary = (uint8_t)power;
    } else if (power <= NS_DIGITS)
        c.multiply = power_of_ten(NS_DIGITS - power);
    else
        c.divide = power <= MAX_DIGITS ? power_of_ten(power - NS_DIGITS) : 0;
    c.most = (uint64_t)READER_TIME_LIMIT / c.multiply;
    return c;
}

/* count * 10^9 / 2^bits without 128-bit numbers: the fraction is multiplied in two halves. */
static uint64_t binary_ns(uint64_t count, unsigned bits)
{
    if (bits > MAX_BITS) {
        unsigned surplus = bits - MAX_BITS;
        count = surplus < 64 ? count >> surplus : 0;
        bits = MAX_BITS;
    }
    uint64_t seconds = count >> bits;
    if (seconds > (uint64_t)READER_TIME_LIMIT / ns_per_second)
        return READER_TIME_LIMIT;
    uint64_t fraction = count & (((uint64_t)1 << bits) - 1);
    uint64_t low = (fraction & UINT32_MAX) * ns_per_second, high = (fraction >> 32) * ns_per_second;
    uint64_t ns = bits >= 32 ? (high + (low >> 32)) >> (bits - 32) : low >> bits;
    return seconds * ns_per_second + ns;
}

int64_t pcapng_time(const struct pcapng_clock *c, uint64_t count)
{
    uint64_t ns;
    if (c->binary_unit)
        ns = binary_ns(count, c->binary);
    else if (c->divide != 1)
        ns = c->divide == 0 ? 0 : count / c->divide;
    else
        ns = count > c->most ? (uint64_t)READER_TIME_LIMIT : count * c->multiply;
    if (ns >= (uint64_t)READER_TIME_LIMIT)
        return 0;
    int64_t since_1970 = (int64_t)ns + c->offset_ns;
    return since_1970 >= READER_TIME_LIMIT || since_1970 <= -READER_TIME_LIMIT ? 0 : since_1970;
}

uint8_t pcapng_clock_digits(uint8_t resolution)
{
    unsigned power = resolution & POWER;
    enum { LOG10_OF_2 = 30103, SCALE = 100000 };
    return (uint8_t)((resolution & BINARY) != 0 ? (power * LOG10_OF_2 + SCALE - 1) / SCALE : power);
}
