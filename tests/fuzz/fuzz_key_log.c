/* secrets_add_key_log and look-ups of what it took. */
#include <stdlib.h>

#include "dissect/crypto/secrets.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char message[SECRETS_MESSAGE] = "";
    struct secrets *secrets = secrets_new();
    if (secrets == NULL)
        return 0;
    bool good = secrets_add_key_log(secrets, span_of(data, size), message);
    if (good != (message[0] == '\0') || strlen(message) >= SECRETS_MESSAGE)
        abort();
    uint8_t random[32] = {0};
    if (size > 0)
        memcpy(random, data, size < sizeof random ? size : sizeof random);
    for (int label = 0; label < TLS_SECRET_LABELS; label++)
        if (secrets_tls(secrets, random, (enum tls_secret_label)label).len > 64)
            abort();
    secrets_free(secrets);
    return 0;
}
