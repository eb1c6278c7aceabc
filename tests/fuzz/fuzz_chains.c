/* Chains: certificates with two bytes of length before each. The first is a given root, the last a stapled OCSP
 * response, those between are presented by a server. */
#include <stdlib.h>

#include "analyze/certificate/chains.h"
#include "analyze/certificate/expect_internal.h"
#include "capture/wire/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor in = cursor_of(span_of(data, size)), item;
    struct span items[CHAIN_CERTS_MAX + 3];
    size_t count = 0, found;
    char error[EXPECT_ERROR];
    while (count < CHAIN_CERTS_MAX + 3 && take_sub_be16(&in, &item))
        items[count++] = cursor_rest(&item);
    if (count < 3)
        return 0;
    struct expect *e = expect_new();
    roots_parse(e, "root", items[0], &found, error);
    struct chains *chains = chains_new(e);
    struct endpoint server = {.port = 1812};
    struct chain *chain = chains_intern(chains, items + 1, count - 2, ROLE_NPS, &server, 1, (struct place){.frame = 1, .time_ns = 1});
    if (chain != NULL) {
        chains_set_ocsp(chain, items[count - 1]);
        chains_judge(chains, 1);
        if (!chain->judged || (chain->checks.chain == CHECK_PASS && e->root_count == 0))
            abort();
    }
    chains_free(chains);
    expect_free(e);
    return 0;
}
