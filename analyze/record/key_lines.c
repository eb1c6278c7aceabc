#include <stdlib.h>

#include "analyze/record/packet_copy.h"

struct key_lines {
    uint8_t randoms[KEY_LINES_MOST][KEY_LINES_RANDOM];
    size_t count;
};

struct key_lines *key_lines_new(void)
{
    return calloc(1, sizeof(struct key_lines));
}

void key_lines_free(struct key_lines *k)
{
    free(k);
}

void key_lines_want(struct key_lines *k, const uint8_t client_random[static KEY_LINES_RANDOM])
{
    if (k->count < KEY_LINES_MOST)
        memcpy(k->randoms[k->count++], client_random, KEY_LINES_RANDOM);
}

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* LABEL <client random in hexadecimal> <secret>: whose it is, KEY_LINES_MOST nobody's. */
static size_t whose(const struct key_lines *k, struct span line)
{
    uint8_t random[KEY_LINES_RANDOM];
    const uint8_t *blank = line.len > 0 ? memchr(line.data, ' ', line.len) : NULL;
    if (blank == NULL || (size_t)(line.data + line.len - blank) < 1 + 2 * sizeof random)
        return KEY_LINES_MOST;
    for (size_t i = 0; i < sizeof random; i++) {
        int high = digit(blank[1 + 2 * i]), low = digit(blank[2 + 2 * i]);
        if (high < 0 || low < 0)
            return KEY_LINES_MOST;
        random[i] = (uint8_t)(high << 4 | low);
    }
    for (size_t i = 0; i < k->count; i++)
        if (memcmp(k->randoms[i], random, sizeof random) == 0)
            return i;
    return KEY_LINES_MOST;
}

size_t key_lines_sift(const struct key_lines *k, struct span log, uint8_t *out)
{
    size_t used = 0;
    unsigned taken[KEY_LINES_MOST] = {0};
    while (log.len > 0) {
        const uint8_t *end = memchr(log.data, '\n', log.len);
        size_t len = end != NULL ? (size_t)(end - log.data) + 1 : log.len;
        size_t session = len <= KEY_LINE_BYTES ? whose(k, span_of(log.data, len)) : KEY_LINES_MOST;
        if (session < KEY_LINES_MOST && taken[session]++ < KEY_LINES_EACH) {
            memcpy(out + used, log.data, len);
            used += len;
        }
        log = span_of(log.data + len, log.len - len);
    }
    return used;
}
