/* The authentication phase: what LCP offered, refused and chose, and what PAP, CHAP and EAP said in the end. */
#include "dissect/ppp/ppp_internal.h"

static void add_method(struct ppp_method *list, uint8_t *count, struct ppp_method m)
{
    for (unsigned i = 0; i < *count; i++)
        if (list[i].protocol == m.protocol && list[i].algorithm == m.algorithm)
            return;
    if (*count < PPP_OFFERS_MAX)
        list[(*count)++] = m;
}

/* The method in the authentication option of a Configure packet; protocol 0 without. */
static struct ppp_method method_of(const struct ppp_packet *p, bool *present)
{
    struct cursor c = cursor_of(p->options);
    struct ppp_option o;
    *present = false;
    while (ppp_option_next(&c, PPP_PROTOCOL_LCP, &o, NULL))
        if (o.type == LCP_OPTION_AUTHENTICATION) {
            *present = true;
            return (struct ppp_method){o.protocol, o.kind};
        }
    return (struct ppp_method){0, 0};
}

static void tell(struct ppp_link *link, enum direction demander)
{
    link->event.u.authentication = &link->state.authentication[demander];
    ppp_emit(link, PPP_EVENT_AUTHENTICATION, demander);
}

static void settled(struct ppp_link *link, enum direction demander, struct ppp_method m)
{
    struct ppp_method *chosen = &link->state.authentication[demander].chosen;
    bool same = chosen->protocol == m.protocol && chosen->algorithm == m.algorithm;
    *chosen = m;
    if (m.protocol != 0 && !same)
        tell(link, demander);
}

void ppp_auth_negotiated(struct ppp_link *link, enum direction dir, const struct ppp_packet *p, bool accepted)
{
    bool present;
    struct ppp_method m = method_of(p, &present);
    struct ppp_authentication *own = &link->state.authentication[dir];
    struct ppp_authentication *demanded = &link->state.authentication[ppp_other(dir)];
    switch (p->code) {
    case PPP_CONFIGURE_REQUEST:
        if (present)
            add_method(own->offered, &own->offered_count, m);
        break;
    case PPP_CONFIGURE_NAK:
        if (present)
            add_method(demanded->wanted, &demanded->wanted_count, m);
        break;
    case PPP_CONFIGURE_REJECT:
        demanded->rejected |= present;
        break;
    default:
        break;
    }
    if (accepted)
        settled(link, ppp_asker(dir, p), m);
}

/* The exchange goes on: its first packet, and its method when LCP did not tell. */
static struct ppp_authentication *running(struct ppp_link *link, enum direction demander, uint16_t protocol)
{
    struct ppp_authentication *a = &link->state.authentication[demander];
    if (a->began.frame == 0 && a->result == PPP_AUTH_NONE)
        a->began = link->event.place;
    if (a->result == PPP_AUTH_NONE)
        a->result = PPP_AUTH_RUNNING;
    if (a->chosen.protocol == 0)
        a->chosen.protocol = protocol;
    return a;
}

static void conclude(struct ppp_link *link, enum direction demander, bool success, const struct mschap_failure *why)
{
    struct ppp_authentication *a = &link->state.authentication[demander];
    a->result = success ? PPP_AUTH_SUCCEEDED : PPP_AUTH_FAILED;
    a->ended = link->event.place;
    if (success || why != NULL) {
        a->error = why != NULL ? why->error : 0;
        a->retry_allowed = why != NULL && why->retry;
    }
    tell(link, demander);
}

static void remember_user(struct ppp_link *link, struct span name)
{
    struct ppp_state *s = &link->state;
    if (name.len == 0)
        return;
    size_t len = name.len < PPP_USER_MAX ? name.len : PPP_USER_MAX;
    memcpy(s->user, name.data, len);
    s->user_len = (uint8_t)len;
}

static void pap(struct ppp_link *link, enum direction dir, const struct ppp_packet *p)
{
    if (p->code == PAP_REQUEST) {
        struct ppp_authentication *a = running(link, ppp_other(dir), PPP_PROTOCOL_PAP);
        ppp_count(&a->attempts);
        if (dir == TO_SERVER)
            remember_user(link, p->name);
    } else if (p->code == PAP_ACK || p->code == PAP_NAK) {
        struct mschap_failure none = {0};
        running(link, dir, PPP_PROTOCOL_PAP);
        conclude(link, dir, p->code == PAP_ACK, p->code == PAP_ACK ? NULL : &none);
    }
}

static void chap(struct ppp_link *link, enum direction dir, const struct ppp_packet *p)
{
    struct ppp_authentication *a;
    struct span peer_challenge, nt_response;
    struct mschap_failure failure;
    switch (p->code) {
    case CHAP_CHALLENGE:
        running(link, dir, PPP_PROTOCOL_CHAP);
        break;
    case CHAP_RESPONSE:
        a = running(link, ppp_other(dir), PPP_PROTOCOL_CHAP);
        ppp_count(&a->attempts);
        if (a->chosen.algorithm == 0 && mschapv2_response_parse(p->value, &peer_challenge, &nt_response))
            a->chosen.algorithm = CHAP_MSCHAP_V2;
        if (dir == TO_SERVER)
            remember_user(link, p->name);
        break;
    case CHAP_SUCCESS:
        running(link, dir, PPP_PROTOCOL_CHAP);
        conclude(link, dir, true, NULL);
        break;
    case CHAP_FAILURE:
        mschap_failure_parse(p->message, &failure);
        running(link, dir, PPP_PROTOCOL_CHAP);
        conclude(link, dir, false, &failure);
        break;
    default:
        break;
    }
}

void ppp_auth_packet(struct ppp_link *link, enum direction dir, const struct ppp_packet *p)
{
    uint64_t hash = ppp_packet_hash(p);
    link->event.repeated = link->last_auth[dir] == hash;
    link->last_auth[dir] = hash;
    link->event.u.packet = p;
    ppp_emit(link, PPP_EVENT_PACKET, dir);
    bool repeated = link->event.repeated;
    link->event.repeated = false;
    if (repeated || p->malformed)
        return;
    if (p->protocol == PPP_PROTOCOL_PAP)
        pap(link, dir, p);
    else if (p->protocol == PPP_PROTOCOL_CHAP)
        chap(link, dir, p);
}

static void outer_packet(struct ppp_link *link, const struct eap_packet *p)
{
    enum direction demander = (enum direction)link->authenticator;
    struct ppp_authentication *a = running(link, demander, PPP_PROTOCOL_EAP);
    if (p->code == EAP_REQUEST && p->type == EAP_TYPE_IDENTITY)
        ppp_count(&a->attempts);
    if (p->identity.len > 0 && demander == TO_CLIENT)
        remember_user(link, p->identity);
    if (p->code == EAP_SUCCESS || p->code == EAP_FAILURE)
        conclude(link, demander, p->code == EAP_SUCCESS, NULL);
}

static void on_eap(void *ctx, const struct eap_event *e)
{
    struct ppp_link *link = ctx;
    struct ppp_authentication *a = &link->state.authentication[link->authenticator];
    const struct eap_packet *p = e->kind == EAP_EVENT_PACKET ? e->u.packet : NULL;
    if (p != NULL && p->mschapv2_error != 0)
        a->error = p->mschapv2_error;
    if (e->kind == EAP_EVENT_TTLS_AVPS && e->u.avps->error != 0)
        a->error = e->u.avps->error;
    link->event.repeated = p != NULL && p->retransmission;
    link->event.u.eap = e;
    ppp_emit(link, PPP_EVENT_EAP,
             e->dir == TO_CLIENT ? (enum direction)link->authenticator
                                 : ppp_other((enum direction)link->authenticator));
    link->event.repeated = false;
    if (p != NULL && e->depth == 0 && !p->retransmission && !p->malformed)
        outer_packet(link, p);
}

/* Requests and results come from EAP's server, whichever end of the link that is. */
void ppp_auth_eap(struct ppp_link *link, enum direction dir, struct span bytes, bool cut)
{
    if (bytes.len == 0)
        return;
    uint8_t code = bytes.data[0];
    bool from_server = code == EAP_REQUEST || code == EAP_SUCCESS || code == EAP_FAILURE;
    if (!link->eap_seen) {
        link->eap_seen = true;
        link->authenticator = (uint8_t)(from_server ? dir : ppp_other(dir));
    }
    if (link->eap == NULL)
        link->eap = eap_new(link->tls, on_eap, link);
    if (link->eap == NULL)
        return;
    /* One of the two conversations of a link whose ends both ask: the first one is followed. */
    if ((from_server || code == EAP_RESPONSE) && (link->authenticator == dir) != from_server)
        return;
    eap_feed(link->eap, link->authenticator == dir ? TO_CLIENT : TO_SERVER, bytes, cut, &link->event.place);
}

void ppp_auth_restart(struct ppp_link *link)
{
    memset(link->state.authentication, 0, sizeof link->state.authentication);
    link->last_auth[0] = link->last_auth[1] = 0;
    link->eap_seen = false;
    if (link->eap != NULL)
        eap_restart(link->eap);
}
