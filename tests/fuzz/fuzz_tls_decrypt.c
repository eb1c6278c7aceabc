/* tls_feed with secrets: a key log behind its 16-bit length, then feeds. */
#include "fuzz_tls_feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor in = cursor_of(span_of(data, size)), log;
    char message[SECRETS_MESSAGE];
    struct secrets *secrets = secrets_new();
    if (secrets != NULL && take_sub_be16(&in, &log)) {
        secrets_add_key_log(secrets, cursor_rest(&log), message);
        feed_all(secrets, in);
    }
    secrets_free(secrets);
    return 0;
}
