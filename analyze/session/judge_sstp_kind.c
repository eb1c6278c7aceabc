/* What a connection to an SSTP server is at all, and what its end means. */
#include "analyze/session/judge_sstp.h"

#include "analyze/session/sstp_lengths.h"
#include "analyze/session/sstp_lost.h"

static bool is_text(const struct exchange *x, struct text t, const char *word)
{
    return span_equal(exchange_text(x, t), span_of(word, strlen(word)));
}

bool judge_sstp_is_name(struct span text)
{
    struct address address;
    if (text.len == 0)
        return false;
    const char *port = memchr(text.data, ':', text.len); /* Host may have one */
    if (port != NULL && !address_parse(text, &address))
        text.len = (size_t)((const uint8_t *)port - text.data);
    return !address_parse(text, &address);
}

static bool dials_name(const struct exchange *x, struct text name)
{
    return judge_sstp_is_name(exchange_text(x, name));
}

bool judge_sstp_dials_name(const struct exchange *x)
{
    return dials_name(x, x->sstp.tls.sni);
}

/* The client can speak something else there, mostly HTTP/2: a browser or another client of the web. SSTP's have no choice. */
static bool offers_other(const struct exchange *x)
{
    struct span offer = exchange_text(x, x->sstp.tls.alpn);
    return offer.len > 0 && !span_equal(offer, span_of("http/1.1", 8));
}

/* A request was read that is not SSTP's own. */
static enum sstp_kind other_request(const struct exchange *x)
{
    const struct sstp_facts *f = &x->sstp;
    if (f->sstp_target || is_text(x, f->method, "HEAD") || is_text(x, f->method, "OPTIONS"))
        return SSTP_KIND_PROBE;
    bool named = f->tls.seen ? dials_name(x, f->tls.sni) : dials_name(x, f->host);
    return is_text(x, f->method, "GET") && !named ? SSTP_KIND_PROBE : SSTP_KIND_OTHER;
}

static bool is_over(const struct sstp_facts *f)
{
    const struct tcp_sent *client = &f->tcp.sent[TCP_CLIENT], *server = &f->tcp.sent[TCP_SERVER];
    /* A reset of the very first SYN may belong to an earlier connection of the same ports. */
    bool stale = f->tcp.reset == TCP_RESET_SYN && server->packets > server->resets;
    bool reset = !stale && (client->reset.frame != 0 || server->reset.frame != 0);
    return reset || client->fin.frame != 0 || server->fin.frame != 0;
}

/* TLS that nobody could read. Without a name nobody wants a tunnel who says as little as that. */
static enum sstp_kind closed_kind(const struct exchange *x)
{
    const struct sstp_facts *f = &x->sstp;
    struct sstp_reading r = sstp_reading_of(f);
    bool known = f->lost_bytes == 0 && f->cut_bytes == 0;
    bool named = dials_name(x, f->tls.sni), little = known && !named && is_over(f);
    switch (r.shape) {
    case SSTP_SHAPE_REFUSED:
    case SSTP_SHAPE_ACKNOWLEDGED:
    case SSTP_SHAPE_CONNECTED:
        return r.confidence == CONFIDENCE_HINT ? SSTP_KIND_UNSURE : SSTP_KIND_TUNNEL;
    case SSTP_SHAPE_OTHER:
        if (little && r.one_answer && !r.large_answer)
            return SSTP_KIND_PROBE;
        return known ? SSTP_KIND_OTHER : SSTP_KIND_UNSURE;
    case SSTP_SHAPE_NOTHING:
        return little && f->tls.client_finished && !r.refused_at_finished ? SSTP_KIND_PROBE : SSTP_KIND_UNSURE;
    case SSTP_SHAPE_ANSWERED:
        return little ? SSTP_KIND_PROBE : SSTP_KIND_UNSURE;
    case SSTP_SHAPE_UNKNOWN:
    case SSTP_SHAPE_ASKED:
    case SSTP_SHAPE_CALLED:
        break;
    }
    return SSTP_KIND_UNSURE;
}

enum sstp_kind judge_sstp_kind(const struct exchange *x)
{
    const struct sstp_facts *f = &x->sstp;
    enum tcp_outcome outcome = tcp_connection_outcome(&f->tcp);
    if (x->type != CONVERSATION_SSTP || f->sstp_request || f->sstp_connect || is_text(x, f->method, "SSTP_DUPLEX_POST") ||
        f->link.last[0].frame != 0 || f->link.last[1].frame != 0)
        return SSTP_KIND_TUNNEL;
    if (f->request_seen)
        return other_request(x);
    if (f->carrier == SSTP_CARRIER_OTHER || f->tls.alpn_other || offers_other(x))
        return SSTP_KIND_OTHER;
    if (f->tls.seen && f->tls.decrypted && !f->tls.data_from_client)
        return is_over(f) && !dials_name(x, f->tls.sni) && f->tls.client_finished ? SSTP_KIND_PROBE : SSTP_KIND_UNSURE;
    if (f->tls.seen)
        return closed_kind(x);
    bool no_byte = outcome == TCP_OUTCOME_PROBE || outcome == TCP_OUTCOME_CLIENT_GAVE_UP;
    return no_byte && f->tcp.sent[TCP_SERVER].syn.seen && is_over(f) ? SSTP_KIND_PROBE : SSTP_KIND_UNSURE;
}

/* Of a handshake that stopped: who left whom. */
static enum outcome stalled_outcome(const struct exchange *x, const struct sstp_judgement *j)
{
    const struct tcp_sent *server = &x->sstp.tcp.sent[TCP_SERVER];
    bool unheard = server->data_packets > 0 && !server->data_acked; /* what the server said did not arrive */
    struct sstp_lost lost = sstp_large_lost(x);
    if (unheard || (lost.kind != SSTP_LOST_NOTHING && lost.other_is_there && !lost.from_client))
        return OUTCOME_UNANSWERED;
    if (j->client_silent)
        return OUTCOME_ABORTED;
    return j->by_client ? OUTCOME_UNANSWERED : OUTCOME_REJECTED;
}

static enum outcome outcome_of(const struct exchange *x, const struct sstp_judgement *j)
{
    const struct sstp_facts *f = &x->sstp;
    bool unheard, bare = x->type != CONVERSATION_SSTP, ended = bare && f->call.end != PPP_CALL_NOT_ENDED;
    bool over = is_over(f) || f->ppp.terminated || f->link.stage >= SSTP_STAGE_ABORTED || ended;
    enum outcome by_who = over && !j->by_client ? OUTCOME_REJECTED : OUTCOME_ABORTED;
    switch (j->end) {
    case SSTP_END_ESTABLISHED:
        return OUTCOME_ESTABLISHED;
    case SSTP_END_NO_ANSWER:
    case SSTP_END_UNREACHABLE:
    case SSTP_END_ANSWER_UNHEARD:
    case SSTP_END_HELLO_SILENT:
        return OUTCOME_UNANSWERED;
    case SSTP_END_REFUSED:
    case SSTP_END_HELLO_HUNG_UP:
    case SSTP_END_SERVER_ALERT:
    case SSTP_END_HTTP_ERROR:
    case SSTP_END_CALL_NAK:
    case SSTP_END_BINDING:
    case SSTP_END_PPP_NETWORK:
        return OUTCOME_REJECTED;
    case SSTP_END_CLIENT_REFUSED:
        return OUTCOME_ABORTED;
    case SSTP_END_HANDSHAKE_STALLED:
        return stalled_outcome(x, j);
    case SSTP_END_PPP_AUTHENTICATION: /* the server's failure follows the client's refusal, where it was not lost */
        return j->by_client && j->read && x->eap.result != EAP_RESULT_FAILURE ? OUTCOME_ABORTED : OUTCOME_REJECTED;
    case SSTP_END_HTTP_SILENT:
    case SSTP_END_CALL_SILENT:
    case SSTP_END_PPP_SILENT:
        return over && !j->by_client ? OUTCOME_REJECTED : j->client_silent ? OUTCOME_ABORTED : OUTCOME_UNANSWERED;
    case SSTP_END_TUNNEL_SILENT:
        return j->client_silent ? OUTCOME_ABORTED : OUTCOME_UNANSWERED;
    case SSTP_END_PPP_LCP: /* error 806: of PPTP's two protocols GRE does not pass */
        unheard = f->call.packets[TO_SERVER] > 0 && f->call.packets[TO_CLIENT] == 0;
        return bare && !j->client_silent && (!over || (j->by_client && unheard)) ? OUTCOME_UNANSWERED : by_who;
    case SSTP_END_TUNNEL_REFUSED:
        return j->by_client ? OUTCOME_ABORTED : OUTCOME_REJECTED;
    case SSTP_END_NOTHING_SAID:
    case SSTP_END_CALL_ABORT:
    case SSTP_END_LEFT:
        return by_who;
    case SSTP_END_NOTHING_ASKED:
    case SSTP_END_UNKNOWN:
        break;
    }
    return OUTCOME_INCOMPLETE;
}

enum outcome judge_sstp_outcome(const struct exchange *x)
{
    enum sstp_kind kind = judge_sstp_kind(x);
    struct sstp_judgement j = judge_sstp(x);
    if (kind == SSTP_KIND_PROBE || kind == SSTP_KIND_OTHER) /* nobody wanted a tunnel */
        return OUTCOME_INCOMPLETE;
    /* Without its kind, what only lengths hint at is no outcome. */
    if (j.end != SSTP_END_ESTABLISHED && !j.read && j.confidence == CONFIDENCE_HINT && kind != SSTP_KIND_TUNNEL)
        return OUTCOME_INCOMPLETE;
    return outcome_of(x, &j);
}

enum client_answer judge_sstp_server_certificate(const struct exchange *x, const struct alert_fact **alert)
{
    const struct tls_facts *t = &x->sstp.tls;
    *alert = NULL;
    if (x->type != CONVERSATION_SSTP || !t->server_hello || !(t->certificate_seen || (t->version == 0x0304 && !t->resumed)))
        return ANSWER_NO_CERTIFICATE;
    struct sstp_judgement j = judge_sstp(x);
    if (j.end == SSTP_END_CLIENT_REFUSED) {
        *alert = judge_certificate_alert(t);
        if (*alert != NULL)
            return ANSWER_ALERT;
        return t->client_encrypted_alert ? ANSWER_ENCRYPTED_ALERT : ANSWER_LEFT;
    }
    if (j.end > SSTP_END_NOTHING_SAID)
        return ANSWER_ACCEPTED;
    enum sstp_shape shape = sstp_reading_of(&x->sstp).shape;
    bool data = t->data_from_client && (t->decrypted || shape >= SSTP_SHAPE_ASKED || t->version < 0x0304);
    if (data)
        return ANSWER_ACCEPTED;
    bool silent = (j.end == SSTP_END_NOTHING_SAID || j.end == SSTP_END_HANDSHAKE_STALLED) && j.client_silent && !is_over(&x->sstp);
    return silent ? ANSWER_SILENT : ANSWER_UNKNOWN;
}
