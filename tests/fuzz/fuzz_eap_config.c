/* EAP configurations; and what is no XML, as the bytes of a file of roots. */
#include <stdlib.h>

#include "analyze/certificate/expect_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[EXPECT_ERROR] = "";
    const struct expect_method *methods;
    size_t found;
    struct expect *e = expect_new();
    bool ok = eap_config_parse(e, "config.xml", span_of(data, size), error);
    size_t count = expect_methods(e, &methods);
    if (!ok && error[0] == '\0')
        abort();
    for (size_t i = 0; i < count; i++)
        if (methods[i].depth > 1 || methods[i].name_count > EXPECT_NAMES_MAX || methods[i].pin_count > EXPECT_PINS_MAX)
            abort();
    error[0] = '\0';
    if (!roots_parse(e, "roots.pem", span_of(data, size), &found, error) && error[0] == '\0')
        abort();
    expect_free(e);
    return 0;
}
