#include "analyze/report/report_json.h"

static void put_check(struct json_writer *w, const char *key, enum check c)
{
    json_put_string(w, key, c == CHECK_PASS ? "pass" : c == CHECK_FAIL ? "fail" : "unknown");
}

static const char *or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static void put_checks(struct json_writer *w, const char *key, const struct chain *chain)
{
    const struct chain_checks *k = &chain->checks;
    size_t index;
    bool expired, known = chain->judged;
    json_put_object(w, key);
    put_check(w, "chain", known ? k->chain : CHECK_UNKNOWN);
    json_put_string(w, "chain_error", known && k->chain_error != CHAIN_OK ? chain_error_name(k->chain_error) : NULL);
    json_put_string(w, "chain_text", known ? or_null(k->chain_text) : NULL);
    put_check(w, "name", known ? k->name : CHECK_UNKNOWN);
    json_put_string(w, "matched_name", known ? or_null(k->name_result.matched) : NULL);
    put_check(w, "server_auth_eku", known ? k->server_auth_eku : CHECK_UNKNOWN);
    put_check(w, "valid_at_capture", chain_valid_at(chain, chain->first.time_ns, &index, &expired));
    put_check(w, "key_strength", known ? k->key_strength : CHECK_UNKNOWN);
    put_check(w, "signature_strength", known ? k->signature_strength : CHECK_UNKNOWN);
    put_check(w, "key_usage", known ? chain_key_usage(k) : CHECK_UNKNOWN);
    json_end_object(w);
}

static void put_strings(struct json_writer *w, const char *key, char *const *texts, size_t count)
{
    json_put_array(w, key);
    for (size_t i = 0; i < count; i++)
        json_put_string(w, NULL, texts[i]);
    json_end_array(w);
}

static void put_facts(struct json_writer *w, const struct x509_facts *f)
{
    char time[TIME_TEXT];
    json_put_string(w, "subject", f->subject != NULL ? f->subject : "");
    json_put_string(w, "issuer", f->issuer != NULL ? f->issuer : "");
    json_put_string(w, "serial", f->serial != NULL ? f->serial : "");
    put_strings(w, "dns_names", f->dns_names, f->dns_count);
    put_strings(w, "ip_names", f->ip_names, f->ip_count);
    json_put_array(w, "eku");
    for (size_t i = 0; i < f->eku_count; i++)
        json_put_string(w, NULL, f->eku[i]);
    json_end_array(w);
    json_put_string(w, "not_before", time_rfc3339_seconds(time, f->not_before));
    json_put_string(w, "not_after", time_rfc3339_seconds(time, f->not_after));
    json_put_string(w, "key", f->key_text);
    json_put_string(w, "signature", f->signature);
}

static void put_file(struct json_writer *w, const char *key, const struct report *r, const struct certificate *c)
{
    enum { PATH_MAX_TEXT = 512 };
    char name[CERTIFICATE_FILE], path[PATH_MAX_TEXT];
    if (r->certs_dir != NULL)
        snprintf(path, sizeof path, "%.400s/%s", r->certs_dir, chain_file_name(name, r->certificates, c->chain));
    json_put_string(w, key, r->certs_dir != NULL ? path : NULL);
}

void json_put_certificate(struct json_writer *w, const struct report *r, const struct certificate *c)
{
    enum { ROLES = 4 };
    if (c->facts == NULL)
        return;
    json_put_object(w, NULL);
    json_put_string(w, "sha256", c->sha256);
    json_put_string(w, "sha1", c->sha1);
    json_put_array(w, "roles");
    for (unsigned i = 0; i < ROLES; i++)
        if ((c->roles & 1u << i) != 0)
            json_put_string(w, NULL, chain_role_name(1u << i));
    json_end_array(w);
    json_put_flag(w, "leaf", c->leaf);
    put_facts(w, c->facts);
    json_put_array(w, "presented_by");
    for (size_t i = 0; i < c->presenter_count; i++) {
        char text[ENDPOINT_TEXT];
        json_put_string(w, NULL, endpoint_text(text, &c->presenters[i]));
    }
    json_end_array(w);
    json_put_array(w, "presented_in");
    for (size_t i = 0; i < c->exchange_count; i++)
        json_put_integer(w, NULL, c->exchanges[i]);
    json_end_array(w);
    put_file(w, "pem_file", r, c);
    if (c->leaf && (c->roles & (ROLE_NPS | ROLE_IKEV2 | ROLE_SSTP)) != 0)
        put_checks(w, "checks", c->chain);
    else
        json_put_null(w, "checks");
    json_end_object(w);
}
