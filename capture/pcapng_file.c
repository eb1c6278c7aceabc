/*
 * Blocks of pcapng (draft-ietf-opsawg-pcapng): sections in either byte order, interfaces of different link types and
 * clocks, packets in three kinds of blocks, statistics, secrets. Frames are numbered as Wireshark numbers them.
 */
#include "capture/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/pcapng_format.h"
#include "capture/pcapng_time.h"

enum { BLOCK_HEADER = 8, BLOCK_TRAILER = 4, MIN_BLOCK = 12, VERSION_MAJOR = 1 };

struct ng_interface {
    struct pcapng_clock clock;
    uint64_t lost_before; /* sum of the packets' own drop counts */
};

struct pcapng_file {
    struct reader *reader;
    bool big;
    size_t section; /* index of the section's first interface */
    struct ng_interface *interfaces;
    size_t capacity;
    size_t need;   /* bytes the window must have before the next block can be taken */
    uint32_t skip; /* instead: length of a block that is stepped over */
    bool skip_numbered;
};

enum taken { TAKEN_FRAME, TAKEN_OTHER, TAKEN_NOTHING };

struct option {
    uint16_t code;
    struct span value;
};

/* A wrong length ends the options: the packet before them is whole. */
static bool take_option(struct cursor *c, bool big, struct option *o)
{
    uint16_t len;
    if (!take_u16(c, big, &o->code) || !take_u16(c, big, &len) || o->code == OPT_END || !take_span(c, len, &o->value))
        return false;
    size_t padding = (4 - len % 4u) % 4;
    if (!take_skip(c, padding))
        c->len = 0;
    return true;
}

/* A number of up to eight bytes. */
static bool option_number(const struct option *o, bool big, size_t len, uint64_t *out)
{
    if (o->value.len < len)
        return false;
    uint64_t number = 0;
    for (size_t i = 0; i < len; i++)
        number = number << 8 | o->value.data[big ? i : len - 1 - i];
    *out = number;
    return true;
}

static enum taken damaged(struct pcapng_file *f, const char *what)
{
    reader_damage(f->reader, f->reader->stream.offset, what);
    return TAKEN_NOTHING;
}

static enum taken take_section(struct pcapng_file *f, struct cursor body)
{
    struct reader *r = f->reader;
    uint16_t major, minor;
    enum { SECTION_LENGTH = 8 };
    if (!take_skip(&body, 4) || !take_u16(&body, f->big, &major) || !take_u16(&body, f->big, &minor) ||
        !take_skip(&body, SECTION_LENGTH))
        return damaged(f, "the section header is too short in the block");
    if (major != VERSION_MAJOR) {
        char what[READER_DAMAGE / 2];
        snprintf(what, sizeof what, "pcapng version %u.%u is not supported, in the section", major, minor);
        return damaged(f, what);
    }
    f->section = r->info.interface_count;
    for (struct option o; take_option(&body, f->big, &o);) {
        if (o.code == SHB_HARDWARE && r->info.hardware == NULL)
            reader_text(&r->info.hardware, o.value);
        else if (o.code == SHB_OS && r->info.os == NULL)
            reader_text(&r->info.os, o.value);
        else if (o.code == SHB_APPLICATION && r->info.application == NULL)
            reader_text(&r->info.application, o.value);
        else if (o.code == OPT_COMMENT)
            reader_comment(r, 0, o.value);
    }
    return TAKEN_OTHER;
}

static struct ng_interface *add_interface(struct pcapng_file *f)
{
    size_t count = f->reader->info.interface_count;
    if (count == f->capacity) {
        size_t capacity = count == 0 ? 4 : count * 2;
        struct ng_interface *bigger = realloc(f->interfaces, capacity * sizeof *bigger);
        if (bigger == NULL)
            return NULL;
        f->interfaces = bigger;
        f->capacity = capacity;
    }
    return &f->interfaces[count];
}

static enum taken take_interface(struct pcapng_file *f, struct cursor body)
{
    uint16_t link;
    uint32_t snaplen;
    enum { RESERVED = 2 };
    if (!take_u16(&body, f->big, &link) || !take_skip(&body, RESERVED) || !take_u32(&body, f->big, &snaplen))
        return damaged(f, "the interface description is too short in the block");
    struct ng_interface *own = add_interface(f);
    if (own == NULL)
        return damaged(f, "memory is too short for the interface described");
    struct source_interface *i = reader_add_interface(f->reader, reader_link_type(link), snaplen);
    if (i == NULL)
        return TAKEN_NOTHING;
    uint64_t number, resolution = PCAPNG_DEFAULT_RESOLUTION, offset = 0;
    for (struct option o; take_option(&body, f->big, &o);) {
        if (o.code == IF_NAME)
            reader_text(&i->name, o.value);
        else if (o.code == IF_DESCRIPTION)
            reader_text(&i->description, o.value);
        else if (o.code == IF_TSRESOL && option_number(&o, f->big, 1, &number))
            resolution = number;
        else if (o.code == IF_TSOFFSET && option_number(&o, f->big, 8, &number))
            offset = number;
    }
    *own = (struct ng_interface){.clock = pcapng_clock((uint8_t)resolution, (int64_t)offset)};
    i->time_digits = pcapng_clock_digits((uint8_t)resolution);
    return TAKEN_OTHER;
}

static void add_drops(struct pcapng_file *f, size_t index, uint64_t drops)
{
    struct source_interface *i = &f->reader->interfaces[index];
    i->has_drops = true;
    if (drops > i->drops)
        i->drops = drops;
}

/* Some writers count what was lost between two packets at the second of them. */
static void add_lost_before(struct pcapng_file *f, size_t index, uint64_t lost)
{
    uint64_t *sum = &f->interfaces[index].lost_before;
    *sum = lost > UINT64_MAX - *sum ? UINT64_MAX : *sum + lost;
    add_drops(f, index, *sum);
}

/* Two words, the higher one first. */
static void note_end(struct pcapng_file *f, size_t index, const struct option *o)
{
    struct cursor c = cursor_of(o->value);
    uint32_t high, low;
    if (!take_u32(&c, f->big, &high) || !take_u32(&c, f->big, &low))
        return;
    int64_t end_ns = pcapng_time(&f->interfaces[index].clock, (uint64_t)high << 32 | low);
    if (end_ns > f->reader->info.end_ns)
        f->reader->info.end_ns = end_ns;
}

static enum taken take_statistics(struct pcapng_file *f, struct cursor body)
{
    uint32_t index;
    uint64_t number;
    enum { TIMESTAMP = 8 };
    if (!take_u32(&body, f->big, &index) || !take_skip(&body, TIMESTAMP))
        return damaged(f, "the interface statistics are too short in the block");
    if (index >= f->reader->info.interface_count - f->section)
        return TAKEN_OTHER; /* of no interface: nothing that a packet depends on */
    for (struct option o; take_option(&body, f->big, &o);)
        if ((o.code == ISB_IFDROP || o.code == ISB_OSDROP) && option_number(&o, f->big, 8, &number))
            add_drops(f, f->section + index, number);
        else if (o.code == ISB_ENDTIME)
            note_end(f, f->section + index, &o);
    return TAKEN_OTHER;
}

static enum taken take_secrets(struct pcapng_file *f, struct cursor body)
{
    uint32_t type, len;
    struct span secrets;
    if (!take_u32(&body, f->big, &type) || !take_u32(&body, f->big, &len) || !take_span(&body, len, &secrets))
        return damaged(f, "the decryption secrets are cut short in the block");
    if (f->reader->secrets != NULL)
        f->reader->secrets(f->reader->secrets_ctx, type, secrets);
    return TAKEN_OTHER;
}

/* Verdict types of epb_verdict: Linux's traffic control and XDP, and pktmon's drops, which are written as XDP's. */
static bool verdict_is_drop(const struct option *o, bool big)
{
    enum { LINUX_TC = 1, LINUX_XDP = 2, TC_SHOT = 2, XDP_ABORTED = 0, XDP_DROP = 1 };
    uint64_t value;
    if (o->value.len < 2)
        return false;
    struct option rest = {o->code, {o->value.data + 1, o->value.len - 1}};
    if (!option_number(&rest, big, rest.value.len < 8 ? rest.value.len : 8, &value))
        return false;
    if (o->value.data[0] == LINUX_TC)
        return value == TC_SHOT;
    return o->value.data[0] == LINUX_XDP && (value == XDP_ABORTED || value == XDP_DROP);
}

static void take_packet_options(struct pcapng_file *f, struct cursor *options, struct frame *frame)
{
    enum { DIRECTION = 3, INBOUND = 1, OUTBOUND = 2 };
    uint64_t number;
    for (struct option o; take_option(options, f->big, &o);) {
        if (o.code == OPT_COMMENT) {
            reader_comment(f->reader, frame->number, o.value);
            frame->comment = frame->comment.data == NULL ? o.value : frame->comment;
        } else if (o.code == EPB_FLAGS && option_number(&o, f->big, 4, &number))
            frame->flags |= (number & DIRECTION) == INBOUND    ? FRAME_INBOUND
                            : (number & DIRECTION) == OUTBOUND ? FRAME_OUTBOUND
                                                               : 0;
        else if (o.code == EPB_DROPCOUNT && option_number(&o, f->big, 8, &number))
            add_lost_before(f, frame->interface, number);
        else if (o.code == EPB_PACKETID && option_number(&o, f->big, 8, &number)) {
            frame->packet_id = number;
            frame->flags |= FRAME_HAS_PACKET_ID;
        } else if (o.code == EPB_VERDICT && verdict_is_drop(&o, f->big))
            frame->flags |= FRAME_DROPPED;
    }
}

/* An enhanced packet, or the obsolete kind, which has 16 bits each for interface and drops in the first word. */
static enum taken take_packet(struct pcapng_file *f, struct cursor body, bool obsolete, struct frame *frame)
{
    enum { DROPS_UNKNOWN = 0xffff };
    uint32_t index = 0, high, low, len, wire_len;
    uint16_t short_index = 0, drops = DROPS_UNKNOWN;
    struct span bytes;
    bool whole = obsolete ? take_u16(&body, f->big, &short_index) && take_u16(&body, f->big, &drops)
                          : take_u32(&body, f->big, &index);
    if (!whole || !take_u32(&body, f->big, &high) || !take_u32(&body, f->big, &low) || !take_u32(&body, f->big, &len) ||
        !take_u32(&body, f->big, &wire_len) || len > SOURCE_MAX_SNAPLEN || !take_span(&body, len, &bytes))
        return damaged(f, "an impossible packet length stands in the block");
    index += short_index;
    if (index >= f->reader->info.interface_count - f->section)
        return damaged(f, "a packet of an interface that is not described stands in the block");
    size_t interface = f->section + index;
    *frame = (struct frame){.number = ++f->reader->number,
                            .time_ns = pcapng_time(&f->interfaces[interface].clock, (uint64_t)high << 32 | low),
                            .bytes = bytes.data,
                            .len = len,
                            .wire_len = wire_len,
                            .interface = (uint32_t)interface,
                            .link_type = f->reader->interfaces[interface].link_type,
                            .flags = f->reader->stream.is_run ? FRAME_IN_A_RUN : 0};
    if (drops != DROPS_UNKNOWN && drops != 0)
        add_lost_before(f, interface, drops);
    size_t padding = (4 - len % 4) % 4;
    if (body.len > padding && take_skip(&body, padding))
        take_packet_options(f, &body, frame);
    return TAKEN_FRAME;
}

static enum taken take_simple_packet(struct pcapng_file *f, struct cursor body, struct frame *frame)
{
    uint32_t wire_len;
    if (!take_u32(&body, f->big, &wire_len))
        return damaged(f, "the simple packet is too short in the block");
    if (f->reader->info.interface_count == f->section)
        return damaged(f, "a packet of an interface that is not described stands in the block");
    const struct source_interface *i = &f->reader->interfaces[f->section];
    uint32_t len = wire_len;
    if (i->snaplen != 0 && len > i->snaplen)
        len = i->snaplen;
    struct span bytes;
    if (len > SOURCE_MAX_SNAPLEN || !take_span(&body, len, &bytes))
        return damaged(f, "an impossible packet length stands in the block");
    *frame = (struct frame){.number = ++f->reader->number,
                            .bytes = bytes.data,
                            .len = len,
                            .wire_len = wire_len,
                            .interface = (uint32_t)f->section,
                            .link_type = i->link_type};
    return TAKEN_FRAME;
}

static bool is_numbered(uint32_t type)
{
    return type == SYSTEMD_JOURNAL || type == SYSDIG_EVENT || type == SYSDIG_EVENT_2 || type == SYSDIG_EVENT_2_LARGE ||
           type == CUSTOM || type == CUSTOM_NOT_COPIED;
}

static enum taken take_body(struct pcapng_file *f, uint32_t type, struct cursor body, struct frame *frame)
{
    switch (type) {
    case ENHANCED_PACKET:
        return take_packet(f, body, false, frame);
    case PACKET:
        return take_packet(f, body, true, frame);
    case SIMPLE_PACKET:
        return take_simple_packet(f, body, frame);
    case SECTION_HEADER:
        return take_section(f, body);
    case INTERFACE_DESCRIPTION:
        return take_interface(f, body);
    case INTERFACE_STATISTICS:
        return take_statistics(f, body);
    case DECRYPTION_SECRETS:
        return take_secrets(f, body);
    default:
        f->reader->number += is_numbered(type);
        return TAKEN_OTHER;
    }
}

static bool is_read(uint32_t type)
{
    return type == ENHANCED_PACKET || type == PACKET || type == SIMPLE_PACKET || type == SECTION_HEADER ||
           type == INTERFACE_DESCRIPTION || type == INTERFACE_STATISTICS || type == DECRYPTION_SECRETS;
}

/* Type and length of the block at the window's start; a section header also sets the byte order. */
static bool take_block_header(struct pcapng_file *f, struct cursor *c, uint32_t *type, uint32_t *total)
{
    f->need = MIN_BLOCK;
    if (c->len < MIN_BLOCK || !take_u32(c, f->big, type))
        return false;
    struct cursor at = *c;
    uint32_t magic;
    if (*type == SECTION_HEADER) {
        if (!take_skip(&at, 4) || !take_be32(&at, &magic))
            return false;
        f->big = magic == BYTE_ORDER_MAGIC;
    }
    if (!take_u32(c, f->big, total))
        return false;
    at = *c;
    if (*type == SECTION_HEADER && (!take_u32(&at, f->big, &magic) || magic != BYTE_ORDER_MAGIC)) {
        damaged(f, "a section header without its byte order mark stands in the block");
        return false;
    }
    return true;
}

/* Some writers do not count the padding at a block's end. */
static uint32_t whole_size(uint32_t total)
{
    return (total + 3) & ~(uint32_t)3;
}

static enum taken take_block(struct pcapng_file *f, struct frame *frame)
{
    struct stream *s = &f->reader->stream;
    struct cursor c = cursor_of(span_of(s->at, s->left)), body;
    uint32_t type, total, again;
    if (!take_block_header(f, &c, &type, &total))
        return TAKEN_NOTHING;
    if (total < MIN_BLOCK || total > UINT32_MAX - 3)
        return damaged(f, "an impossible block length stands in the block");
    if (total > STREAM_MAX_RECORD && is_read(type))
        return damaged(f, "a block length beyond all reason stands in the block");
    uint32_t size = whole_size(total);
    f->need = size;
    if (size > s->left && !is_read(type)) {
        f->skip = total;
        f->skip_numbered = is_numbered(type);
        return TAKEN_NOTHING;
    }
    if (!take_sub(&c, size - BLOCK_HEADER - BLOCK_TRAILER, &body) || !take_u32(&c, f->big, &again))
        return TAKEN_NOTHING;
    if (again != total && again != size)
        return damaged(f, "two different lengths stand in the block");
    enum taken taken = take_body(f, type, body, frame);
    if (taken != TAKEN_NOTHING)
        stream_take(s, size);
    return taken;
}

/*
 * Packets without options that lie whole in the window, of a little-endian machine: most are. take_block goes on from the first
 * block that is not so, and tells why.
 */
static size_t take_usual(struct pcapng_file *f, struct frame *frames, size_t max)
{
    enum { PACKET_AT = BLOCK_HEADER + 20, LEAST = PACKET_AT + BLOCK_TRAILER };
    struct reader *r = f->reader;
    struct stream *s = &r->stream;
    const uint8_t *at = s->at, *end = at + s->left;
    size_t count = 0, described = r->info.interface_count - f->section;
    for (; !f->big && count < max && end - at >= LEAST; count++) {
        uint32_t total = load_le32(at + 4), index = load_le32(at + BLOCK_HEADER), len = load_le32(at + BLOCK_HEADER + 12);
        ahead_next(s->places);
        if (load_le32(at) != ENHANCED_PACKET || index >= described || len > SOURCE_MAX_SNAPLEN ||
            total != whole_size(len) + LEAST || (size_t)(end - at) < total || load_le32(at + total - BLOCK_TRAILER) != total)
            break;
        size_t interface = f->section + index;
        uint64_t time = (uint64_t)load_le32(at + BLOCK_HEADER + 4) << 32 | load_le32(at + BLOCK_HEADER + 8);
        frames[count] = (struct frame){.number = ++r->number,
                                       .time_ns = pcapng_time(&f->interfaces[interface].clock, time),
                                       .bytes = at + PACKET_AT,
                                       .len = len,
                                       .wire_len = load_le32(at + BLOCK_HEADER + 16),
                                       .interface = (uint32_t)interface,
                                       .link_type = r->interfaces[interface].link_type,
                                       .flags = s->is_run ? FRAME_IN_A_RUN : 0};
        at += total;
    }
    stream_take(s, (size_t)(at - s->at));
    return count;
}

/* Steps over a block that is not read and not all in the window; its second length is checked like the others'. */
static void skip_block(struct pcapng_file *f)
{
    struct reader *r = f->reader;
    struct stream *s = &r->stream;
    uint64_t begin = s->offset;
    uint32_t again = 0, total = f->skip, size = whole_size(total);
    bool there = stream_skip(s, size - BLOCK_TRAILER) && stream_fill(s, BLOCK_TRAILER);
    struct cursor c = cursor_of(span_of(s->at, s->left));
    f->skip = 0;
    if (!there || !take_u32(&c, f->big, &again)) {
        if (s->fault != NULL)
            reader_damage(r, s->offset, s->fault);
        reader_damage(r, begin, "the file ends in the block that begins");
    } else if (again != total && again != size) {
        reader_damage(r, begin, "two different lengths stand in the block");
    } else {
        stream_take(s, BLOCK_TRAILER);
        r->number += f->skip_numbered;
    }
}

/* More bytes of the file, for the block that take_block could not take. */
static void go_on(struct pcapng_file *f)
{
    struct stream *s = &f->reader->stream;
    if (f->skip > 0)
        skip_block(f);
    else if (!(f->big ? stream_fill(s, f->need) : stream_fill_records(s, f->need, RECORDS_PCAPNG, f->reader->number)))
        reader_ended(f->reader, "the block");
}

static size_t pcapng_file_next(void *state, struct frame *frames, size_t max)
{
    struct pcapng_file *f = state;
    bool sound = stream_is_sound(&f->reader->stream);
    size_t count = sound && !f->reader->finished ? take_usual(f, frames, max) : 0;
    if (!sound)
        reader_ended(f->reader, "the block");
    while (count < max && !f->reader->finished) {
        enum taken taken = take_block(f, &frames[count]);
        if (taken == TAKEN_FRAME)
            count++;
        else if (taken == TAKEN_NOTHING && count > 0) /* going on would move the bytes of the frames before */
            break;
        else if (taken == TAKEN_NOTHING && !f->reader->finished)
            go_on(f);
    }
    return count;
}

bool pcapng_file_recognise(struct span window)
{
    struct cursor c = cursor_of(window);
    uint32_t type;
    return take_be32(&c, &type) && type == SECTION_HEADER;
}

static void pcapng_file_close(void *state)
{
    struct pcapng_file *f = state;
    free(f->interfaces);
    free(f);
}

static void *pcapng_file_open(struct reader *r, const char *path, char error[static SOURCE_ERROR])
{
    (void)path;
    struct pcapng_file *f = calloc(1, sizeof *f);
    if (f == NULL) {
        snprintf(error, SOURCE_ERROR, "out of memory");
        return NULL;
    }
    f->reader = r;
    r->info.format = "pcapng";
    struct frame none;
    while (!r->finished && take_block(f, &none) == TAKEN_NOTHING)
        if (!r->finished)
            go_on(f);
    if (!r->finished)
        return f;
    snprintf(error, SOURCE_ERROR, "%s", r->info.damage != NULL ? r->damage : "the file ends in its section header");
    pcapng_file_close(f);
    return NULL;
}

const struct backend pcapng_file_backend = {
    .open = pcapng_file_open, .next = pcapng_file_next, .close = pcapng_file_close};
