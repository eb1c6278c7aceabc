#include "analyze/nat/nat_sha1_few.h"

/* FIPS 180-4 section 6.1.2, as any compiler's integers have it and, where they are vectors, for all lanes together. */
#if defined(__GNUC__)
typedef uint32_t lanes __attribute__((vector_size(16)));
enum { LANES = 4 };
#else
typedef uint32_t lanes;
enum { LANES = 1 };
#endif

enum { STEPS = 80, STATE = 5, BITS = (NAT_SPI + NAT_SPI + 4 + 2) * 8 };

#define ROTATE(x, n) ((x) << (n) | (x) >> (32 - (n)))
#define CHOOSE(b, c, d) ((d) ^ ((b) & ((c) ^ (d))))
#define PARITY(b, c, d) ((b) ^ (c) ^ (d))
#define MAJORITY(b, c, d) (((b) & (c)) | ((d) & ((b) | (c))))
#define STEP(a, b, c, d, e, f, k, w)                                                                                   \
    e += ROTATE(a, 5) + f(b, c, d) + (k) + (w);                                                                        \
    b = ROTATE(b, 30);
/* Five leave the names where they were. */
#define FIVE(f, k, w)                                                                                                  \
    STEP(a, b, c, d, e, f, k, (w)[0])                                                                                  \
    STEP(e, a, b, c, d, f, k, (w)[1])                                                                                  \
    STEP(d, e, a, b, c, f, k, (w)[2])                                                                                  \
    STEP(c, d, e, a, b, f, k, (w)[3])                                                                                  \
    STEP(b, c, d, e, a, f, k, (w)[4])

static void hash_lanes(lanes w[static STEPS], lanes out[static STATE])
{
    static const uint32_t initial[STATE] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    const lanes none = {0};
    lanes a = none + initial[0], b = none + initial[1], c = none + initial[2], d = none + initial[3], e = none + initial[4];
    for (int t = 16; t < STEPS; t++) {
        lanes x = w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16];
        w[t] = ROTATE(x, 1);
    }
    for (int t = 0; t < 20; t += 5) {
        FIVE(CHOOSE, UINT32_C(0x5a827999), &w[t])
    }
    for (int t = 20; t < 40; t += 5) {
        FIVE(PARITY, UINT32_C(0x6ed9eba1), &w[t])
    }
    for (int t = 40; t < 60; t += 5) {
        FIVE(MAJORITY, UINT32_C(0x8f1bbcdc), &w[t])
    }
    for (int t = 60; t < STEPS; t += 5) {
        FIVE(PARITY, UINT32_C(0xca62c1d6), &w[t])
    }
    out[0] = a + initial[0];
    out[1] = b + initial[1];
    out[2] = c + initial[2];
    out[3] = d + initial[3];
    out[4] = e + initial[4];
}

static uint32_t word(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Word t of every lane stands together. */
static void put_message(const struct nat_few *m, uint32_t words[16][LANES], size_t lane)
{
    for (unsigned t = 0; t < 2; t++) {
        words[t][lane] = word(m->initiator_spi + 4 * t);
        words[2 + t][lane] = word(m->responder_spi + 4 * t);
    }
    words[4][lane] = word(m->endpoint->address.bytes);
    words[5][lane] = (uint32_t)m->endpoint->port << 16 | 0x8000;
    words[15][lane] = BITS;
}

static void take_hash(const uint32_t state[STATE][LANES], size_t lane, uint8_t out[static NAT_HASH])
{
    for (unsigned i = 0; i < STATE; i++, out += 4) {
        uint32_t x = state[i][lane];
        out[0] = (uint8_t)(x >> 24);
        out[1] = (uint8_t)(x >> 16);
        out[2] = (uint8_t)(x >> 8);
        out[3] = (uint8_t)x;
    }
}

void nat_few_hash(const struct nat_few *few, size_t count, uint8_t out[static NAT_FEW][NAT_HASH])
{
    for (size_t begin = 0; begin < count; begin += LANES) {
        size_t used = count - begin < LANES ? count - begin : LANES;
        uint32_t words[16][LANES] = {{0}}, state[STATE][LANES];
        lanes w[STEPS], hash[STATE];
        for (size_t i = 0; i < used; i++)
            put_message(&few[begin + i], words, i);
        memcpy(w, words, sizeof words);
        hash_lanes(w, hash);
        memcpy(state, hash, sizeof state);
        for (size_t i = 0; i < used; i++)
            take_hash(state, i, out[begin + i]);
    }
}
