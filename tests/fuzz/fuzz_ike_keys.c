/* secrets_add_ike_keys, and what is looked up in it. */
#include <stdlib.h>

#include "dissect/ike/ike_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct ike_keys *k)
{
    if (k->ei_len != k->er_len || k->ai_len != k->ar_len || k->ei_len > IKE_KEY_BYTES || k->ai_len > IKE_KEY_BYTES ||
        k->icv < 8 || k->icv > 32 || (k->integ_id == 0) != (k->ai_len == 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char message[SECRETS_MESSAGE] = "";
    struct secrets *secrets = secrets_new();
    if (secrets == NULL)
        return 0;
    bool good = secrets_add_ike_keys(secrets, span_of(data, size), message);
    if (good != (message[0] == '\0') || strlen(message) >= SECRETS_MESSAGE)
        abort();
    /* The SPIs that stand at the beginning of each line, if they do. */
    size_t found = 0;
    for (size_t at = 0; at + 33 <= size; at++) {
        if (at > 0 && data[at - 1] != '\n')
            continue;
        uint8_t spis[2][IKE_SPI];
        for (size_t i = 0; i < 2 * IKE_SPI; i++) {
            const uint8_t *digits = data + at + 2 * i + (i >= IKE_SPI);
            const char pair[3] = {(char)digits[0], (char)digits[1], '\0'};
            spis[i / IKE_SPI][i % IKE_SPI] = (uint8_t)strtoul(pair, NULL, 16);
        }
        const struct ike_keys *k = secrets_ike(secrets, spis[0], spis[1]);
        if (k != NULL) {
            check(k);
            found++;
        }
    }
    if (found == 0 && secrets_ike_count(secrets) > 0 && memchr(data, '"', size) == NULL && memchr(data, ' ', size) == NULL &&
        memchr(data, '\t', size) == NULL && memchr(data, '\r', size) == NULL)
        abort(); /* keys that nobody finds */
    secrets_free(secrets);
    return 0;
}
