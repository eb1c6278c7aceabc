/* The message ladder's lines about PPP. */
#include <stdio.h>

#include "analyze/session/track_ladder.h"

static bool is_ipcp_address(const struct ppp_packet *p, uint8_t type)
{
    return p->protocol == PPP_PROTOCOL_IPCP &&
           (type == IPCP_OPTION_ADDRESS || (type >= IPCP_OPTION_DNS1 && type <= IPCP_OPTION_WINS2));
}

static void mppc_text(char *out, size_t room, uint32_t bits)
{
    snprintf(out, room, "MPPC%s%s%s%s%s", bits & MPPC_COMPRESSION ? ", compression" : "",
             bits & MPPE_40 ? ", MPPE 40 bit" : "", bits & MPPE_56 ? ", MPPE 56 bit" : "",
             bits & MPPE_128 ? ", MPPE 128 bit" : "", bits & MPPE_STATELESS ? ", stateless" : "");
}

static void option_text(char *out, size_t room, const struct ppp_packet *p, const struct ppp_option *o)
{
    const char *name = ppp_option_name(p->protocol, o->type), *method;
    bool lcp = p->protocol == PPP_PROTOCOL_LCP;
    char number[32];
    snprintf(number, sizeof number, "option %u", o->type);
    name = name != NULL ? name : number;
    if (o->malformed)
        snprintf(out, room, "%s (malformed)", name);
    else if (lcp && o->type == LCP_OPTION_AUTHENTICATION) {
        method = ppp_authentication_name(o->protocol, o->kind);
        snprintf(number, sizeof number, "0x%04x", o->protocol);
        snprintf(out, room, "authentication by %s", method != NULL ? method : number);
    } else if (lcp && (o->type == LCP_OPTION_MRU || o->type == LCP_OPTION_MRRU))
        snprintf(out, room, "%s %u", o->type == LCP_OPTION_MRU ? "MRU" : "MRRU", (unsigned)o->number);
    else if (is_ipcp_address(p, o->type))
        snprintf(out, room, "%s %u.%u.%u.%u", name, (unsigned)(o->number >> 24), (unsigned)(o->number >> 16 & 255),
                 (unsigned)(o->number >> 8 & 255), (unsigned)(o->number & 255));
    else if (p->protocol == PPP_PROTOCOL_CCP && o->type == CCP_OPTION_MPPC)
        mppc_text(out, room, o->number);
    else
        snprintf(out, room, "%s", name);
}

/* What every link has, and nobody looks for unless it is refused. */
static bool is_usual(const struct ppp_packet *p, uint8_t type)
{
    return p->protocol == PPP_PROTOCOL_LCP && (p->code == PPP_CONFIGURE_REQUEST || p->code == PPP_CONFIGURE_ACK) &&
           (type == LCP_OPTION_MAGIC || type == LCP_OPTION_PFC || type == LCP_OPTION_ACFC || type == LCP_OPTION_ACCM);
}

static void add_options(struct ladder_list *l, const struct ppp_packet *p)
{
    struct cursor rest = cursor_of(p->options);
    struct ppp_option o;
    char text[120];
    while (ppp_option_next(&rest, p->protocol, &o, NULL)) {
        if (is_usual(p, o.type))
            continue;
        option_text(text, sizeof text, p, &o);
        ladder_add(l, text);
    }
}

static void add_identification(struct ladder_list *l, const struct ppp_packet *p)
{
    char text[160];
    switch (p->identification) {
    case PPP_IDENTIFICATION_COMPUTER:
        snprintf(text, sizeof text, "computer %.*s", LADDER_TEXT(p->identity));
        break;
    case PPP_IDENTIFICATION_VERSION:
        snprintf(text, sizeof text, "version %.*s", LADDER_TEXT(p->identity));
        break;
    case PPP_IDENTIFICATION_CORRELATION:
        snprintf(text, sizeof text, "the attempt's correlation id");
        break;
    default:
        snprintf(text, sizeof text, "%.*s", LADDER_TEXT(p->identity));
        break;
    }
    ladder_add(l, text);
}

static void add_rest(struct ladder_list *l, const struct ppp_packet *p)
{
    char text[200];
    const char *name;
    bool lcp = p->protocol == PPP_PROTOCOL_LCP;
    if (lcp && p->code == PPP_PROTOCOL_REJECT) {
        name = ppp_protocol_name(p->rejected_protocol);
        snprintf(text, sizeof text, "0x%04x", p->rejected_protocol);
        ladder_add(l, name != NULL ? name : text);
    }
    if (p->has_terminate_error) {
        snprintf(text, sizeof text, "reason %u", (unsigned)p->terminate_error);
        ladder_add(l, text);
    }
    if (p->name.len > 0) {
        snprintf(text, sizeof text, "%.*s", LADDER_TEXT(p->name));
        ladder_add(l, text);
    }
    if (p->message.len > 0 && !p->has_terminate_error) {
        snprintf(text, sizeof text, "%.*s", LADDER_TEXT(p->message));
        ladder_add(l, text);
    }
}

static void ladder_packet(struct live *l, const struct ppp_event *ev)
{
    const struct ppp_packet *p = ev->u.packet;
    const char *protocol = ppp_protocol_name(p->protocol), *code = ppp_code_name(p->protocol, p->code);
    struct ladder_list what = {"", 0};
    char number[32], unnamed[32];
    if (p->configure)
        add_options(&what, p);
    else if (p->identification != PPP_IDENTIFICATION_NONE)
        add_identification(&what, p);
    else
        add_rest(&what, p);
    if (p->malformed && p->reason != NULL)
        ladder_add(&what, p->reason);
    snprintf(number, sizeof number, "PPP 0x%04x", p->protocol);
    snprintf(unnamed, sizeof unnamed, "code %u", p->code);
    ladder_say(l, ev->place, ev->dir, "  %s %s, id %u%s%s%s", protocol != NULL ? protocol : number,
               code != NULL ? code : unnamed, p->identifier, ev->repeated ? ", sent again" : "",
               what.len > 0 ? ": " : "", what.text);
}

void ladder_ppp_line(struct live *l, const struct ppp_event *ev)
{
    const char *name;
    switch (ev->kind) {
    case PPP_EVENT_PACKET:
        ladder_packet(l, ev);
        break;
    case PPP_EVENT_LOOP:
        name = ppp_protocol_name(ev->u.negotiation.protocol);
        ladder_say(l, ev->place, ev->dir, "    %s goes round in circles: %u requests in a row were refused",
                   name != NULL ? name : "the negotiation", (unsigned)PPP_LOOP);
        break;
    case PPP_EVENT_DATAGRAMS:
        name = ppp_protocol_name(ev->u.protocol);
        ladder_say(l, ev->place, ev->dir, "  the first datagram inside the tunnel (%s)", name != NULL ? name : "unknown");
        break;
    case PPP_EVENT_MALFORMED:
        ladder_say(l, ev->place, ev->dir, "  PPP malformed: %s", ev->u.reason);
        break;
    case PPP_EVENT_EAP:            /* EVENT_EAP tells it */
    case PPP_EVENT_NEGOTIATION:    /* its last packet has a line */
    case PPP_EVENT_AUTHENTICATION: /* likewise */
        break;
    }
}

void ladder_ppp(struct live *l, const struct event *e)
{
    ladder_ppp_line(l, e->u.ppp);
}

/* L2TP's and PPTP's control messages. */
void ladder_call(struct live *l, const struct event *e)
{
    const struct ppp_call_message *m = e->u.call;
    char text[240] = "";
    if (m->has_result && m->words != NULL)
        snprintf(text, sizeof text, ": %s", m->words);
    else if (m->has_result)
        snprintf(text, sizeof text, ": result %u", m->result);
    size_t at = strlen(text);
    if (m->text.len > 0)
        snprintf(text + at, sizeof text - at, " (%.*s)", LADDER_TEXT(m->text));
    ladder_say(l, e->place, e->dir, "%s %s%s%s", l->x.type == CONVERSATION_L2TP ? "L2TP" : "PPTP", m->name,
               m->repeated ? ", sent again" : "", text);
}
