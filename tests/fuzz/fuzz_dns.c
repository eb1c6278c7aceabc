/* A DNS message: the input is one, in UDP. What is read of it has its bounds, and texts their ends. */
#include <stdlib.h>
#include <string.h>

#include "dissect/dns/dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char name[static DNS_NAME])
{
    const char *end = memchr(name, '\0', DNS_NAME);
    if (end == NULL || end == name)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = size > 0 ? malloc(size) : NULL; /* its end is where the memory ends */
    if (copy == NULL)
        return 0;
    memcpy(copy, data, size);
    struct dns_question q;
    struct dns_answer a = {.count = 0};
    if (dns_query(span_of(copy, size), &q))
        check_name(q.name);
    if (dns_response(span_of(copy, size), &a)) {
        check_name(a.name);
        if (a.count == 0 || a.count > DNS_ADDRESSES)
            abort();
    }
    struct span inner = dns_in_tcp(span_of(copy, size));
    if (inner.len > size)
        abort();
    free(copy);
    return 0;
}
