/* What --session shows of the tunnel that carries a call of L2TP or PPTP. */
#include <stdio.h>

#include "analyze/report/report_session.h"
#include "analyze/session/call_words.h"

static void print_host(const struct layout *l, const char *label, const struct ppp_call_name *host,
                       const struct ppp_call_name *vendor)
{
    char text[SESSION_LINE];
    if (host->len + vendor->len == 0)
        return;
    bool both = host->len > 0 && vendor->len > 0;
    snprintf(text, sizeof text, "%.*s%s%.*s%s", (int)host->len, host->text, both ? " (" : "", (int)vendor->len, vendor->text,
             both ? ")" : "");
    session_line(l, label, text);
}

static void print_ids(const struct layout *l, const struct exchange *x)
{
    const struct ppp_call_state *c = &x->sstp.call;
    static const char *const stages[] = {[PPP_CALL_DATA] = "known by its frames: its control connection began before the capture",
                                         [PPP_CALL_ASKED] = "a control connection was asked for",
                                         [PPP_CALL_ANSWERED] = "the control connection was granted",
                                         [PPP_CALL_DIALLED] = "a call was asked for",
                                         [PPP_CALL_CONNECTED] = "connected"};
    char text[SESSION_LINE];
    session_line(l, "Call", stages[c->stage]);
    if (x->type == CONVERSATION_L2TP)
        snprintf(text, sizeof text, "tunnel %u, session %u to the server; tunnel %u, session %u to the client",
                 c->tunnel[TO_SERVER], c->call[TO_SERVER], c->tunnel[TO_CLIENT], c->call[TO_CLIENT]);
    else
        snprintf(text, sizeof text, "call %u to the server, %u to the client", c->call[TO_SERVER], c->call[TO_CLIENT]);
    session_line(l, "Ids", text);
}

void report_session_call(const struct layout *l, const struct exchange *x)
{
    const struct ppp_call_state *c = &x->sstp.call;
    char text[SESSION_LINE], words[CALL_WORDS];
    print_ids(l, x);
    print_host(l, "Client host", &c->host[TO_SERVER], &c->vendor[TO_SERVER]);
    print_host(l, "Server host", &c->host[TO_CLIENT], &c->vendor[TO_CLIENT]);
    if (c->waiting.frame != 0) {
        snprintf(text, sizeof text, "%s, sent %u time%s from frame %llu on", call_waits_for(x), c->transmissions,
                 c->transmissions == 1 ? "" : "s", (unsigned long long)c->waiting.frame);
        session_line(l, "Unanswered", text);
    }
    if (c->end != PPP_CALL_NOT_ENDED) {
        snprintf(text, sizeof text, "by the %s, frame %llu: %s", c->end_by == TO_SERVER ? "client" : "server",
                 (unsigned long long)c->ended.frame, call_end_words(words, x));
        session_line(l, "Ended", text);
    }
    if (c->hidden > 0) {
        snprintf(text, sizeof text, "%u attribute%s, by a secret of client and server", c->hidden, c->hidden == 1 ? "" : "s");
        session_line(l, "Hidden", text);
    }
}
