#include "mutate.h"

#include "random.h"

enum { EDITS_MAX = 8, SPLICE_MAX = 64 };

/* Packets lost, doubled, out of order. */
static void shuffle(struct packets *p, uint64_t *random)
{
    size_t at = random_below(random, p->count), other = random_below(random, p->count);
    struct span item = p->items[at];
    switch (random_below(random, 3)) {
    case 0:
        if (p->count > 1) {
            memmove(&p->items[at], &p->items[at + 1], (p->count - at - 1) * sizeof p->items[0]);
            p->count--;
        }
        break;
    case 1:
        if (p->count < PACKETS_MAX) {
            memmove(&p->items[other + 1], &p->items[other], (p->count - other) * sizeof p->items[0]);
            p->items[other] = item;
            p->count++;
        }
        break;
    default:
        p->items[at] = p->items[other];
        p->items[other] = item;
        break;
    }
}

/* Where the record of packet `index` begins in a file; its length if there is none. */
static size_t record_at(const uint8_t *file, size_t len, size_t index)
{
    size_t at = PACKETS_HEADER;
    for (; index > 0 && at + PACKETS_RECORD <= len; index--)
        at += PACKETS_RECORD + packets_load(file + at + 8);
    return at + PACKETS_RECORD <= len ? at : len;
}

/* The recorder kept fewer bytes of one packet. Returns the file's new length. */
static size_t cut_packet(uint8_t *file, size_t len, size_t count, uint64_t *random)
{
    size_t at = record_at(file, len, random_below(random, count));
    if (at == len)
        return len;
    uint32_t captured = packets_load(file + at + 8);
    uint32_t kept = (uint32_t)random_below(random, captured);
    size_t end = at + PACKETS_RECORD + captured;
    if (end > len)
        return len;
    for (unsigned i = 0; i < 4; i++)
        file[at + 8 + i] = (uint8_t)(kept >> (8 * i));
    memmove(file + at + PACKETS_RECORD + kept, file + end, len - end);
    return len - (captured - kept);
}

/* A length, or anything else of 16 bits, that lies: by little, or as far as it can. */
static void lie(uint8_t *at, uint64_t *random)
{
    static const uint16_t values[] = {0, 1, 2, 3, 4, 19, 20, 255, 256, 4095, 4096, 0x7fff, 0x8000, 0xfffe, 0xffff};
    uint16_t value = (uint16_t)(at[0] << 8 | at[1]);
    uint64_t choice = random_below(random, 4);
    if (choice == 0)
        value = values[random_below(random, sizeof values / sizeof values[0])];
    else
        value = (uint16_t)(value + (choice == 1 ? 1 : choice == 2 ? -1 : (int)random_below(random, 512) - 256));
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void edit(uint8_t *file, size_t len, size_t from, uint64_t *random)
{
    static const uint8_t values[] = {0, 1, 2, 3, 0x7f, 0x80, 0xfe, 0xff};
    size_t at = from + random_below(random, len - from);
    size_t source = random_below(random, len), n = 1 + random_below(random, SPLICE_MAX);
    switch (random_below(random, 5)) {
    case 0:
        file[at] ^= (uint8_t)(1u << random_below(random, 8));
        break;
    case 1:
        file[at] = values[random_below(random, sizeof values)];
        break;
    case 2:
        file[at] = (uint8_t)random_next(random);
        break;
    case 3:
        if (at + 2 <= len)
            lie(file + at, random);
        break;
    default:
        if (n > len - at)
            n = len - at;
        if (n > len - source)
            n = len - source;
        memmove(file + at, file + source, n);
        break;
    }
}

size_t mutate(struct span file, const struct packets *packets, uint64_t *random, uint8_t *room, size_t size)
{
    size_t len = file.len;
    if (packets->count == 0) {
        memcpy(room, file.data, file.len);
    } else {
        static struct packets shuffled; /* too large for the stack */
        shuffled = *packets;
        for (uint64_t n = random_below(random, 4); n > 0; n--)
            shuffle(&shuffled, random);
        len = packets_join(&shuffled, room, size);
        if (random_below(random, 4) == 0)
            len = cut_packet(room, len, shuffled.count, random);
    }
    /* the file's header seldom, or nothing else would ever be read */
    size_t from = packets->count > 0 && random_below(random, 32) > 0 ? PACKETS_HEADER : 0;
    for (uint64_t n = random_below(random, EDITS_MAX); n > 0 && len > from; n--)
        edit(room, len, from, random);
    return len;
}
