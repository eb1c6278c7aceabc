/*
 * The classic format: a 24-byte header, then records of 16 bytes and the packet (draft-ietf-opsawg-pcap). Byte order
 * and time resolution follow from the magic. Variants: longer record headers (Kuznetzov's patch), Ixia's header with
 * four more bytes, and captured and wire lengths the wrong way round in old versions.
 */
#include "capture/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define MAGIC_MICRO 0xa1b2c3d4u
#define MAGIC_NANO 0xa1b23c4du
#define MAGIC_KUZNETZOV 0xa1b2cd34u
#define MAGIC_IXIA_HARDWARE 0x1c0001acu
#define MAGIC_IXIA_SOFTWARE 0x1c0001abu

enum { FILE_HEADER = 24, RECORD_HEADER = 16, KUZNETZOV_HEADER = 24, IXIA_EXTRA = 4, DG_UX_MAJOR = 543 };

enum lengths { LENGTHS_RIGHT, LENGTHS_SWAPPED, LENGTHS_MAYBE_SWAPPED };

struct variant {
    uint32_t magic;
    uint8_t time_digits;
    uint8_t record_header;
    uint8_t extra; /* bytes after the file header */
};

static const struct variant variants[] = {
    {MAGIC_MICRO, 6, RECORD_HEADER, 0},
    {MAGIC_NANO, 9, RECORD_HEADER, 0},
    {MAGIC_KUZNETZOV, 6, KUZNETZOV_HEADER, 0},
    {MAGIC_IXIA_HARDWARE, 6, RECORD_HEADER, IXIA_EXTRA},
    {MAGIC_IXIA_SOFTWARE, 6, RECORD_HEADER, IXIA_EXTRA},
};

struct pcap_file {
    struct reader *reader;
    bool big;
    enum lengths lengths;
    uint16_t link_type;
    uint32_t record_header;
    uint32_t unit_ns; /* of the fraction of a second */
    size_t need;      /* bytes the window must have before the next record can be taken */
};

static const struct variant *find_variant(struct span window, bool *big)
{
    struct cursor c = cursor_of(window), le = c;
    uint32_t as_big, as_little;
    if (!take_be32(&c, &as_big) || !take_le32(&le, &as_little))
        return NULL;
    for (size_t i = 0; i < sizeof variants / sizeof *variants; i++) {
        *big = variants[i].magic == as_big;
        if (*big || variants[i].magic == as_little)
            return &variants[i];
    }
    return NULL;
}

bool pcap_file_recognise(struct span window)
{
    bool big;
    return find_variant(window, &big) != NULL;
}

/* Before version 2.3 the lengths were the other way round; 2.3 was written both ways. */
static enum lengths order_of_lengths(uint16_t major, uint16_t minor)
{
    if (major == DG_UX_MAJOR || (major == 2 && minor < 3))
        return LENGTHS_SWAPPED;
    return major == 2 && minor == 3 ? LENGTHS_MAYBE_SWAPPED : LENGTHS_RIGHT;
}

static void *pcap_file_open(struct reader *r, const char *path, char error[static SOURCE_ERROR])
{
    (void)path;
    bool big = false;
    const struct variant *v = find_variant(span_of(r->stream.at, r->stream.left), &big);
    if (v == NULL || !stream_fill(&r->stream, (size_t)FILE_HEADER + v->extra)) {
        snprintf(error, SOURCE_ERROR, "%s in the header of the capture",
                 r->stream.fault != NULL ? r->stream.fault : "the file ends");
        return NULL;
    }
    struct cursor c = cursor_of(span_of(r->stream.at, r->stream.left));
    uint16_t major = 0, minor = 0;
    uint32_t snaplen = 0, link = 0;
    enum { ZONE_AND_ACCURACY = 8 };
    if (!take_skip(&c, 4) || !take_u16(&c, big, &major) || !take_u16(&c, big, &minor) ||
        !take_skip(&c, ZONE_AND_ACCURACY) || !take_u32(&c, big, &snaplen) || !take_u32(&c, big, &link))
        return NULL; /* cannot be: the header is in the window */
    if (major != 2 && major != DG_UX_MAJOR) {
        snprintf(error, SOURCE_ERROR, "pcap version %u.%u is not supported", major, minor);
        return NULL;
    }
    struct pcap_file *f = calloc(1, sizeof *f);
    struct source_interface *i = reader_add_interface(r, reader_link_type(link), snaplen);
    if (f == NULL || i == NULL) {
        free(f);
        snprintf(error, SOURCE_ERROR, "out of memory");
        return NULL;
    }
    i->time_digits = v->time_digits;
    *f = (struct pcap_file){.reader = r,
                            .big = big,
                            .lengths = order_of_lengths(major, minor),
                            .link_type = i->link_type,
                            .record_header = v->record_header,
                            .unit_ns = v->time_digits == 9 ? 1 : 1000};
    r->info.format = "pcap";
    stream_take(&r->stream, (size_t)FILE_HEADER + v->extra);
    return f;
}

/* False when the window ends inside the record (need says how far it must go) or nothing more can be read. */
static bool take_record(struct pcap_file *f, struct frame *frame)
{
    struct stream *s = &f->reader->stream;
    struct cursor c = cursor_of(span_of(s->at, s->left));
    uint32_t seconds, fraction, len, wire_len;
    struct span rest;
    f->need = f->record_header;
    if (!take_span(&c, f->record_header, &rest))
        return false;
    struct cursor h = cursor_of(rest);
    if (!take_u32(&h, f->big, &seconds) || !take_u32(&h, f->big, &fraction) || !take_u32(&h, f->big, &len) ||
        !take_u32(&h, f->big, &wire_len))
        return false;
    if (f->lengths == LENGTHS_SWAPPED || (f->lengths == LENGTHS_MAYBE_SWAPPED && len > wire_len)) {
        uint32_t first = len;
        len = wire_len;
        wire_len = first;
    }
    if (len > SOURCE_MAX_SNAPLEN) {
        char what[READER_DAMAGE / 2];
        snprintf(what, sizeof what, "an impossible packet length, %" PRIu32 " bytes, stands in the record", len);
        reader_damage(f->reader, s->offset, what);
        return false;
    }
    f->need += len;
    if (!take_span(&c, len, &rest))
        return false;
    *frame = (struct frame){.number = ++f->reader->number,
                            .time_ns = (int64_t)seconds * 1000000000 + (int64_t)fraction * f->unit_ns,
                            .bytes = rest.data,
                            .len = len,
                            .wire_len = wire_len,
                            .link_type = f->link_type};
    stream_take(s, f->record_header + len);
    return true;
}

/* The usual records that lie whole in the window: those of a little-endian machine. take_record goes on from the first
 * that is not so, and tells why. */
static size_t take_usual(struct pcap_file *f, struct frame *frames, size_t max)
{
    struct stream *s = &f->reader->stream;
    const uint8_t *at = s->at, *end = at + s->left;
    uint64_t number = f->reader->number;
    struct frame *next = frames;
    if (f->big || f->lengths != LENGTHS_RIGHT || f->record_header != RECORD_HEADER)
        return 0;
    for (struct frame *stop = frames + max; next < stop && end - at >= RECORD_HEADER; next++) {
        uint32_t len = load_le32(at + 8);
        ahead_next(s->places);
        if (len > SOURCE_MAX_SNAPLEN || (size_t)(end - at) < RECORD_HEADER + (size_t)len)
            break;
        *next = (struct frame){.number = ++number,
                               .time_ns = (int64_t)load_le32(at) * 1000000000 + (int64_t)load_le32(at + 4) * f->unit_ns,
                               .bytes = at + RECORD_HEADER,
                               .len = len,
                               .wire_len = load_le32(at + 12),
                               .link_type = f->link_type,
                               .flags = s->is_run ? FRAME_IN_A_RUN : 0};
        at += RECORD_HEADER + len;
    }
    f->reader->number = number;
    stream_take(s, (size_t)(at - s->at));
    return (size_t)(next - frames);
}

static bool fill(const struct pcap_file *f)
{
    struct reader *r = f->reader;
    if (f->big || f->record_header != RECORD_HEADER)
        return stream_fill(&r->stream, f->need);
    return stream_fill_records(&r->stream, f->need, RECORDS_PCAP, r->number);
}

static size_t pcap_file_next(void *state, struct frame *frames, size_t max)
{
    struct pcap_file *f = state;
    struct reader *r = f->reader;
    bool sound = stream_is_sound(&r->stream);
    size_t count = sound ? take_usual(f, frames, max) : 0;
    if (!sound)
        reader_ended(r, "the packet record");
    while (count < max && !r->finished) {
        if (take_record(f, &frames[count])) {
            count++;
            continue;
        }
        if (r->finished || count > 0) /* a refill would move the bytes of the frames before */
            break;
        if (!fill(f))
            reader_ended(r, "the packet record");
        else
            count = take_usual(f, frames, max);
    }
    return count;
}

const struct backend pcap_file_backend = {.open = pcap_file_open, .next = pcap_file_next, .close = free};
