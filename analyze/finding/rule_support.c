/* What several rules use: looking up a judged chain, short texts. */
#include <stdio.h>

#include "analyze/finding/rules.h"
#include "capture/wire/elapsed.h"

const char *describe_certificate(char out[static DESCRIBE_MAX], const struct chain *c, size_t index)
{
    if (!c->judged || index >= c->count || !c->parsed[index]) {
        snprintf(out, DESCRIBE_MAX, "(unreadable certificate)");
        return out;
    }
    const struct x509_facts *f = &c->facts[index];
    if (f->common_name != NULL && f->common_name[0] != '\0')
        snprintf(out, DESCRIBE_MAX, "%s", f->common_name);
    else if (f->dns_count > 0)
        snprintf(out, DESCRIBE_MAX, "%s", f->dns_names[0]);
    else if (f->subject[0] != '\0')
        snprintf(out, DESCRIBE_MAX, "%s", f->subject);
    else
        snprintf(out, DESCRIBE_MAX, "(empty subject)");
    return out;
}

/* In quotes; NUL bytes, which nobody may smuggle in to cut a sentence short, become '?'. */
static void quote_text(char out[static DESCRIBE_MAX], struct span s)
{
    size_t n = s.len < DESCRIBE_MAX - 3 ? s.len : DESCRIBE_MAX - 3;
    out[0] = '"';
    for (size_t i = 0; i < n; i++)
        out[i + 1] = s.data[i] != 0 ? (char)s.data[i] : '?';
    out[n + 1] = '"';
    out[n + 2] = '\0';
}

const char *describe_user(char out[static DESCRIBE_MAX], const struct exchange *x)
{
    if (x->radius.user.len > 0)
        quote_text(out, exchange_text(x, x->radius.user));
    else if (x->eap.identity.len > 0)
        quote_text(out, exchange_text(x, x->eap.identity));
    else if (exchange_is_ike(x) && x->ike.initiator_id.len > 0)
        quote_text(out, exchange_text(x, x->ike.initiator_id));
    else if (exchange_is_ppp(x) && x->sstp.ppp.user_len > 0)
        quote_text(out, span_of(x->sstp.ppp.user, x->sstp.ppp.user_len));
    else
        snprintf(out, DESCRIBE_MAX, "an unknown user");
    return out;
}

const char *describe_server(char out[static DESCRIBE_MAX], const struct exchange *x)
{
    char text[ADDRESS_TEXT];
    bool known = x->server.address.family != FAMILY_NONE;
    snprintf(out, DESCRIBE_MAX, "%s%s%s",
             x->type == CONVERSATION_EAPOL ? "the server behind the authenticator"
             : rule_in_tunnel(x)           ? "the EAP server behind the VPN server"
                                           : "the RADIUS server",
             known ? " " : "", known ? address_text(text, &x->server.address) : "");
    return out;
}

const char *describe_vpn_server(char out[static DESCRIBE_MAX], const struct exchange *x)
{
    char text[ADDRESS_TEXT];
    bool known = x->server.address.family != FAMILY_NONE;
    snprintf(out, DESCRIBE_MAX, "the VPN server%s%s", known ? " " : "",
             known ? address_text(text, &x->server.address) : "");
    return out;
}

const char *describe_tls(char out[static DESCRIBE_MAX], const struct tls_facts *t)
{
    const char *version = tls_version_name(t->version), *suite = tls_cipher_suite_name(t->cipher_suite);
    snprintf(out, DESCRIBE_MAX, "%s, %s", version != NULL ? version : "unknown version",
             suite != NULL ? suite : "unknown suite");
    return out;
}

const char *describe_hex(char *out, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
    return out;
}

const char *describe_sha256(char out[static 65], const struct chain *c)
{
    out[0] = '\0';
    return c->judged && c->parsed[0] ? describe_hex(out, c->facts[0].sha256, 32) : out;
}

/* Days to civil date after Howard Hinnant's published algorithm: exact for all years, no time zone, no locale. */
const char *describe_time(char out[static 32], int64_t seconds)
{
    int64_t days = seconds >= 0 ? seconds / 86400 : -((86399 - seconds) / 86400);
    int64_t rest = seconds - days * 86400;
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    int64_t day = doy - (153 * mp + 2) / 5 + 1, month = mp < 10 ? mp + 3 : mp - 9;
    int64_t year = yoe + era * 400 + (month <= 2);
    if (year < 0 || year > 9999)
        snprintf(out, 32, "(time out of range)");
    else
        snprintf(out, 32, "%04d-%02d-%02d %02d:%02d:%02d UTC", (int)year, (int)month, (int)day, (int)(rest / 3600),
                 (int)(rest / 60 % 60), (int)(rest % 60));
    return out;
}

const struct chain *rule_chain(const struct rule_input *in, uint32_t serial)
{
    const struct chain *c = serial != 0 ? chains_get(in->chains, serial) : NULL;
    return c != NULL && c->judged ? c : NULL;
}

bool rule_in_tunnel(const struct exchange *x)
{
    return exchange_is_ike(x) || exchange_is_ppp(x);
}

const char *rule_certificate_owner(const struct exchange *x)
{
    return x->type == CONVERSATION_EAPOL ? "server certificate" : "NPS certificate";
}

struct chain_stats rule_chain_stats(const struct rule_input *in, uint32_t serial)
{
    return serial < in->stats_count ? in->stats[serial] : (struct chain_stats){0};
}

/* The last answers of an exchange may all be lost: it seems over before they are. */
static bool lost_meanwhile(const struct lost_pair *p, const struct exchange *x)
{
    if (!p->in_one_capture || p->example.first.capture != x->first.capture)
        return true;
    return elapsed_ns(p->first_ns, x->last.time_ns) < NET_FRAGMENT_TIMEOUT_NS &&
           elapsed_ns(x->first.time_ns, p->last_ns) < NET_FRAGMENT_TIMEOUT_NS;
}

bool rule_lost_in(const struct lost_pair *p, const struct exchange *x, bool *from_client)
{
    const struct address *src = &p->src.address, *dst = &p->dst.address;
    *from_client = address_equal(src, &x->client.address) && address_equal(dst, &x->server.address);
    bool from_server = address_equal(src, &x->server.address) && address_equal(dst, &x->client.address);
    return (*from_client || from_server) && lost_meanwhile(p, x);
}

void rule_worsen(struct finding *f, enum severity s)
{
    if (s < f->severity)
        f->severity = s;
}

void rule_say_ms_chap_error(struct finding *f, uint32_t error)
{
    static const struct {
        uint32_t code;
        const char *text;
    } known[] = {
        {646, "the account may not log on at this time"},
        {647, "the account is disabled (FreeRADIUS says so of one that is locked out)"},
        {648, "the password has expired"},
        {649, "the account has no permission to dial in; some servers say it, too, when nobody could tell them"},
        {691, "user name or password is wrong, or the protocol is not allowed for this user"},
        {709, "the password could not be changed"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].code == error)
            finding_explain(f, "E=%u means: %s.", error, known[i].text);
}
