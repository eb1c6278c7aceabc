/* One certificate in DER: x509_parse and every text that it makes. */
#include <stdlib.h>

#include "dissect/crypto/x509.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void bounded(char *const *texts, size_t count)
{
    must(count <= X509_NAMES_MAX);
    for (size_t i = 0; i < count; i++)
        must(strlen(texts[i]) < X509_TEXT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct x509_facts f;
    if (x509_parse(span_of(data, size), &f)) {
        must(strlen(f.subject) < X509_TEXT && strlen(f.issuer) < X509_TEXT && strlen(f.serial) < X509_TEXT);
        must(f.common_name == NULL || strlen(f.common_name) < X509_TEXT);
        bounded(f.dns_names, f.dns_count);
        bounded(f.ip_names, f.ip_count);
        bounded(f.upn_names, f.upn_count);
        must(f.eku_count <= X509_OIDS_MAX);
        must(!f.self_signed || f.self_issued);
    } else {
        must(f.subject == NULL && f.dns_count == 0);
    }
    x509_facts_free(&f);
    return 0;
}
