/* Texts made from the names inside certificates. A name may hold anything: NUL bytes, broken UTF-8, megabytes. */
#include <openssl/bio.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "dissect/crypto/x509_openssl.h"
#include "capture/wire/address.h"

/* 1.3.6.1.4.1.311.20.2.3, the contents of the OBJECT IDENTIFIER. */
static const uint8_t upn_oid[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x03};

/* A copy of at most X509_TEXT - 1 bytes; a longer text ends in "...", cut between two UTF-8 characters. */
static char *bounded_copy(const char *text, size_t len)
{
    static const char mark[] = "...";
    size_t keep = len;
    if (len > X509_TEXT - 1) {
        keep = X509_TEXT - sizeof mark;
        while (keep > 0 && ((uint8_t)text[keep] & 0xc0) == 0x80)
            keep--;
    }
    char *out = malloc(keep + sizeof mark);
    if (out == NULL)
        return NULL;
    if (keep > 0)
        memcpy(out, text, keep);
    memcpy(out + keep, mark, sizeof mark);
    if (keep == len)
        out[keep] = '\0';
    return out;
}

char *x509_name_text(const X509_NAME *name)
{
    BIO *bio = BIO_new(BIO_s_mem());
    if (bio == NULL)
        return NULL;
    X509_NAME_print_ex(bio, name, 0,
                       (XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) | ASN1_STRFLGS_UTF8_CONVERT);
    char *data = NULL;
    int64_t len = BIO_get_mem_data(bio, &data);
    char *text = bounded_copy(data, len > 0 ? (size_t)len : 0);
    BIO_free(bio);
    ERR_clear_error();
    return text;
}

char *x509_text_of_name(struct span der)
{
    const unsigned char *at = der.data;
    if (der.len == 0 || der.len > X509_DER_MAX)
        return NULL;
    x509_without_configuration();
    X509_NAME *name = d2i_X509_NAME(NULL, &at, (long)der.len);
    char *text = name != NULL && at == der.data + der.len ? x509_name_text(name) : NULL;
    X509_NAME_free(name);
    ERR_clear_error();
    return text;
}

/* Length of the valid UTF-8 character at s (RFC 3629), 0 when there is none. */
static size_t utf8_length(const uint8_t *s, size_t left)
{
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool beyond = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
    return overlong || beyond ? 0 : n;
}

static char *escaped_text(const uint8_t *s, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    char text[X509_TEXT + 8];
    size_t n = 0;
    for (size_t i = 0; i < len && n < X509_TEXT;) {
        size_t step = s[i] == 0 ? 0 : utf8_length(s + i, len - i);
        if (step > 0) {
            memcpy(text + n, s + i, step);
            n += step;
            i += step;
            continue;
        }
        text[n++] = '\\';
        text[n++] = digits[s[i] >> 4];
        text[n++] = digits[s[i] & 15];
        i++;
    }
    return bounded_copy(text, n);
}

char *x509_string_text(const ASN1_STRING *s)
{
    unsigned char *utf8 = NULL;
    int len = ASN1_STRING_to_UTF8(&utf8, s);
    char *text;
    if (len >= 0)
        text = escaped_text(utf8, (size_t)len);
    else
        text = escaped_text(ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
    OPENSSL_free(utf8);
    ERR_clear_error();
    return text;
}

/* Appends text, which the list then owns; NULL (memory was short) is an error, a full list is not. */
static bool append(char ***list, size_t *count, char *text)
{
    if (text == NULL)
        return false;
    if (*count == X509_NAMES_MAX) {
        free(text);
        return true;
    }
    if (*list == NULL && (*list = calloc(X509_NAMES_MAX, sizeof **list)) == NULL) {
        free(text);
        return false;
    }
    (*list)[(*count)++] = text;
    return true;
}

static char *address_name(const ASN1_OCTET_STRING *ip)
{
    const uint8_t *bytes = ASN1_STRING_get0_data(ip);
    int len = ASN1_STRING_length(ip);
    char text[ADDRESS_TEXT];
    if (len != 4 && len != 16)
        return x509_string_text(ip); /* an address of no known length: its bytes */
    struct address a = len == 4 ? address_ipv4(bytes) : address_ipv6(bytes);
    address_text(text, &a);
    return bounded_copy(text, strlen(text));
}

static bool is_upn(const GENERAL_NAME *name)
{
    const ASN1_OBJECT *type = name->d.otherName->type_id;
    return OBJ_length(type) == sizeof upn_oid && memcmp(OBJ_get0_data(type), upn_oid, sizeof upn_oid) == 0 &&
           name->d.otherName->value->type == V_ASN1_UTF8STRING;
}

static bool collect_alternative_names(const X509 *cert, struct x509_facts *out)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    bool ok = true;
    for (int i = 0; ok && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type == GEN_DNS)
            ok = append(
                &out->dns_names, &out->dns_count,
                escaped_text(ASN1_STRING_get0_data(name->d.dNSName), (size_t)ASN1_STRING_length(name->d.dNSName)));
        else if (name->type == GEN_IPADD)
            ok = append(&out->ip_names, &out->ip_count, address_name(name->d.iPAddress));
        else if (name->type == GEN_OTHERNAME && is_upn(name))
            ok = append(&out->upn_names, &out->upn_count, x509_string_text(name->d.otherName->value->value.utf8string));
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return ok;
}

bool x509_collect_names(const X509 *cert, struct x509_facts *out)
{
    const X509_NAME *subject = X509_get_subject_name(cert);
    out->subject_empty = X509_NAME_entry_count(subject) == 0;
    int last = -1;
    for (int at; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, last)) >= 0;)
        last = at;
    if (last >= 0) {
        out->common_name = x509_string_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last)));
        if (out->common_name == NULL)
            return false;
    }
    return collect_alternative_names(cert, out);
}
