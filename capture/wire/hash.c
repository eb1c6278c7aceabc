#include "capture/wire/hash.h"

static inline uint64_t load_le32(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24;
}

static inline uint64_t load_le64(const uint8_t *p)
{
    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 |
           (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

/* Up to 15 bytes as two words, which may hold some of them twice: the length is hashed as well. */
static inline void load_tail(const uint8_t *p, size_t len, uint64_t *first, uint64_t *last)
{
    *first = *last = 0;
    if (len >= 8) {
        *first = load_le64(p);
        *last = load_le64(p + len - 8);
    } else if (len >= 4) {
        *first = load_le32(p);
        *last = load_le32(p + len - 4);
    } else if (len > 0) {
        *first = (uint64_t)p[0] | (uint64_t)p[len / 2] << 8 | (uint64_t)p[len - 1] << 16;
    }
}

/* A word into a lane: one to one, and cheap enough to keep up with the memory. */
static inline uint64_t lane_add(uint64_t lane, uint64_t word, uint64_t factor)
{
    lane = (lane ^ word) * factor;
    return lane << 29 | lane >> 35;
}

/* Independent lanes, so that the multiplications overlap: four while there is much, then two. */
uint64_t hash_bytes(const void *data, size_t len, uint64_t seed)
{
    const uint8_t *p = data;
    uint64_t a = seed ^ 0x2545f4914f6cdd1du, b = (uint64_t)len * 0x9e3779b97f4a7c15u;
    size_t left = len;
    if (len >= 32) {
        uint64_t c = a, d = b;
        for (; left >= 32; left -= 32, p += 32) {
            a = lane_add(a, load_le64(p), 0xbf58476d1ce4e5b9u);
            b = lane_add(b, load_le64(p + 8), 0x94d049bb133111ebu);
            c = lane_add(c, load_le64(p + 16), 0xff51afd7ed558ccdu);
            d = lane_add(d, load_le64(p + 24), 0xc4ceb9fe1a85ec53u);
        }
        a = hash_mix(a, c);
        b = hash_mix(b, d);
    }
    if (left >= 16) {
        a = lane_add(a, load_le64(p), 0xbf58476d1ce4e5b9u);
        b = lane_add(b, load_le64(p + 8), 0x94d049bb133111ebu);
        left -= 16;
        p += 16;
    }
    uint64_t first, last;
    load_tail(p, left, &first, &last);
    return hash_mix(hash_mix(a, first), b ^ last);
}
