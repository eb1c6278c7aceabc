/* A line with a ServerNames list, then lines with a certificate's names. */
#include <stdlib.h>

#include "analyze/certificate/expect_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 1), error[EXPECT_ERROR];
    const char *names[8];
    size_t name_count = 0;
    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    struct expect *e = expect_new();
    for (char *at = strchr(text, '\n'); at != NULL && name_count < 8; at = strchr(at, '\n')) {
        *at++ = '\0';
        names[name_count++] = at;
    }
    bool ok = expect_add_server_name(e, text, error);
    struct name_result result;
    name_match(e->server_names, e->server_name_count, names, name_count, &result);
    if ((result.fit == NAME_NO_EXPECTATION) != (e->server_name_count == 0) || (ok && e->server_name_count == 0))
        abort();
    expect_free(e);
    free(text);
    return 0;
}
