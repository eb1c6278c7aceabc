/* The message ladder: one line of text for every message of a login, kept only for --session. */
#include "analyze/session/track_ladder.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE = 300 };

static void append(struct live *l, struct place place, enum direction dir, const char *line)
{
    struct ladder_entry entry;
    memset(&entry, 0, sizeof entry); /* kept as bytes, its padding too */
    entry.place = place;
    entry.dir = dir;
    uint16_t len = (uint16_t)strlen(line);
    size_t need = sizeof entry + sizeof len + len;
    if (l->ladder_len + need > EXCHANGE_LADDER_MAX) {
        l->x.ladder_full = true;
        return;
    }
    if (l->ladder_len + need > l->ladder_room) {
        size_t room = l->ladder_room < 2048 ? 4096 : l->ladder_room * 2;
        uint8_t *grown = realloc(l->ladder, room);
        if (grown == NULL)
            return;
        l->ladder = grown;
        l->ladder_room = room;
    }
    memcpy(l->ladder + l->ladder_len, &entry, sizeof entry);
    memcpy(l->ladder + l->ladder_len + sizeof entry, &len, sizeof len);
    memcpy(l->ladder + l->ladder_len + sizeof entry + sizeof len, line, len);
    l->ladder_len += need;
}

static void say(struct live *l, struct place place, enum direction dir, unsigned depth, const char *format, ...)
    LIKE_PRINTF(5, 6);

static void say(struct live *l, struct place place, enum direction dir, unsigned depth, const char *format, ...)
{
    char line[LINE];
    int indent = snprintf(line, sizeof line, "%*s", (int)(2 * depth), "");
    va_list args;
    va_start(args, format);
    vsnprintf(line + indent, sizeof line - (size_t)indent, format, args);
    va_end(args);
    append(l, place, dir, line);
}

void ladder_say(struct live *l, struct place place, enum direction dir, const char *format, ...)
{
    char line[LINE];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    append(l, place, dir, line);
}

void ladder_add(struct ladder_list *l, const char *word)
{
    int n = snprintf(l->text + l->len, sizeof l->text - l->len, "%s%s", l->len > 0 ? ", " : "", word);
    if (n > 0 && (size_t)n < sizeof l->text - l->len)
        l->len += (size_t)n;
    else
        l->text[l->len] = '\0';
}

void ladder_radius(struct live *l, const struct event *e)
{
    const struct radius_event *ev = e->u.radius;
    const char *name = radius_code_name(ev->code);
    if (ev->role == RADIUS_UNANSWERED) {
        say(l, *ev->request, TO_SERVER, 0, "%s was never answered (sent %u time%s%s)", name != NULL ? name : "request",
            ev->transmissions, ev->transmissions == 1 ? "" : "s", ev->icmp_unreachable ? "; ICMP: unreachable" : "");
        return;
    }
    static const char *const role[] = {[RADIUS_RETRANSMISSION] = ", sent again",
                                       [RADIUS_REPEATED_RESPONSE] = ", answered again",
                                       [RADIUS_UNMATCHED_RESPONSE] = ", its request was not seen",
                                       [RADIUS_WRONG_SOURCE] = ", from another address than asked",
                                       [RADIUS_UNANSWERED] = ""};
    char took[48] = "";
    if (ev->role == RADIUS_RESPONSE)
        snprintf(took, sizeof took, " (after %.1f ms)", (double)ev->elapsed_ns / 1e6);
    const char *said = (size_t)ev->role < sizeof role / sizeof *role && role[ev->role] != NULL ? role[ev->role] : "";
    if (name != NULL)
        say(l, e->place, e->dir, 0, "%s, id %u%s%s", name, ev->packet->identifier, said, took);
    else
        say(l, e->place, e->dir, 0, "RADIUS code %u, id %u%s%s", ev->code, ev->packet->identifier, said, took);
}

static void ladder_packet(struct live *l, const struct eap_event *ev)
{
    const struct eap_packet *p = ev->u.packet;
    unsigned depth = 1 + 2u * ev->depth;
    const char *code = eap_code_name(p->code), *type = eap_type_name(p->type),
               *again = p->retransmission ? ", sent again" : "";
    if (p->type == EAP_TYPE_EXPANDED && eap_vendor_type_name(p->vendor, p->vendor_type) != NULL)
        type = eap_vendor_type_name(p->vendor, p->vendor_type);
    if (code == NULL)
        code = "unknown code";
    if (type == NULL)
        type = p->type != 0 ? "unknown method" : "";
    if (p->code == EAP_SUCCESS || p->code == EAP_FAILURE)
        say(l, ev->place, ev->dir, depth, "EAP %s", code);
    else if (p->type == EAP_TYPE_IDENTITY)
        say(l, ev->place, ev->dir, depth, "EAP %s, Identity %.*s%s", code, LADDER_TEXT(p->identity), again);
    else if (p->type == EAP_TYPE_NAK)
        say(l, ev->place, ev->dir, depth, "EAP %s, Nak, wants %s%s", code,
            p->nak_count > 0 && p->nak[0] != 0 && eap_type_name(p->nak[0]) != NULL ? eap_type_name(p->nak[0])
                                                                                   : "none of them",
            again);
    else if (p->tls_based)
        say(l, ev->place, ev->dir, depth, "EAP %s, %s%s%s, %zu bytes of TLS%s", code, type,
            p->flags & EAP_TLS_START ? ", Start" : "", p->flags & EAP_TLS_MORE ? ", more fragments follow" : "",
            p->tls_bytes.len, again);
    else if (p->mschapv2_error != 0)
        say(l, ev->place, ev->dir, depth, "EAP %s, %s, %.*s%s", code, type, LADDER_TEXT(p->mschapv2_text), again);
    else
        say(l, ev->place, ev->dir, depth, "EAP %s, %s%s", code, type, again);
}

static const char *or_unknown(const char *name)
{
    return name != NULL ? name : "unknown";
}

static void ladder_closed_record(struct live *l, struct place place, enum direction dir, unsigned depth, unsigned type,
                                 uint32_t length)
{
    say(l, place, dir, depth, "TLS record, type %u, %u bytes, encrypted", type, length);
}

void ladder_tls(struct live *l, const struct tls_event *t, unsigned depth)
{
    enum direction dir = t->dir;
    switch (t->kind) {
    case TLS_EVENT_CLIENT_HELLO:
        say(l, t->place, dir, depth, "TLS ClientHello, up to %s",
            or_unknown(tls_version_name(t->u.client_hello.max_version)));
        break;
    case TLS_EVENT_SERVER_HELLO:
    case TLS_EVENT_HELLO_RETRY_REQUEST:
        say(l, t->place, dir, depth, "TLS %s, %s, %s",
            t->kind == TLS_EVENT_SERVER_HELLO ? "ServerHello" : "HelloRetryRequest",
            or_unknown(tls_version_name(t->u.server_hello.version)),
            or_unknown(tls_cipher_suite_name(t->u.server_hello.cipher_suite)));
        break;
    case TLS_EVENT_CERTIFICATE:
        say(l, t->place, dir, depth, "TLS Certificate, %u certificate%s%s", t->u.certificate.count,
            t->u.certificate.count == 1 ? "" : "s", t->u.certificate.decrypted ? " (decrypted)" : "");
        break;
    case TLS_EVENT_CERTIFICATE_REQUEST:
        say(l, t->place, dir, depth, "TLS CertificateRequest, %u issuers named", t->u.certificate_request.name_count);
        break;
    case TLS_EVENT_CERTIFICATE_STATUS:
        say(l, t->place, dir, depth, "TLS certificate_status, an OCSP response of %zu bytes", t->u.bytes.len);
        break;
    case TLS_EVENT_HANDSHAKE:
        say(l, t->place, dir, depth, "TLS %s", or_unknown(tls_handshake_name(t->u.handshake.type)));
        break;
    case TLS_EVENT_CHANGE_CIPHER_SPEC:
        say(l, t->place, dir, depth, "TLS change_cipher_spec");
        break;
    case TLS_EVENT_ENCRYPTED:
        ladder_closed_record(l, t->place, dir, depth, t->u.record.type, t->u.record.length);
        break;
    case TLS_EVENT_ALERT:
        say(l, t->place, dir, depth, "TLS alert %s: %s (%u)%s", t->u.alert.level == 2 ? "fatal" : "warning",
            or_unknown(tls_alert_name(t->u.alert.code)), t->u.alert.code, t->u.alert.decrypted ? " (decrypted)" : "");
        break;
    case TLS_EVENT_ENCRYPTED_ALERT:
        say(l, t->place, dir, depth, "TLS alert, encrypted: its number cannot be read");
        break;
    case TLS_EVENT_DATA:
        say(l, t->place, dir, depth, "TLS application data, %zu bytes (decrypted)", t->u.bytes.len);
        break;
    case TLS_EVENT_DECRYPTION_FAILED:
        say(l, t->place, dir, depth, "TLS record does not decrypt with the given secrets");
        break;
    case TLS_EVENT_MALFORMED:
        say(l, t->place, dir, depth, "TLS malformed: %s", t->u.reason);
        break;
    default:
        break;
    }
}

void ladder_eap(struct live *l, const struct event *e)
{
    const struct eap_event *ev = e->u.eap;
    switch (ev->kind) {
    case EAP_EVENT_PACKET:
        ladder_packet(l, ev);
        if (ev->u.packet->closed_record != 0)
            ladder_closed_record(l, ev->place, ev->dir, 2 + 2u * ev->depth, TLS_APPLICATION_DATA,
                                 ev->u.packet->closed_record);
        break;
    case EAP_EVENT_TLS:
        ladder_tls(l, ev->u.tls, 2 + 2u * ev->depth);
        break;
    case EAP_EVENT_TTLS_AVPS:
        say(l, ev->place, ev->dir, 3, "TTLS %s%s%.*s",
            ev->u.avps->method == TTLS_PAP      ? "PAP"
            : ev->u.avps->method == TTLS_CHAP   ? "CHAP"
            : ev->u.avps->method == TTLS_MSCHAP ? "MS-CHAP"
                                                : "MS-CHAPv2",
            ev->u.avps->user_name.len > 0 ? ", User-Name " : "", LADDER_TEXT(ev->u.avps->user_name));
        break;
    case EAP_EVENT_FRAGMENT_GAP:
        say(l, ev->place, ev->dir, 1, "EAP fragments are missing: %u of %u bytes (%s)", ev->u.gap.present,
            ev->u.gap.announced, ev->u.gap.reason != NULL ? ev->u.gap.reason : "");
        break;
    }
}

void ladder_eapol(struct live *l, const struct event *e)
{
    const struct eapol_event *ev = e->u.eapol;
    if (ev->kind == EAPOL_EAP)
        return; /* the EAP line says it */
    if (ev->kind == EAPOL_KEY && ev->key_message != 0)
        say(l, e->place, e->dir, 0, "EAPOL-Key, message %u of 4", ev->key_message);
    else
        say(l, e->place, e->dir, 0, "EAPOL%s",
            ev->kind == EAPOL_START    ? "-Start"
            : ev->kind == EAPOL_LOGOFF ? "-Logoff"
            : ev->kind == EAPOL_KEY    ? "-Key"
                                       : ", another type");
}
