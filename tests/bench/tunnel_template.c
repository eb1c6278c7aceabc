#include "tunnel_template.h"

#include <stdio.h>

enum { ETHERNET = 14, IP = 20, PROTO = 9, TCP = 6, SYN = 2, FIN = 1, RECORD = 5, ALERT = 21, HANDSHAKE = 22, CLIENT_HELLO = 1,
       FAREWELL = 2 /* segments before the alerts: CALL_DISCONNECT and its answer */ };

/* The segment in a frame; false when it is none of TCP. */
static bool segment_of(const struct frame *f, struct tunnel_segment *out, uint16_t ports[static 2])
{
    const uint8_t *ip = f->bytes + ETHERNET, *tcp = ip + IP;
    if (f->len < ETHERNET + IP + IP || ip[0] != 0x45 || ip[PROTO] != TCP)
        return false;
    size_t total = (size_t)ip[2] << 8 | ip[3], header = IP + (size_t)(tcp[12] >> 4) * 4;
    if (total < header || f->len < ETHERNET + total || total - header > TUNNEL_SEGMENT)
        return false;
    ports[0] = (uint16_t)(tcp[0] << 8 | tcp[1]);
    ports[1] = (uint16_t)(tcp[2] << 8 | tcp[3]);
    out->flags = tcp[13];
    out->len = (uint16_t)(total - header);
    memcpy(out->bytes, ip + header, out->len);
    return true;
}

static void take(struct tunnel_template *t, const struct frame *f, uint16_t client, bool *ended)
{
    uint16_t ports[2];
    struct tunnel_segment *s = &t->segments[t->count];
    if (*ended || t->count == TUNNEL_SEGMENTS || !segment_of(f, s, ports) || (s->flags & SYN) != 0)
        return;
    s->from_client = ports[0] == client;
    *ended = (s->flags & FIN) != 0 || (s->len > 0 && s->bytes[0] == ALERT);
    if (!*ended)
        t->count++;
}

/* What says farewell belongs to the end of the tunnel. */
static void drop_farewell(struct tunnel_template *t)
{
    for (unsigned dropped = 0; t->count > 0 && dropped < FAREWELL; t->count--)
        dropped += t->segments[t->count - 1].len > 0;
}

bool tunnel_read(struct tunnel_template *t, const char *recording, char error[static SOURCE_ERROR])
{
    struct frame frames[SOURCE_BATCH];
    struct source *s = source_open(recording, &(struct source_options){0}, error);
    struct tunnel_segment first;
    uint16_t client = 0, ports[2];
    bool ended = false;
    if (s == NULL)
        return false;
    for (size_t n; (n = source_next(s, frames, SOURCE_BATCH)) > 0;)
        for (size_t i = 0; i < n; i++) {
            if (client == 0 && segment_of(&frames[i], &first, ports))
                client = ports[0];
            take(t, &frames[i], client, &ended);
        }
    source_close(s);
    drop_farewell(t);
    snprintf(error, SOURCE_ERROR, "%s holds no TLS connection from its beginning to its end", recording);
    for (size_t i = 0; i < t->count; i++) {
        const struct tunnel_segment *one = &t->segments[i];
        if (one->len == 0)
            continue;
        t->random_at = RECORD + 4 + 2;
        return ended && one->from_client && one->len > t->random_at + TUNNEL_RANDOM && one->bytes[0] == HANDSHAKE &&
               one->bytes[RECORD] == CLIENT_HELLO;
    }
    return false;
}
