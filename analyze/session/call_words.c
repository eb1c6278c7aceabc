#include "analyze/session/call_words.h"

#include <stdio.h>

#include "dissect/l2tp/l2tp.h"
#include "dissect/pptp/pptp.h"

static const char *result_words(bool l2tp, const struct ppp_call_state *c)
{
    enum { GENERAL_ERROR = 2 };
    const char *words = l2tp ? l2tp_error_words(c->error) : pptp_error_words(c->error);
    bool general = c->result == GENERAL_ERROR && (l2tp || c->end_message != PPTP_STOP_REQUEST);
    if (general && words != NULL)
        return words;
    return l2tp ? l2tp_result_words(c->end_message, c->result) : pptp_result_words(c->end_message, c->result);
}

const char *call_end_words(char out[static CALL_WORDS], const struct exchange *x)
{
    const struct ppp_call_state *c = &x->sstp.call;
    bool l2tp = x->type == CONVERSATION_L2TP;
    const char *name = l2tp ? l2tp_message_name(c->end_message) : pptp_message_name(c->end_message);
    out[0] = '\0';
    if (c->end == PPP_CALL_NOT_ENDED)
        return out;
    if (c->end_message == 0) {
        snprintf(out, CALL_WORDS, "the TCP connection ended");
        return out;
    }
    const char *words = c->has_result ? result_words(l2tp, c) : NULL;
    char number[32];
    snprintf(number, sizeof number, "result %u", c->result);
    int used = snprintf(out, CALL_WORDS, "%s%s%s", name != NULL ? name : "unknown message", c->has_result ? ": " : "",
                        words != NULL ? words : c->has_result ? number : "");
    if (c->text_len > 0 && used > 0 && used < CALL_WORDS)
        snprintf(out + used, CALL_WORDS - (size_t)used, " (%.*s)", (int)c->text_len, c->text);
    return out;
}

const char *call_waits_for(const struct exchange *x)
{
    bool l2tp = x->type == CONVERSATION_L2TP;
    if (x->sstp.call.stage >= PPP_CALL_DIALLED)
        return l2tp ? "ICRQ" : pptp_message_name(PPTP_OUTGOING_REQUEST);
    return l2tp ? l2tp_message_name(L2TP_SCCRQ) : pptp_message_name(PPTP_START_REQUEST);
}
