#include "analyze/record/recorder.h"

#include <stdio.h>
#include <stdlib.h>

#include "analyze/record/ties.h"
#include "analyze/session/attempts.h"

enum { NOTE_MOST = 200 };

struct recorder {
    struct hold *hold;
    struct ring_files *files;
    struct {
        uint64_t recorded; /* exchanges that failed and were written */
        uint64_t partly;   /* of these, such that packets of theirs had been given up before */
        uint64_t lost;     /* such that nothing, or not all, could be written */
    } counters;
    const char *note; /* of the next packet */
    uint64_t first;   /* number of the first packet written of an exchange, 0 none */
    uint32_t capture; /* of that exchange */
    uint64_t bytes;   /* that an exchange will take */
    uint32_t lingers; /* id of the conversation that is ending, when it is still held */
    size_t interface_count;
};

struct recorder *recorder_new(const struct recorder_options *options, char error[static RING_FILES_ERROR])
{
    struct recorder *r = calloc(1, sizeof *r);
    snprintf(error, RING_FILES_ERROR, "out of memory");
    if (r == NULL)
        return NULL;
    r->hold = hold_new(options->memory_bytes);
    r->interface_count = options->files.interface_count;
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
    const struct conversation *c = e->conv;
    bool tunnel = c->type != CONVERSATION_RADIUS && c->type != CONVERSATION_EAPOL;
    struct endpoint client = {c->client.address, c->type == CONVERSATION_SSTP ? c->client.port : 0}; /* IKE goes on from another one */
    ties_opened(r->hold, e);
    hold_set_party(r->hold, ties_conversation(c->id),
                   &(struct hold_party){.client = client, .from_ns = e->place.time_ns, .until_ns = INT64_MAX,
                                        .role = tunnel ? HOLD_TUNNEL : HOLD_NEITHER});
}

static bool measure(void *ctx, const struct frame *f)
{
    struct recorder *r = ctx;
    r->bytes += pcapng_packet_bytes(f->len) - (r->bytes > 0 ? PCAPNG_NOTE_MAX : 0); /* one has a note */
    r->first = r->first == 0 && f->capture == r->capture ? f->number : r->first;
    return true;
}

static bool write_packet(void *ctx, const struct frame *f)
{
    struct recorder *r = ctx;
    bool good = ring_files_packet(r->files, f, f->capture, r->note);
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

/* Writes what is held of it; rest: there may be nothing, as it was written before. */
static void write_strand(struct recorder *r, const struct exchange *x, bool rest)
{
    char note[NOTE_MOST];
    struct hold_key self = ties_conversation(x->id);
    r->bytes = r->first = 0;
    hold_each(r->hold, self, measure, r);
    if (r->bytes == 0 && rest)
        return; /* and nothing more came */
    if (r->bytes == 0 || !ring_files_start(r->files, r->bytes)) {
        r->counters.lost++;
        return;
    }
    make_note(x, note);
    r->note = note;
    hold_each(r->hold, self, write_packet, r);
    for (size_t i = 0; i < r->interface_count; i++)
        ring_files_end(r->files, (uint32_t)i, x->capture_last_ns);
    bool good = ring_files_finish(r->files);
    r->counters.recorded += good;
    r->counters.lost += !good;
    r->counters.partly += good && !rest && (r->first == 0 || r->first > x->first.frame);
}

/* What belongs to the same attempt is written with it: the tunnel so far, and the rest of it when it ends; all of its logins. */
static void join_partners(struct recorder *r, struct hold_key self, const struct hold_party *party)
{
    enum { LOGINS_MOST = 8 };
    struct hold_key other;
    if (party->role == HOLD_LOGIN && hold_partner(r->hold, HOLD_TUNNEL, party, &other)) {
        struct hold_party tunnel = *hold_party(r->hold, other);
        ties_rest(r->hold, (uint32_t)other.serial);
        hold_move(r->hold, other, self);
        tunnel.recorded = true;
        hold_set_party(r->hold, other, &tunnel);
    }
    for (unsigned i = 0; i < LOGINS_MOST && party->role == HOLD_TUNNEL && hold_partner(r->hold, HOLD_LOGIN, party, &other); i++)
        hold_join(r->hold, other, self);
}

/* Whose attempt it is, as far as its own packets show it. */
static struct hold_party party_of(const struct exchange *x)
{
    struct hold_party p = {.client = x->client, .from_ns = x->first.time_ns, .until_ns = x->last.time_ns};
    if (x->type != CONVERSATION_SSTP)
        p.client.port = 0;
    if (attempts_is_tunnel(x))
        p.role = HOLD_TUNNEL;
    else if (attempts_is_login(x) && attempts_login_client(x, &p.client))
        p.role = HOLD_LOGIN;
    return p;
}

void recorder_judged(struct recorder *r, const struct exchange *x, bool failed)
{
    struct hold_key self = ties_conversation(x->id);
    struct hold_party party = party_of(x);
    const struct hold_party *before = hold_party(r->hold, self);
    bool rest = before != NULL && before->recorded && x->outcome != OUTCOME_ESTABLISHED;
    bool over = party.role == HOLD_NEITHER || (party.role == HOLD_TUNNEL && x->outcome == OUTCOME_ESTABLISHED);
    ties_rest(r->hold, x->id);
    if (failed || rest) {
        hold_join_datagrams(r->hold, self);
        r->capture = x->first.capture;
        if (failed)
            join_partners(r, self, &party);
        write_strand(r, x, rest);
    } else if (!over) {
        hold_set_party(r->hold, self, &party);
        hold_linger(r->hold, self);
        r->lingers = x->id;
    }
}

void recorder_ended(struct recorder *r, const struct conversation *c)
{
    if (r->lingers != c->id)
        ties_forget(r->hold, c->id);
    r->lingers = 0;
}

uint64_t recorder_bytes(const struct recorder *r)
{
    return hold_bytes(r->hold);
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
