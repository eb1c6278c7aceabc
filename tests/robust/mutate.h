/* Damage: what switches, recorders, disks and attackers do to packets. */
#ifndef VS_ROBUST_MUTATE_H
#define VS_ROBUST_MUTATE_H

#include "packets.h"

/*
 * Writes a damaged copy of the recording into room (`size` at least the file's and 64 KiB more) and returns its length.
 * `packets` are the file's, with count 0 for a format that is damaged as bytes only. The same state, the same damage.
 */
size_t mutate(struct span file, const struct packets *packets, uint64_t *random, uint8_t *room, size_t size);

#endif
