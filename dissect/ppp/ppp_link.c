/* One PPP link: what each frame changes, and what is told about it. */
#include "dissect/ppp/ppp_internal.h"

#include <stdlib.h>

struct ppp_link *ppp_link_new(struct tls_context *tls, ppp_event_fn *on_event, void *ctx)
{
    struct ppp_link *link = calloc(1, sizeof *link);
    if (link != NULL) {
        link->tls = tls;
        link->on_event = on_event;
        link->ctx = ctx;
    }
    return link;
}

void ppp_link_free(struct ppp_link *link)
{
    if (link == NULL)
        return;
    eap_free(link->eap);
    free(link);
}

const struct ppp_state *ppp_link_state(const struct ppp_link *link)
{
    return &link->state;
}

bool ppp_link_eap_state(const struct ppp_link *link, struct eap_state *out)
{
    if (link->eap == NULL)
        return false;
    eap_get_state(link->eap, out);
    return true;
}

bool ppp_is_datagram(uint16_t protocol)
{
    return protocol == PPP_PROTOCOL_IPV4 || protocol == PPP_PROTOCOL_IPV6 || protocol == PPP_PROTOCOL_COMPRESSED;
}

static void malformed(struct ppp_link *link, enum direction dir, const char *reason)
{
    link->state.malformed++;
    link->event.u.reason = reason;
    ppp_emit(link, PPP_EVENT_MALFORMED, dir);
}

static struct ppp_negotiation *negotiation_of(struct ppp_link *link, uint16_t protocol, unsigned *memory)
{
    struct ppp_state *s = &link->state;
    switch (protocol) {
    case PPP_PROTOCOL_LCP:
        *memory = MEMORY_LCP;
        return &s->lcp;
    case PPP_PROTOCOL_IPCP:
        *memory = MEMORY_IPCP;
        return &s->ipcp;
    case PPP_PROTOCOL_IPV6CP:
        *memory = MEMORY_IPV6CP;
        return &s->ipv6cp;
    case PPP_PROTOCOL_CCP:
        *memory = MEMORY_CCP;
        return &s->ccp;
    default:
        return NULL;
    }
}

static void tell_negotiation(struct ppp_link *link, enum ppp_event_kind kind, enum direction dir, uint16_t protocol,
                             const struct ppp_negotiation *n)
{
    link->event.u.negotiation = (struct ppp_negotiation_event){protocol, n};
    ppp_emit(link, kind, dir);
}

/* Everything above LCP starts over with it: RFC 1661 section 3.4. */
static void restart(struct ppp_link *link)
{
    struct ppp_state *s = &link->state;
    s->restarts++;
    s->terminated = s->has_terminate_error = s->address_rejected = s->address_nak = false;
    s->terminate_error = s->address_asked = s->address_offered = s->mppe = 0;
    memset(&s->ipcp, 0, sizeof s->ipcp);
    memset(&s->ipv6cp, 0, sizeof s->ipv6cp);
    memset(&s->ccp, 0, sizeof s->ccp);
    memset(s->ipv4, 0, sizeof s->ipv4);
    memset(s->link_local, 0, sizeof s->link_local);
    memset(s->dns, 0, sizeof s->dns);
    memset(s->wins, 0, sizeof s->wins);
    s->mru[0] = s->mru[1] = 0;
    memset(&link->memory[MEMORY_IPCP], 0, (MEMORIES - MEMORY_IPCP) * sizeof link->memory[0]);
    ppp_auth_restart(link);
}

static struct address ipv4_of(const struct ppp_option *o)
{
    struct address none = {0};
    if (o->malformed || o->value.len != 4 || o->number == 0)
        return none;
    return address_ipv4(o->value.data);
}

/* An acknowledged option of IPCP; whose: the side that asked for it. */
static void ipcp_agreed(struct ppp_state *s, enum direction whose, const struct ppp_option *o)
{
    if (o->type == IPCP_OPTION_ADDRESS)
        s->ipv4[whose] = ipv4_of(o);
    if (whose != TO_SERVER)
        return;
    if (o->type == IPCP_OPTION_DNS1 || o->type == IPCP_OPTION_DNS2)
        s->dns[o->type == IPCP_OPTION_DNS2] = ipv4_of(o);
    if (o->type == IPCP_OPTION_WINS1 || o->type == IPCP_OPTION_WINS2)
        s->wins[o->type == IPCP_OPTION_WINS2] = ipv4_of(o);
}

static void interface_agreed(struct ppp_state *s, enum direction whose, const struct ppp_option *o)
{
    uint8_t bytes[16] = {0xfe, 0x80};
    if (o->type != IPV6CP_OPTION_INTERFACE || o->malformed || o->value.len != 8)
        return;
    memcpy(bytes + 8, o->value.data, 8);
    s->link_local[whose] = address_ipv6(bytes);
}

/* The options of an accepted packet. */
static void agreed(struct ppp_link *link, enum direction whose, const struct ppp_packet *p)
{
    struct cursor c = cursor_of(p->options);
    struct ppp_option o;
    while (ppp_option_next(&c, p->protocol, &o, NULL)) {
        if (p->protocol == PPP_PROTOCOL_IPCP)
            ipcp_agreed(&link->state, whose, &o);
        else if (p->protocol == PPP_PROTOCOL_IPV6CP)
            interface_agreed(&link->state, whose, &o);
        else if (p->protocol == PPP_PROTOCOL_CCP && o.type == CCP_OPTION_MPPC)
            link->state.mppe = o.number;
        else if (p->protocol == PPP_PROTOCOL_LCP && o.type == LCP_OPTION_MRU)
            link->state.mru[whose] = (uint16_t)o.number;
    }
}

/* What the client asks for as its IPv4 address, and what it is told instead. */
static void follow_address(struct ppp_state *s, enum direction dir, const struct ppp_packet *p)
{
    struct cursor c = cursor_of(p->options);
    struct ppp_option o;
    while (ppp_option_next(&c, PPP_PROTOCOL_IPCP, &o, NULL)) {
        if (o.type != IPCP_OPTION_ADDRESS || o.malformed)
            continue;
        if (dir == TO_SERVER && p->code == PPP_CONFIGURE_REQUEST)
            s->address_asked = o.number;
        if (dir == TO_CLIENT && p->code == PPP_CONFIGURE_NAK) {
            s->address_nak = true;
            s->address_offered = o.number;
        }
        if (dir == TO_CLIENT && p->code == PPP_CONFIGURE_REJECT)
            s->address_rejected = true;
    }
}

static void protocol_rejected(struct ppp_link *link, enum direction dir, const struct ppp_packet *p)
{
    unsigned memory;
    struct ppp_negotiation *n = negotiation_of(link, p->rejected_protocol, &memory);
    link->state.rejected_protocols++;
    if (n == NULL || n == &link->state.lcp || n->outcome == PPP_REFUSED)
        return;
    n->outcome = PPP_REFUSED;
    n->ended_by = (uint8_t)dir;
    n->ended = link->event.place;
    tell_negotiation(link, PPP_EVENT_NEGOTIATION, dir, p->rejected_protocol, n);
}

static void identified(struct ppp_state *s, const struct ppp_packet *p)
{
    if (p->identification == PPP_IDENTIFICATION_COMPUTER) {
        size_t len = p->identity.len < PPP_COMPUTER_MAX ? p->identity.len : PPP_COMPUTER_MAX;
        if (len > 0)
            memcpy(s->computer, p->identity.data, len);
        s->computer_len = (uint8_t)len;
    } else if (p->identification == PPP_IDENTIFICATION_CORRELATION && p->identity.len == sizeof s->correlation) {
        memcpy(s->correlation, p->identity.data, sizeof s->correlation);
        s->has_correlation = true;
    }
}

static void lcp_extras(struct ppp_link *link, enum direction dir, const struct ppp_packet *p)
{
    if (p->code == PPP_PROTOCOL_REJECT)
        protocol_rejected(link, dir, p);
    else if (p->code == PPP_IDENTIFICATION && dir == TO_SERVER)
        identified(&link->state, p);
}

/* What the change means for the link. */
static void settle(struct ppp_link *link, enum direction dir, const struct ppp_packet *p, struct ppp_negotiation *n,
                   enum ppp_change change)
{
    struct ppp_state *s = &link->state;
    if (change == PPP_CHANGE_REPEATED || change == PPP_CHANGE_STALE)
        return;
    if (change == PPP_CHANGE_RESTARTED && p->protocol == PPP_PROTOCOL_LCP)
        restart(link);
    if (change == PPP_CHANGE_CLOSED && p->protocol == PPP_PROTOCOL_LCP) {
        s->terminated = true;
        s->has_terminate_error = p->has_terminate_error;
        s->terminate_error = p->terminate_error;
    }
    bool accepted = change == PPP_CHANGE_ACCEPTED || change == PPP_CHANGE_OPENED;
    if (accepted)
        agreed(link, ppp_asker(dir, p), p);
    if (p->configure && p->protocol == PPP_PROTOCOL_IPCP)
        follow_address(s, dir, p);
    if (p->protocol == PPP_PROTOCOL_LCP) {
        lcp_extras(link, dir, p);
        if (p->configure)
            ppp_auth_negotiated(link, dir, p, accepted);
    }
    if (change == PPP_CHANGE_OPENED || change == PPP_CHANGE_CLOSED || change == PPP_CHANGE_RESTARTED)
        tell_negotiation(link, PPP_EVENT_NEGOTIATION, dir, p->protocol, n);
    if (change == PPP_CHANGE_REFUSED && n->refused_in_row[ppp_other(dir)] == PPP_LOOP)
        tell_negotiation(link, PPP_EVENT_LOOP, dir, p->protocol, n);
}

static void control(struct ppp_link *link, enum direction dir, const struct ppp_packet *p)
{
    unsigned memory = 0;
    struct ppp_negotiation *n = negotiation_of(link, p->protocol, &memory);
    enum ppp_change change = PPP_CHANGE_NONE;
    if (n != NULL && p->length >= 4 && !p->malformed)
        change = ppp_negotiate(n, &link->memory[memory], dir, p, &link->event.place);
    link->event.repeated = change == PPP_CHANGE_REPEATED;
    link->event.u.packet = p;
    ppp_emit(link, PPP_EVENT_PACKET, dir);
    link->event.repeated = false;
    if (n != NULL && !p->malformed)
        settle(link, dir, p, n, change);
}

static void datagram(struct ppp_link *link, enum direction dir, uint16_t protocol)
{
    if (link->state.datagrams[dir]++ > 0)
        return;
    link->event.u.protocol = protocol;
    ppp_emit(link, PPP_EVENT_DATAGRAMS, dir);
}

void ppp_link_feed(struct ppp_link *link, enum direction dir, struct span bytes, bool cut, const struct place *place)
{
    struct ppp_frame frame;
    struct ppp_packet packet;
    link->event.place = *place;
    if (link->state.first.frame == 0)
        link->state.first = *place;
    link->state.last = *place;
    if (!ppp_frame_parse(bytes, &frame)) {
        malformed(link, dir, "a frame without a PPP protocol");
        return;
    }
    if (ppp_is_datagram(frame.protocol)) {
        datagram(link, dir, frame.protocol);
    } else if (frame.protocol == PPP_PROTOCOL_EAP) {
        ppp_auth_eap(link, dir, frame.payload, cut);
    } else if (ppp_packet_parse(frame.protocol, frame.payload, &packet)) {
        if (packet.malformed && !cut)
            malformed(link, dir, packet.reason);
        if (packet.protocol == PPP_PROTOCOL_PAP || packet.protocol == PPP_PROTOCOL_CHAP)
            ppp_auth_packet(link, dir, &packet);
        else
            control(link, dir, &packet);
    } else if ((frame.protocol & 0x8000) != 0 && frame.payload.len < 4 && !cut) {
        malformed(link, dir, "a control packet that is shorter than its header");
    }
}

/* IPCP decides: IPv6 alone is no Windows VPN's aim, but it is a network. A server that sends datagrams has opened it,
 * even when some of the negotiation was not captured. */
enum ppp_network ppp_network_outcome(const struct ppp_state *s)
{
    const struct ppp_negotiation *v4 = &s->ipcp, *v6 = &s->ipv6cp;
    if (v4->outcome == PPP_OPENED || v6->outcome == PPP_OPENED || s->datagrams[TO_CLIENT] > 0)
        return PPP_NETWORK_UP;
    if (v4->outcome == PPP_UNTOUCHED && v6->outcome == PPP_UNTOUCHED)
        return PPP_NETWORK_NOT_TRIED;
    if (v4->outcome == PPP_REFUSED || (v4->outcome == PPP_UNTOUCHED && v6->outcome == PPP_REFUSED))
        return PPP_NETWORK_PROTOCOL_REJECTED;
    bool any = s->address_asked == 0;
    if (any && (s->address_rejected || (s->address_nak && s->address_offered == 0)))
        return PPP_NETWORK_NO_ADDRESS;
    bool loop = v4->refused_in_row[TO_SERVER] >= PPP_LOOP || v4->refused_in_row[TO_CLIENT] >= PPP_LOOP;
    bool refused = s->address_rejected || (s->address_nak && s->address_offered != s->address_asked);
    if (!any && refused && (loop || v4->outcome == PPP_CLOSED || s->terminated))
        return PPP_NETWORK_ADDRESS_REFUSED;
    if (loop)
        return PPP_NETWORK_LOOP;
    if (v4->outcome == PPP_CLOSED || v6->outcome == PPP_CLOSED)
        return PPP_NETWORK_CLOSED;
    return PPP_NETWORK_RUNNING;
}

uint32_t ppp_network_error(enum ppp_network outcome)
{
    enum { ERROR_PPP_NO_PROTOCOLS_CONFIGURED = 720, ERROR_PPP_REMOTE_ADDRESS_REJECTED = 735 };
    switch (outcome) {
    case PPP_NETWORK_PROTOCOL_REJECTED:
    case PPP_NETWORK_NO_ADDRESS:
    case PPP_NETWORK_LOOP:
        return ERROR_PPP_NO_PROTOCOLS_CONFIGURED;
    case PPP_NETWORK_ADDRESS_REFUSED:
        return ERROR_PPP_REMOTE_ADDRESS_REJECTED;
    case PPP_NETWORK_NOT_TRIED:
    case PPP_NETWORK_RUNNING:
    case PPP_NETWORK_UP:
    case PPP_NETWORK_CLOSED:
        return 0;
    }
    return 0;
}
