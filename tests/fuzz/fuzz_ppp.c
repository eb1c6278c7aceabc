/*
 * One PPP link. The input is a list of frames: a control octet, a length (one octet), bytes. Control: 1 from the
 * server, 2 cut by the capture.
 */
#include <stdlib.h>

#include "dissect/ppp/ppp_link.h"

enum { BUFFERS = 1 << 18 };
enum { FROM_SERVER = 1, CUT = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t sum_of(struct span s)
{
    uint8_t sum = 0;
    for (size_t i = 0; i < s.len; i++)
        sum ^= s.data[i];
    return sum;
}

/* Everything lent must be readable, and the state must keep its promises at every event. */
static void on_event(void *ctx, const struct ppp_event *e)
{
    volatile uint8_t *sum = ctx;
    if (e->kind != PPP_EVENT_PACKET)
        return;
    const struct ppp_packet *p = e->u.packet;
    const struct span all[] = {p->data, p->options, p->rejected, p->identity, p->message, p->name, p->value};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        *sum ^= sum_of(all[i]);
    struct mschap_failure failure;
    mschap_failure_parse(p->message, &failure);
    *sum ^= sum_of(failure.message) ^ sum_of(failure.challenge) ^ sum_of(mschap_success_authenticator(p->message));
    struct cursor c = cursor_of(p->options);
    struct ppp_option o;
    while (ppp_option_next(&c, p->protocol, &o, NULL))
        *sum ^= sum_of(o.value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    volatile uint8_t sum = 0;
    struct secrets *secrets = secrets_new();
    struct tls_context *tls = tls_context_new(secrets, BUFFERS);
    struct ppp_link *link = tls != NULL ? ppp_link_new(tls, on_event, (void *)(uintptr_t)&sum) : NULL;
    struct cursor c = cursor_of(span_of(data, size));
    struct place place = {.frame = 0};
    uint8_t control, len;
    while (link != NULL && take_u8(&c, &control) && take_u8(&c, &len)) {
        struct span bytes;
        if (!take_span(&c, len < c.len ? len : c.len, &bytes))
            break;
        uint8_t *copy = malloc(bytes.len > 0 ? bytes.len : 1);
        if (copy == NULL)
            break;
        if (bytes.len > 0)
            memcpy(copy, bytes.data, bytes.len);
        place.frame++;
        ppp_link_feed(link, (control & FROM_SERVER) != 0 ? TO_CLIENT : TO_SERVER, span_of(copy, bytes.len),
                      (control & CUT) != 0, &place);
        free(copy);
    }
    if (link != NULL) {
        const struct ppp_state *s = ppp_link_state(link);
        if (s->computer_len > PPP_COMPUTER_MAX || s->user_len > PPP_USER_MAX ||
            s->authentication[0].offered_count > PPP_OFFERS_MAX || s->authentication[1].wanted_count > PPP_OFFERS_MAX)
            abort();
        (void)ppp_network_error(ppp_network_outcome(s));
    }
    ppp_link_free(link);
    tls_context_free(tls);
    secrets_free(secrets);
    return 0;
}
