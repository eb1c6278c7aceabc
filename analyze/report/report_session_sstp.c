/* What --session shows of an SSTP connection, and of the PPP link in it or in L2TP or PPTP. */
#include <stdarg.h>
#include <stdio.h>

#include "analyze/report/report_session.h"
#include "analyze/report/sstp_words.h"
#include "capture/wire/like_printf.h"

/* A line that grows; what does not fit is left out. */
static void add(char out[static SESSION_LINE], const char *format, ...) LIKE_PRINTF(2, 3);

static void add(char out[static SESSION_LINE], const char *format, ...)
{
    size_t used = strlen(out);
    va_list args;
    va_start(args, format);
    vsnprintf(out + used, SESSION_LINE - used, format, args);
    va_end(args);
}

static const char *plural(uint64_t n)
{
    return n == 1 ? "" : "s";
}

static void print_result(const struct layout *l, const struct exchange *x)
{
    char words[SSTP_WORDS], text[SESSION_LINE] = "";
    struct sstp_judgement j = judge_sstp(x);
    add(text, "%s", sstp_end_words(words, x, &j));
    if (j.end != SSTP_END_UNKNOWN)
        add(text, " (%s%s)", confidence_name(j.confidence),
            j.read || x->sstp.carrier != SSTP_CARRIER_TLS || j.end < SSTP_END_NOTHING_SAID ? ""
                                                                                          : ", by lengths and order");
    if (j.place.frame != 0)
        add(text, ", frame %llu", (unsigned long long)j.place.frame);
    session_line(l, "Result", text);
}

static void print_hidden(const struct layout *l, const struct exchange *x)
{
    const struct endpoint *hidden = sstp_hidden_client(x);
    char text[SESSION_LINE] = "", address[ENDPOINT_TEXT];
    if (hidden == NULL)
        return;
    add(text, "%s, as %s says",
        hidden->port != 0 ? endpoint_text(address, hidden) : address_text(address, &hidden->address),
        x->sstp.proxy_seen ? "the load balancer's PROXY header" : "a header of the HTTP request");
    session_line(l, "Real client", text);
}

static void print_syn(const struct layout *l, const char *label, const struct tcp_sent *s)
{
    char text[SESSION_LINE] = "", layout[TCP_LAYOUT_TEXT];
    if (!s->syn.seen)
        return;
    add(text, "TTL %u, window %u, MSS %u, options %s", s->syn.ttl, s->syn.window, s->syn.mss,
        tcp_syn_layout(layout, &s->syn));
    session_line(l, label, text);
}

static void add_end(char text[static SESSION_LINE], const char *what, int side, struct place at)
{
    if (at.frame != 0)
        add(text, "%s%s of the %s in frame %llu", text[0] != '\0' ? ", " : "", what,
            side == TCP_CLIENT ? "client" : "server", (unsigned long long)at.frame);
}

static void print_end(const struct layout *l, const struct tcp_connection *c)
{
    char text[SESSION_LINE] = "";
    int first = c->sent[c->fin_first].fin.frame != 0 ? (int)c->fin_first : (int)c->reset_by;
    for (int i = 0; i < 2; i++)
        add_end(text, "FIN", i == 0 ? first : 1 - first, c->sent[i == 0 ? first : 1 - first].fin);
    for (int i = 0; i < 2; i++)
        add_end(text, "RST", i == 0 ? first : 1 - first, c->sent[i == 0 ? first : 1 - first].reset);
    session_line(l, "Closed", text[0] != '\0' ? text : "no end was captured");
}

static void print_icmp(const struct layout *l, const struct tcp_connection *c)
{
    static const char *const kinds[] = {[TCP_ICMP_NONE] = "",
                                        [TCP_ICMP_UNREACHABLE] = "unreachable",
                                        [TCP_ICMP_TOO_BIG] = "packet too big",
                                        [TCP_ICMP_TIME_EXCEEDED] = "time to live exceeded"};
    char text[SESSION_LINE] = "", address[ADDRESS_TEXT];
    if (c->icmp_errors == 0)
        return;
    add(text, "%s (type %u code %u) from %s in frame %llu", kinds[c->icmp.kind], c->icmp.type, c->icmp.code,
        address_text(address, &c->icmp_from), (unsigned long long)c->icmp_place.frame);
    session_line(l, "ICMP", text);
}

static void print_tcp(const struct layout *l, const struct exchange *x)
{
    const struct tcp_connection *c = &x->sstp.tcp;
    const struct tcp_sent *client = &c->sent[TCP_CLIENT], *server = &c->sent[TCP_SERVER];
    uint64_t syns = client->syns + client->syns_other_isn, answers = server->syns + server->syns_other_isn;
    uint64_t again[] = {tcp_sent_again(client), tcp_sent_again(server)};
    char text[SESSION_LINE] = "", time[TIME_TEXT];
    if (syns > 0)
        add(text, "%llu SYN%s, ", (unsigned long long)syns, plural(syns));
    if (answers > 0)
        add(text, "%llu answer%s", (unsigned long long)answers, plural(answers));
    else
        add(text, syns > 0 ? "no SYN, ACK" : "the capture has no SYN");
    if (c->syn_to_syn_ack_ns >= 0 && answers > 0 && syns > 0)
        add(text, "; round trip to the server %s", duration_text(time, c->syn_to_syn_ack_ns));
    if (c->syn_ack_to_ack_ns >= 0 && answers > 0)
        add(text, "; round trip to the client %s", duration_text(time, c->syn_ack_to_ack_ns));
    session_line(l, "TCP", text);
    print_syn(l, "Client SYN", client);
    print_syn(l, "Server SYN", server);
    print_icmp(l, c);
    text[0] = '\0';
    if (again[0] + again[1] > 0) {
        add(text, "%llu bytes by the client, %llu by the server", (unsigned long long)again[0],
            (unsigned long long)again[1]);
        session_line(l, "Sent again", text);
    }
    if (syns + answers > 0 || client->packets + server->packets > 0)
        print_end(l, c);
}

static void print_http(const struct layout *l, const struct exchange *x)
{
    const struct sstp_facts *f = &x->sstp;
    struct span method = exchange_text(x, f->method), reason = exchange_text(x, f->http_reason);
    char text[SESSION_LINE] = "", id[SSTP_CORRELATION];
    if (!f->request_seen && !f->answer_seen)
        return;
    add(text, "%.*s%s", (int)(method.len < 40 ? method.len : 40), method.len > 0 ? (const char *)method.data : "",
        f->request_seen ? "" : "the request was not seen");
    if (f->http_status != 0)
        add(text, ", answered by %u %.*s", f->http_status, (int)(reason.len < 80 ? reason.len : 80),
            reason.len > 0 ? (const char *)reason.data : "");
    else
        add(text, ", no answer");
    session_line(l, "HTTP", text);
    session_line_span(l, "Asked for", exchange_text(x, f->target));
    session_line_span(l, "Host", exchange_text(x, f->host));
    session_line_span(l, "Server is", exchange_text(x, f->http_server));
    session_line_span(l, "Via", exchange_text(x, f->via));
    if (f->has_correlation)
        session_line(l, "Correlation", sstp_correlation_text(id, f->correlation));
}

static void print_refusal(const struct layout *l, const char *label, const struct sstp_refusal *refusal)
{
    char text[SESSION_LINE] = "";
    for (unsigned i = 0; i < refusal->count && i < SSTP_STATUSES_MAX; i++) {
        const struct sstp_status_info *s = &refusal->info[i];
        const char *name = sstp_status_name(s->status), *about = sstp_attribute_name(s->attribute);
        bool of = s->attribute != SSTP_ATTRIB_NO_ERROR && about != NULL;
        add(text, "%s%s (%u)%s%s", i > 0 ? ", " : "", name != NULL ? name : "unknown status", (unsigned)s->status,
            of ? " of " : "", of ? about : "");
    }
    session_line(l, label, text);
}

static void print_wait(const struct layout *l, const struct exchange *x)
{
    static const char *const what[] = {[SSTP_TIMER_NONE] = "",
                                       [SSTP_TIMER_CONNECT_REQUEST] = "CALL_CONNECT_REQUEST",
                                       [SSTP_TIMER_CONNECT_ACK] = "an answer to CALL_CONNECT_REQUEST",
                                       [SSTP_TIMER_AUTHENTICATION] = "CALL_CONNECTED, the end of the authentication",
                                       [SSTP_TIMER_ECHO] = "anything after its ECHO_REQUEST",
                                       [SSTP_TIMER_ABORT] = "the other side's CALL_ABORT",
                                       [SSTP_TIMER_DISCONNECT] = "CALL_DISCONNECT_ACK"};
    struct sstp_wait w = sstp_waits_for(&x->sstp.link, x->capture_last_ns);
    char text[SESSION_LINE] = "", waited[TIME_TEXT], limit[TIME_TEXT];
    if (w.timer == SSTP_TIMER_NONE)
        return;
    add(text, "at the end of the capture the %s waits for %s since frame %llu: %s of %s%s",
        w.waiting == TO_SERVER ? "client" : "server", what[w.timer], (unsigned long long)w.since.frame,
        duration_text(waited, x->capture_last_ns - w.since.time_ns), duration_text(limit, w.limit_ns),
        w.expired ? ", its timer has run out" : "");
    session_line(l, "Timer", text);
}

static void print_link(const struct layout *l, const struct exchange *x)
{
    const struct sstp_facts *f = &x->sstp;
    char text[SESSION_LINE] = "", number[16];
    for (unsigned i = 0; i < f->message_count && i < SSTP_LISTED_MAX; i++) {
        const char *name = sstp_message_name(f->messages[i]);
        snprintf(number, sizeof number, "%u", f->messages[i]);
        add(text, "%s%s", i > 0 ? ", " : "", name != NULL ? name : number);
    }
    session_line(l, "SSTP", text[0] != '\0' ? text : f->has_link ? "no control message" : "");
    if (!f->has_link)
        return;
    print_refusal(l, "Refusal", &f->link.nak);
    print_refusal(l, "Abort", &f->link.abort);
    print_refusal(l, "Disconnect", &f->link.disconnect);
    print_wait(l, x);
    for (int dir = 0; dir < 2; dir++)
        if (f->link.broken[dir] != NULL)
            session_line(l, dir == TO_SERVER ? "From client" : "From server", f->link.broken[dir]);
}

static void print_binding(const struct layout *l, const struct sstp_binding_check *b)
{
    char text[SESSION_LINE] = "";
    add(text, "%s: certificate hash %s, nonce %s, MAC %s", sstp_verdict_name(b->result),
        sstp_verdict_name(b->certificate), sstp_verdict_name(b->nonce), sstp_verdict_name(b->mac));
    if (b->reason != NULL)
        add(text, " (%s)", b->reason);
    session_line(l, "Binding", text);
}

static const char *negotiation_text(const struct ppp_negotiation *n)
{
    static const char *const words[] = {[PPP_UNTOUCHED] = "not begun",
                                        [PPP_RUNNING] = "not agreed",
                                        [PPP_OPENED] = "open",
                                        [PPP_REFUSED] = "refused",
                                        [PPP_CLOSED] = "open, then closed"};
    return n->outcome == PPP_CLOSED && !(n->acked[0] && n->acked[1]) ? "closed before it was agreed"
           : n->outcome <= PPP_CLOSED                                ? words[n->outcome]
                                                                     : "";
}

static void print_authentication(const struct layout *l, const struct exchange *x)
{
    static const char *const results[] = {[PPP_AUTH_NONE] = "not begun",
                                          [PPP_AUTH_RUNNING] = "no result",
                                          [PPP_AUTH_SUCCEEDED] = "accepted",
                                          [PPP_AUTH_FAILED] = "refused"};
    const struct ppp_authentication *a = &x->sstp.ppp.authentication[TO_CLIENT];
    char text[SESSION_LINE] = "", method[SSTP_METHOD];
    ppp_method(method, x);
    add(text, "%s%s%s", method[0] != '\0' ? method : "nothing agreed", a->result <= PPP_AUTH_FAILED ? ", " : "",
        a->result <= PPP_AUTH_FAILED ? results[a->result] : "");
    if (a->error != 0)
        add(text, ", error %u%s%s", (unsigned)a->error, mschap_error_name(a->error) != NULL ? " " : "",
            mschap_error_name(a->error) != NULL ? mschap_error_name(a->error) : "");
    for (unsigned i = 0; i < a->offered_count && i < PPP_OFFERS_MAX; i++) {
        const char *name = ppp_authentication_name(a->offered[i].protocol, a->offered[i].algorithm);
        add(text, "%s%s", i == 0 ? "; the server asks for " : ", ", name != NULL ? name : "another method");
    }
    for (unsigned i = 0; i < a->wanted_count && i < PPP_OFFERS_MAX; i++) {
        const char *name = ppp_authentication_name(a->wanted[i].protocol, a->wanted[i].algorithm);
        add(text, "%s%s", i == 0 ? "; the client wants " : ", ", name != NULL ? name : "another method");
    }
    if (a->rejected)
        add(text, "; the client will not authenticate");
    session_line(l, "Login", text);
}

static void print_address(char text[static SESSION_LINE], const char *between, const struct address *a)
{
    char address[ADDRESS_TEXT];
    if (a->family != FAMILY_NONE)
        add(text, "%s%s", between, address_text(address, a));
}

static void print_ppp(const struct layout *l, const struct exchange *x)
{
    const struct ppp_state *p = &x->sstp.ppp;
    char text[SESSION_LINE] = "";
    add(text, "LCP %s, IPCP %s", negotiation_text(&p->lcp), negotiation_text(&p->ipcp));
    if (p->ipv6cp.outcome != PPP_UNTOUCHED)
        add(text, ", IPv6CP %s", negotiation_text(&p->ipv6cp));
    if (p->ccp.outcome != PPP_UNTOUCHED)
        add(text, ", CCP %s", negotiation_text(&p->ccp));
    session_line(l, "PPP", text);
    print_authentication(l, x);
    session_line_span(l, "User", span_of(p->user, p->user_len));
    session_line_span(l, "Computer", span_of(p->computer, p->computer_len));
    text[0] = '\0';
    print_address(text, "", &p->ipv4[TO_SERVER]);
    print_address(text, text[0] != '\0' ? ", " : "", &p->link_local[TO_SERVER]);
    print_address(text, "; DNS ", &p->dns[0]);
    if (!address_equal(&p->dns[0], &p->dns[1]))
        print_address(text, ", ", &p->dns[1]);
    session_line(l, "Address", text);
    if (p->terminated) {
        text[0] = '\0';
        add(text, "by the %s in frame %llu", p->lcp.ended_by == TO_SERVER ? "client" : "server",
            (unsigned long long)p->lcp.ended.frame);
        if (p->has_terminate_error)
            add(text, ", reason %u", (unsigned)p->terminate_error);
        session_line(l, "Terminated", text);
    }
}

static void print_data(const struct layout *l, const struct exchange *x)
{
    const struct sstp_facts *f = &x->sstp;
    char text[SESSION_LINE] = "";
    if (f->packets[0] + f->packets[1] == 0)
        return;
    add(text, "%llu bytes in %llu packets from the client, %llu in %llu from the server",
        (unsigned long long)f->bytes[TO_SERVER], (unsigned long long)f->packets[TO_SERVER],
        (unsigned long long)f->bytes[TO_CLIENT], (unsigned long long)f->packets[TO_CLIENT]);
    session_line(l, "Data", text);
    text[0] = '\0';
    if (f->ppp.datagrams[0] + f->ppp.datagrams[1] > 0) {
        add(text, "%llu datagrams from the client, %llu from the server",
            (unsigned long long)f->ppp.datagrams[TO_SERVER], (unsigned long long)f->ppp.datagrams[TO_CLIENT]);
        session_line(l, "Inside", text);
    }
}

/* What stayed closed, and what opens it. */
static void print_unread(const struct layout *l, const struct exchange *x)
{
    const struct sstp_facts *f = &x->sstp;
    char text[SESSION_LINE] = "";
    if (f->flooded)
        session_line(l, "Not read", "one of too many connections alike: only counted");
    if (f->carrier == SSTP_CARRIER_TLS && f->tls.server_hello && f->tls.decryption_failed)
        session_line(l, "Not read", "what is inside TLS: the secrets given do not fit");
    else if (f->carrier == SSTP_CARRIER_TLS && f->records_seen[0] + f->records_seen[1] > 0 && !f->has_link &&
             !f->request_seen && f->kind != SSTP_KIND_PROBE && f->kind != SSTP_KIND_OTHER)
        session_line(
            l, "Not read",
            "HTTP, SSTP and PPP inside TLS: no secrets. User, method and the server's answer stand readable between "
            "VPN server and RADIUS server (capture UDP 1812 there at the same time); --keylog opens all, where one "
            "end logs its TLS secrets or a load balancer takes TLS off (capture behind it)");
    if (f->lost_bytes > 0)
        add(text, "%llu bytes that were acknowledged but not captured", (unsigned long long)f->lost_bytes);
    if (f->cut_bytes > 0)
        add(text, "%s%llu bytes that the capture's snap length cut off", text[0] != '\0' ? ", " : "",
            (unsigned long long)f->cut_bytes);
    session_line(l, "Missing", text);
}

static void print_fingerprints(const struct layout *l, const struct tls_facts *t)
{
    session_line(l, "JA3", t->ja3);
    session_line(l, "JA4", t->ja4);
}

void report_session_sstp(const struct report *r, const struct layout *l, const struct session *s, const struct exchange *x)
{
    const struct sstp_facts *f = &x->sstp;
    if (f->kind != SSTP_KIND_OTHER && f->kind != SSTP_KIND_PROBE)
        print_result(l, x);
    print_hidden(l, x);
    if (x->type == CONVERSATION_SSTP) {
        print_tcp(l, x);
        report_session_tls(r, l, x, &f->tls);
        print_fingerprints(l, &f->tls);
        if (f->carrier == SSTP_CARRIER_CLEAR)
            session_line(l, "TLS", "none here: something in front takes it off");
        print_http(l, x);
        print_link(l, x);
        if (x == s->bound)
            print_binding(l, &s->binding);
    } else {
        report_session_call(l, x);
    }
    if (f->has_ppp)
        print_ppp(l, x);
    print_data(l, x);
    print_unread(l, x);
}
