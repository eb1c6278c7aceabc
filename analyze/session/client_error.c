#include "analyze/session/client_error.h"

#include <inttypes.h>
#include <stdio.h>

const char *client_error_text(char out[static CLIENT_ERROR_TEXT], uint32_t code)
{
    if (code >= UINT32_C(0x80000000))
        snprintf(out, CLIENT_ERROR_TEXT, "0x%08" PRIX32 " (-%" PRIu32 ")", code, UINT32_MAX - code + 1);
    else
        snprintf(out, CLIENT_ERROR_TEXT, "%" PRIu32, code);
    return out;
}
