/* What the payloads inside SK tell, when keys open them: who, which certificates, how it ended. */
#include <stdio.h>
#include <stdlib.h>

#include "analyze/session/track_ike.h"
#include "capture/wire/cursor.h"
#include "dissect/crypto/x509.h"

enum {
    ID_IPV4 = 1,
    ID_FQDN = 2,
    ID_RFC822 = 3,
    ID_IPV6 = 5,
    ID_DER_DN = 9,
    CERT_X509 = 4,
    CP_REPLY = 2,
    CP_IP4_ADDRESS = 1,
    CP_IP6_ADDRESS = 8,
    CP_MS_IP4_SERVER = 0x5ba0,
    CP_MS_IP6_SERVER = 0x5ba1,
    PROTOCOL_IKE = 1,
    AUTHORITY_HASH = 20,
    LIST_TEXT = 400
};

static struct text put_text(struct exchange *x, const char *text)
{
    return exchange_put(x, span_of(text, strlen(text)));
}

static struct text put_address(struct exchange *x, struct span value)
{
    char text[ADDRESS_TEXT];
    struct address a = value.len >= 16 ? address_ipv6(value.data) : address_ipv4(value.data);
    return put_text(x, address_text(text, &a));
}

static struct text put_hex(struct exchange *x, struct span value)
{
    static const char digits[] = "0123456789abcdef";
    char text[2 * 64];
    size_t n = value.len < 64 ? value.len : 64;
    for (size_t i = 0; i < n; i++) {
        text[2 * i] = digits[value.data[i] >> 4];
        text[2 * i + 1] = digits[value.data[i] & 15];
    }
    return exchange_put(x, span_of(text, 2 * n));
}

static void keep_id(struct exchange *x, uint8_t *type, struct text *to, const struct ike_id *id)
{
    if (id->type == 0 || *type != 0)
        return;
    char *name = id->type == ID_DER_DN ? x509_text_of_name(id->data) : NULL;
    *type = id->type;
    if ((id->type == ID_IPV4 && id->data.len == 4) || (id->type == ID_IPV6 && id->data.len == 16))
        *to = put_address(x, id->data);
    else if (name != NULL)
        *to = put_text(x, name);
    else if (id->type == ID_FQDN || id->type == ID_RFC822)
        *to = exchange_put(x, id->data);
    else
        *to = put_hex(x, id->data);
    free(name);
}

static void certificates(const struct track_parts *t, struct exchange *x, struct ike_facts *f, const struct event *e)
{
    const struct ike_payloads *p = e->u.ike->inside;
    struct span chain[IKE_CERTS_MAX];
    size_t count = 0;
    bool of_server = e->dir == TO_CLIENT;
    for (unsigned i = 0; i < p->cert_count; i++)
        if (p->certs[i].encoding == CERT_X509 && p->certs[i].data.len > 0)
            chain[count++] = p->certs[i].data;
    if (count == 0)
        return;
    *(of_server ? &f->server_certificate_seen : &f->client_certificate_seen) = true;
    *(of_server ? &f->server_certificate_place : &f->client_certificate_place) = e->place;
    struct chain *known = chains_intern(t->chains, chain, count, of_server ? ROLE_IKEV2 : ROLE_CLIENT,
                                        of_server ? &x->server : &x->client, x->id, e->place);
    if (known == NULL) {
        f->certificate_too_many = true;
        return;
    }
    if (of_server && (f->asked_id_type == ID_FQDN || f->asked_id_type == ID_IPV4 || f->asked_id_type == ID_IPV6))
        chain_asked(known, exchange_text(x, f->asked_id));
    *(of_server ? &f->server_chain : &f->client_chain) = (uint32_t)known->serial;
}

static void authorities(struct ike_facts *f, const struct ike_payloads *p)
{
    for (unsigned i = 0; i < p->certreq_count; i++)
        f->certreq_authorities += (uint32_t)(p->certreqs[i].data.len / AUTHORITY_HASH);
}

static void configuration(struct exchange *x, struct ike_facts *f, const struct ike_payloads *p)
{
    struct ike_cp_attribute all[IKE_CP_ATTRIBUTES_MAX];
    if (p->cp_type != CP_REPLY)
        return;
    size_t count = ike_read_cp(p->cp, all);
    for (size_t i = 0; i < count; i++) {
        struct span value = all[i].value;
        bool four = all[i].type == CP_IP4_ADDRESS || all[i].type == CP_MS_IP4_SERVER;
        bool six = all[i].type == CP_IP6_ADDRESS || all[i].type == CP_MS_IP6_SERVER;
        if ((!four || value.len < 4) && (!six || value.len < 16))
            continue;
        bool server = all[i].type == CP_MS_IP4_SERVER || all[i].type == CP_MS_IP6_SERVER;
        struct text *to = server ? &f->internal_server : &f->assigned_address;
        if (!text_present(*to))
            *to = put_address(x, span_of(value.data, six ? 16 : 4));
    }
}

static struct text put_selectors(struct exchange *x, struct span ts)
{
    struct ike_selector all[IKE_TS_MAX];
    char text[LIST_TEXT] = "";
    size_t count = ike_read_selectors(ts, all), at = 0;
    for (size_t i = 0; i < count; i++) {
        char first[ADDRESS_TEXT], last[ADDRESS_TEXT];
        int n = snprintf(text + at, sizeof text - at, "%s%s-%s", i > 0 ? ", " : "", address_text(first, &all[i].first),
                         address_text(last, &all[i].last));
        if (n < 0 || (size_t)n >= sizeof text - at) {
            text[at] = '\0';
            break;
        }
        at += (size_t)n;
    }
    return put_text(x, text);
}

/* The answer that makes a child association: its SA and selectors are what was agreed upon. */
static void child(struct exchange *x, struct ike_facts *f, const struct ike_payloads *p)
{
    struct ike_proposals all;
    if (p->sa.len == 0 || f->child_created)
        return;
    ike_read_proposals(p->sa, false, &all);
    if (all.count == 0 || all.proposals[0].protocol == PROTOCOL_IKE)
        return;
    f->child_created = true;
    for (unsigned i = 0; i < all.proposals[0].transform_count; i++) {
        const struct ike_transform *t = &all.proposals[0].transforms[i];
        struct ike_transform *to = t->type == IKE_ENCR    ? &f->child.encr
                                   : t->type == IKE_INTEG ? &f->child.integ
                                   : t->type == IKE_DH    ? &f->child.dh
                                                          : NULL;
        if (to != NULL && to->type == 0)
            *to = *t;
    }
    if (!text_present(f->ts_initiator) && p->tsi.len > 0)
        f->ts_initiator = put_selectors(x, p->tsi);
    if (!text_present(f->ts_responder) && p->tsr.len > 0)
        f->ts_responder = put_selectors(x, p->tsr);
}

/* These refuse the child association, the IKE association itself lives (RFC 7296 section 1.2 and 2.21). */
static bool refuses_child(uint16_t type)
{
    switch (type) {
    case IKE_N_NO_PROPOSAL_CHOSEN:
    case IKE_N_TS_UNACCEPTABLE:
    case IKE_N_SINGLE_PAIR_REQUIRED:
    case IKE_N_NO_ADDITIONAL_SAS:
    case IKE_N_INTERNAL_ADDRESS_FAILURE:
    case IKE_N_FAILED_CP_REQUIRED:
    case IKE_N_INVALID_SELECTORS:
        return true;
    default:
        return false;
    }
}

static void ms_status(struct ike_facts *f, const struct ike_notify *n, struct place place)
{
    struct cursor c = cursor_of(n->data);
    uint32_t status;
    if (f->ms_status != 0 || !take_be32(&c, &status))
        return;
    f->ms_status = status;
    f->ms_status_place = place;
}

static void inside_notify(struct ike_facts *f, const struct ike_notify *n, const struct event *e)
{
    bool from_initiator = e->dir == TO_SERVER;
    uint8_t exchange = e->u.ike->message->exchange;
    track_ike_notify(f, n, from_initiator, true, e->place);
    if (n->type == IKE_N_MS_STATUS)
        ms_status(f, n, e->place);
    f->mobike = f->mobike || n->type == IKE_N_MOBIKE_SUPPORTED;
    f->move_announced = f->move_announced || n->type == IKE_N_UPDATE_SA_ADDRESSES;
    if (n->type > IKE_N_ERROR_LAST || n->type == IKE_N_MS_STATUS)
        return;
    bool response = e->u.ike->message->response, of_child = refuses_child(n->type);
    if (exchange == CREATE_CHILD_SA) {
        if (response && f->later_error == 0) {
            f->later_error = n->type;
            f->later_error_place = e->place;
            f->later_error_from_initiator = from_initiator;
        }
        return;
    }
    if (exchange == IKE_INFORMATIONAL &&
        response) /* to a change of addresses, to something that is not known (RFC 4555) */
        return;
    if (of_child && f->child_error == 0) {
        f->child_error = n->type;
        f->child_error_place = e->place;
    } else if (!of_child && f->auth_error == 0) {
        f->auth_error = n->type;
        f->auth_error_place = e->place;
        f->auth_error_from_initiator = from_initiator;
    }
}

static void deletes(struct ike_facts *f, const struct event *e)
{
    const struct ike_payloads *p = e->u.ike->inside;
    for (unsigned i = 0; i < p->delete_count; i++) {
        if (p->deletes[i].protocol != PROTOCOL_IKE || f->deleted)
            continue;
        f->deleted = true;
        f->deleted_by_initiator = e->dir == TO_SERVER;
        f->delete_place = e->place;
    }
}

static bool rekeys_ike(const struct ike_payloads *p)
{
    struct ike_proposals all;
    if (p->sa.len == 0 || p->tsi.len > 0)
        return false;
    ike_read_proposals(p->sa, false, &all);
    return all.count > 0 && all.proposals[0].protocol == PROTOCOL_IKE;
}

void track_ike_inside(const struct track_parts *t, struct live *l, struct ike_facts *f, const struct event *e)
{
    const struct ike_event *ev = e->u.ike;
    const struct ike_payloads *p = ev->inside;
    struct exchange *x = &l->x;
    bool from_initiator = e->dir == TO_SERVER;
    if (ev->message->exchange == IKE_AUTH) {
        keep_id(x, &f->initiator_id_type, &f->initiator_id, &p->idi);
        if (from_initiator)
            keep_id(x, &f->asked_id_type, &f->asked_id, &p->idr);
        else
            keep_id(x, &f->responder_id_type, &f->responder_id, &p->idr);
        if (p->auth_method != 0)
            *(from_initiator ? &f->initiator_auth : &f->responder_auth) = p->auth_method;
        certificates(t, x, f, e);
        if (from_initiator)
            authorities(f, p);
        f->eap = f->eap || p->eap.len > 0;
        configuration(x, f, p);
    }
    if (ev->message->response && (ev->message->exchange == IKE_AUTH || ev->message->exchange == CREATE_CHILD_SA))
        child(x, f, p);
    if (ev->message->exchange == CREATE_CHILD_SA && ev->message->response)
        f->rekeyed = f->rekeyed || rekeys_ike(p);
    for (unsigned i = 0; i < p->notify_count; i++)
        inside_notify(f, &p->notifies[i], e);
    if (ev->message->exchange == IKE_INFORMATIONAL)
        deletes(f, e);
}
