#include "analyze/record/recorder.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyze/record/ties.h"

enum { NOTE_MOST = 200 };

struct recorder {
    struct hold *hold;
    struct ring_files *files;
    struct recorder_counters counters;
    const char *note; /* of the next packet */
    uint64_t first;   /* number of the first packet written of an exchange, 0 none */
    uint64_t bytes;   /* that an exchange will take */
};

struct recorder *recorder_new(const struct recorder_options *options, char error[static RING_FILES_ERROR])
{
    struct recorder *r = calloc(1, sizeof *r);
    snprintf(error, RING_FILES_ERROR, "out of memory");
    if (r == NULL)
        return NULL;
    r->hold = hold_new(options->memory_bytes);
    if (r->hold != NULL)
        r->files = ring_files_new(&options->files, error);
    if (r->files != NULL)
        return r;
    recorder_free(r);
    return NULL;
}

void recorder_free(struct recorder *r)
{
    if (r == NULL)
        return;
    hold_free(r->hold);
    ring_files_free(r->files);
    free(r);
}

bool recorder_begin(struct recorder *r, char error[static RING_FILES_ERROR])
{
    return ring_files_begin(r->files, error);
}

void recorder_frame(void *ctx, const struct frame *f, const struct frame_ties *ties)
{
    struct recorder *r = ctx;
    struct hold *h = r->hold;
    struct hold_key to = ties_strand(h, ties);
    if (f == NULL || to.kind == HOLD_NOTHING)
        return;
    (void)hold_add(h, to, f, ties->bulk);
    if (to.kind == HOLD_DATAGRAM)
        hold_ends(h, to, &(struct hold_ends){ties->src, ties->dst, f->time_ns, ties->ip_proto});
}

void recorder_opened(struct recorder *r, const struct event *e)
{
    ties_opened(r->hold, e);
}

static bool measure(void *ctx, const struct frame *f)
{
    struct recorder *r = ctx;
    r->bytes += pcapng_packet_bytes(f->len) - (r->bytes > 0 ? PCAPNG_NOTE_MAX : 0); /* one has a note */
    r->first = r->first == 0 ? f->number : r->first;
    return true;
}

static bool write_packet(void *ctx, const struct frame *f)
{
    struct recorder *r = ctx;
    bool good = ring_files_packet(r->files, f, f->capture, r->note);
    r->counters.packets += good;
    r->note = NULL;
    return good;
}

static const char *type_name(uint8_t type)
{
    static const char *const names[] = {[CONVERSATION_RADIUS] = "RADIUS", [CONVERSATION_EAPOL] = "EAPOL",
                                        [CONVERSATION_IKE] = "IKEv2",     [CONVERSATION_IKE1] = "IKEv1",
                                        [CONVERSATION_SSTP] = "SSTP",     [CONVERSATION_L2TP] = "L2TP",
                                        [CONVERSATION_PPTP] = "PPTP"};
    return type < sizeof names / sizeof *names ? names[type] : "?";
}

static void make_note(const struct exchange *x, char note[static NOTE_MOST])
{
    char client[ENDPOINT_TEXT], server[ENDPOINT_TEXT];
    snprintf(note, NOTE_MOST, "vpnscope: exchange %u, %s of %s with %s: %s", (unsigned)x->id, type_name(x->type),
             endpoint_text(client, &x->client), endpoint_text(server, &x->server),
             outcome_name((enum outcome)x->outcome));
}

void recorder_failed(struct recorder *r, const struct exchange *x)
{
    char note[NOTE_MOST];
    struct hold_key self = ties_conversation(x->id);
    ties_rest(r->hold, x->id);
    hold_join_datagrams(r->hold, self);
    r->bytes = r->first = 0;
    hold_each(r->hold, self, measure, r);
    if (r->bytes == 0 || !ring_files_start(r->files, r->bytes)) {
        r->counters.lost++;
        return;
    }
    make_note(x, note);
    r->note = note;
    hold_each(r->hold, self, write_packet, r);
    ring_files_end(r->files, x->last.capture, x->capture_last_ns);
    bool good = ring_files_finish(r->files);
    r->counters.recorded += good;
    r->counters.lost += !good;
    r->counters.partly += good && r->first > x->first.frame;
}

void recorder_ended(struct recorder *r, const struct conversation *c)
{
    ties_forget(r->hold, c->id);
}

void recorder_get_counters(const struct recorder *r, struct recorder_counters *out)
{
    *out = r->counters;
}

bool recorder_lost(const struct recorder *r)
{
    return r->counters.lost > 0;
}

bool recorder_shortage(const struct recorder *r, char text[static RING_FILES_ERROR])
{
    const struct hold_counters *h = hold_counters(r->hold);
    if (r->counters.partly == 0 && r->counters.lost == 0)
        return false;
    snprintf(text, RING_FILES_ERROR,
             "of the sessions that failed %llu were recorded, %llu of them without their beginning, and %llu not or not wholly "
             "(%llu packets were given up for want of memory)",
             (unsigned long long)r->counters.recorded, (unsigned long long)r->counters.partly,
             (unsigned long long)r->counters.lost, (unsigned long long)h->evicted_packets);
    return true;
}
