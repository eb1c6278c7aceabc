/* One call: its PPP link, what is told of it, and who its client is when no control connection says so. */
#include "dissect/ppp/ppp_calls_internal.h"

#include "capture/wire/rarely.h"

enum role { ROLE_UNSHOWN, ROLE_OF_CLIENT, ROLE_OF_SERVER };

static void on_ppp(void *ctx, const struct ppp_event *e)
{
    struct ppp_call *call = ctx;
    if (e->kind == PPP_EVENT_EAP)
        event_emit_eap(&call->calls->sink, &call->conv, e->u.eap);
    else
        event_emit(&call->calls->sink,
                   &(struct event){.kind = EVENT_PPP, .dir = e->dir, .place = e->place, .conv = &call->conv, .u.ppp = e});
}

/* Who demands authentication is the server: the option in its LCP Request (RFC 1661 section 6.2). */
static enum role role_in_lcp(const struct ppp_packet *p)
{
    struct cursor c = cursor_of(p->options);
    struct ppp_option o;
    if (p->code == PPP_IDENTIFICATION && p->identification == PPP_IDENTIFICATION_COMPUTER)
        return ROLE_OF_CLIENT;
    if (p->code != PPP_CONFIGURE_REQUEST && p->code != PPP_CONFIGURE_ACK)
        return ROLE_UNSHOWN;
    while (ppp_option_next(&c, p->protocol, &o, NULL)) {
        if (o.type == LCP_OPTION_AUTHENTICATION)
            return p->code == PPP_CONFIGURE_REQUEST ? ROLE_OF_SERVER : ROLE_OF_CLIENT;
        if (o.type == LCP_OPTION_CALLBACK && p->code == PPP_CONFIGURE_REQUEST)
            return ROLE_OF_CLIENT;
    }
    return ROLE_UNSHOWN;
}

/* Who asks for any address, or for name servers, is the client. */
static enum role role_in_ipcp(const struct ppp_packet *p)
{
    struct cursor c = cursor_of(p->options);
    struct ppp_option o;
    while (p->code == PPP_CONFIGURE_REQUEST && ppp_option_next(&c, p->protocol, &o, NULL))
        if ((o.type == IPCP_OPTION_ADDRESS && !o.malformed && o.number == 0) || o.type >= IPCP_OPTION_DNS1)
            return ROLE_OF_CLIENT;
    return ROLE_UNSHOWN;
}

static enum role role_in(struct span bytes)
{
    struct ppp_frame f;
    struct ppp_packet p;
    if (!ppp_frame_parse(bytes, &f))
        return ROLE_UNSHOWN;
    if (f.protocol == PPP_PROTOCOL_EAP && f.payload.len > 0)
        return f.payload.data[0] == EAP_RESPONSE ? ROLE_OF_CLIENT : ROLE_OF_SERVER;
    if (ppp_is_datagram(f.protocol) || !ppp_packet_parse(f.protocol, f.payload, &p) || p.malformed)
        return ROLE_UNSHOWN;
    switch (p.protocol) {
    case PPP_PROTOCOL_LCP:
        return role_in_lcp(&p);
    case PPP_PROTOCOL_IPCP:
        return role_in_ipcp(&p);
    case PPP_PROTOCOL_PAP:
        return p.code == PAP_REQUEST ? ROLE_OF_CLIENT : ROLE_OF_SERVER;
    case PPP_PROTOCOL_CHAP:
        return p.code == CHAP_RESPONSE ? ROLE_OF_CLIENT : ROLE_OF_SERVER;
    default:
        return ROLE_UNSHOWN;
    }
}

/* A protocol that links between clients and servers have. */
static bool plausible(struct span bytes)
{
    struct ppp_frame f;
    if (!ppp_frame_parse(bytes, &f))
        return false;
    switch (f.protocol) {
    case PPP_PROTOCOL_LCP:
    case PPP_PROTOCOL_PAP:
    case PPP_PROTOCOL_CHAP:
    case PPP_PROTOCOL_EAP:
    case PPP_PROTOCOL_CBCP:
    case PPP_PROTOCOL_IPCP:
    case PPP_PROTOCOL_IPV6CP:
    case PPP_PROTOCOL_CCP:
        return true;
    default:
        return ppp_is_datagram(f.protocol);
    }
}

#define SWAP(type, a, b) do { type swap_ = (a); (a) = (b); (b) = swap_; } while (0)

/* The other one is the client: what was counted changes sides, and the link, which saw nothing that has sides, begins anew. */
static RARELY_CALLED void change_sides(struct ppp_call *call)
{
    struct ppp_call_state *s = &call->state;
    struct ppp_call_key to_server = call->key[TO_SERVER], to_client = call->key[TO_CLIENT];
    bool known[2] = {call->hash[0] != 0, call->hash[1] != 0};
    SWAP(struct endpoint, call->conv.client, call->conv.server);
    SWAP(uint16_t, s->tunnel[0], s->tunnel[1]);
    SWAP(uint16_t, s->call[0], s->call[1]);
    SWAP(struct place, s->last[0], s->last[1]);
    SWAP(uint64_t, s->packets[0], s->packets[1]);
    SWAP(uint64_t, s->bytes[0], s->bytes[1]);
    ppp_call_clear_keys(call);
    if (known[TO_SERVER])
        ppp_call_set_key(call, TO_CLIENT, &to_server);
    if (known[TO_CLIENT])
        ppp_call_set_key(call, TO_SERVER, &to_client);
    call->calls->links -= call->link != NULL;
    ppp_link_free(call->link);
    call->link = NULL;
}

/* dir becomes the other one when this frame shows that the client was taken for the server. */
static void look_for_roles(struct ppp_call *call, enum direction *dir, struct span frame)
{
    enum role role = role_in(frame);
    if (role == ROLE_UNSHOWN)
        return;
    call->state.roles_shown = true;
    if ((role == ROLE_OF_CLIENT) == (*dir == TO_SERVER))
        return;
    change_sides(call);
    *dir = *dir == TO_SERVER ? TO_CLIENT : TO_SERVER;
}

struct ppp_call *ppp_calls_of_frame(struct ppp_calls *t, const struct ppp_call_key *key, const struct endpoint *sender,
                                    bool from_client, bool from_server, struct span frame, const struct place *place,
                                    enum direction *dir)
{
    struct ppp_call *call = ppp_calls_find(t, key, dir);
    if (call == NULL && (call = ppp_calls_find_half(t, key, dir)) != NULL)
        ppp_call_set_key(call, *dir, key);
    if (call != NULL) {
        if (!call->state.roles_shown)
            look_for_roles(call, dir, frame);
        return call;
    }
    if (!plausible(frame))
        return NULL;
    enum role role = from_client ? ROLE_OF_CLIENT : from_server ? ROLE_OF_SERVER : role_in(frame);
    *dir = role == ROLE_OF_SERVER ? TO_CLIENT : TO_SERVER;
    const struct endpoint *client = *dir == TO_SERVER ? sender : &key->receiver;
    call = ppp_call_open(t, client, *dir == TO_SERVER ? &key->receiver : sender, true, *dir, place);
    call->state.roles_shown = role != ROLE_UNSHOWN;
    ppp_call_set_key(call, *dir, key);
    return call;
}

static bool is_user_data(struct span frame)
{
    struct ppp_frame f;
    return ppp_frame_parse(frame, &f) && ppp_is_datagram(f.protocol);
}

void ppp_call_frame(struct ppp_call *call, enum direction dir, struct span frame, uint32_t wire_len, const struct place *place)
{
    struct ppp_call_state *s = &call->state;
    s->packets[dir]++;
    s->bytes[dir] += wire_len;
    s->last[dir] = *place;
    if (call->calls->sink.ties != NULL)
        event_tie(&call->calls->sink, &call->conv, is_user_data(frame));
    if (call->link == NULL) {
        call->link = ppp_link_new(call->calls->tls, on_ppp, call);
        call->calls->links += call->link != NULL;
    }
    if (call->link != NULL)
        ppp_link_feed(call->link, dir, frame, frame.len < wire_len, place);
    ppp_call_touch(call);
}

void ppp_call_bare(struct ppp_call *call, enum direction dir, const struct place *place)
{
    call->state.packets[dir]++;
    call->state.last[dir] = *place;
    event_tie(&call->calls->sink, &call->conv, true);
}

void ppp_call_tell(struct ppp_call *call, enum direction dir, const struct ppp_call_message *m, const struct place *place)
{
    call->state.control[dir] += m->type != 0;
    call->state.last[dir] = *place;
    event_emit(&call->calls->sink,
               &(struct event){.kind = EVENT_CALL, .dir = dir, .place = *place, .conv = &call->conv, .u.call = m});
    ppp_call_touch(call);
}

void ppp_call_reached(struct ppp_call *call, enum ppp_call_stage stage)
{
    if (stage > call->state.stage)
        call->state.stage = (uint8_t)stage;
    call->state.roles_shown = true;
}

void ppp_call_ended(struct ppp_call *call, enum ppp_call_end end, enum direction by, const struct ppp_call_message *m,
                    const struct place *place)
{
    struct ppp_call_state *s = &call->state;
    if (s->end != PPP_CALL_NOT_ENDED)
        return;
    s->end = (uint8_t)end;
    s->end_by = (uint8_t)by;
    s->ended = *place;
    if (s->waiting_by != (uint8_t)by)
        ppp_call_answered(call);
    ppp_call_leave_carrier(call);
    ppp_call_touch(call);
    if (m == NULL)
        return;
    s->end_message = m->type;
    s->has_result = m->has_result;
    s->result = m->result;
    s->error = m->error;
    s->text_len = (uint8_t)(m->text.len < PPP_CALL_TEXT_MAX ? m->text.len : PPP_CALL_TEXT_MAX);
    if (s->text_len > 0)
        memcpy(s->text, m->text.data, s->text_len);
}

void ppp_call_asks(struct ppp_call *call, enum direction by, bool repeated, const struct place *place)
{
    struct ppp_call_state *s = &call->state;
    if (repeated && s->waiting.frame != 0 && s->waiting_by == (uint8_t)by) {
        s->transmissions += s->transmissions != UINT32_MAX;
        return;
    }
    if (repeated)
        return;
    s->waiting = *place;
    s->waiting_by = (uint8_t)by;
    s->transmissions = 1;
}

void ppp_call_answered(struct ppp_call *call)
{
    call->state.waiting = (struct place){0};
    call->state.transmissions = 0;
}

void ppp_call_put_name(struct ppp_call_name *to, struct span text)
{
    if (to->len > 0 || text.len == 0)
        return;
    to->len = (uint8_t)(text.len < PPP_CALL_NAME_MAX ? text.len : PPP_CALL_NAME_MAX);
    memcpy(to->text, text.data, to->len);
}
