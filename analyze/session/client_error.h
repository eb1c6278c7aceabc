/* Error numbers of the Windows client as it shows them. */
#ifndef VS_ANALYZE_CLIENT_ERROR_H
#define VS_ANALYZE_CLIENT_ERROR_H

#include <stdint.h>

enum { CLIENT_ERROR_TEXT = 32 };

/* "864"; an HRESULT, whose top bit is set, in both ways that Windows prints it: "0x800B0109 (-2146762487)". Returns out. */
const char *client_error_text(char out[static CLIENT_ERROR_TEXT], uint32_t code);

#endif
