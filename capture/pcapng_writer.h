/*
 * Writes pcapng (draft-ietf-opsawg-pcapng): one section in this machine's byte order, interfaces whose times are nanoseconds,
 * packets with all that a frame says of them. Every block is handed on whole.
 */
#ifndef VS_CAPTURE_PCAPNG_WRITER_H
#define VS_CAPTURE_PCAPNG_WRITER_H

#include "capture/source.h"
#include "capture/wire/cursor.h"

/* Takes the next bytes of the file. False: they could not be taken; the writer does not try again. */
typedef bool pcapng_put_fn(void *ctx, struct span bytes);

struct pcapng_writer {
    pcapng_put_fn *put;
    void *ctx;
    uint32_t interfaces; /* described so far, in this section */
};

/* The section header; application may be NULL. Interfaces are counted from 0 again. */
MUST_CHECK bool pcapng_begin(struct pcapng_writer *w, const char *application);

/* Describes the next interface; only link_type, snaplen, name and description (either NULL) matter. */
MUST_CHECK bool pcapng_interface(struct pcapng_writer *w, const struct source_interface *i);

/*
 * A packet of interface `interface` of this section: time, bytes, length on the wire, direction, packet id, verdict; with
 * the frame's comment, or, when note is not NULL, with that. Comments are cut at PCAPNG_NOTE_MAX bytes.
 */
enum { PCAPNG_NOTE_MAX = 1024 };
MUST_CHECK bool pcapng_packet(struct pcapng_writer *w, const struct frame *f, uint32_t interface, const char *note);

/*
 * How an interface of this section was sniffed: from when until when (0: not known), and how many packets were lost, when
 * lost is not NULL. It may be said more than once.
 */
MUST_CHECK bool pcapng_statistics(struct pcapng_writer *w, uint32_t interface, int64_t first_ns, int64_t last_ns,
                                  const uint64_t *lost);

/* Secrets (a Decryption Secrets Block); type as in secrets_fn. */
MUST_CHECK bool pcapng_secrets(struct pcapng_writer *w, uint32_t type, struct span secrets);

/* Bytes that a packet takes in the file, at most. */
static inline uint64_t pcapng_packet_bytes(uint32_t len)
{
    return (uint64_t)len + PCAPNG_NOTE_MAX + 128;
}

#endif
