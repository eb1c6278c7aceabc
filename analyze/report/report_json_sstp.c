/* The members "sstp", "ppp" and "tcp" of an exchange. */
#include <stdio.h>

#include "analyze/report/report_json.h"
#include "analyze/report/sstp_words.h"

static json_t *messages_value(const struct sstp_facts *f)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < f->message_count && i < SSTP_LISTED_MAX; i++) {
        const char *name = sstp_message_name(f->messages[i]);
        char number[16];
        snprintf(number, sizeof number, "%u", f->messages[i]);
        json_array_append_new(list, json_c_text(name != NULL ? name : number));
    }
    return list;
}

static json_t *statuses_value(const struct sstp_refusal *refusal)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < refusal->count && i < SSTP_STATUSES_MAX; i++) {
        const struct sstp_status_info *s = &refusal->info[i];
        json_t *o = json_object();
        json_put(o, "code", json_count(s->status));
        json_put(o, "name", json_c_text(sstp_status_name(s->status)));
        json_put(o, "attribute", s->attribute != SSTP_ATTRIB_NO_ERROR ? json_c_text(sstp_attribute_name(s->attribute))
                                                                     : json_null());
        json_array_append_new(list, o);
    }
    return list;
}

/* NULL and empty likewise: null. */
static json_t *text_or_null(const char *text)
{
    return text != NULL && text[0] != '\0' ? json_c_text(text) : json_null();
}

static json_t *endpoint_or_null(const struct endpoint *e)
{
    char text[ENDPOINT_TEXT];
    return e != NULL ? json_string(e->port != 0 ? endpoint_text(text, e) : address_text(text, &e->address)) : json_null();
}

static void put_refusals(json_t *o, const struct sstp_state *s)
{
    json_put(o, "nak", s->count[SSTP_CALL_CONNECT_NAK] > 0 ? statuses_value(&s->nak) : json_null());
    json_put(o, "abort", s->count[SSTP_CALL_ABORT] > 0 ? statuses_value(&s->abort) : json_null());
    json_put(o, "disconnect", s->count[SSTP_CALL_DISCONNECT] > 0 ? statuses_value(&s->disconnect) : json_null());
}

static json_t *binding_value(const struct sstp_binding_check *b)
{
    json_t *o = json_object();
    json_put(o, "hash", json_string(sstp_verdict_name(b->hash)));
    json_put(o, "nonce", json_string(sstp_verdict_name(b->nonce)));
    json_put(o, "certificate", json_string(sstp_verdict_name(b->certificate)));
    json_put(o, "mac", json_string(sstp_verdict_name(b->mac)));
    json_put(o, "reason", json_c_text(b->reason));
    return o;
}

json_t *json_sstp(const struct session *s, const struct exchange *x)
{
    const struct sstp_facts *f = &x->sstp;
    char id[SSTP_CORRELATION], method[SSTP_METHOD];
    struct sstp_judgement j = judge_sstp(x);
    json_t *o = json_object();
    json_put(o, "http_status", f->http_status != 0 ? json_integer(f->http_status) : json_null());
    json_put(o, "offloaded", json_boolean(f->carrier == SSTP_CARRIER_CLEAR));
    json_put(o, "correlation_id",
             f->has_correlation ? json_string(sstp_correlation_text(id, f->correlation)) : json_null());
    json_put(o, "messages", messages_value(f));
    json_put(o, "crypto_binding", x == s->bound ? json_string(sstp_verdict_name(s->binding.result)) : json_null());
    json_put(o, "authentication", text_or_null(ppp_method(method, x)));
    json_put(o, "hidden_client", endpoint_or_null(sstp_hidden_client(x)));
    json_put(o, "http_method", json_text_or_null(x, f->method));
    json_put(o, "http_target", json_text_or_null(x, f->target));
    json_put(o, "http_server", json_text_or_null(x, f->http_server));
    put_refusals(o, &f->link);
    json_put(o, "binding", x == s->bound ? binding_value(&s->binding) : json_null());
    json_put(o, "end", json_string(sstp_end_name(j.end)));
    json_put(o, "end_confidence", json_string(confidence_name(j.confidence)));
    json_put(o, "read", json_boolean(j.read));
    return o;
}

static json_t *outcome_value(const struct ppp_negotiation *n)
{
    static const char *const names[] = {[PPP_UNTOUCHED] = NULL,
                                        [PPP_RUNNING] = "running",
                                        [PPP_OPENED] = "opened",
                                        [PPP_REFUSED] = "refused",
                                        [PPP_CLOSED] = "closed"};
    return json_c_text(n->outcome <= PPP_CLOSED ? names[n->outcome] : NULL);
}

static json_t *address_value(const struct address *a)
{
    char text[ADDRESS_TEXT];
    return a->family != FAMILY_NONE ? json_string(address_text(text, a)) : json_null();
}

json_t *json_ppp(const struct exchange *x)
{
    static const char *const results[] = {[PPP_AUTH_NONE] = NULL,
                                          [PPP_AUTH_RUNNING] = "running",
                                          [PPP_AUTH_SUCCEEDED] = "accepted",
                                          [PPP_AUTH_FAILED] = "refused"};
    const struct ppp_state *p = &x->sstp.ppp;
    const struct ppp_authentication *a = &p->authentication[TO_CLIENT];
    char method[SSTP_METHOD];
    json_t *o = json_object(), *dns = json_array();
    json_put(o, "lcp", outcome_value(&p->lcp));
    json_put(o, "authentication", text_or_null(ppp_method(method, x)));
    json_put(o, "authentication_result", json_c_text(a->result <= PPP_AUTH_FAILED ? results[a->result] : NULL));
    json_put(o, "authentication_error", a->error != 0 ? json_count(a->error) : json_null());
    json_put(o, "ipcp", outcome_value(&p->ipcp));
    json_put(o, "ipv6cp", outcome_value(&p->ipv6cp));
    json_put(o, "ccp", outcome_value(&p->ccp));
    json_put(o, "user", p->user_len > 0 ? json_text(span_of(p->user, p->user_len)) : json_null());
    json_put(o, "computer", p->computer_len > 0 ? json_text(span_of(p->computer, p->computer_len)) : json_null());
    json_put(o, "client_address", address_value(&p->ipv4[TO_SERVER]));
    json_put(o, "server_address", address_value(&p->ipv4[TO_CLIENT]));
    for (size_t i = 0; i < 2; i++)
        if (p->dns[i].family != FAMILY_NONE)
            json_array_append_new(dns, address_value(&p->dns[i]));
    json_put(o, "dns", dns);
    json_put(o, "client_datagrams", json_count(p->datagrams[TO_SERVER]));
    json_put(o, "server_datagrams", json_count(p->datagrams[TO_CLIENT]));
    return o;
}

/* Of its SYN, or SYN and ACK. */
static json_t *side_value(const struct tcp_sent *s)
{
    char layout[TCP_LAYOUT_TEXT];
    json_t *o = json_object();
    json_put(o, "syns", json_count(s->syns + s->syns_other_isn));
    json_put(o, "ttl", s->syn.seen ? json_integer(s->syn.ttl) : json_null());
    json_put(o, "window", s->syn.seen ? json_integer(s->syn.window) : json_null());
    json_put(o, "mss", s->syn.seen && s->syn.mss != 0 ? json_integer(s->syn.mss) : json_null());
    json_put(o, "options", s->syn.seen ? json_string(tcp_syn_layout(layout, &s->syn)) : json_null());
    json_put(o, "bytes", json_count(s->bytes));
    json_put(o, "bytes_again", json_count(tcp_sent_again(s)));
    json_put(o, "fin_frame", s->fin.frame != 0 ? json_count(s->fin.frame) : json_null());
    json_put(o, "reset_frame", s->reset.frame != 0 ? json_count(s->reset.frame) : json_null());
    return o;
}

json_t *json_tcp(const struct exchange *x)
{
    const struct tcp_connection *c = &x->sstp.tcp;
    json_t *o = json_object();
    json_put(o, "syn_to_syn_ack_ms", json_milliseconds(c->syn_to_syn_ack_ns));
    json_put(o, "syn_ack_to_ack_ms", json_milliseconds(c->syn_ack_to_ack_ns));
    json_put(o, "client", side_value(&c->sent[TCP_CLIENT]));
    json_put(o, "server", side_value(&c->sent[TCP_SERVER]));
    json_put(o, "icmp_errors", json_count(c->icmp_errors));
    return o;
}
