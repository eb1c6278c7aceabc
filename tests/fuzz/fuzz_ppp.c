/*
 * One PPP link. The input is a list of frames: a control octet, a length (one octet), bytes. Control: 1 from the
 * server, 2 cut by the capture.
 */
#include "dissect/ppp/ppp_link.h"
#include "tests/fuzz/fuzz_bytes.h"

enum { BUFFERS = 1 << 18 };
enum { FROM_SERVER = 1, CUT = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Everything lent must be readable. */
static void on_event(void *ctx, const struct ppp_event *e)
{
    (void)ctx;
    if (e->kind != PPP_EVENT_PACKET)
        return;
    const struct ppp_packet *p = e->u.packet;
    const struct span all[] = {p->data, p->options, p->rejected, p->identity, p->message, p->name, p->value};
    touch_all(all, sizeof all / sizeof *all);
    struct mschap_failure failure;
    mschap_failure_parse(p->message, &failure);
    touch(failure.message);
    touch(failure.challenge);
    touch(mschap_success_authenticator(p->message));
    struct cursor c = cursor_of(p->options);
    struct ppp_option o;
    while (ppp_option_next(&c, p->protocol, &o, NULL))
        touch(o.value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tls_context *tls = tls_context_new(NULL, BUFFERS);
    struct ppp_link *link = tls != NULL ? ppp_link_new(tls, on_event, NULL) : NULL;
    struct cursor c = cursor_of(span_of(data, size));
    struct place place = {.frame = 0};
    uint8_t control, len;
    if (link == NULL)
        abort();
    while (take_u8(&c, &control) && take_u8(&c, &len)) {
        struct piece piece = take_piece(&c, len);
        place.frame++;
        ppp_link_feed(link, (control & FROM_SERVER) != 0 ? TO_CLIENT : TO_SERVER, span_of(piece.bytes, piece.len),
                      (control & CUT) != 0, &place);
        free(piece.bytes);
    }
    const struct ppp_state *s = ppp_link_state(link);
    if (s->computer_len > PPP_COMPUTER_MAX || s->user_len > PPP_USER_MAX ||
        s->authentication[0].offered_count > PPP_OFFERS_MAX || s->authentication[1].wanted_count > PPP_OFFERS_MAX)
        abort();
    (void)ppp_network_error(ppp_network_outcome(s));
    ppp_link_free(link);
    tls_context_free(tls);
    return 0;
}
