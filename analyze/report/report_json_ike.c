/* The member "ike" of an exchange. */
#include <stdio.h>
#include <stdlib.h>

#include "analyze/report/report_json.h"
#include "analyze/session/ike_lengths.h"

static json_t *transform_value(const struct ike_transform *t)
{
    char name[IKE_TRANSFORM_NAME];
    return t->type != 0 ? json_string(ike_transform_name(name, t)) : json_null();
}

static json_t *suite_value(const struct ike_suite *s)
{
    json_t *o = json_object();
    json_put(o, "encryption", transform_value(&s->encr));
    json_put(o, "integrity", transform_value(&s->integ));
    json_put(o, "prf", transform_value(&s->prf));
    json_put(o, "dh", transform_value(&s->dh));
    return o;
}

static json_t *offer_value(const struct ike_facts *f)
{
    static const char *const names[] = {"encryption", "prf", "integrity", "dh"};
    json_t *o = json_object();
    for (unsigned kind = 0; kind < 4; kind++) {
        json_t *list = json_array();
        for (unsigned i = 0; i < f->offered_count[kind]; i++)
            json_array_append_new(list, transform_value(&f->offered[kind][i]));
        json_put(o, names[kind], list);
    }
    json_put(o, "proposals", json_integer(f->offer_proposals));
    return o;
}

static json_t *exchanges_value(const struct ike_facts *f)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < f->exchange_count; i++) {
        const struct ike_exchange_fact *x = &f->exchanges[i];
        const char *name = ike_exchange_name(f->version, x->type);
        char number[16];
        json_t *o = json_object();
        snprintf(number, sizeof number, "%u", x->type);
        json_put(o, "type", json_c_text(name != NULL ? name : number));
        json_put(o, "message_id", json_count(x->message_id));
        json_put(o, "initiator_packets", json_integer(x->initiator_packets));
        json_put(o, "responder_packets", json_integer(x->responder_packets));
        json_put(o, "fragments", json_integer(x->fragments));
        json_put(o, "ip_fragments", json_integer(x->ip_fragments));
        json_put(o, "answered", json_boolean(x->answered));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *notifies_value(const struct ike_facts *f)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < f->notify_count; i++) {
        const struct ike_notify_fact *n = &f->notifies[i];
        const char *name = ike_notify_name(f->version, n->type);
        char number[16];
        json_t *o = json_object();
        snprintf(number, sizeof number, "%u", n->type);
        json_put(o, "name", json_c_text(name != NULL ? name : number));
        json_put(o, "code", json_integer(n->type));
        json_put(o, "from", json_string(n->from_initiator ? "initiator" : "responder"));
        json_put(o, "frame", json_count(n->place.frame));
        json_put(o, "encrypted", json_boolean(n->inside));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *vendor_ids_value(const struct ike_facts *f)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < f->vendor_id_count; i++) {
        const char *text;
        uint32_t number;
        (void)ike_vendor_of(span_of(f->vendor_ids[i].bytes, f->vendor_ids[i].len), &text, &number);
        json_array_append_new(list, text != NULL ? json_c_text(text)
                                                 : json_hex(f->vendor_ids[i].bytes, f->vendor_ids[i].len));
    }
    return list;
}

static json_t *spi_value(const uint8_t spi[static IKE_SPI])
{
    return json_hex(spi, IKE_SPI);
}

static json_t *child_value(const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    if (!f->child_created)
        return json_null();
    json_t *o = json_object();
    json_put(o, "encryption", transform_value(&f->child.encr));
    json_put(o, "integrity", transform_value(&f->child.integ));
    json_put(o, "dh", transform_value(&f->child.dh));
    json_put(o, "initiator_selectors", json_text_or_null(x, f->ts_initiator));
    json_put(o, "responder_selectors", json_text_or_null(x, f->ts_responder));
    return o;
}

static json_t *esp_value(const struct ike_state *s)
{
    json_t *o = json_object();
    json_put(o, "initiator_packets", json_count(s->esp_packets[0]));
    json_put(o, "responder_packets", json_count(s->esp_packets[1]));
    json_put(o, "initiator_bytes", json_count(s->esp_bytes[0]));
    json_put(o, "responder_bytes", json_count(s->esp_bytes[1]));
    json_put(o, "in_udp", json_boolean(!s->esp_bare));
    return o;
}

static json_t *comparison(uint8_t result)
{
    return json_string(result == IKE_NAT_MATCH ? "match" : result == IKE_NAT_DIFFERS ? "differs" : "absent");
}

/* Of the request: it shows what the initiator believed; the responder's view of the same stands under "response". */
static json_t *nat_side(const struct ike_nat_fact *n)
{
    json_t *o = json_object();
    json_put(o, "source", comparison(n->source_result));
    json_put(o, "destination", comparison(n->destination_result));
    return o;
}

/* What the searches found behind an address of this exchange's server. */
static json_t *recovered_value(const struct report *r, const struct exchange *x, const struct endpoint *seen)
{
    const struct nat *nat = analysis_nat(r->analysis);
    struct nat_verdict *v = malloc(sizeof *v);
    char text[ENDPOINT_TEXT] = "";
    for (size_t i = 0; v != NULL && text[0] == '\0' && nat_verdict_at(nat, i, v); i++)
        for (size_t k = 0; k < v->recovered_count && address_equal(&v->server, &x->server.address); k++)
            if (endpoint_equal(&v->recovered[k].seen, seen))
                endpoint_text(text, &v->recovered[k].real);
    free(v);
    return text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *nat_value(const struct report *r, const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    json_t *o = nat_side(&f->nat_request);
    json_put(o, "recovered_source", recovered_value(r, x, &f->nat_request.from));
    json_put(o, "recovered_destination", recovered_value(r, x, &f->nat_request.to));
    json_put(o, "response", nat_side(&f->nat_response));
    return o;
}

json_t *json_ike(const struct report *r, const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    json_t *o = json_object(), *ports = json_array();
    char version[8];
    snprintf(version, sizeof version, "%u.%u", f->version >> 4, f->version & 15);
    json_put(o, "version", json_string(version));
    json_put(o, "initiator_spi", spi_value(f->initiator_spi));
    json_put(o, "responder_spi", spi_value(f->responder_spi));
    for (unsigned i = 0; i < f->port_count; i++)
        json_array_append_new(ports, json_integer(f->ports[i]));
    json_put(o, "ports", ports);
    json_put(o, "proposal", f->chosen_seen ? suite_value(&f->chosen) : json_null());
    json_put(o, "offered", f->offer_seen ? offer_value(f) : json_null());
    json_put(o, "exchanges", exchanges_value(f));
    json_put(o, "notifies", notifies_value(f));
    json_put(o, "vendor_ids", vendor_ids_value(f));
    json_put(o, "decrypted", json_boolean(f->decrypted));
    json_put(o, "nat_detection", nat_value(r, x));
    json_put(o, "initiator_id", json_text_or_null(x, f->initiator_id));
    json_put(o, "responder_id", json_text_or_null(x, f->responder_id));
    json_put(o, "initiator_auth",
             f->initiator_auth != 0 ? json_c_text(ike_auth_method_name(f->initiator_auth)) : json_null());
    json_put(o, "responder_auth",
             f->responder_auth != 0 ? json_c_text(ike_auth_method_name(f->responder_auth)) : json_null());
    json_put(o, "assigned_address", json_text_or_null(x, f->assigned_address));
    json_put(o, "internal_server", json_text_or_null(x, f->internal_server));
    json_put(o, "child", child_value(x));
    json_put(o, "offer", json_c_text(ike_offer_name(ike_offer_of(f))));
    json_put(o, "keepalives", json_count(f->state.keepalives));
    json_put(o, "moves", json_count(f->moves));
    json_put(o, "tunnel", json_c_text(ike_tunnel_name(ike_tunnel_of(f))));
    json_put(o, "esp", esp_value(&f->state));
    return o;
}
