#include "analyze/session/judge_ike.h"

#include "analyze/nat/nat_search.h"
#include "analyze/session/ike_lengths.h"
#include "analyze/session/judge.h"

#define AT_ONCE_NS                                                                                                     \
    (5 * INT64_C(1000000000)) /* a client that goes away that soon after an answer goes away because of it */
enum { REPEATED = 2 };

static struct ike_judgement verdict(enum ike_end end, enum confidence confidence)
{
    return (struct ike_judgement){.end = end, .confidence = confidence};
}

static struct ike_judgement read_verdict(enum ike_end end)
{
    return (struct ike_judgement){.end = end, .confidence = CONFIDENCE_CERTAIN, .read = true};
}

/* A request that was repeated and not answered, or whose silence the capture outlives. */
static bool waits_in_vain(const struct exchange *x, uint32_t retransmissions)
{
    return retransmissions >= REPEATED || judge_quiet_ns(x) >= JUDGE_SILENT_NS || x->ike.unreachable > 0;
}

static bool esp_both_ways(const struct ike_facts *f)
{
    return f->state.esp_packets[0] > 0 && f->state.esp_packets[1] > 0;
}

static const struct ike_notify_fact *notify_in_clear(const struct ike_facts *f, uint16_t type)
{
    for (unsigned i = 0; i < f->notify_count; i++)
        if (f->notifies[i].type == type && !f->notifies[i].inside && !f->notifies[i].from_initiator)
            return &f->notifies[i];
    return NULL;
}

/* A retry with the group or the cookie that was asked for was sent again and again, and nothing answers it. */
static bool retry_unanswered(const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    const struct ike_state *s = &f->state;
    bool waiting = s->request_waiting && s->waiting_exchange == IKE_SA_INIT && s->waiting_transmissions > 0;
    return (f->retried_with_wanted_group || f->cookie_returned) && waiting && waits_in_vain(x, s->waiting_transmissions - 1);
}

bool judge_ike_knock(const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    return f->init_bare && !f->encrypted_seen && f->auth_requests == 0 && f->auth_responses == 0;
}

/* IKE_SA_INIT alone: everything here is in the clear. */
static struct ike_judgement init_of_client(const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    if (f->redirected)
        return verdict(IKE_END_REDIRECTED, CONFIDENCE_CERTAIN);
    if (f->chosen_seen) {
        bool over = f->init_requests > 0 &&
                    (judge_quiet_ns(x) >= JUDGE_SILENT_NS || f->init_response_retransmissions >= REPEATED);
        return over ? verdict(IKE_END_NO_AUTH, CONFIDENCE_HINT) : verdict(IKE_END_UNKNOWN, CONFIDENCE_HINT);
    }
    if (f->refused_proposal)
        return verdict(IKE_END_NO_PROPOSAL, CONFIDENCE_CERTAIN);
    if (f->init_error != 0)
        return verdict(IKE_END_INIT_ERROR, CONFIDENCE_CERTAIN);
    if (retry_unanswered(x))
        return verdict(IKE_END_INIT_UNANSWERED, CONFIDENCE_STRONG);
    if (f->invalid_ke > 0) {
        bool over = f->invalid_ke >= REPEATED || judge_quiet_ns(x) >= AT_ONCE_NS;
        return over ? verdict(IKE_END_INVALID_KE, CONFIDENCE_CERTAIN) : verdict(IKE_END_UNKNOWN, CONFIDENCE_HINT);
    }
    if (f->cookies > 0)
        return waits_in_vain(x, f->init_request_retransmissions) ? verdict(IKE_END_COOKIE, CONFIDENCE_CERTAIN)
                                                                 : verdict(IKE_END_UNKNOWN, CONFIDENCE_HINT);
    if (f->init_requests > 0 && f->init_responses == 0 && waits_in_vain(x, f->init_request_retransmissions))
        return verdict(IKE_END_INIT_UNANSWERED, CONFIDENCE_STRONG);
    return verdict(IKE_END_UNKNOWN, CONFIDENCE_HINT);
}

/* Who only knocks never meant to go on. */
static struct ike_judgement judge_init(const struct exchange *x)
{
    struct ike_judgement j = init_of_client(x);
    bool refused = j.end == IKE_END_NO_PROPOSAL || j.end == IKE_END_INIT_ERROR || j.end == IKE_END_REDIRECTED;
    return judge_ike_knock(x) && !refused ? verdict(IKE_END_UNKNOWN, CONFIDENCE_HINT) : j;
}

/* Read with keys. UNKNOWN when what was opened does not decide. */
static struct ike_judgement judge_opened(const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    bool refuses = f->auth_error != 0 && f->auth_error_from_initiator; /* also an answer that made the child already */
    if (f->child_created && !refuses)
        return read_verdict(IKE_END_ESTABLISHED);
    if (x->eap.seen && judge_client_refused(x))
        return read_verdict(IKE_END_EAP_CLIENT_REFUSED);
    if (x->eap.result == EAP_RESULT_FAILURE)
        return read_verdict(IKE_END_EAP_FAILED);
    if (x->eap.mschapv2_error != 0 || x->inner.mschapv2_error != 0)
        return read_verdict(IKE_END_EAP_FAILED);
    if (refuses && x->eap.responses > 0)
        return read_verdict(IKE_END_EAP_STALLED);
    if (refuses && f->auth_responses == 1 && f->auth_last_id == 1)
        return read_verdict(IKE_END_CLIENT_REFUSED);
    if (refuses) /* what it refused was not captured */
        return verdict(IKE_END_UNKNOWN, CONFIDENCE_HINT);
    if (f->child_error != 0)
        return read_verdict(IKE_END_CHILD_REFUSED);
    if (f->auth_error != 0 || f->ms_status != 0)
        return read_verdict(x->eap.seen && x->eap.responses > 0 ? IKE_END_EAP_FAILED : IKE_END_AUTH_REFUSED);
    return verdict(IKE_END_UNKNOWN, CONFIDENCE_HINT);
}

/* The client says so itself, next after IKE_AUTH. A Delete need not mean it: so ends a tunnel whose data was not
 * captured. */
static bool client_complains(const struct ike_facts *f)
{
    const struct ike_length_fact *m = ike_goodbye(f);
    return m != NULL && m->first == IKE_NOTIFY && m->message_id == f->auth_last_id + 1;
}

/* The client refuses, at once, after the server's first answer, and no data ever passed. */
static bool client_leaves(const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    return client_complains(f) && f->auth_response.frame != 0 &&
           f->first_informational.time_ns >= f->auth_response.time_ns &&
           f->first_informational.time_ns - f->auth_response.time_ns <= AT_ONCE_NS && f->state.esp_packets[0] == 0 &&
           f->state.esp_packets[1] == 0 && !f->child_seen;
}

static bool last_auth_answered(const struct ike_facts *f)
{
    for (unsigned i = f->exchange_count; i-- > 0;)
        if (f->exchanges[i].type == IKE_AUTH && f->exchanges[i].message_id == f->auth_last_id)
            return f->exchanges[i].answered;
    return f->auth_responses > 0;
}

static struct ike_judgement stalled(const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    struct ike_judgement j = verdict(IKE_END_EAP_STALLED, CONFIDENCE_STRONG);
    bool left = client_complains(f);
    uint32_t again = f->state.request_waiting ? f->state.waiting_transmissions - 1 : 0;
    /* A request that is sent once and never again was answered, wherever the answer went. */
    bool in_auth = again > 0 && f->state.waiting_exchange == IKE_AUTH;
    bool over = left || ((in_auth || !f->state.request_waiting) && waits_in_vain(x, again));
    j.client_silent = !x->last_from_client || left;
    /* Who says something after a request got its answer, which this capture does not show. */
    bool hidden = f->informational_seen && !last_auth_answered(f);
    if (!over || hidden)
        j.end = IKE_END_UNKNOWN;
    return j;
}

/* RFC 2409 section 5.5: three messages make the tunnel. */
static bool quick_mode_done(const struct ike_facts *f)
{
    for (unsigned i = 0; i < f->exchange_count; i++) {
        const struct ike_exchange_fact *q = &f->exchanges[i];
        if (q->type == IKE1_QUICK && q->initiator_packets + q->responder_packets >= 3 && q->initiator_packets > 0 &&
            q->responder_packets > 0)
            return true;
    }
    return false;
}

/* The responder's notice, encrypted or in the clear, came instead of an answer to what was asked then. */
static bool notice_instead(const struct ike_facts *f, const struct ike1_step *asked)
{
    const struct ike1_step *n = &f->notices;
    bool clear = f->init_error != 0 && f->init_error_place.time_ns >= asked->asked.time_ns;
    return asked->by_initiator > 0 && asked->by_responder == 0 &&
           (clear || (n->by_responder > 0 && n->told.time_ns >= asked->asked.time_ns));
}

static bool has_exchange(const struct ike_facts *f, uint8_t type)
{
    for (unsigned i = 0; i < f->exchange_count; i++)
        if (f->exchanges[i].type == type)
            return true;
    return false;
}

/* The initiator says something else than the next message when the responder has proved itself: with message 6 of main mode, or
 * 2 of aggressive mode. */
static bool client_objects(const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    bool proved = f->phase1.by_responder > 0 || (has_exchange(f, IKE1_AGGRESSIVE) && f->phase1.by_initiator == 0);
    return proved && f->notices.by_initiator > 0 && f->notices.by_responder == 0 && judge_quiet_ns(x) >= AT_ONCE_NS &&
           !has_exchange(f, IKE1_TRANSACTION);
}

/* The encrypted end of IKEv1: what it says stays unknown, but not who goes on. */
static struct ike_judgement judge_phases(const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    const struct ike1_step *one = &f->phase1, *two = &f->phase2;
    bool begun = f->init_requests > 0 && f->init_responses > 0; /* both directions are in the capture */
    if (!begun)
        return verdict(IKE_END_UNKNOWN, CONFIDENCE_HINT);
    if (notice_instead(f, two))
        return verdict(IKE_END_CHILD_REFUSED, CONFIDENCE_STRONG);
    if (two->by_initiator > 0 || two->by_responder > 0)
        return verdict(IKE_END_UNKNOWN, CONFIDENCE_HINT);
    if (notice_instead(f, one))
        return verdict(IKE_END_AUTH_REFUSED, CONFIDENCE_STRONG);
    if (one->by_initiator > 0 && one->by_responder == 0 && waits_in_vain(x, one->repeated))
        return verdict(IKE_END_AUTH_UNANSWERED, CONFIDENCE_STRONG);
    return client_objects(x) ? verdict(IKE_END_CLIENT_REFUSED, CONFIDENCE_STRONG) : verdict(IKE_END_UNKNOWN, CONFIDENCE_HINT);
}

static struct ike_judgement judge_version1(const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    if (f->init_requests > 0 && f->init_responses == 0 && !f->encrypted_seen && !judge_ike_knock(x) &&
        waits_in_vain(x, f->init_request_retransmissions))
        return verdict(IKE_END_INIT_UNANSWERED, CONFIDENCE_STRONG);
    if (f->refused_proposal && !f->chosen_seen && !f->encrypted_seen)
        return verdict(IKE_END_NO_PROPOSAL, CONFIDENCE_CERTAIN);
    if (f->init_error != 0 && !f->encrypted_seen)
        return verdict(IKE_END_INIT_ERROR, CONFIDENCE_CERTAIN);
    if (quick_mode_done(f))
        return verdict(IKE_END_ESTABLISHED, CONFIDENCE_STRONG);
    return judge_phases(x);
}

/* A client that got the answer would go on, or say goodbye. */
static bool answer_lost(const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    return f->auth_repeated_although_answered >= REPEATED && f->auth_last_id == f->auth_responses &&
           x->ike.auth_responses > 0 && !f->informational_seen && !f->child_seen && f->state.esp_packets[0] == 0;
}

/*
 * What is as small as EAP-Failure may be EAP-Success. A client answers that at once, so it must be seen to do something
 * else, or nothing while the capture goes on.
 */
static bool nothing_after(const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    const struct ike_length_fact *m = ike_goodbye(f);
    if (f->state.esp_packets[0] > 0 || f->state.esp_packets[1] > 0)
        return false;
    if (f->informational_seen)
        return m != NULL && m->message_id == f->auth_last_id + 1;
    return judge_quiet_ns(x) >= AT_ONCE_NS;
}

/* From lengths and order alone. */
static struct ike_judgement judge_closed(const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    if (f->child_seen)
        return verdict(IKE_END_ESTABLISHED, CONFIDENCE_STRONG);
    if (answer_lost(x))
        return verdict(IKE_END_ANSWER_LOST, CONFIDENCE_STRONG);
    switch (ike_read_lengths(f).shape) {
    case IKE_EAP_REFUSED_AT_ONCE:
        return verdict(IKE_END_AUTH_REFUSED, CONFIDENCE_STRONG);
    case IKE_EAP_SUCCESS:
        return verdict(IKE_END_ESTABLISHED, CONFIDENCE_STRONG);
    case IKE_EAP_NO_CHILD:
        return verdict(IKE_END_CHILD_REFUSED, CONFIDENCE_STRONG);
    case IKE_EAP_CLIENT_ALERT:
        return nothing_after(x) && x->eap.result != EAP_RESULT_SUCCESS
                   ? verdict(IKE_END_EAP_CLIENT_REFUSED, CONFIDENCE_STRONG)
                   : verdict(IKE_END_UNKNOWN, CONFIDENCE_HINT);
    case IKE_EAP_FAILURE: /* as small as EAP-Success, which keys may have shown it to be */
        return nothing_after(x) && x->eap.result != EAP_RESULT_SUCCESS ? verdict(IKE_END_EAP_FAILED, CONFIDENCE_STRONG)
                                                                       : verdict(IKE_END_UNKNOWN, CONFIDENCE_HINT);
    case IKE_EAP_NONE: /* with EAP the server's first answer looks the same */
        return client_leaves(x) ? verdict(IKE_END_CLIENT_REFUSED, CONFIDENCE_STRONG)
                                : verdict(IKE_END_UNKNOWN, CONFIDENCE_HINT);
    case IKE_EAP_STALLED:
        return stalled(x);
    case IKE_EAP_PROVED:
    case IKE_EAP_UNKNOWN:
        break;
    }
    return verdict(IKE_END_UNKNOWN, CONFIDENCE_HINT);
}

/* The initiator went on, so its request was answered, though not here. */
static bool went_on(const struct ike_facts *f)
{
    bool init_answered_elsewhere = f->init_requests > 0 && f->init_responses == 0;
    return init_answered_elsewhere || f->auth_last_id > 1 || f->informational_seen || f->child_seen ||
           f->state.esp_packets[0] > 0;
}

/* One capture was taken before a translator of the destination, the other behind it: two addresses may be one server's.
 */
static bool perhaps_translated(const struct ike_facts *f)
{
    return f->init_request.capture != f->auth_request.capture &&
           nat_is_private(&f->init_responder.address) != nat_is_private(&f->auth_responder.address);
}

static bool other_server(const struct ike_facts *f)
{
    return f->init_responder.address.family != FAMILY_NONE && f->auth_responder.address.family != FAMILY_NONE &&
           !address_equal(&f->init_responder.address, &f->auth_responder.address) && !f->redirected &&
           !perhaps_translated(f);
}

/*
 * Who does not get a whole message repeats its request, so fragments without any repetition are missing in the capture
 * only; so are those of a message that was followed by later ones.
 */
bool judge_ike_fragments_in_vain(const struct exchange *x)
{
    const struct ike_facts *k = &x->ike;
    const struct ike_state *s = &k->state;
    if (s->fragments_waiting == 0 || k->auth_last_id > s->fragments_message_id || k->child_seen ||
        k->informational_seen || s->esp_packets[0] > 0)
        return false;
    if (s->request_waiting && s->waiting_message_id == s->fragments_message_id && s->waiting_transmissions > 1)
        return true;
    for (unsigned i = 0; i < k->exchange_count; i++) {
        const struct ike_exchange_fact *q = &k->exchanges[i];
        uint16_t packets = s->fragments_from_initiator ? q->initiator_packets : q->responder_packets;
        if (q->type == IKE_AUTH && q->message_id == s->fragments_message_id && packets >= 2 * s->fragments_waiting)
            return true;
    }
    return false;
}

/* The server says so instead of an answer to IKE_AUTH. Of a tunnel that stood it merely forgot, as after a restart; and
 * nothing protects this word. */
static bool spi_unknown(const struct ike_facts *f)
{
    bool told = notify_in_clear(f, IKE_N_INVALID_IKE_SPI) != NULL || notify_in_clear(f, IKE_N_INVALID_SPI) != NULL;
    return told && f->auth_requests > 0 && !f->child_seen && !last_auth_answered(f);
}

struct ike_judgement judge_ike(const struct exchange *x)
{
    const struct ike_facts *f = &x->ike;
    if (esp_both_ways(f))
        return verdict(IKE_END_ESTABLISHED, CONFIDENCE_CERTAIN);
    if (x->type == CONVERSATION_IKE1)
        return judge_version1(x);
    if (spi_unknown(f))
        return verdict(IKE_END_UNKNOWN_SPI, CONFIDENCE_STRONG);
    if (f->auth_requests == 0 && f->auth_responses == 0 && !f->encrypted_seen)
        return judge_init(x);
    if (f->decrypted) {
        struct ike_judgement j = judge_opened(x);
        if (j.end != IKE_END_UNKNOWN)
            return j;
    }
    if (f->auth_requests > 0 && f->auth_responses == 0 && other_server(f))
        return verdict(IKE_END_SPLIT, CONFIDENCE_CERTAIN);
    if (f->auth_requests == 0 && f->auth_responses == 0 && f->state.fragments_from_initiator &&
        judge_ike_fragments_in_vain(x))
        return verdict(IKE_END_AUTH_UNANSWERED, CONFIDENCE_STRONG);
    if (f->auth_requests > 0 && f->auth_responses == 0)
        return !went_on(f) && waits_in_vain(x, f->auth_request_retransmissions)
                   ? verdict(IKE_END_AUTH_UNANSWERED, CONFIDENCE_STRONG)
                   : verdict(IKE_END_UNKNOWN, CONFIDENCE_HINT);
    return judge_closed(x);
}

enum outcome judge_ike_outcome(const struct exchange *x)
{
    struct ike_judgement j = judge_ike(x);
    switch (j.end) {
    case IKE_END_EAP_CLIENT_REFUSED: /* the server's EAP-Failure follows, where it was not lost */
        return j.read && x->eap.result != EAP_RESULT_FAILURE ? OUTCOME_ABORTED : OUTCOME_REJECTED;
    case IKE_END_ESTABLISHED:
        return OUTCOME_ESTABLISHED;
    case IKE_END_NO_PROPOSAL:
    case IKE_END_INVALID_KE:
    case IKE_END_INIT_ERROR:
    case IKE_END_UNKNOWN_SPI:
    case IKE_END_AUTH_REFUSED:
    case IKE_END_EAP_FAILED:
    case IKE_END_CHILD_REFUSED:
        return OUTCOME_REJECTED;
    case IKE_END_INIT_UNANSWERED:
    case IKE_END_SPLIT:
    case IKE_END_ANSWER_LOST:
    case IKE_END_AUTH_UNANSWERED:
        return OUTCOME_UNANSWERED;
    case IKE_END_CLIENT_REFUSED:
    case IKE_END_EAP_STALLED:
    case IKE_END_NO_AUTH:
    case IKE_END_COOKIE:
    case IKE_END_REDIRECTED:
        return OUTCOME_ABORTED;
    case IKE_END_UNKNOWN:
        break;
    }
    return OUTCOME_INCOMPLETE;
}

/* Without EAP the certificate comes with the child association, so only what the client does later is its answer. */
static bool client_went_on(const struct ike_facts *f)
{
    return f->state.esp_packets[0] > 0 || f->child_seen || (f->informational_seen && !f->deleted_by_initiator);
}

enum client_answer judge_ike_server_certificate(const struct exchange *x, struct place *refusal)
{
    const struct ike_facts *f = &x->ike;
    *refusal = (struct place){.frame = 0};
    if (x->type != CONVERSATION_IKE || !f->server_certificate_seen)
        return ANSWER_NO_CERTIFICATE;
    if (x->eap.responses > 0)
        return ANSWER_ACCEPTED;
    switch (judge_ike(x).end) {
    case IKE_END_ESTABLISHED:
        if (client_went_on(f))
            return ANSWER_ACCEPTED;
        return !x->last_from_client && judge_quiet_ns(x) >= JUDGE_SILENT_NS ? ANSWER_SILENT : ANSWER_UNKNOWN;
    case IKE_END_CLIENT_REFUSED:
        *refusal = f->auth_error_from_initiator ? f->auth_error_place
                   : f->deleted_by_initiator    ? f->delete_place
                                                : f->first_informational;
        return ANSWER_LEFT;
    case IKE_END_UNKNOWN:
    case IKE_END_EAP_STALLED:
        return !x->last_from_client && judge_quiet_ns(x) >= JUDGE_SILENT_NS ? ANSWER_SILENT : ANSWER_UNKNOWN;
    default:
        return ANSWER_UNKNOWN;
    }
}

bool judge_ike_halves(const struct exchange *init, const struct exchange *auth)
{
    const struct ike_facts *i = &init->ike, *a = &auth->ike;
    return i->init_requests > 0 && i->auth_requests == 0 && a->auth_requests > 0 && a->init_requests == 0 &&
           memcmp(i->initiator_spi, a->initiator_spi, IKE_SPI) == 0 &&
           !address_equal(&init->server.address, &auth->server.address);
}

bool judge_ike_closed(const struct exchange *x)
{
    return x->ike.encrypted_seen && !x->ike.decrypted;
}
