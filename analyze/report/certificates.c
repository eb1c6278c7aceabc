#include "analyze/report/certificates.h"

#include <stdio.h>
#include <stdlib.h>

#include "dissect/crypto/digest.h"

#define SECOND_NS INT64_C(1000000000)

/* One place in a chain, and the certificate found there. */
struct seat {
    uint8_t sha256[DIGEST_MAX], sha1[DIGEST_MAX];
    uint32_t chain, position; /* chain by order of first sight */
    size_t certificate;
};

struct certificates {
    const struct chains *chains;
    struct certificate *items;
    size_t count;
    struct seat *seats; /* in order of chains and positions */
    size_t seat_count;
    size_t *first_seat; /* of each chain */
};

static void hex(char *out, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

static int by_digest(const void *left, const void *right)
{
    const struct seat *const *a = left, *const *b = right;
    int order = memcmp((*a)->sha256, (*b)->sha256, 32);
    if (order != 0)
        return order;
    return *a < *b ? -1 : *a > *b;
}

/* Unclaimed chains are somebody else's. */
static size_t seats_of(const struct chain *c)
{
    return c->roles != 0 ? c->count : 0;
}

static bool make_seats(struct certificates *c, struct digests *digests)
{
    size_t n = 0;
    for (size_t i = 0; i < chains_count(c->chains); i++) {
        const struct chain *chain = chains_at(c->chains, i);
        c->first_seat[i] = n;
        for (size_t j = 0; j < seats_of(chain); j++, n++) {
            struct seat *s = &c->seats[n];
            s->chain = (uint32_t)i;
            s->position = (uint32_t)j;
            if (!digest_compute(digests, DIGEST_SHA256, &chain->der[j], 1, s->sha256) ||
                !digest_compute(digests, DIGEST_SHA1, &chain->der[j], 1, s->sha1))
                return false;
        }
    }
    return true;
}

/* Equal digests are one certificate; its number is given in order of first sight. */
static bool number_seats(struct certificates *c)
{
    struct seat **sorted = calloc(c->seat_count + 1, sizeof *sorted);
    size_t *first = calloc(c->seat_count + 1, sizeof *first); /* seat -> first seat of the same certificate */
    if (sorted != NULL && first != NULL) {
        for (size_t i = 0; i < c->seat_count; i++)
            sorted[i] = &c->seats[i];
        qsort(sorted, c->seat_count, sizeof *sorted, by_digest);
        for (size_t i = 0; i < c->seat_count; i++) {
            bool same = i > 0 && memcmp(sorted[i]->sha256, sorted[i - 1]->sha256, 32) == 0;
            size_t seat = (size_t)(sorted[i] - c->seats);
            first[seat] = same ? first[sorted[i - 1] - c->seats] : seat;
        }
        for (size_t i = 0; i < c->seat_count; i++)
            c->seats[i].certificate = first[i] == i ? c->count++ : c->seats[first[i]].certificate;
    }
    bool good = sorted != NULL && first != NULL;
    free(sorted);
    free(first);
    return good;
}

static void add_presenter(struct certificate *c, const struct endpoint *e)
{
    size_t at = 0;
    while (at < c->presenter_count && endpoint_compare(&c->presenters[at], e) < 0)
        at++;
    if (c->presenter_count == CERTIFICATE_PRESENTERS_MAX ||
        (at < c->presenter_count && endpoint_equal(&c->presenters[at], e)))
        return;
    memmove(&c->presenters[at + 1], &c->presenters[at], (c->presenter_count - at) * sizeof c->presenters[0]);
    c->presenters[at] = *e;
    c->presenter_count++;
}

static void add_exchange(struct certificate *c, uint32_t id)
{
    size_t at = 0;
    while (at < c->exchange_count && c->exchanges[at] < id)
        at++;
    if (c->exchange_count == CERTIFICATE_EXCHANGES_MAX || (at < c->exchange_count && c->exchanges[at] == id))
        return;
    memmove(&c->exchanges[at + 1], &c->exchanges[at], (c->exchange_count - at) * sizeof c->exchanges[0]);
    c->exchanges[at] = id;
    c->exchange_count++;
}

static bool chain_fails(const struct chain *c)
{
    return c->judged &&
           (c->checks.chain == CHECK_FAIL || c->checks.name == CHECK_FAIL || c->checks.server_auth_eku == CHECK_FAIL);
}

static void parse_unjudged(struct certificate *c)
{
    c->own_facts = calloc(1, sizeof *c->own_facts);
    if (c->own_facts != NULL && x509_parse(c->der, c->own_facts)) {
        c->facts = c->own_facts;
        return;
    }
    free(c->own_facts);
    c->own_facts = NULL;
}

static void fill(struct certificate *c, const struct seat *s, const struct chain *chain)
{
    bool fresh = c->chain == NULL, leaf = s->position == 0;
    if (fresh) {
        hex(c->sha256, s->sha256, 32);
        hex(c->sha1, s->sha1, 20);
        c->der = chain->der[s->position];
    }
    if (c->facts == NULL && chain->judged && chain->parsed[s->position])
        c->facts = &chain->facts[s->position];
    if (fresh || (leaf && !c->leaf) || (leaf && chain_fails(chain) && !chain_fails(c->chain)))
        c->chain = chain;
    c->leaf = c->leaf || leaf;
    c->roles |= chain->roles;
    for (size_t i = 0; i < chain->presenter_count; i++)
        add_presenter(c, &chain->presenters[i].server);
    for (size_t i = 0; i < chain->exchange_count; i++)
        add_exchange(c, chain->exchanges[i]);
}

static bool build(struct certificates *c)
{
    struct digests *digests = digests_new();
    bool good = digests != NULL && make_seats(c, digests) && number_seats(c);
    digests_free(digests);
    if (!good)
        return false;
    c->items = calloc(c->count + 1, sizeof *c->items);
    if (c->items == NULL)
        return false;
    for (size_t i = 0; i < c->seat_count; i++)
        fill(&c->items[c->seats[i].certificate], &c->seats[i], chains_at(c->chains, c->seats[i].chain));
    for (size_t i = 0; i < c->count; i++)
        if (c->items[i].facts == NULL && !c->items[i].chain->judged)
            parse_unjudged(&c->items[i]);
    return true;
}

struct certificates *certificates_new(const struct chains *chains)
{
    struct certificates *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->chains = chains;
    for (size_t i = 0; i < chains_count(chains); i++)
        c->seat_count += seats_of(chains_at(chains, i));
    c->seats = calloc(c->seat_count + 1, sizeof *c->seats);
    c->first_seat = calloc(chains_count(chains) + 1, sizeof *c->first_seat);
    if (c->seats == NULL || c->first_seat == NULL || !build(c)) {
        certificates_free(c);
        return NULL;
    }
    return c;
}

void certificates_free(struct certificates *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; c->items != NULL && i < c->count; i++) {
        if (c->items[i].own_facts != NULL)
            x509_facts_free(c->items[i].own_facts);
        free(c->items[i].own_facts);
    }
    free(c->items);
    free(c->seats);
    free(c->first_seat);
    free(c);
}

size_t certificates_count(const struct certificates *c)
{
    return c->count;
}

const struct certificate *certificates_at(const struct certificates *c, size_t i)
{
    return &c->items[i];
}

const struct certificate *certificates_of_chain(const struct certificates *c, uint32_t serial, size_t position)
{
    if (serial == 0 || serial > chains_count(c->chains) || position >= seats_of(chains_at(c->chains, serial - 1)))
        return NULL;
    return &c->items[c->seats[c->first_seat[serial - 1] + position].certificate];
}

const char *chain_role_name(uint32_t role)
{
    switch (role) {
    case ROLE_NPS:
        return "nps";
    case ROLE_IKEV2:
        return "ikev2";
    case ROLE_SSTP:
        return "sstp";
    case ROLE_CLIENT:
        return "client";
    default:
        return NULL;
    }
}

enum check chain_valid_at(const struct chain *c, int64_t time_ns, size_t *failing_index, bool *expired)
{
    const struct chain_checks *k = &c->checks;
    bool path = k->path_not_after != 0;
    int64_t from = path ? k->path_not_before : k->not_before, to = path ? k->path_not_after : k->not_after;
    int64_t now = time_ns / SECOND_NS;
    *failing_index = 0;
    *expired = false;
    if (!c->judged || !c->parsed[0] || time_ns == 0)
        return CHECK_UNKNOWN;
    if (now >= from && now <= to)
        return CHECK_PASS;
    *expired = now > to;
    if (path)
        *failing_index = *expired ? k->not_after_index : k->not_before_index;
    return CHECK_FAIL;
}

enum check chain_key_usage(const struct chain_checks *checks)
{
    if (checks->key_usage_signature == CHECK_FAIL && checks->key_usage_encipherment == CHECK_FAIL)
        return CHECK_FAIL;
    if (checks->key_usage_signature == CHECK_PASS || checks->key_usage_encipherment == CHECK_PASS)
        return CHECK_PASS;
    return CHECK_UNKNOWN;
}

const char *chain_file_name(char out[static CERTIFICATE_FILE], const struct certificates *c, const struct chain *chain)
{
    const struct certificate *leaf = certificates_of_chain(c, (uint32_t)chain->serial, 0);
    uint32_t role = chain->roles & (~chain->roles + 1); /* the lowest bit */
    unsigned twins = 1;
    for (size_t i = 0; i + 1 < chain->serial; i++)
        twins += certificates_of_chain(c, (uint32_t)i + 1, 0) == leaf && (chains_at(c->chains, i)->roles & role) != 0;
    const char *name = chain_role_name(role) != NULL ? chain_role_name(role) : "other";
    if (twins == 1)
        snprintf(out, CERTIFICATE_FILE, "%s-%s.pem", name, leaf->sha256);
    else
        snprintf(out, CERTIFICATE_FILE, "%s-%s-%u.pem", name, leaf->sha256, twins);
    return out;
}
