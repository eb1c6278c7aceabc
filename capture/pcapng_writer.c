#include "capture/pcapng_writer.h"

#include <stdio.h>

#include "capture/pcapng_format.h"

enum { NANOSECONDS = 9 };

#define LENGTH_UNKNOWN UINT64_MAX

/* What stands before the long part of a block, and what behind it; both are small. */
enum { PART_MAX = PCAPNG_NOTE_MAX + 512, TEXT_MAX = 512 };

struct part {
    uint8_t bytes[PART_MAX];
    size_t len;
};

static void put(struct part *p, const void *bytes, size_t len)
{
    if (len > 0 && len <= sizeof p->bytes - p->len) {
        memcpy(p->bytes + p->len, bytes, len);
        p->len += len;
    }
}

static void put_u16(struct part *p, uint16_t n)
{
    put(p, &n, sizeof n);
}

static void put_u32(struct part *p, uint32_t n)
{
    put(p, &n, sizeof n);
}

static void put_u64(struct part *p, uint64_t n)
{
    put(p, &n, sizeof n);
}

static size_t padding(size_t len)
{
    return (4 - len % 4) % 4;
}

static void put_padding(struct part *p, size_t len)
{
    static const uint8_t zeros[4];
    put(p, zeros, padding(len));
}

static void put_option(struct part *p, uint16_t code, const void *value, size_t len)
{
    put_u16(p, code);
    put_u16(p, (uint16_t)len);
    put(p, value, len);
    put_padding(p, len);
}

static void put_text(struct part *p, uint16_t code, const char *text)
{
    size_t len = text != NULL ? strlen(text) : 0;
    if (len > 0)
        put_option(p, code, text, len < TEXT_MAX ? len : TEXT_MAX);
}

static void put_end_of_options(struct part *p)
{
    put_u32(p, 0);
}

/* The lengths of a block, around it, count all of it. */
static bool hand_on(struct pcapng_writer *w, uint32_t type, const struct part *before, struct span body, struct part *behind)
{
    uint32_t total = (uint32_t)(12 + before->len + body.len + behind->len);
    uint32_t head[2] = {type, total};
    put_u32(behind, total);
    return w->put(w->ctx, span_of((const uint8_t *)head, sizeof head)) &&
           w->put(w->ctx, span_of(before->bytes, before->len)) && (body.len == 0 || w->put(w->ctx, body)) &&
           w->put(w->ctx, span_of(behind->bytes, behind->len));
}

bool pcapng_begin(struct pcapng_writer *w, const char *application)
{
    struct part before = {.len = 0}, behind = {.len = 0};
    put_u32(&before, BYTE_ORDER_MAGIC);
    put_u16(&before, 1);
    put_u16(&before, 0);
    put_u64(&before, LENGTH_UNKNOWN);
    put_text(&behind, SHB_APPLICATION, application);
    put_end_of_options(&behind);
    w->interfaces = 0;
    return hand_on(w, SECTION_HEADER, &before, span_of(NULL, 0), &behind);
}

bool pcapng_interface(struct pcapng_writer *w, const struct source_interface *i)
{
    struct part before = {.len = 0}, behind = {.len = 0};
    const uint8_t resolution = NANOSECONDS;
    put_u16(&before, i->link_type);
    put_u16(&before, 0);
    put_u32(&before, i->snaplen);
    put_text(&behind, IF_NAME, i->name);
    put_text(&behind, IF_DESCRIPTION, i->description);
    put_option(&behind, IF_TSRESOL, &resolution, sizeof resolution);
    put_end_of_options(&behind);
    w->interfaces++;
    return hand_on(w, INTERFACE_DESCRIPTION, &before, span_of(NULL, 0), &behind);
}

static void put_packet_options(struct part *p, const struct frame *f, const char *note)
{
    enum { INBOUND = 1, OUTBOUND = 2, LINUX_XDP = 2, XDP_DROP = 1 };
    size_t start = p->len, len = note != NULL ? strlen(note) : f->comment.len;
    if (len > 0)
        put_option(p, OPT_COMMENT, note != NULL ? (const void *)note : f->comment.data, len < PCAPNG_NOTE_MAX ? len : PCAPNG_NOTE_MAX);
    if ((f->flags & (FRAME_INBOUND | FRAME_OUTBOUND)) != 0) {
        uint32_t flags = (f->flags & FRAME_INBOUND) != 0 ? INBOUND : OUTBOUND;
        put_option(p, EPB_FLAGS, &flags, sizeof flags);
    }
    if ((f->flags & FRAME_HAS_PACKET_ID) != 0)
        put_option(p, EPB_PACKETID, &f->packet_id, sizeof f->packet_id);
    if ((f->flags & FRAME_DROPPED) != 0) {
        uint64_t verdict = XDP_DROP;
        uint8_t value[1 + sizeof verdict] = {LINUX_XDP};
        memcpy(value + 1, &verdict, sizeof verdict);
        put_option(p, EPB_VERDICT, value, sizeof value);
    }
    if (p->len > start)
        put_end_of_options(p);
}

bool pcapng_packet(struct pcapng_writer *w, const struct frame *f, uint32_t interface, const char *note)
{
    struct part before = {.len = 0}, behind = {.len = 0};
    uint64_t ns = (uint64_t)f->time_ns;
    put_u32(&before, interface);
    put_u32(&before, (uint32_t)(ns >> 32));
    put_u32(&before, (uint32_t)ns);
    put_u32(&before, f->len);
    put_u32(&before, f->wire_len);
    put_padding(&behind, f->len);
    put_packet_options(&behind, f, note);
    return hand_on(w, ENHANCED_PACKET, &before, span_of(f->bytes, f->len), &behind);
}

/* A time stands as two words, the higher one first, in either byte order. */
static void put_time_option(struct part *p, uint16_t code, int64_t time_ns)
{
    uint64_t ns = (uint64_t)time_ns;
    uint32_t words[2] = {(uint32_t)(ns >> 32), (uint32_t)ns};
    if (time_ns > 0)
        put_option(p, code, words, sizeof words);
}

bool pcapng_statistics(struct pcapng_writer *w, uint32_t interface, int64_t first_ns, int64_t last_ns, const uint64_t *lost)
{
    struct part before = {.len = 0}, behind = {.len = 0};
    put_u32(&before, interface);
    put_u32(&before, (uint32_t)((uint64_t)last_ns >> 32));
    put_u32(&before, (uint32_t)last_ns);
    put_time_option(&behind, ISB_STARTTIME, first_ns);
    put_time_option(&behind, ISB_ENDTIME, last_ns);
    if (lost != NULL)
        put_option(&behind, ISB_IFDROP, lost, sizeof *lost);
    put_end_of_options(&behind);
    return hand_on(w, INTERFACE_STATISTICS, &before, span_of(NULL, 0), &behind);
}

bool pcapng_secrets(struct pcapng_writer *w, uint32_t type, struct span secrets)
{
    struct part before = {.len = 0}, behind = {.len = 0};
    put_u32(&before, type);
    put_u32(&before, (uint32_t)secrets.len);
    put_padding(&behind, secrets.len);
    return hand_on(w, DECRYPTION_SECRETS, &before, secrets, &behind);
}
