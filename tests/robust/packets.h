/* A recording as a list of packets, to be cut, doubled and shuffled, and written as a file again. */
#ifndef VS_ROBUST_PACKETS_H
#define VS_ROBUST_PACKETS_H

#include "capture/wire/span.h"

enum { PACKETS_HEADER = 24, PACKETS_RECORD = 16, PACKETS_MAX = 4096 };

/* Parts of a little-endian pcap file, each with its record header; borrowed. */
struct packets {
    struct span header;
    struct span items[PACKETS_MAX];
    size_t count;
};

/* False when it is another format (or larger): then only its bytes can be damaged. */
bool packets_split(struct span file, struct packets *out);

/* A little-endian number of 32 bits, as the record headers have them. */
uint32_t packets_load(const uint8_t *at);

/* Concatenates; returns the bytes used of room. What does not fit is left out. */
size_t packets_join(const struct packets *p, uint8_t *room, size_t size);

#endif
