/* IKEv1 (L2TP/IPsec): its end is encrypted and never read, but who stops answering whom is seen. RFC 2409 section 5. */
#include "analyze/finding/rules_ike.h"

enum { SECURITY_LAYER = 789 }; /* what a Windows client says of all of these */

#define SAME_KEY                                                                                                       \
    "Compare the pre-shared key of both sides, to the last blank. RRAS: server > Properties > Security > Allow custom IPsec " \
    "policy for L2TP/IKEv2 connection; client: VPN connection > Properties > Security > Advanced settings"
#define SERVER_LOG "Look into the server's own log (RRAS: event log Security, IPsec Main Mode; strongSwan: charon's log)"

static struct finding *raise(struct findings *out, enum finding_id id, const struct exchange *x, uint64_t variant,
                             struct ike_judgement j, bool *fresh)
{
    struct finding *f = rule_ike_raise(out, id, x, variant | (uint64_t)x->ike.auth_method << 32, fresh);
    if (f == NULL || !*fresh)
        return f;
    f->severity = SEVERITY_CRITICAL;
    f->confidence = j.confidence;
    f->client_error = SECURITY_LAYER;
    return f;
}

/* What proves who is who was agreed upon in the clear; 0: it was not seen, or is another one (XAUTH). */
static void say_method(struct finding *f, const struct ike_facts *k)
{
    if (k->auth_method == IKE1_AUTH_SHARED_KEY)
        finding_explain(f, "Both sides agreed on a pre-shared key, so the two keys differ, or the server has none for this client.");
    else if (k->auth_method == IKE1_AUTH_RSA || k->auth_method == IKE1_AUTH_DSS)
        finding_explain(f, "Both sides agreed on certificates: one is not trusted, not valid, or not for this use.");
}

static void fix_method(struct finding *f, const struct ike_facts *k)
{
    if (k->auth_method != IKE1_AUTH_RSA && k->auth_method != IKE1_AUTH_DSS)
        finding_fix(f, SAME_KEY ".");
    if (k->auth_method != IKE1_AUTH_SHARED_KEY)
        finding_fix(f, "Certificates: is each from an authority that the other side trusts (machine store), is it valid, and does the "
                       "client have one with its private key?");
}

/* The refusal, which may stand in the clear. */
static void say_refusal(struct findings *out, struct finding *f, const struct ike_facts *k)
{
    const char *name = k->init_error != 0 ? ike_notify_name(k->version, k->init_error) : NULL;
    if (k->init_error != 0)
        finding_evidence(out, f, k->init_error_place, "%s in the clear", name != NULL ? name : "an error notify");
    else
        finding_evidence(out, f, k->notices.told, "an encrypted INFORMATIONAL message of the server instead of its answer");
}

static void refused(struct findings *out, const struct exchange *x, struct ike_judgement j)
{
    const struct ike_facts *k = &x->ike;
    bool fresh;
    struct finding *f = raise(out, FINDING_IKE_AUTH_FAILED, x, 0x100000u | k->init_error, j, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->phase1.asked, "the client authenticates, encrypted; sent %u time%s", k->phase1.repeated + 1u,
                     k->phase1.repeated == 0 ? "" : "s");
    say_refusal(out, f, k);
    if (!fresh)
        return;
    finding_title(f, "the VPN server refuses IKEv1 clients when they authenticate");
    finding_explain(f, "Both sides agreed on a proposal and exchanged keys; what then proves the client's identity the server "
                       "answers with a notice instead of its own proof. The notice is %s.",
                    k->init_error != 0 ? "in the clear" : "encrypted, and cannot be opened here");
    say_method(f, k);
    fix_method(f, k);
    finding_fix(f, SERVER_LOG ".");
}

static void unanswered(struct findings *out, const struct exchange *x, struct ike_judgement j)
{
    const struct ike_facts *k = &x->ike;
    bool fresh;
    if (k->phase1.repeated == 0 && k->unreachable == 0)
        return;
    struct finding *f = raise(out, FINDING_IKE_AUTH_UNANSWERED, x, 0x100000u | k->floated, j, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->init_response, "the first request is answered");
    finding_evidence(out, f, k->phase1.asked, "the client authenticates, encrypted; sent %u times, never answered",
                     k->phase1.repeated + 1u);
    if (!fresh)
        return;
    finding_title(f, "the VPN server answers IKEv1 clients until they authenticate, and then never again");
    finding_explain(f, "The client repeats the same encrypted message%s and gets nothing back%s.", k->floated ? " on UDP 4500" : "",
                    k->floated ? ": UDP 4500 is blocked, a load balancer sends it to another server than UDP 500, or the server does "
                                 "not accept what it reads"
                               : "");
    if (k->auth_method == IKE1_AUTH_SHARED_KEY)
        finding_explain(f, "A server whose pre-shared key is another one cannot decrypt it and may drop it without a word.");
    fix_method(f, k);
    if (k->floated)
        finding_fix(f, "Let UDP 4500 pass wherever UDP 500 does, to the same server.");
    finding_fix(f, SERVER_LOG ".");
}

static void client_refuses(struct findings *out, const struct exchange *x, struct ike_judgement j)
{
    const struct ike_facts *k = &x->ike;
    bool fresh;
    struct finding *f = raise(out, FINDING_IKE_AUTH_FAILED, x, 0x110000u, j, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->phase1.by_responder > 0 ? k->phase1.told : k->init_response, "the server authenticates");
    finding_evidence(out, f, k->notices.asked, "an encrypted INFORMATIONAL message of the client, and nothing after it");
    if (!fresh)
        return;
    finding_title(f, "IKEv1 clients refuse the VPN server when it authenticates");
    finding_explain(f, "The client answers the server's proof of its identity with an encrypted notice and goes away.");
    say_method(f, k);
    fix_method(f, k);
}

static void no_tunnel(struct findings *out, const struct exchange *x, struct ike_judgement j)
{
    const struct ike_facts *k = &x->ike;
    bool fresh;
    struct finding *f = raise(out, FINDING_IKE_TS_UNACCEPTABLE, x, 0x100000u | k->init_error, j, &fresh);
    if (f == NULL)
        return;
    finding_evidence(out, f, k->phase2.asked, "the client's quick mode, encrypted");
    say_refusal(out, f, k);
    if (!fresh)
        return;
    finding_title(f, "the VPN server authenticates IKEv1 clients and then refuses their tunnel (quick mode)");
    finding_explain(f, "Phase 1 came to its end, so key or certificate are right. Phase 2 asks for the tunnel itself, and the server "
                       "answers with a notice: no proposal for the data in common, or not what may travel in it (L2TP: UDP 1701 in "
                       "transport mode); which of them is encrypted.");
    finding_fix(f, "Compare the proposals for ESP of both sides, and on a server that is not Windows its transport mode for UDP 1701.");
    finding_fix(f, SERVER_LOG ".");
}

void rules_ike1(struct findings *out, const struct exchange *x, struct ike_judgement j)
{
    if (x->type != CONVERSATION_IKE1)
        return;
    if (j.end == IKE_END_AUTH_REFUSED)
        refused(out, x, j);
    else if (j.end == IKE_END_AUTH_UNANSWERED)
        unanswered(out, x, j);
    else if (j.end == IKE_END_CLIENT_REFUSED)
        client_refuses(out, x, j);
    else if (j.end == IKE_END_CHILD_REFUSED)
        no_tunnel(out, x, j);
}
