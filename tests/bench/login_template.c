#include "login_template.h"

#include <stdio.h>
#include <stdlib.h>

#include "capture/source.h"
#include "dissect/eap/eap.h"
#include "dissect/net/packet.h"
#include "dissect/radius/radius.h"
#include "capture/wire/cursor.h"

enum { ETHERNET_HEADER = 14, IP_HEADER = 20, UDP_HEADER = 8, SIDE_MAX = 32768, RANDOM_LEN = 32, RANDOM_FRESH = 24, LEAF_FRESH = 8 };
enum { ATTRIBUTE_USER_NAME = 1, ATTRIBUTE_NAS_IP_ADDRESS = 4, ATTRIBUTE_STATE = 24, ATTRIBUTE_VENDOR = 26,
       ATTRIBUTE_CALLING_STATION_ID = 31, ATTRIBUTE_NAS_IDENTIFIER = 32, ATTRIBUTE_TUNNEL_CLIENT_ENDPOINT = 66,
       ATTRIBUTE_MESSAGE_AUTHENTICATOR = 80, VENDOR_HEADER = 6, VENDOR_RAS_CORRELATION = 56 };

/* One byte of a TLS stream, and where in the recording it stood. */
struct origin {
    uint16_t frame, offset;
};

/* The TLS bytes of one side, put together from EAP fragments. */
struct stream {
    uint8_t bytes[SIDE_MAX];
    struct origin origins[SIDE_MAX];
    size_t len;
};

struct building {
    struct login_template *t;
    struct stream records[2], handshake; /* of client and server; the messages of one side */
    char *error;
};

static bool fail(struct building *b, const char *why)
{
    snprintf(b->error, TEMPLATE_ERROR, "%s", why);
    return false;
}

static bool add_patch(struct building *b, size_t frame, size_t offset, size_t len, size_t from, enum patch_kind kind)
{
    struct login_template *t = b->t;
    if (t->patch_count == TEMPLATE_PATCHES_MAX)
        return fail(b, "too many places to change");
    t->patches[t->patch_count++] = (struct patch){(uint16_t)offset, (uint16_t)len, (uint16_t)from, (uint8_t)kind,
                                                  (uint8_t)frame};
    return true;
}

/* The same for bytes of a stream, which fragments may have torn apart. */
static bool add_stream_patch(struct building *b, const struct stream *s, size_t at, size_t len, enum patch_kind kind)
{
    for (size_t i = 0, run; i < len; i += run) {
        struct origin first = s->origins[at + i];
        for (run = 1; i + run < len; run++) {
            struct origin next = s->origins[at + i + run];
            if (next.frame != first.frame || next.offset != first.offset + run)
                break;
        }
        if (!add_patch(b, first.frame, first.offset, run, i, kind))
            return false;
    }
    return true;
}

static bool stream_push(struct stream *s, uint8_t byte, struct origin origin)
{
    if (s->len == SIDE_MAX)
        return false;
    s->bytes[s->len] = byte;
    s->origins[s->len++] = origin;
    return true;
}

/* Length of the user's own part: all before '@', or all after a backslash (then *from says where it begins). */
static size_t user_part(struct span name, size_t *from)
{
    const uint8_t *slash = memchr(name.data, '\\', name.len);
    const uint8_t *at = memchr(name.data, '@', name.len);
    *from = slash != NULL ? (size_t)(slash - name.data) + 1 : 0;
    size_t end = at != NULL ? (size_t)(at - name.data) : name.len;
    return end > *from ? end - *from : 0;
}

static bool patch_user(struct building *b, size_t frame, size_t offset, struct span name)
{
    size_t from, len = user_part(name, &from);
    return add_patch(b, frame, offset + from, len, 0, PATCH_USER);
}

static bool patch_attribute(struct building *b, size_t frame, size_t at, uint8_t type, struct span value)
{
    switch (type) {
    case ATTRIBUTE_USER_NAME:
        return patch_user(b, frame, at, value);
    case ATTRIBUTE_NAS_IP_ADDRESS:
        return value.len != 4 || add_patch(b, frame, at, 4, 0, PATCH_NAS_ADDRESS);
    case ATTRIBUTE_STATE:
        return add_patch(b, frame, at, value.len, 0, PATCH_MASK_STATE);
    case ATTRIBUTE_CALLING_STATION_ID:
    case ATTRIBUTE_TUNNEL_CLIENT_ENDPOINT:
        return add_patch(b, frame, at, value.len, 0, PATCH_STATION);
    case ATTRIBUTE_NAS_IDENTIFIER:
        return value.len < 2 || add_patch(b, frame, at + value.len - 2, 2, 0, PATCH_NAS_DIGITS);
    case ATTRIBUTE_VENDOR: /* one vendor attribute each, as the daemons write them; the GUID's first digits after "{" */
        return value.len < VENDOR_HEADER + 9 || value.data[4] != VENDOR_RAS_CORRELATION ||
               add_patch(b, frame, at + VENDOR_HEADER + 1, 8, 0, PATCH_CORRELATION);
    case ATTRIBUTE_MESSAGE_AUTHENTICATOR:
        b->t->frames[frame].message_authenticator = (uint16_t)at;
        return true;
    default:
        return true;
    }
}

static bool patch_attributes(struct building *b, size_t frame, struct span attributes)
{
    struct cursor c = cursor_of(attributes);
    while (c.len > 0) {
        uint8_t type, len;
        struct span value;
        if (!take_u8(&c, &type) || !take_u8(&c, &len) || len < 2 || !take_span(&c, len - 2u, &value))
            return fail(b, "an attribute's length is wrong");
        size_t at = (size_t)(value.data - b->t->frames[frame].bytes);
        if (!patch_attribute(b, frame, at, type, value))
            return false;
    }
    return true;
}

/* Takes the EAP packet of a frame: its identity is a place to change, its TLS bytes go to their side's stream. */
static bool take_eap(struct building *b, size_t frame, const struct radius_packet *rp)
{
    uint8_t joined[RADIUS_PACKET_MAX];
    uint16_t offsets[RADIUS_PACKET_MAX]; /* in the frame, of each byte */
    const struct template_frame *f = &b->t->frames[frame];
    size_t len = 0;
    for (size_t i = 0; i < rp->eap_pieces; i++)
        for (size_t k = 0; k < rp->eap[i].len && len < sizeof joined; k++, len++) {
            joined[len] = rp->eap[i].data[k];
            offsets[len] = (uint16_t)(rp->eap[i].data + k - f->bytes);
        }
    struct eap_packet eap;
    if (len == 0 || !eap_parse(span_of(joined, len), &eap))
        return true;
    if (eap.identity.len > 0 && !patch_user(b, frame, offsets[eap.identity.data - joined], eap.identity))
        return false;
    for (size_t i = 0; eap.tls_based && i < eap.tls_bytes.len; i++) {
        size_t at = (size_t)(eap.tls_bytes.data - joined) + i;
        struct origin origin = {(uint16_t)frame, offsets[at]};
        if (!stream_push(&b->records[f->request ? 0 : 1], joined[at], origin))
            return fail(b, "too many TLS bytes");
    }
    return true;
}

static bool patch_hello(struct building *b, size_t body, size_t len, enum patch_kind kind)
{
    size_t session = body + 2 + RANDOM_LEN;
    if (len < 2 + RANDOM_LEN + 1)
        return fail(b, "a hello is too short");
    size_t session_len = b->handshake.bytes[session];
    if (2 + RANDOM_LEN + 1 + session_len > len)
        return fail(b, "a session id is too long");
    /* the end of a server's random may say that the version was lowered: it stays */
    return add_stream_patch(b, &b->handshake, body + 2, RANDOM_FRESH, kind) &&
           add_stream_patch(b, &b->handshake, session + 1, session_len, PATCH_MASK_SESSION);
}

static bool patch_certificate(struct building *b, size_t body, size_t len)
{
    const uint8_t *p = b->handshake.bytes + body;
    if (len < 6)
        return true; /* an empty list */
    size_t leaf = (size_t)p[3] << 16 | (size_t)p[4] << 8 | p[5];
    if (leaf > len - 6 || leaf < LEAF_FRESH)
        return fail(b, "a certificate's length is wrong");
    return add_stream_patch(b, &b->handshake, body + 6 + leaf - LEAF_FRESH, LEAF_FRESH, PATCH_MASK_LEAF);
}

/* The handshake messages of one side, up to where encryption begins. */
static bool patch_handshake(struct building *b, const struct stream *records)
{
    enum { RECORD_HEADER = 5, HANDSHAKE = 22, CLIENT_HELLO = 1, SERVER_HELLO = 2, CERTIFICATE = 11 };
    struct stream *h = &b->handshake;
    h->len = 0;
    for (size_t at = 0; at + RECORD_HEADER <= records->len && records->bytes[at] == HANDSHAKE;) {
        size_t end = at + RECORD_HEADER + ((size_t)records->bytes[at + 3] << 8 | records->bytes[at + 4]);
        for (at += RECORD_HEADER; at < end && at < records->len; at++)
            if (!stream_push(h, records->bytes[at], records->origins[at]))
                return fail(b, "too many handshake bytes");
    }
    for (size_t at = 0; at + 4 <= h->len;) {
        const uint8_t *p = h->bytes + at;
        size_t len = (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3], body = at + 4;
        if (len > h->len - body)
            return fail(b, "a handshake message is not whole");
        if ((p[0] == CLIENT_HELLO && !patch_hello(b, body, len, PATCH_MASK_CLIENT)) ||
            (p[0] == SERVER_HELLO && !patch_hello(b, body, len, PATCH_MASK_SERVER)) ||
            (p[0] == CERTIFICATE && records == &b->records[1] && !patch_certificate(b, body, len)))
            return false;
        at = body + len;
    }
    return true;
}

static int by_frame(const void *a, const void *b)
{
    const struct patch *x = a, *y = b;
    if (x->frame != y->frame)
        return x->frame < y->frame ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* All frames of the login are there: its streams are searched, the places sorted. */
static bool finish_template(struct building *b)
{
    struct login_template *t = b->t;
    if (!patch_handshake(b, &b->records[0]) || !patch_handshake(b, &b->records[1]))
        return false;
    qsort(t->patches, t->patch_count, sizeof t->patches[0], by_frame);
    for (size_t i = 0; i < t->patch_count; i++) {
        struct template_frame *f = &t->frames[t->patches[i].frame];
        if (f->patches++ == 0)
            f->first_patch = (uint16_t)i;
    }
    return true;
}

static bool take_frame(struct building *b, const struct frame *frame, struct radius_packet *rp)
{
    struct login_template *t = b->t;
    if (t->frame_count == TEMPLATE_FRAMES_MAX || frame->len > TEMPLATE_FRAME_MAX)
        return fail(b, "a login has too many frames, or too long ones");
    struct template_frame *f = &t->frames[t->frame_count];
    *f = (struct template_frame){.len = (uint16_t)frame->len};
    memcpy(f->bytes, frame->bytes, frame->len);
    const uint8_t *ip = f->bytes + ETHERNET_HEADER;
    if (frame->len < ETHERNET_HEADER + IP_HEADER + UDP_HEADER || frame->link_type != LINKTYPE_ETHERNET || ip[0] != 0x45 ||
        ip[9] != IP_PROTO_UDP || (ip[6] & 0x3f) != 0 || ip[7] != 0)
        return fail(b, "a frame is not Ethernet, IPv4 without options and UDP");
    f->radius = ETHERNET_HEADER + IP_HEADER + UDP_HEADER;
    struct span radius = span_of(f->bytes + f->radius, frame->len - f->radius);
    if (!radius_parse(radius, (uint32_t)radius.len, rp) || rp->malformed || rp->length != radius.len)
        return fail(b, "a frame is not a whole RADIUS packet");
    f->request = rp->code == RADIUS_ACCESS_REQUEST;
    if (f->request != (t->frame_count % 2 == 0))
        return fail(b, "requests and answers do not alternate");
    t->frame_count++;
    return patch_attributes(b, t->frame_count - 1, rp->attributes) && take_eap(b, t->frame_count - 1, rp);
}

/* The templates of an open source; 0 and the error otherwise. */
static size_t read_all(struct source *s, struct building *b, struct login_template *out, size_t room)
{
    struct frame frames[SOURCE_BATCH];
    size_t done = 0;
    for (size_t n; (n = source_next(s, frames, SOURCE_BATCH)) > 0;)
        for (size_t i = 0; i < n; i++) {
            struct radius_packet rp;
            if (done == room) {
                fail(b, "too many logins");
                return 0;
            }
            b->t = &out[done];
            if (!take_frame(b, &frames[i], &rp))
                return 0;
            if (rp.code != RADIUS_ACCESS_ACCEPT && rp.code != RADIUS_ACCESS_REJECT)
                continue;
            b->t->established = rp.code == RADIUS_ACCESS_ACCEPT;
            if (!finish_template(b))
                return 0;
            b->records[0].len = b->records[1].len = 0;
            done++;
        }
    if (done == 0 || source_info(s)->damage != NULL || (done < room && out[done].frame_count > 0)) {
        fail(b, "the recording does not end with the end of a login");
        return 0;
    }
    return done;
}

size_t templates_read(const char *path, struct login_template *out, size_t room, char error[static TEMPLATE_ERROR])
{
    char why[SOURCE_ERROR];
    struct source *s = source_open(path, &(struct source_options){0}, why);
    struct building *b = calloc(1, sizeof *b);
    size_t done = 0;
    if (s == NULL) {
        snprintf(error, TEMPLATE_ERROR, "%.*s", TEMPLATE_ERROR - 1, why);
    } else if (b == NULL) {
        snprintf(error, TEMPLATE_ERROR, "memory is short");
    } else {
        b->error = error;
        done = read_all(s, b, out, room);
    }
    free(b);
    if (s != NULL)
        source_close(s);
    return done;
}
