/* Names of RFC 2661: message types (section 3.2), result and error codes (section 4.4.2). */
#include "dissect/l2tp/l2tp.h"
#include "dissect/number_names.h"

const char *l2tp_message_name(uint16_t type)
{
    static const char *const names[] = {
        [L2TP_ZLB] = "ZLB",   [L2TP_SCCRQ] = "SCCRQ", [L2TP_SCCRP] = "SCCRP", [L2TP_SCCCN] = "SCCCN", [L2TP_STOPCCN] = "StopCCN",
        [L2TP_HELLO] = "Hello", [L2TP_OCRQ] = "OCRQ", [L2TP_OCRP] = "OCRP", [L2TP_OCCN] = "OCCN", [L2TP_ICRQ] = "ICRQ",
        [L2TP_ICRP] = "ICRP", [L2TP_ICCN] = "ICCN", [L2TP_CDN] = "CDN", [L2TP_WEN] = "WEN", [L2TP_SLI] = "SLI"};
    return NAME_IN(names, type);
}

const char *l2tp_result_words(uint16_t type, uint16_t result)
{
    static const char *const stop[] = {
        [1] = "the control connection is cleared",
        [2] = "general error",
        [3] = "the control connection exists already",
        [4] = "not authorized to open a control connection",
        [5] = "the protocol version is not supported",
        [6] = "shutting down",
        [7] = "error in the state machine"};
    static const char *const disconnect[] = {
        [1] = "loss of carrier",
        [2] = "general error",
        [3] = "administrative reasons",
        [4] = "no facilities for the call at present",
        [5] = "no facilities for such a call at all",
        [6] = "invalid destination",
        [7] = "no carrier",
        [8] = "busy",
        [9] = "no dial tone",
        [10] = "the call was not established in the time that was allotted",
        [11] = "no suitable framing was found"};
    if (type == L2TP_STOPCCN)
        return NAME_IN(stop, result);
    return type == L2TP_CDN ? NAME_IN(disconnect, result) : NULL;
}

const char *l2tp_error_words(uint16_t error)
{
    static const char *const words[] = {
        [1] = "no control connection exists yet",
        [2] = "a length is wrong",
        [3] = "a value is out of range or a reserved field is not zero",
        [4] = "resources are short",
        [5] = "the session id is invalid here",
        [6] = "a vendor's own error",
        [7] = "another server should be tried",
        [8] = "an unknown attribute was mandatory"};
    return NAME_IN(words, error);
}
