#include "dissect/tls/messages.h"

#include "dissect/tls/session.h"
#include "capture/wire/cursor.h"

/* Takes type and body of the next extension. */
static inline bool take_extension(struct cursor *c, uint16_t *type, struct cursor *body)
{
    struct cursor at = *c;
    if (!take_be16(&at, type) || !take_sub_be16(&at, body))
        return false;
    *c = at;
    return true;
}

/* server_name, RFC 6066 section 3: the first host_name. */
static void server_name(struct cursor body, struct tls_client_hello *out)
{
    struct cursor list, name;
    uint8_t kind;
    if (!take_sub_be16(&body, &list))
        return;
    while (take_u8(&list, &kind) && take_sub_be16(&list, &name))
        if (kind == 0) {
            out->sni = cursor_rest(&name);
            return;
        }
}

/* application_layer_protocol_negotiation, RFC 7301 section 3.1. */
static void protocols(struct cursor body, struct tls_client_hello *out)
{
    struct cursor list, name;
    if (!take_sub_be16(&body, &list))
        return;
    while (out->alpn_count < TLS_ALPN_MAX && take_sub_u8(&list, &name))
        if (name.len > 0)
            out->alpn[out->alpn_count++] = cursor_rest(&name);
}

static void greatest_version(struct span list, struct tls_client_hello *out)
{
    struct cursor c = cursor_of(list);
    uint16_t version, greatest = 0;
    while (take_be16(&c, &version))
        if (!is_grease(version) && version > greatest)
            greatest = version;
    if (greatest != 0)
        out->max_version = greatest;
}

/* The list behind a 16-bit length that fills the extension; empty when it does not. */
static struct span list_u16(struct cursor body)
{
    struct cursor list;
    return take_sub_be16(&body, &list) && body.len == 0 ? cursor_rest(&list) : (struct span){0};
}

static struct span list_u8(struct cursor body)
{
    struct cursor list;
    return take_sub_u8(&body, &list) && body.len == 0 ? cursor_rest(&list) : (struct span){0};
}

static void client_extension(uint16_t type, struct cursor body, struct tls_client_hello *out,
                             struct client_hello_parts *parts)
{
    struct fingerprint_input *print = &parts->fingerprint;
    switch (type) {
    case EXTENSION_SERVER_NAME:
        server_name(body, out);
        break;
    case EXTENSION_ALPN:
        if (out->alpn_count == 0)
            protocols(body, out);
        break;
    case EXTENSION_SUPPORTED_GROUPS:
        print->groups = list_u16(body);
        break;
    case EXTENSION_EC_POINT_FORMATS:
        print->points = list_u8(body);
        break;
    case EXTENSION_SIGNATURE_ALGORITHMS:
        print->signature_algorithms = list_u16(body);
        break;
    case EXTENSION_SUPPORTED_VERSIONS:
        print->versions = list_u8(body);
        greatest_version(print->versions, out);
        break;
    case EXTENSION_SESSION_TICKET:
        out->session_ticket |= body.len > 0;
        break;
    case EXTENSION_PRE_SHARED_KEY:
        out->session_ticket = true;
        break;
    case EXTENSION_EARLY_DATA:
        parts->early_data = true;
        break;
    default:
        break;
    }
}

bool client_hello_parse(struct span body, struct tls_client_hello *out, struct client_hello_parts *parts)
{
    struct cursor c = cursor_of(body), session_id, suites, compression, extensions = {0}, extension;
    out->sni = (struct span){0};
    out->alpn_count = 0;
    out->session_ticket = false;
    *parts = (struct client_hello_parts){0};
    if (!take_be16(&c, &out->legacy_version) || !take_span(&c, RANDOM_SIZE, &out->random) ||
        !take_sub_u8(&c, &session_id) || session_id.len > SESSION_ID_MAX || !take_sub_be16(&c, &suites) ||
        suites.len % 2 != 0 || !take_sub_u8(&c, &compression))
        return false;
    if (c.len > 0 && !take_sub_be16(&c, &extensions))
        return false;
    out->max_version = out->legacy_version;
    out->session_id = cursor_rest(&session_id);
    out->cipher_suites = cursor_rest(&suites);
    parts->fingerprint.extensions = cursor_rest(&extensions);
    uint16_t type;
    while (extensions.len > 0) {
        if (!take_extension(&extensions, &type, &extension))
            return false;
        client_extension(type, extension, out, parts);
    }
    parts->fingerprint.legacy_version = out->legacy_version;
    parts->fingerprint.cipher_suites = out->cipher_suites;
    if (out->alpn_count > 0)
        parts->fingerprint.alpn = out->alpn[0];
    return true;
}

static void server_extension(uint16_t type, struct cursor body, struct tls_server_hello *out,
                             struct server_hello_parts *parts)
{
    struct cursor list, name;
    uint16_t version;
    switch (type) {
    case EXTENSION_SUPPORTED_VERSIONS:
        if (take_be16(&body, &version))
            out->version = version;
        break;
    case EXTENSION_ALPN:
        if (take_sub_be16(&body, &list) && take_sub_u8(&list, &name))
            out->alpn = cursor_rest(&name);
        break;
    case EXTENSION_PRE_SHARED_KEY:
        out->pre_shared_key = true;
        break;
    case EXTENSION_ENCRYPT_THEN_MAC:
        parts->encrypt_then_mac = true;
        break;
    default:
        break;
    }
}

bool server_hello_parse(struct span body, struct tls_server_hello *out, struct server_hello_parts *parts)
{
    struct cursor c = cursor_of(body), session_id, extensions = {0}, extension;
    uint8_t compression;
    *out = (struct tls_server_hello){0};
    *parts = (struct server_hello_parts){0};
    if (!take_be16(&c, &out->version) || !take_span(&c, RANDOM_SIZE, &out->random) || !take_sub_u8(&c, &session_id) ||
        session_id.len > SESSION_ID_MAX || !take_be16(&c, &out->cipher_suite) || !take_u8(&c, &compression))
        return false;
    if (c.len > 0 && !take_sub_be16(&c, &extensions))
        return false;
    out->session_id = cursor_rest(&session_id);
    parts->compressed = compression != 0;
    uint16_t type;
    while (extensions.len > 0) {
        if (!take_extension(&extensions, &type, &extension))
            return false;
        server_extension(type, extension, out, parts);
    }
    return true;
}

/* The stapled response among a TLS 1.3 entry's extensions. */
static void entry_status(struct cursor extensions, struct span *ocsp)
{
    struct cursor extension;
    uint16_t type;
    while (take_extension(&extensions, &type, &extension))
        if (type == EXTENSION_STATUS_REQUEST)
            certificate_status_parse(cursor_rest(&extension), ocsp);
}

void certificate_parse(struct span body, bool tls13, struct tls_certificate *out, struct span *ocsp)
{
    struct cursor c = cursor_of(body), context, list, der, extensions;
    out->count = 0;
    out->more = out->malformed = false;
    if ((tls13 && !take_sub_u8(&c, &context)) || !take_sub_be24(&c, &list)) {
        out->malformed = true;
        return;
    }
    out->malformed = c.len > 0;
    while (list.len > 0) {
        if (!take_sub_be24(&list, &der) || der.len == 0) {
            out->malformed = true;
            return;
        }
        if (out->count == TLS_CHAIN_MAX)
            out->more = true;
        else
            out->chain[out->count++] = cursor_rest(&der);
        if (tls13 && !take_sub_be16(&list, &extensions)) {
            out->malformed = true;
            return;
        }
        if (tls13 && out->count == 1 && !out->more)
            entry_status(extensions, ocsp);
    }
}

/* Counts the names of a list; false when the lengths contradict. */
static bool count_names(struct cursor list, struct tls_certificate_request *out)
{
    struct cursor name;
    out->names = cursor_rest(&list);
    for (; list.len > 0; out->name_count++)
        if (!take_sub_be16(&list, &name))
            return false;
    return true;
}

/* Up to TLS 1.2: types, from 1.2 on signature algorithms, names. */
static bool request_parse(struct span body, bool algorithms, struct tls_certificate_request *out)
{
    struct cursor c = cursor_of(body), ignored, names;
    *out = (struct tls_certificate_request){0};
    return take_sub_u8(&c, &ignored) && (!algorithms || take_sub_be16(&c, &ignored)) && take_sub_be16(&c, &names) &&
           c.len == 0 && count_names(names, out);
}

static bool request13_parse(struct span body, struct tls_certificate_request *out)
{
    struct cursor c = cursor_of(body), ignored, extensions, extension, names;
    uint16_t type;
    if (!take_sub_u8(&c, &ignored) || !take_sub_be16(&c, &extensions) || c.len > 0)
        return false;
    while (extensions.len > 0) {
        if (!take_extension(&extensions, &type, &extension))
            return false;
        if (type == EXTENSION_CERTIFICATE_AUTHORITIES &&
            (!take_sub_be16(&extension, &names) || !count_names(names, out)))
            return false;
    }
    return true;
}

void certificate_request_parse(struct span body, uint16_t version, struct tls_certificate_request *out)
{
    bool good;
    *out = (struct tls_certificate_request){0};
    if (version >= VERSION_TLS_1_3)
        good = request13_parse(body, out);
    else if (version == 0)
        good = request_parse(body, true, out) || request_parse(body, false, out);
    else
        good = request_parse(body, version == VERSION_TLS_1_2, out);
    out->malformed = !good;
}

bool certificate_status_parse(struct span body, struct span *ocsp)
{
    enum { STATUS_OCSP = 1 };
    struct cursor c = cursor_of(body), response;
    uint8_t kind;
    if (!take_u8(&c, &kind) || kind != STATUS_OCSP || !take_sub_be24(&c, &response))
        return false;
    *ocsp = cursor_rest(&response);
    return true;
}
