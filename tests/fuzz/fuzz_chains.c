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
    struct place place = {.frame = 1, .time_ns = 1};
    struct chain *chain = chains_hold(chains, items + 1, count - 2, place);
    if (chain != NULL) {
        chains_release(chains, chain->serial);
        chain = chains_intern(chains, items + 1, count - 2, (uint32_t)ROLE_NPS | ROLE_IKEV2 | ROLE_SSTP, &server, 1, place);
        chain_asked(chain, span_of("vpn.corp.example", 16));
        chain_dialled(chain, span_of(data, size < 32 ? size : 32));
        chain_dialled(chain, span_of("vpn.corp.example", 16));
        chains_set_ocsp(chain, items[count - 1]);
        chains_judge(chains, 1);
        if (!chain->judged || (chain->checks.chain == CHECK_PASS && e->root_count == 0))
            abort();
    }
    chains_free(chains);
    expect_free(e);
    return 0;
}
