#include "analyze/report/report_json.h"

#include <stdio.h>

static json_t *check_value(enum check c)
{
    return json_string(c == CHECK_PASS ? "pass" : c == CHECK_FAIL ? "fail" : "unknown");
}

static json_t *checks_value(const struct chain *chain)
{
    const struct chain_checks *k = &chain->checks;
    size_t index;
    bool expired, known = chain->judged;
    json_t *o = json_object();
    json_put(o, "chain", check_value(known ? k->chain : CHECK_UNKNOWN));
    json_put(o, "chain_error",
             known && k->chain_error != CHAIN_OK ? json_c_text(chain_error_name(k->chain_error)) : json_null());
    json_put(o, "chain_text", known && k->chain_text[0] != '\0' ? json_c_text(k->chain_text) : json_null());
    json_put(o, "name", check_value(known ? k->name : CHECK_UNKNOWN));
    json_put(o, "matched_name",
             known && k->name_result.matched[0] != '\0' ? json_c_text(k->name_result.matched) : json_null());
    json_put(o, "server_auth_eku", check_value(known ? k->server_auth_eku : CHECK_UNKNOWN));
    json_put(o, "valid_at_capture", check_value(chain_valid_at(chain, chain->first.time_ns, &index, &expired)));
    json_put(o, "key_strength", check_value(known ? k->key_strength : CHECK_UNKNOWN));
    json_put(o, "signature_strength", check_value(known ? k->signature_strength : CHECK_UNKNOWN));
    json_put(o, "key_usage", check_value(known ? chain_key_usage(k) : CHECK_UNKNOWN));
    return o;
}

static json_t *strings(char *const *texts, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_c_text(texts[i]));
    return list;
}

static void put_facts(json_t *o, const struct x509_facts *f)
{
    char time[TIME_TEXT];
    json_t *eku = json_array();
    json_put(o, "subject", json_c_text(f->subject != NULL ? f->subject : ""));
    json_put(o, "issuer", json_c_text(f->issuer != NULL ? f->issuer : ""));
    json_put(o, "serial", json_c_text(f->serial != NULL ? f->serial : ""));
    json_put(o, "dns_names", strings(f->dns_names, f->dns_count));
    json_put(o, "ip_names", strings(f->ip_names, f->ip_count));
    for (size_t i = 0; i < f->eku_count; i++)
        json_array_append_new(eku, json_c_text(f->eku[i]));
    json_put(o, "eku", eku);
    json_put(o, "not_before", json_string(time_rfc3339_seconds(time, f->not_before)));
    json_put(o, "not_after", json_string(time_rfc3339_seconds(time, f->not_after)));
    json_put(o, "key", json_c_text(f->key_text));
    json_put(o, "signature", json_c_text(f->signature));
    json_put(o, "crl_urls", strings(f->crl_addresses, f->crl_address_count));
    json_put(o, "ocsp_urls", strings(f->ocsp_addresses, f->ocsp_address_count));
    json_put(o, "issuer_urls", strings(f->issuer_addresses, f->issuer_address_count));
}

static json_t *seconds_or_null(int64_t seconds)
{
    char time[TIME_TEXT];
    return seconds != 0 ? json_string(time_rfc3339_seconds(time, seconds)) : json_null();
}

/* null: none was stapled. */
static json_t *stapled_value(const struct chain_ocsp *r)
{
    if (!r->read)
        return json_null();
    json_t *o = json_object();
    json_put(o, "status", json_string(chain_ocsp_name(r->status)));
    json_put(o, "signature", check_value(r->signature));
    json_put(o, "this_update", seconds_or_null(r->this_update));
    json_put(o, "next_update", seconds_or_null(r->next_update));
    json_put(o, "revoked_at", seconds_or_null(r->revoked_at));
    return o;
}

json_t *json_certificate(const struct report *r, const struct certificate *c)
{
    enum { ROLES = 4, PATH_MAX_TEXT = 512 };
    if (c->facts == NULL)
        return NULL;
    json_t *o = json_object(), *roles = json_array(), *by = json_array(), *in = json_array();
    json_put(o, "sha256", json_string(c->sha256));
    json_put(o, "sha1", json_string(c->sha1));
    for (unsigned i = 0; i < ROLES; i++)
        if ((c->roles & 1u << i) != 0)
            json_array_append_new(roles, json_string(chain_role_name(1u << i)));
    json_put(o, "roles", roles);
    json_put(o, "leaf", json_boolean(c->leaf));
    put_facts(o, c->facts);
    for (size_t i = 0; i < c->presenter_count; i++) {
        char text[ENDPOINT_TEXT];
        json_array_append_new(by, json_string(endpoint_text(text, &c->presenters[i])));
    }
    json_put(o, "presented_by", by);
    for (size_t i = 0; i < c->exchange_count; i++)
        json_array_append_new(in, json_integer(c->exchanges[i]));
    json_put(o, "presented_in", in);
    char name[CERTIFICATE_FILE], path[PATH_MAX_TEXT];
    if (r->certs_dir != NULL)
        snprintf(path, sizeof path, "%.400s/%s", r->certs_dir, chain_file_name(name, r->certificates, c->chain));
    json_put(o, "pem_file", r->certs_dir != NULL ? json_c_text(path) : json_null());
    bool judge = c->leaf && (c->roles & (ROLE_NPS | ROLE_IKEV2 | ROLE_SSTP)) != 0;
    json_put(o, "ocsp_response", judge ? stapled_value(&c->chain->ocsp_facts) : json_null());
    json_put(o, "checks", judge ? checks_value(c->chain) : json_null());
    return o;
}
