/* Names of RFC 2637 section 2: messages, result codes, general error codes. */
#include "dissect/pptp/pptp.h"
#include "dissect/number_names.h"

const char *pptp_message_name(uint16_t type)
{
    static const char *const names[] = {
        [PPTP_START_REQUEST] = "Start-Control-Connection-Request", [PPTP_START_REPLY] = "Start-Control-Connection-Reply",
        [PPTP_STOP_REQUEST] = "Stop-Control-Connection-Request",   [PPTP_STOP_REPLY] = "Stop-Control-Connection-Reply",
        [PPTP_ECHO_REQUEST] = "Echo-Request",                      [PPTP_ECHO_REPLY] = "Echo-Reply",
        [PPTP_OUTGOING_REQUEST] = "Outgoing-Call-Request",         [PPTP_OUTGOING_REPLY] = "Outgoing-Call-Reply",
        [PPTP_INCOMING_REQUEST] = "Incoming-Call-Request",         [PPTP_INCOMING_REPLY] = "Incoming-Call-Reply",
        [PPTP_INCOMING_CONNECTED] = "Incoming-Call-Connected",     [PPTP_CALL_CLEAR] = "Call-Clear-Request",
        [PPTP_DISCONNECT] = "Call-Disconnect-Notify",              [PPTP_ERROR_NOTIFY] = "WAN-Error-Notify",
        [PPTP_SET_LINK] = "Set-Link-Info"};
    return NAME_IN(names, type);
}

const char *pptp_result_words(uint16_t type, uint16_t result)
{
    static const char *const start[] = {[1] = "granted",
                                        [2] = "general error",
                                        [3] = "there is such a connection already",
                                        [4] = "not authorized",
                                        [5] = "the protocol version is not supported"};
    static const char *const stop[] = {[1] = "the connection is cleared", [2] = "the peer's version is not supported",
                                       [3] = "shutting down"};
    static const char *const stopped[] = {[1] = "stopped", [2] = "general error"};
    static const char *const outgoing[] = {[1] = "connected", [2] = "general error", [3] = "no carrier",
                                           [4] = "busy",      [5] = "no dial tone",  [6] = "timed out",
                                           [7] = "administratively refused"};
    static const char *const incoming[] = {[1] = "accepted", [2] = "general error", [3] = "refused"};
    static const char *const disconnected[] = {[1] = "loss of carrier", [2] = "general error",
                                               [3] = "administrative reasons", [4] = "as was requested"};
    switch (type) {
    case PPTP_START_REPLY:
        return NAME_IN(start, result);
    case PPTP_STOP_REQUEST:
        return NAME_IN(stop, result);
    case PPTP_STOP_REPLY:
        return NAME_IN(stopped, result);
    case PPTP_OUTGOING_REPLY:
        return NAME_IN(outgoing, result);
    case PPTP_INCOMING_REPLY:
        return NAME_IN(incoming, result);
    case PPTP_DISCONNECT:
        return NAME_IN(disconnected, result);
    default:
        return NULL;
    }
}

const char *pptp_error_words(uint16_t error)
{
    static const char *const words[] = {[1] = "no control connection exists yet",
                                        [2] = "a length or the cookie is wrong",
                                        [3] = "a value is out of range or a reserved field is not zero",
                                        [4] = "resources are short",
                                        [5] = "the call id is invalid here",
                                        [6] = "a vendor's own error at the access concentrator"};
    return NAME_IN(words, error);
}
