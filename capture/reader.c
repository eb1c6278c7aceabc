#include "capture/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void reader_damage(struct reader *r, uint64_t offset, const char *what)
{
    r->finished = true;
    if (r->info.damage != NULL)
        return;
    if (!stream_is_sound(&r->stream)) /* what was found wrong did not stand in the file */
        what = r->stream.fault;
    snprintf(r->damage, sizeof r->damage, "%s at byte %" PRIu64 "%s", what, offset,
             r->stream.compression != NULL ? " of the decompressed data" : "");
    r->info.damage = r->damage;
}

void reader_ended(struct reader *r, const char *what)
{
    const struct stream *s = &r->stream;
    char text[READER_DAMAGE];
    r->finished = true;
    if (s->fault != NULL && s->left == 0)
        reader_damage(r, s->offset, s->fault);
    else if (s->left > 0) {
        snprintf(text, sizeof text, "%s in %s that begins", s->fault != NULL ? s->fault : "the file ends", what);
        reader_damage(r, s->offset, text);
    }
}

struct source_interface *reader_add_interface(struct reader *r, uint16_t link_type, uint32_t snaplen)
{
    size_t count = r->info.interface_count;
    if (count == READER_MAX_INTERFACES) {
        reader_damage(r, r->stream.offset, "more interfaces than are kept are described");
        return NULL;
    }
    if (count == r->capacity) {
        size_t capacity = count == 0 ? 4 : count * 2;
        struct source_interface *bigger = realloc(r->interfaces, capacity * sizeof *bigger);
        if (bigger == NULL) {
            reader_damage(r, r->stream.offset, "memory is too short for the interface described");
            return NULL;
        }
        r->info.interfaces = r->interfaces = bigger;
        r->capacity = capacity;
    }
    struct source_interface *added = &r->interfaces[r->info.interface_count++];
    *added = (struct source_interface){.snaplen = snaplen, .link_type = link_type, .time_digits = 6};
    return added;
}

/* The text was allocated by reader_text. */
static void free_text(const char *text)
{
    union {
        const char *lent;
        char *own;
    } t = {text};
    free(t.own);
}

void reader_text(const char **text, struct span said)
{
    size_t len = said.len < READER_MAX_TEXT ? said.len : READER_MAX_TEXT;
    const uint8_t *end = len > 0 ? memchr(said.data, 0, len) : NULL;
    if (end != NULL)
        len = (size_t)(end - said.data);
    char *copy = len > 0 ? malloc(len + 1) : NULL;
    if (copy == NULL)
        return;
    memcpy(copy, said.data, len);
    copy[len] = '\0';
    free_text(*text);
    *text = copy;
}

void reader_comment(struct reader *r, uint64_t frame, struct span said)
{
    size_t len = said.len < SOURCE_COMMENT - 1 ? said.len : SOURCE_COMMENT - 1;
    const uint8_t *end = len > 0 ? memchr(said.data, 0, len) : NULL;
    if (end != NULL)
        len = (size_t)(end - said.data);
    if (len == 0)
        return;
    r->info.comments_seen++;
    if (r->comments == NULL)
        r->info.comments = r->comments = calloc(SOURCE_COMMENTS, sizeof *r->comments);
    if (r->comments == NULL || r->info.comment_count == SOURCE_COMMENTS)
        return;
    struct source_comment *c = &r->comments[r->info.comment_count++];
    c->frame = frame;
    memcpy(c->text, said.data, len);
}

uint16_t reader_link_type(uint32_t said)
{
    enum { RAW_OF_MOST_SYSTEMS = 12, RAW_OF_OPENBSD = 14 };
    uint16_t type = said & 0xffff;
    return type == RAW_OF_MOST_SYSTEMS || type == RAW_OF_OPENBSD ? LINKTYPE_RAW : type;
}

void reader_free(struct reader *r)
{
    for (size_t i = 0; i < r->info.interface_count; i++) {
        free_text(r->interfaces[i].name);
        free_text(r->interfaces[i].description);
    }
    free(r->interfaces);
    free(r->comments);
    free_text(r->info.hardware);
    free_text(r->info.os);
    free_text(r->info.application);
    stream_close(&r->stream);
}
