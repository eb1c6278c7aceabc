/* What --session shows of an IKE association. */
#include <stdio.h>

#include "analyze/report/report_session.h"
#include "analyze/session/ike_lengths.h"

static void suite_text(char out[static SESSION_LINE], const struct ike_suite *s)
{
    const struct ike_transform *const all[] = {&s->encr, &s->integ, &s->prf, &s->dh};
    out[0] = '\0';
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char name[IKE_TRANSFORM_NAME];
        if (all[i]->type != 0)
            session_append(out, ", ", ike_transform_name(name, all[i]));
    }
}

static void print_spis(const struct layout *l, const struct ike_facts *f)
{
    char text[SESSION_LINE] = "";
    for (int i = 0; i < IKE_SPI; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%02x", f->initiator_spi[i]);
    session_append(text, "", " / ");
    for (int i = 0; i < IKE_SPI; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%02x", f->responder_spi[i]);
    session_line(l, "SPIs", text);
}

static void print_vendors(const struct layout *l, const struct ike_facts *f, bool from_initiator)
{
    char text[SESSION_LINE] = "";
    for (unsigned i = 0; i < f->vendor_id_count; i++) {
        const char *name;
        uint32_t number;
        (void)ike_vendor_of(span_of(f->vendor_ids[i].bytes, f->vendor_ids[i].len), &name, &number);
        if (name != NULL && (f->vendor_ids[i].from_initiator != 0) == from_initiator)
            session_append(text, "; ", name);
    }
    session_line(l, from_initiator ? "Client is" : "Server is", text);
}

static void print_notifies(const struct layout *l, const struct ike_facts *f, bool from_initiator)
{
    char text[SESSION_LINE] = "";
    for (unsigned i = 0; i < f->notify_count; i++) {
        const char *name = ike_notify_name(f->version, f->notifies[i].type);
        char number[32];
        snprintf(number, sizeof number, "%u", f->notifies[i].type);
        if (f->notifies[i].from_initiator == from_initiator)
            session_append(text, ", ", name != NULL ? name : number);
    }
    session_line(l, from_initiator ? "Client says" : "Server says", text);
}

static void print_ids(const struct layout *l, const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    char text[SESSION_LINE] = "";
    const char *initiator = f->initiator_auth != 0 ? ike_auth_method_name(f->initiator_auth) : NULL;
    const char *responder = f->responder_auth != 0 ? ike_auth_method_name(f->responder_auth) : NULL;
    session_line_span(l, "Initiator", exchange_text(x, f->initiator_id));
    session_line_span(l, "Asked for", exchange_text(x, f->asked_id));
    session_line_span(l, "Responder", exchange_text(x, f->responder_id));
    if (initiator != NULL)
        session_append(text, ", ", initiator);
    if (responder != NULL) {
        session_append(text, ", ", "responder: ");
        session_append(text, "", responder);
    }
    session_line(l, "AUTH", text);
    session_line_span(l, "Address", exchange_text(x, f->assigned_address));
    session_line_span(l, "Inside", exchange_text(x, f->internal_server));
    session_line_span(l, "Traffic", exchange_text(x, f->ts_responder));
}

static void print_esp(const struct layout *l, const struct ike_state *s)
{
    char text[SESSION_LINE];
    if (s->esp_packets[0] == 0 && s->esp_packets[1] == 0)
        return;
    snprintf(text, sizeof text, "%llu packet%s (%llu bytes) from the client, %llu (%llu) from the server%s",
             (unsigned long long)s->esp_packets[0], s->esp_packets[0] == 1 ? "" : "s",
             (unsigned long long)s->esp_bytes[0], (unsigned long long)s->esp_packets[1],
             (unsigned long long)s->esp_bytes[1], s->esp_bare ? "; not in UDP" : "");
    session_line(l, "ESP", text);
}

static const char *sk_text(const struct ike_facts *f)
{
    if (f->decrypted)
        return "decrypted with --ike-keys";
    if (f->wrong_key)
        return "the given keys do not fit";
    return f->encrypted_seen ? "encrypted: --ike-keys makes it readable" : "";
}

static const char *result_text(uint8_t result)
{
    return result == IKE_NAT_MATCH ? "fits" : result == IKE_NAT_DIFFERS ? "differs" : "absent";
}

static void print_nat(const struct layout *l, const char *label, const struct ike_nat_fact *n)
{
    char text[SESSION_LINE];
    if (!n->present)
        return;
    snprintf(text, sizeof text, "hash of the source %s, of the destination %s", result_text(n->source_result),
             result_text(n->destination_result));
    session_line(l, label, text);
}

void report_session_ike(const struct report *r, const struct layout *l, const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    char text[SESSION_LINE];
    print_spis(l, f);
    suite_text(text, &f->chosen);
    session_line(l, "Proposal", text);
    if (ike_offer_of(f) == IKE_OFFER_WINDOWS_DEFAULT)
        session_line(l, "Offered", "what Windows offers unless the profile sets a policy");
    print_vendors(l, f, true);
    print_vendors(l, f, false);
    print_notifies(l, f, true);
    print_notifies(l, f, false);
    print_nat(l, "NAT, asked", &f->nat_request);
    print_nat(l, "NAT, answer", &f->nat_response);
    snprintf(text, sizeof text, "%u request%s, %u answered%s%s", (unsigned)f->auth_requests,
             f->auth_requests == 1 ? "" : "s", (unsigned)f->auth_responses, sk_text(f)[0] != '\0' ? "; " : "",
             sk_text(f));
    session_line(l, "IKE_AUTH", f->auth_requests + f->auth_responses > 0 ? text : "");
    print_ids(l, x);
    (void)session_line_certificate(r, l, "VPN cert.", f->server_chain);
    (void)session_line_certificate(r, l, "Client cert.", f->client_chain);
    suite_text(text, &f->child);
    session_line(l, "Tunnel", text);
    print_esp(l, &f->state);
}
