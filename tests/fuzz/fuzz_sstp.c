/*
 * One SSTP connection. The input is a list of pieces: a control octet, a length (one octet), octets. Control: 1 from
 * the server, 2 a gap of that length instead, 4 the side ends the connection, 8 check a crypto binding with what was
 * seen.
 */
#include "dissect/sstp/sstp_binding.h"
#include "dissect/sstp/sstp_link.h"
#include "tests/fuzz/fuzz_bytes.h"

enum { BUFFERS = 1 << 18 };
enum { FROM_SERVER = 1, GAP = 2, CLOSED = 4, CHECK = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything lent must be readable. */
static void on_event(void *ctx, const struct sstp_event *e)
{
    (void)ctx;
    if (e->kind == SSTP_EVENT_PPP && e->u.ppp->kind == PPP_EVENT_PACKET)
        touch(e->u.ppp->u.packet->data);
    if (e->kind != SSTP_EVENT_CONTROL)
        return;
    touch(e->u.packet->payload);
    for (unsigned i = 0; i < e->u.packet->attributes_read; i++) {
        const struct sstp_attribute *a = &e->u.packet->attributes[i];
        const struct span all[] = {a->value, a->status_value, a->nonce, a->certificate_hash, a->mac};
        touch_all(all, sizeof all / sizeof *all);
    }
}

static void check(struct digests *d, const struct sstp_state *s)
{
    static const uint8_t hlak[SSTP_HLAK] = {1};
    struct sstp_binding_facts facts = {.hashes_accepted = s->hashes_accepted,
                                       .certificate = span_of(hlak, sizeof hlak),
                                       .hlak = hlak};
    struct sstp_binding_check out;
    if (s->has_connected)
        facts.connected = span_of(s->connected, sizeof s->connected);
    if (s->has_nonce)
        facts.nonce = span_of(s->nonce, sizeof s->nonce);
    sstp_binding_check(d, &facts, &out);
    if ((out.result == SSTP_VALID) != (out.reason == NULL))
        abort();
}

static void feed(struct sstp_link *link, uint8_t control, const struct piece *piece, const struct place *place)
{
    enum direction dir = (control & FROM_SERVER) != 0 ? TO_CLIENT : TO_SERVER;
    if ((control & GAP) != 0) {
        sstp_link_gap(link, dir, piece->len, place);
        return;
    }
    sstp_link_feed(link, dir, span_of(piece->bytes, piece->len), place);
    if ((control & CLOSED) != 0)
        sstp_link_closed(link, dir, place);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tls_context *tls = tls_context_new(NULL, BUFFERS);
    struct digests *digests = digests_new();
    struct sstp_link *link = tls != NULL ? sstp_link_new(tls, on_event, NULL) : NULL;
    struct cursor c = cursor_of(span_of(data, size));
    struct place place = {.frame = 0};
    uint8_t control, len;
    if (link == NULL || digests == NULL)
        abort();
    while (take_u8(&c, &control) && take_u8(&c, &len)) {
        struct piece piece = take_piece(&c, len);
        place.frame++;
        place.time_ns += 1000000000;
        feed(link, control, &piece, &place);
        free(piece.bytes);
        if ((control & CHECK) != 0)
            check(digests, sstp_link_state(link));
        (void)sstp_waits_for(sstp_link_state(link), place.time_ns + 60000000000);
    }
    sstp_link_free(link);
    digests_free(digests);
    tls_context_free(tls);
    return 0;
}
