#include "analyze/session/judge_sstp.h"

#include "analyze/session/sstp_lengths.h"
#include "analyze/session/sstp_lost.h"

#define SECONDS INT64_C(1000000000)
#define OUTLIVED_NS (60 * SECONDS) /* MS-SSTP's timer: 3.1.2, 3.2.2, 3.3.2 */
#define WAITED_NS (3 * SECONDS)    /* a side that hangs up after that long gave up waiting; sooner it changed its mind */
enum { REPEATED = 3, TLS_1_3 = 0x0304, HTTP_OK = 200 };

static struct sstp_judgement verdict(enum sstp_end end, enum confidence confidence)
{
    return (struct sstp_judgement){.end = end, .confidence = confidence};
}

static struct sstp_judgement unknown(void)
{
    return verdict(SSTP_END_UNKNOWN, CONFIDENCE_HINT);
}

static struct sstp_judgement read_verdict(enum sstp_end end, bool by_client, struct place place)
{
    return (struct sstp_judgement){
        .end = end, .confidence = CONFIDENCE_CERTAIN, .by_client = by_client, .read = true, .place = place};
}

/* Who ended it first, by whatever means. */
struct ending {
    bool over, by_client;
    struct place place;
};

static void end_at(struct ending *e, bool by_client, struct place place)
{
    if (place.frame != 0 && (!e->over || place.time_ns < e->place.time_ns))
        *e = (struct ending){true, by_client, place};
}

/* An alert that ends TLS, before TCP ends. */
static bool alert_ends(const struct tls_facts *t, struct ending *e)
{
    for (unsigned i = 0; i < t->alert_count; i++)
        if (t->alerts[i].level == 2 || t->alerts[i].code == 0 || t->version == TLS_1_3) {
            *e = (struct ending){true, t->alerts[i].from_client != 0, t->alerts[i].place};
            return true;
        }
    if (t->client_encrypted_alert || t->server_encrypted_alert)
        *e = (struct ending){true, !t->server_alert_first, t->encrypted_alert};
    return e->over;
}

static struct ending ending_of(const struct sstp_facts *f)
{
    const struct tcp_sent *client = &f->tcp.sent[TCP_CLIENT], *server = &f->tcp.sent[TCP_SERVER];
    struct ending e = {0}, tls = {0};
    end_at(&e, true, client->fin);
    end_at(&e, false, server->fin);
    /* A reset of the very first SYN may belong to an earlier connection of the same ports. */
    bool stale = f->tcp.reset == TCP_RESET_SYN && server->packets > server->resets;
    if (!stale) {
        end_at(&e, true, client->reset);
        end_at(&e, false, server->reset);
    }
    if (alert_ends(&f->tls, &tls))
        return tls;
    if (e.over && f->tls.version == TLS_1_3 && !f->tls.decrypted) {
        struct sstp_reading r = sstp_reading_of(f);
        e.by_client = r.closing ? r.closing_by_client : e.by_client;
    }
    return e;
}

/* What did not come may be told of: nothing was lost, cut or left out, and both sides were captured. */
static bool complete(const struct exchange *x)
{
    const struct sstp_facts *f = &x->sstp;
    bool begun = x->begun_before && !f->tls.client_hello && !f->request_seen;
    if (x->type != CONVERSATION_SSTP)
        return !x->begun_before && f->call.missing[0] + f->call.missing[1] == 0;
    return !begun && f->lost_bytes == 0 && f->cut_bytes == 0 && !f->flooded &&
           tcp_connection_outcome(&f->tcp) != TCP_OUTCOME_ONE_WAY;
}

static bool outlived(const struct exchange *x, struct place since)
{
    return x->close_reason != CLOSE_EVICTED && since.frame != 0 && x->capture_last_ns - since.time_ns >= OUTLIVED_NS;
}

/* The client waited in vain: the capture went on for long, or the client gave up. */
static bool waited(const struct exchange *x, const struct ending *e, struct place since)
{
    if (!e->over)
        return outlived(x, since);
    return e->by_client && since.frame != 0 && e->place.time_ns - since.time_ns >= WAITED_NS;
}

/* What the client said was not even acknowledged, however often it repeated it. */
static bool repeated_in_vain(const struct tcp_stuck *s, struct place since)
{
    return s->times >= REPEATED && since.frame != 0 && s->last.time_ns - since.time_ns >= WAITED_NS;
}

/* What was asked at `since` got no answer. UNKNOWN when that is not shown. */
static struct sstp_judgement silent(const struct exchange *x, enum sstp_end end, const struct ending *e, struct place since)
{
    struct sstp_judgement j = verdict(end, CONFIDENCE_STRONG);
    bool hung_up = e->over && !e->by_client;
    if (!complete(x) || !(hung_up || waited(x, e, since)))
        return unknown();
    j.by_client = e->over && e->by_client;
    j.place = hung_up ? e->place : since;
    return j;
}

/* The client went away, or does not go on. */
static struct sstp_judgement left(const struct exchange *x, enum sstp_end end, const struct ending *e, struct place since)
{
    struct sstp_judgement j = verdict(end, CONFIDENCE_STRONG);
    if (!complete(x) || !(e->over || outlived(x, since)))
        return unknown();
    j.by_client = e->over && e->by_client;
    j.client_silent = true;
    j.place = e->over ? e->place : since;
    return j;
}

static struct sstp_judgement nothing_asked(const struct exchange *x)
{
    struct ending e = ending_of(&x->sstp);
    struct sstp_judgement j = verdict(SSTP_END_NOTHING_ASKED, CONFIDENCE_CERTAIN);
    if (!e.over)
        return unknown();
    j.by_client = e.by_client;
    j.place = e.place;
    return j;
}

/* What an earlier connection of the same ports left behind answers first (RFC 5961 section 4), and is reset by the client. */
static struct sstp_judgement refused_after_all(const struct exchange *x)
{
    const struct tcp_sent *client = &x->sstp.tcp.sent[TCP_CLIENT], *server = &x->sstp.tcp.sent[TCP_SERVER];
    struct sstp_judgement j = verdict(SSTP_END_REFUSED, CONFIDENCE_CERTAIN);
    if (client->last_syn.frame == 0 || server->reset.frame == 0 || server->reset.time_ns < client->last_syn.time_ns)
        return unknown();
    j.place = server->reset;
    return j;
}

/* TCP alone. */
static struct sstp_judgement judge_tcp(const struct exchange *x, enum tcp_outcome outcome)
{
    const struct tcp_sent *client = &x->sstp.tcp.sent[TCP_CLIENT], *server = &x->sstp.tcp.sent[TCP_SERVER];
    uint32_t syns = client->syns + client->syns_other_isn;
    struct sstp_judgement j = unknown();
    if (x->begun_before)
        return j;
    switch (outcome) {
    case TCP_OUTCOME_NO_ANSWER:
        if (syns >= REPEATED)
            j = verdict(SSTP_END_NO_ANSWER, CONFIDENCE_STRONG);
        j.place = client->first_syn;
        break;
    case TCP_OUTCOME_UNREACHABLE:
        j = verdict(SSTP_END_UNREACHABLE, CONFIDENCE_CERTAIN);
        j.place = x->sstp.tcp.icmp_place;
        break;
    case TCP_OUTCOME_REFUSED:
        j = verdict(SSTP_END_REFUSED, CONFIDENCE_CERTAIN);
        j.place = server->reset;
        break;
    case TCP_OUTCOME_ANSWER_UNHEARD:
        if (server->syns >= REPEATED || (syns >= REPEATED && server->syns > 1))
            j = verdict(SSTP_END_ANSWER_UNHEARD, CONFIDENCE_STRONG);
        j.client_silent = true;
        j.place = server->last_syn;
        break;
    case TCP_OUTCOME_PROBE:
    case TCP_OUTCOME_CLIENT_GAVE_UP:
        return server->syn.seen ? nothing_asked(x) : refused_after_all(x);
    default:
        break;
    }
    return j;
}

/* A ClientHello, or what is as good as one, and no ServerHello. */
static struct sstp_judgement judge_hello(const struct exchange *x, enum tcp_outcome outcome, const struct ending *e)
{
    const struct sstp_facts *f = &x->sstp;
    const struct tcp_sent *client = &f->tcp.sent[TCP_CLIENT];
    struct place since = f->tls.hello.frame != 0 ? f->tls.hello : client->first_data;
    /* TCP's headers alone tell these two; nothing of the server was cut, for it said nothing. */
    if (f->lost_bytes > 0 || (x->begun_before && !f->tls.client_hello))
        return unknown();
    if (outcome == TCP_OUTCOME_HUNG_UP) {
        struct sstp_judgement j = verdict(SSTP_END_HELLO_HUNG_UP, CONFIDENCE_STRONG);
        j.place = e->place;
        return j;
    }
    bool in_vain = waited(x, e, since) || (!e->over && repeated_in_vain(&client->stuck, since));
    if (outcome == TCP_OUTCOME_NO_REPLY && f->tcp.sent[TCP_SERVER].packets > 0 && in_vain) {
        struct sstp_judgement j = verdict(SSTP_END_HELLO_SILENT, CONFIDENCE_STRONG);
        j.by_client = e->over;
        j.place = since;
        return j;
    }
    /* Its ServerHello went by unseen; what did not arrive did not. */
    bool greeted = (f->tls.data_from_server || f->tls.server_finished) && sstp_all_arrived(x, TO_CLIENT);
    if (f->tcp.sent[TCP_SERVER].data_packets > 0 && f->tls.client_hello && !greeted)
        return silent(x, SSTP_END_HANDSHAKE_STALLED, e, since);
    return unknown();
}

/* The client's handshake is over: what it says next is its own. */
static bool client_finished(const struct tls_facts *t)
{
    return t->client_finished && (t->server_finished || t->version == TLS_1_3);
}

/* The name that the client dialled, as SNI has it; a probe dials an address. */
static bool wants_name(const struct exchange *x)
{
    return judge_sstp_kind(x) != SSTP_KIND_PROBE && text_present(x->sstp.tls.sni);
}

/* T5, T6 and what else ends a handshake. UNKNOWN when it was not ended, or is over. */
static struct sstp_judgement judge_handshake(const struct exchange *x, const struct ending *e)
{
    const struct tls_facts *t = &x->sstp.tls;
    const struct tcp_sent *server = &x->sstp.tcp.sent[TCP_SERVER];
    const struct alert_fact *alert = judge_certificate_alert(t);
    bool shown = t->certificate_seen || t->server_hello_done || t->version == TLS_1_3;
    struct sstp_judgement j = verdict(SSTP_END_CLIENT_REFUSED, CONFIDENCE_STRONG);
    j.by_client = true;
    j.client_silent = true;
    if (alert != NULL) {
        j.confidence = CONFIDENCE_CERTAIN;
        j.read = true;
        j.place = alert->place;
        return j;
    }
    if (client_finished(t))
        return unknown();
    if (t->client_encrypted_alert && t->version == TLS_1_3) { /* where its Finished belongs */
        j.place = t->encrypted_alert;
        return j;
    }
    /* What the client never acknowledged it did not refuse. */
    bool heard = server->data_acked && sstp_all_arrived(x, TO_CLIENT);
    if (e->over && e->by_client && shown && !t->resumed && heard && complete(x)) {
        j.place = e->place;
        return j;
    }
    j = left(x, SSTP_END_HANDSHAKE_STALLED, e, t->server_hello_place);
    j.client_silent = j.client_silent && shown;
    return j;
}

/* The handshake is whole and there is no application data (T6). */
static struct sstp_judgement judge_nothing_said(const struct exchange *x, const struct ending *e)
{
    const struct tls_facts *t = &x->sstp.tls;
    struct place since = t->finished.frame != 0 ? t->finished : t->server_hello_place;
    bool refuses = e->over && e->by_client && !t->resumed && wants_name(x);
    return left(x, refuses ? SSTP_END_CLIENT_REFUSED : SSTP_END_NOTHING_SAID, e, since);
}

/* 14 and 48 were seen: PPP ran. */
static struct sstp_judgement judge_closed_ppp(const struct exchange *x, const struct ending *e, const struct sstp_reading *r)
{
    struct sstp_judgement j = unknown();
    if (r->shape == SSTP_SHAPE_CONNECTED && !(r->aborted && r->all && e->over))
        return verdict(SSTP_END_ESTABLISHED, r->confidence);
    if (r->shape == SSTP_SHAPE_CONNECTED)
        return verdict(SSTP_END_CALL_ABORT, CONFIDENCE_HINT);
    if (!r->all || !complete(x))
        return j;
    if (r->eap_failed) {
        j = verdict(SSTP_END_PPP_AUTHENTICATION, r->confidence);
        j.by_client = r->flight == SSTP_FLIGHT_REFUSED;
        return j;
    }
    if (e->over) {
        j = verdict(SSTP_END_LEFT, r->confidence);
        j.by_client = e->by_client;
        j.client_silent = !r->last_from_client;
        j.place = e->place;
    } else if (outlived(x, x->last)) {
        j = verdict(SSTP_END_PPP_SILENT, r->confidence);
        j.client_silent = !r->last_from_client;
        j.place = x->last;
    }
    return j;
}

/* Application data passed, and nobody could read it. */
static struct sstp_judgement judge_closed(const struct exchange *x, const struct ending *e)
{
    const struct sstp_facts *f = &x->sstp;
    struct sstp_reading r = sstp_reading_of(f);
    struct place since = f->tls.finished.frame != 0 ? f->tls.finished : f->tls.server_hello_place;
    struct sstp_judgement j = unknown();
    switch (r.shape) {
    case SSTP_SHAPE_UNKNOWN:
    case SSTP_SHAPE_OTHER:
        return j;
    case SSTP_SHAPE_NOTHING:
        return client_finished(&f->tls) ? judge_nothing_said(x, e) : j;
    case SSTP_SHAPE_ASKED: /* by its length it may be somebody else's request */
    case SSTP_SHAPE_CALLED:
        j = silent(x, r.shape == SSTP_SHAPE_ASKED ? SSTP_END_HTTP_SILENT : SSTP_END_CALL_SILENT, e, since);
        j.confidence = r.request == SSTP_REQUEST_OTHER ? CONFIDENCE_HINT : j.confidence;
        return j;
    case SSTP_SHAPE_ANSWERED: /* or the client changed its mind after a 200 */
        if (complete(x) && e->over) {
            j = verdict(SSTP_END_HTTP_ERROR, CONFIDENCE_HINT);
            j.place = e->place;
        }
        return j;
    case SSTP_SHAPE_REFUSED:
        return complete(x) && e->over ? verdict(SSTP_END_CALL_NAK, CONFIDENCE_HINT) : j;
    case SSTP_SHAPE_ACKNOWLEDGED:
    case SSTP_SHAPE_CONNECTED:
        return judge_closed_ppp(x, e, &r);
    }
    return j;
}

static struct sstp_judgement judge_tls(const struct exchange *x, enum tcp_outcome outcome, const struct ending *e)
{
    const struct sstp_facts *f = &x->sstp;
    const struct tls_facts *t = &f->tls;
    const struct alert_fact *alert = judge_server_alert(t);
    if (alert != NULL && !t->data_from_client)
        return read_verdict(SSTP_END_SERVER_ALERT, false, alert->place);
    if (!t->server_hello)
        return judge_hello(x, outcome, e);
    if (outcome == TCP_OUTCOME_ONE_WAY)
        return unknown();
    struct sstp_judgement j = judge_handshake(x, e);
    if (j.end != SSTP_END_UNKNOWN || !client_finished(t))
        return j;
    if (t->decrypted) /* the layer read no head in what was opened */
        return t->data_from_client ? j : judge_nothing_said(x, e);
    return judge_closed(x, e);
}

/* ---- what was read ---- */

static struct sstp_judgement as_read(struct sstp_judgement j)
{
    j.read = j.end != SSTP_END_UNKNOWN;
    return j;
}

static bool opened(const struct ppp_negotiation *n)
{
    return n->outcome == PPP_OPENED || (n->acked[0] && n->acked[1]);
}

static bool network_up(const struct ppp_state *p)
{
    return ppp_network_outcome(p) == PPP_NETWORK_UP || opened(&p->ipcp) || opened(&p->ipv6cp);
}

static bool lcp_passed(const struct ppp_state *p)
{
    return opened(&p->lcp) || p->authentication[0].chosen.protocol != 0 || p->authentication[1].chosen.protocol != 0 ||
           p->authentication[TO_CLIENT].began.frame != 0 || p->ipcp.began.frame != 0 || p->ipv6cp.began.frame != 0;
}

/* One of the two said goodbye within PPP or SSTP; where not, by TCP. */
static struct ending ppp_ending(const struct exchange *x, const struct ending *tcp)
{
    const struct sstp_facts *f = &x->sstp;
    if (f->ppp.terminated)
        return (struct ending){true, f->ppp.lcp.ended_by == TO_SERVER, f->ppp.lcp.ended};
    if (f->link.stage >= SSTP_STAGE_ABORTED)
        return (struct ending){true, f->link.ended_by == TO_SERVER, f->link.since};
    return *tcp;
}

/* PPP stopped at `end`: somebody ended it, or nobody says anything any more. */
static struct sstp_judgement stopped(const struct exchange *x, enum sstp_end end, const struct ending *tcp)
{
    struct ending e = ppp_ending(x, tcp);
    struct sstp_judgement j = verdict(end, CONFIDENCE_STRONG);
    const struct place *last = x->sstp.has_link ? x->sstp.link.last : x->sstp.last;
    if (!complete(x) || !(e.over || outlived(x, x->last)))
        return unknown();
    j.by_client = e.over && e.by_client;
    j.client_silent = e.over ? !e.by_client : last[TO_CLIENT].time_ns > last[TO_SERVER].time_ns;
    j.place = e.over ? e.place : x->last;
    return as_read(j);
}

/* What the client was shown for its name and its password. UNKNOWN when nobody refused. */
static struct sstp_judgement judge_authentication(const struct exchange *x)
{
    const struct ppp_authentication *a = &x->sstp.ppp.authentication[TO_CLIENT];
    if (x->eap.seen && judge_client_refused(x))
        return read_verdict(SSTP_END_PPP_AUTHENTICATION, true, a->ended);
    if (a->result == PPP_AUTH_FAILED)
        return read_verdict(SSTP_END_PPP_AUTHENTICATION, false, a->ended);
    return unknown();
}

/* LCP or what follows it, up to the network. */
static struct sstp_judgement judge_ppp(const struct exchange *x, const struct ending *e, bool authenticated)
{
    const struct ppp_state *p = &x->sstp.ppp;
    if (network_up(p))
        return read_verdict(SSTP_END_ESTABLISHED, false, p->ipcp.ended.frame != 0 ? p->ipcp.ended : p->ipv6cp.ended);
    if (!authenticated && !lcp_passed(p))
        return stopped(x, SSTP_END_PPP_LCP, e);
    if (!authenticated && x->type != CONVERSATION_SSTP && (x->sstp.has_link ? x->sstp.link.last : x->sstp.last)[TO_CLIENT].frame == 0)
        return unknown(); /* LCP came through, so the server spoke: its side was not captured */
    if (!authenticated)
        return stopped(x, SSTP_END_PPP_SILENT, e);
    switch (complete(x) ? ppp_network_outcome(p) : PPP_NETWORK_RUNNING) {
    case PPP_NETWORK_PROTOCOL_REJECTED:
    case PPP_NETWORK_NO_ADDRESS:
    case PPP_NETWORK_ADDRESS_REFUSED:
    case PPP_NETWORK_LOOP:
    case PPP_NETWORK_CLOSED:
        return read_verdict(SSTP_END_PPP_NETWORK, ppp_ending(x, e).by_client, p->ipcp.ended);
    case PPP_NETWORK_RUNNING:
    case PPP_NETWORK_NOT_TRIED:
    case PPP_NETWORK_UP:
        break;
    }
    struct sstp_judgement j = stopped(x, SSTP_END_PPP_NETWORK, e);
    return j.end != SSTP_END_UNKNOWN ? j : read_verdict(SSTP_END_ESTABLISHED, false, p->last);
}

/* MS-SSTP 3.3.5.2.3, wire-facts 2.4: what a server says to a crypto binding that does not fit. */
static bool about_binding(const struct sstp_refusal *r)
{
    for (unsigned i = 0; i < r->count; i++) {
        const struct sstp_status_info *s = &r->info[i];
        if (s->attribute == SSTP_ATTRIB_CRYPTO_BINDING ||
            (s->attribute == SSTP_ATTRIB_STATUS_INFO && s->status == SSTP_STATUS_ATTRIB_NOT_SUPPORTED_IN_MSG))
            return true;
    }
    return false;
}

static struct sstp_judgement judge_link(const struct exchange *x, const struct ending *e)
{
    const struct sstp_state *s = &x->sstp.link;
    bool authenticated = s->count[SSTP_CALL_CONNECTED] > 0;
    struct sstp_judgement j;
    if (s->stage == SSTP_STAGE_ABORTED && authenticated && s->ended_by == TO_CLIENT && about_binding(&s->abort))
        return read_verdict(SSTP_END_BINDING, false, s->since);
    if (network_up(&x->sstp.ppp))
        return judge_ppp(x, e, true);
    if (!authenticated && (j = judge_authentication(x)).end != SSTP_END_UNKNOWN)
        return j;
    if (s->stage == SSTP_STAGE_ABORTED)
        return read_verdict(SSTP_END_CALL_ABORT, s->ended_by == TO_SERVER, s->since);
    if (s->midway && s->stage == SSTP_STAGE_CONNECTED) /* echoes or datagrams pass */
        return read_verdict(SSTP_END_ESTABLISHED, false, s->since);
    if (s->midway)
        return unknown();
    if (s->stage == SSTP_STAGE_REFUSED)
        return read_verdict(SSTP_END_CALL_NAK, false, s->since);
    if (s->count[SSTP_CALL_CONNECT_ACK] == 0)
        return as_read(s->count[SSTP_CALL_CONNECT_REQUEST] == 0
                           ? left(x, SSTP_END_CALL_SILENT, e, s->since)
                           : silent(x, SSTP_END_CALL_SILENT, e, s->first[SSTP_CALL_CONNECT_REQUEST]));
    return judge_ppp(x, e, authenticated);
}

/* HTTP heads or more were read. */
static struct sstp_judgement judge_opened(const struct exchange *x, const struct ending *e)
{
    const struct sstp_facts *f = &x->sstp;
    bool inside = f->has_link && (f->link.last[0].frame != 0 || f->link.last[1].frame != 0);
    if (!f->request_seen && !inside) /* what was asked for could not be read: that of the server alone could */
        return unknown();
    if (f->answer_seen && f->http_status != HTTP_OK && f->http_status >= HTTP_OK)
        return read_verdict(SSTP_END_HTTP_ERROR, false, f->answer_place);
    if (inside)
        return judge_link(x, e);
    if (f->answer_seen)
        return as_read(left(x, SSTP_END_CALL_SILENT, e, f->answer_place));
    return as_read(silent(x, SSTP_END_HTTP_SILENT, e, f->request_place));
}

/* What the control connection of L2TP or PPTP tells of an attempt that never came to PPP. */
static struct sstp_judgement judge_call(const struct exchange *x)
{
    const struct ppp_call_state *c = &x->sstp.call;
    bool ended = c->end != PPP_CALL_NOT_ENDED, by_client = c->end_by == TO_SERVER;
    bool gave_up = ended && c->end_by == c->waiting_by && c->ended.time_ns - c->waiting.time_ns >= WAITED_NS;
    struct sstp_judgement j = unknown();
    if (x->begun_before)
        return j;
    if (c->waiting.frame != 0 && complete(x)) {
        bool answers_left_out = c->last[TO_CLIENT].frame == 0 && c->control[TO_SERVER] > c->transmissions;
        if (answers_left_out || !(c->transmissions >= REPEATED || gave_up || outlived(x, c->waiting)))
            return j;
        j = verdict(SSTP_END_TUNNEL_SILENT, CONFIDENCE_STRONG);
        j.by_client = ended && by_client;
        j.client_silent = c->waiting_by == TO_CLIENT;
        j.place = c->waiting;
        return as_read(j);
    }
    if (!ended || !(complete(x) || c->has_result))
        return j;
    j = read_verdict(SSTP_END_TUNNEL_REFUSED, by_client, c->ended);
    if (c->end == PPP_CALL_HUNG_UP) /* without a word */
        j.confidence = CONFIDENCE_STRONG;
    return j;
}

/* PPP in L2TP or PPTP: there is no CALL_CONNECTED, the server's word counts. */
static struct sstp_judgement judge_bare_ppp(const struct exchange *x)
{
    const struct ppp_state *p = &x->sstp.ppp;
    const struct ppp_call_state *c = &x->sstp.call;
    struct ending e = {c->end != PPP_CALL_NOT_ENDED, c->end_by == TO_SERVER, c->ended};
    struct sstp_judgement j = judge_authentication(x);
    bool authenticated = p->authentication[TO_CLIENT].result == PPP_AUTH_SUCCEEDED ||
                         (opened(&p->lcp) && p->authentication[TO_CLIENT].chosen.protocol == 0);
    if (network_up(p) || (j.end == SSTP_END_UNKNOWN && x->sstp.has_ppp && !x->begun_before))
        return judge_ppp(x, &e, authenticated);
    return j.end == SSTP_END_UNKNOWN ? judge_call(x) : j;
}

struct sstp_judgement judge_sstp(const struct exchange *x)
{
    const struct sstp_facts *f = &x->sstp;
    if (x->type != CONVERSATION_SSTP)
        return judge_bare_ppp(x);
    enum tcp_outcome outcome = tcp_connection_outcome(&f->tcp);
    struct ending e = ending_of(f);
    if (f->request_seen || f->answer_seen || f->has_link)
        return judge_opened(x, &e);
    if (outcome != TCP_OUTCOME_PROBE && (f->tls.seen || f->carrier == SSTP_CARRIER_TLS))
        return judge_tls(x, outcome, &e);
    return f->carrier == SSTP_CARRIER_OTHER ? unknown() : judge_tcp(x, outcome);
}
