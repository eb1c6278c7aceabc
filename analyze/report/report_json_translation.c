/* The member "translation": one verdict a server; proven translations beside it. */
#include <stdlib.h>

#include "analyze/report/report_json.h"

static json_t *recovered_value(const struct nat_verdict *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->recovered_count; i++) {
        char text[ENDPOINT_TEXT];
        json_t *o = json_object();
        json_put(o, "seen", json_string(endpoint_text(text, &v->recovered[i].seen)));
        json_put(o, "real", json_string(endpoint_text(text, &v->recovered[i].real)));
        json_put(o, "how", json_string(v->recovered[i].how));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *evidence_value(const struct report *r, const struct nat_verdict *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->evidence_count; i++) {
        const struct nat_evidence *e = &v->evidence[i];
        json_t *o = json_object();
        json_put(o, "capture", json_integer(e->place.capture));
        json_put(o, "frame", json_count(e->place.frame));
        json_put(o, "time", json_time(r, e->place.time_ns, e->place.capture));
        json_put(o, "what", json_c_text(e->what));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *verdict_value(const struct report *r, const struct nat_verdict *v)
{
    char text[ADDRESS_TEXT];
    json_t *o = json_object();
    json_put(o, "verdict", json_string(nat_kind_name(v->kind)));
    json_put(o, "server", json_string(address_text(text, &v->server)));
    json_put(o, "confidence", json_string(confidence_name(v->confidence)));
    json_put(o, "source", v->source.family != FAMILY_NONE ? json_string(address_text(text, &v->source)) : json_null());
    json_put(o, "sessions", json_count(v->sessions));
    json_put(o, "hidden_clients", v->hidden_clients > 0 ? json_count(v->hidden_clients) : json_null());
    json_put(o, "recovered", recovered_value(v));
    json_put(o, "evidence", evidence_value(r, v));
    json_put(o, "reason", v->reason[0] != '\0' ? json_c_text(v->reason) : json_null());
    json_put(o, "sessions_behind_client_nat", json_count(v->client_sessions));
    return o;
}

json_t *json_translation(const struct report *r)
{
    json_t *list = json_array();
    struct nat_verdict *v = malloc(sizeof *v);
    for (size_t i = 0; v != NULL && nat_verdict_at(analysis_nat(r->analysis), i, v); i++)
        json_array_append_new(list, verdict_value(r, v));
    free(v);
    return list;
}

static json_t *side_value(const struct nat_translation *t, int side)
{
    json_t *o = json_object();
    json_put(o, "source", json_endpoint(&t->source[side]));
    json_put(o, "destination", json_endpoint(&t->destination[side]));
    json_put(o, "capture", json_integer(t->place[side].capture));
    json_put(o, "frame", json_count(t->place[side].frame));
    return o;
}

json_t *json_translation_table(const struct report *r)
{
    const struct nat *nat = analysis_nat(r->analysis);
    json_t *list = json_array();
    for (size_t i = 0; i < nat_proven_count(nat); i++) {
        const struct nat_proven *p = nat_proven_at(nat, i);
        json_t *o = json_object();
        json_put(o, "client_side", side_value(&p->first, 0));
        json_put(o, "server_side", side_value(&p->first, 1));
        json_put(o, "source_changed", json_boolean(p->source_changed));
        json_put(o, "destination_changed", json_boolean(p->destination_changed));
        json_put(o, "sessions", json_count(p->count));
        json_array_append_new(list, o);
    }
    return list;
}
