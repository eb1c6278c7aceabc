#include "packets.h"

uint32_t packets_load(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

bool packets_split(struct span file, struct packets *out)
{
    static const uint8_t magic[4] = {0xd4, 0xc3, 0xb2, 0xa1};
    if (file.len < PACKETS_HEADER || memcmp(file.data, magic, sizeof magic) != 0)
        return false;
    out->header = span_of(file.data, PACKETS_HEADER);
    out->count = 0;
    for (size_t at = PACKETS_HEADER; at + PACKETS_RECORD <= file.len && out->count < PACKETS_MAX;) {
        uint32_t len = packets_load(file.data + at + 8);
        if (len > file.len - at - PACKETS_RECORD)
            break;
        out->items[out->count++] = span_of(file.data + at, PACKETS_RECORD + len);
        at += PACKETS_RECORD + len;
    }
    return out->count > 0;
}

size_t packets_join(const struct packets *p, uint8_t *room, size_t size)
{
    size_t used = p->header.len;
    memcpy(room, p->header.data, used);
    for (size_t i = 0; i < p->count; i++) {
        if (p->items[i].len > size - used)
            break;
        memcpy(room + used, p->items[i].data, p->items[i].len);
        used += p->items[i].len;
    }
    return used;
}
