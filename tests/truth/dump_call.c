#include "dump_call.h"

#include <stdio.h>

#include "dissect/ppp/ppp_link.h"

static const char *carrier_of(const struct event *e)
{
    return e->conv->type == CONVERSATION_L2TP ? "l2tp" : "pptp";
}

void dump_call_message(const struct event *e)
{
    printf("%s %llu type=%u%s\n", carrier_of(e), (unsigned long long)e->place.frame, e->u.call->type,
           e->u.call->repeated ? " again" : "");
}

void dump_call_ppp(const struct event *e)
{
    const struct ppp_event *p = e->u.ppp;
    if (p->kind == PPP_EVENT_PACKET)
        printf("ppp %llu protocol=%04x code=%u%s\n", (unsigned long long)e->place.frame, p->u.packet->protocol,
               p->u.packet->code, p->repeated ? " again" : "");
}

/* Blanks and signs of equality separate words: they become underscores. */
static void print_word(const char *before, const char *text, size_t len)
{
    printf("%s", before);
    for (size_t i = 0; i < len; i++)
        putchar(text[i] > ' ' && text[i] != '=' && text[i] < 0x7f ? text[i] : '_');
}

void dump_call_closed(const struct event *e)
{
    static const char *const auth[] = {[PPP_AUTH_NONE] = "none", [PPP_AUTH_RUNNING] = "running",
                                       [PPP_AUTH_SUCCEEDED] = "succeeded", [PPP_AUTH_FAILED] = "failed"};
    const struct ppp_call_state *c = e->u.closed.call;
    const struct ppp_state *p = e->u.closed.ppp;
    char client[ADDRESS_TEXT], server[ADDRESS_TEXT];
    printf("call %llu %s to_server=%u/%u to_client=%u/%u stage=%u end=%u client=%s server=%s frames=%llu/%llu",
           (unsigned long long)e->place.frame, carrier_of(e), c->tunnel[TO_SERVER], c->call[TO_SERVER], c->tunnel[TO_CLIENT],
           c->call[TO_CLIENT], c->stage, c->end, address_text(client, &e->conv->client.address),
           address_text(server, &e->conv->server.address), (unsigned long long)c->packets[TO_SERVER],
           (unsigned long long)c->packets[TO_CLIENT]);
    if (p != NULL) {
        const struct ppp_authentication *a = &p->authentication[TO_CLIENT];
        print_word(" user=", p->user, p->user_len);
        printf(" auth=%s method=%04x network=%s datagrams=%llu/%llu", auth[a->result], a->chosen.protocol,
               ppp_network_outcome(p) == PPP_NETWORK_UP ? "up" : "down", (unsigned long long)p->datagrams[TO_SERVER],
               (unsigned long long)p->datagrams[TO_CLIENT]);
    }
    printf("\n");
}
