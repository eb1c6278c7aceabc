/* PPP frames of a short link, and a record of what a carrier of PPP tells: for tests of L2TP and PPTP. */
#ifndef VS_TEST_PPP_BY_HAND_H
#define VS_TEST_PPP_BY_HAND_H

#include "bytes_by_hand.h"
#include "dissect/event.h"
#include "dissect/ppp/ppp_link.h"

enum { CLOSED_MAX = 8, CONVERSATIONS_MAX = 32 };

struct told {
    struct tls_context *tls;
    struct event_sink sink;
    uint32_t serial;
    struct frame frame;             /* of the next packet */
    unsigned opened, closed, messages, repeated_messages, ppp, datagrams;
    char last_message[64], last_words[96];
    enum direction last_dir;
    struct { uint32_t id; enum close_reason reason; struct ppp_call_state call; struct ppp_state ppp; bool has_ppp, begun_before;
             struct endpoint client, server; } ends[CLOSED_MAX];
    bool open[CONVERSATIONS_MAX];
};

static void told_event(void *ctx, const struct event *e)
{
    struct told *t = ctx;
    assert_non_null(e->conv);
    assert_true(e->conv->id < CONVERSATIONS_MAX);
    if (e->kind == EVENT_OPENED) {
        t->opened++;
        t->open[e->conv->id] = true;
        return;
    }
    assert_true(t->open[e->conv->id]);
    if (e->kind == EVENT_CALL) {
        t->messages++;
        t->repeated_messages += e->u.call->repeated;
        t->last_dir = e->dir;
        strncpy(t->last_message, e->u.call->name, sizeof t->last_message - 1);
        strncpy(t->last_words, e->u.call->words != NULL ? e->u.call->words : "", sizeof t->last_words - 1);
    } else if (e->kind == EVENT_PPP) {
        t->ppp += e->u.ppp->kind == PPP_EVENT_PACKET;
        t->datagrams += e->u.ppp->kind == PPP_EVENT_DATAGRAMS;
    } else if (e->kind == EVENT_CLOSED) {
        assert_true(t->closed < CLOSED_MAX);
        assert_non_null(e->u.closed.call);
        t->open[e->conv->id] = false;
        t->ends[t->closed].id = e->conv->id;
        t->ends[t->closed].reason = e->u.closed.reason;
        t->ends[t->closed].call = *e->u.closed.call;
        t->ends[t->closed].has_ppp = e->u.closed.ppp != NULL;
        t->ends[t->closed].begun_before = e->conv->begun_before;
        t->ends[t->closed].client = e->conv->client;
        t->ends[t->closed].server = e->conv->server;
        if (e->u.closed.ppp != NULL)
            t->ends[t->closed].ppp = *e->u.closed.ppp;
        t->closed++;
    }
}

static struct told *told_new(void)
{
    struct told *t = calloc(1, sizeof *t);
    assert_non_null(t);
    t->tls = tls_context_new(NULL, 1 << 18);
    t->sink = (struct event_sink){told_event, t, &t->serial, NULL};
    assert_non_null(t->tls);
    return t;
}

static void told_free(struct told *t)
{
    tls_context_free(t->tls);
    free(t);
}

struct ppp_step { enum direction dir; uint8_t len; uint8_t bytes[40]; };

/* LCP, PAP with user "ixia", IPCP, a datagram each way: 12 frames, of which 10 are control packets. */
static const struct ppp_step ppp_short_link[] = {
    {TO_SERVER, 14, {0xff, 3, 0xc0, 0x21, 1, 1, 0, 10, 5, 6, 1, 2, 3, 4}},
    {TO_CLIENT, 18, {0xff, 3, 0xc0, 0x21, 1, 1, 0, 14, 3, 4, 0xc0, 0x23, 5, 6, 9, 9, 9, 9}},
    {TO_SERVER, 18, {0xff, 3, 0xc0, 0x21, 2, 1, 0, 14, 3, 4, 0xc0, 0x23, 5, 6, 9, 9, 9, 9}},
    {TO_CLIENT, 14, {0xff, 3, 0xc0, 0x21, 2, 1, 0, 10, 5, 6, 1, 2, 3, 4}},
    {TO_SERVER, 16, {0xc0, 0x23, 1, 1, 0, 14, 4, 'i', 'x', 'i', 'a', 4, 'i', 'x', 'i', 'a'}},
    {TO_CLIENT, 7, {0xc0, 0x23, 2, 1, 0, 5, 0}},
    {TO_SERVER, 12, {0x80, 0x21, 1, 2, 0, 10, 3, 6, 10, 0, 0, 7}},
    {TO_CLIENT, 12, {0x80, 0x21, 2, 2, 0, 10, 3, 6, 10, 0, 0, 7}},
    {TO_CLIENT, 12, {0x80, 0x21, 1, 3, 0, 10, 3, 6, 10, 0, 0, 1}},
    {TO_SERVER, 12, {0x80, 0x21, 2, 3, 0, 10, 3, 6, 10, 0, 0, 1}},
    {TO_SERVER, 5, {0x21, 0x45, 0, 0, 20}},
    {TO_CLIENT, 5, {0x21, 0x45, 0, 0, 20}},
};
enum { PPP_SHORT_LINK = sizeof ppp_short_link / sizeof *ppp_short_link };

static void assert_short_link(const struct told *t, unsigned which)
{
    const struct ppp_state *p = &t->ends[which].ppp;
    assert_true(t->ends[which].has_ppp);
    assert_int_equal(p->authentication[TO_CLIENT].result, PPP_AUTH_SUCCEEDED);
    assert_int_equal(p->user_len, 4);
    assert_memory_equal(p->user, "ixia", 4);
    assert_int_equal(ppp_network_outcome(p), PPP_NETWORK_UP);
    assert_int_equal(p->datagrams[TO_SERVER], 1);
    assert_int_equal(p->datagrams[TO_CLIENT], 1);
    assert_int_equal(p->malformed, 0);
}

#endif
