/* tls_feed and tls_gap without secrets: records, handshake messages, fingerprints. */
#include "fuzz_tls_feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    feed_all(NULL, cursor_of(span_of(data, size)));
    return 0;
}
