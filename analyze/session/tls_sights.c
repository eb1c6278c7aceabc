#include "analyze/session/tls_sights.h"

#include <stdlib.h>

#include "analyze/session/sstp_certificate.h"
#include "capture/wire/hash.h"

/* Both sides begin, and both end, within this of each other: a packet's way through a proxy, and two clocks. */
#define NEAR_NS (2 * INT64_C(1000000000))

enum { REQUEST_LEAST = 100, TICKETS_MAX = 3, POINTS_LEAST = 6, FIRST_ROOM = 64 };

struct sight {
    uint32_t exchange, chain, capture;
    uint8_t outcome;
    bool has_correlation;
    bool only;            /* its capture shows no other certificate for this name: not one server of several is looked at */
    uint8_t hash_len;
    uint8_t correlation[16];
    uint8_t hash[32];     /* of the certificate that the client saw, as it says */
    uint8_t random[32];
    uint64_t name;        /* hash of the SNI, 0 without */
    int64_t first_ns, last_ns;
    uint16_t lengths[2][TLS_SIGHT_LENGTHS]; /* of content, by direction, from the client's request on */
    uint8_t length_count[2];
    struct place certificate;
    struct tls_counterpart other;
};

struct tls_sights {
    struct sight *sights;
    size_t count, room;
};

struct tls_sights *tls_sights_new(void)
{
    return calloc(1, sizeof(struct tls_sights));
}

void tls_sights_free(struct tls_sights *s)
{
    if (s != NULL)
        free(s->sights);
    free(s);
}

/* Where a record's length does not tell its content exactly there is nothing to compare. */
static void read_lengths(struct sight *s, const struct exchange *x)
{
    const struct sstp_facts *f = &x->sstp;
    bool begun = false;
    for (uint16_t i = 0; i < f->record_count && i < SSTP_RECORDS_MAX; i++) {
        const struct sstp_record *r = &f->records[i];
        struct tls_plain n;
        uint8_t dir = r->dir == TO_SERVER ? TO_SERVER : TO_CLIENT;
        if (!tls_plain_of(f->tls.version, f->tls.cipher_suite, r->length, &n) || n.least != n.most)
            continue;
        begun = begun || (dir == TO_SERVER && n.most >= REQUEST_LEAST);
        if (begun && s->length_count[dir] < TLS_SIGHT_LENGTHS && n.most <= UINT16_MAX)
            s->lengths[dir][s->length_count[dir]++] = (uint16_t)n.most;
    }
}

static struct sight *new_sight(struct tls_sights *s)
{
    if (s->count == s->room) {
        size_t room = s->room > 0 ? 2 * s->room : FIRST_ROOM;
        struct sight *more = room <= TLS_SIGHTS_MAX ? realloc(s->sights, room * sizeof *more) : NULL;
        if (more == NULL)
            return NULL;
        s->sights = more;
        s->room = room;
    }
    memset(&s->sights[s->count], 0, sizeof s->sights[0]);
    return &s->sights[s->count++];
}

void tls_sights_add(struct tls_sights *s, const struct exchange *x)
{
    const struct tls_facts *t = &x->sstp.tls;
    if (x->type != CONVERSATION_SSTP || t->server_chain == 0 || !t->client_hello || x->sstp.kind == SSTP_KIND_PROBE ||
        x->sstp.kind == SSTP_KIND_OTHER)
        return;
    struct sight *n = new_sight(s);
    if (n == NULL)
        return;
    struct span name = exchange_text(x, t->sni), hash = sstp_certificate_hash(x);
    n->exchange = x->id;
    n->chain = t->server_chain;
    n->capture = x->first.capture;
    n->outcome = x->outcome;
    n->has_correlation = x->sstp.has_correlation;
    memcpy(n->correlation, x->sstp.correlation, sizeof n->correlation);
    if (hash.len > 0 && hash.len <= sizeof n->hash) {
        memcpy(n->hash, hash.data, hash.len);
        n->hash_len = (uint8_t)hash.len;
    }
    memcpy(n->random, t->random, sizeof n->random);
    n->name = name.len > 0 ? hash_bytes(name.data, name.len, 1) : 0;
    n->first_ns = x->first.time_ns;
    n->last_ns = x->last.time_ns;
    n->certificate = t->certificate_last;
    read_lengths(n, x);
}

void tls_sights_clock(struct tls_sights *s, uint32_t capture, int64_t ahead_ns)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->sights[i].capture == capture) {
            s->sights[i].first_ns -= ahead_ns;
            s->sights[i].last_ns -= ahead_ns;
        }
}

static bool near(int64_t a, int64_t b)
{
    return a > 0 && b > 0 && a - b <= NEAR_NS && b - a <= NEAR_NS;
}

/* Points in the stream where a record ends in both; a proxy may join records, but not what comes first. */
static unsigned common_points(const uint16_t *a, unsigned a_count, const uint16_t *b, unsigned b_count)
{
    unsigned common = 0, i = 0, k = 0;
    uint64_t a_sum = 0, b_sum = 0;
    while (i < a_count && k < b_count) {
        if (a_sum <= b_sum)
            a_sum += a[i++];
        else
            b_sum += b[k++];
        while (b_sum < a_sum && k < b_count)
            b_sum += b[k++];
        common += a_sum == b_sum;
    }
    return common;
}

/* Of the server's first records some may be tickets (RFC 8446 section 4.6.1), which are the TLS session's own. */
static unsigned common_of_server(const struct sight *a, const struct sight *b)
{
    unsigned best = 0;
    unsigned a_count = a->length_count[TO_CLIENT], b_count = b->length_count[TO_CLIENT];
    for (unsigned i = 0; i < TICKETS_MAX && i < a_count; i++)
        for (unsigned k = 0; k < TICKETS_MAX && k < b_count; k++) {
            unsigned now = common_points(a->lengths[TO_CLIENT] + i, a_count - i, b->lengths[TO_CLIENT] + k, b_count - k);
            best = now > best ? now : best;
        }
    return best;
}

static bool same_lengths(const struct sight *a, const struct sight *b)
{
    if (a->length_count[TO_SERVER] == 0 || b->length_count[TO_SERVER] == 0 ||
        a->lengths[TO_SERVER][0] != b->lengths[TO_SERVER][0]) /* the request, which waits for its answer */
        return false;
    unsigned client = common_points(a->lengths[TO_SERVER], a->length_count[TO_SERVER], b->lengths[TO_SERVER],
                                    b->length_count[TO_SERVER]);
    unsigned server = common_of_server(a, b);
    return client >= POINTS_LEAST / 3 && server >= POINTS_LEAST / 3 && client + server >= POINTS_LEAST;
}

/* The chain's leaf was judged. */
static const struct x509_facts *leaf_of(const struct chains *chains, uint32_t serial)
{
    const struct chain *c = chains_get(chains, serial);
    return c != NULL && c->judged && c->parsed[0] ? &c->facts[0] : NULL;
}

static bool saw(const struct sight *s, const struct x509_facts *leaf)
{
    return (s->hash_len == sizeof leaf->sha256 && memcmp(s->hash, leaf->sha256, sizeof leaf->sha256) == 0) ||
           (s->hash_len == sizeof leaf->sha1 && memcmp(s->hash, leaf->sha1, sizeof leaf->sha1) == 0);
}

/* Both certificates are for the name that was dialled: a server of another name is another server. */
static bool same_service(const struct chains *chains, const struct sight *a, const struct sight *b,
                         const struct x509_facts *a_leaf, const struct x509_facts *b_leaf)
{
    const struct chain *c = chains_get(chains, a->chain);
    if (a->name == 0 || a->name != b->name)
        return false;
    for (size_t i = 0; i < c->dialled_count; i++) {
        struct span name = span_of(c->dialled[i], strlen(c->dialled[i]));
        if (hash_bytes(name.data, name.len, 1) == a->name)
            return chain_name_dialled(a_leaf, name) == CHECK_PASS && chain_name_dialled(b_leaf, name) == CHECK_PASS;
    }
    return false;
}

static bool only_chain(const struct tls_sights *s, const struct sight *of)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->sights[i].capture == of->capture && s->sights[i].name == of->name && s->sights[i].chain != of->chain)
            return false;
    return true;
}

static bool same_hash(const struct sight *a, const struct sight *b)
{
    return a->hash_len == 0 || b->hash_len == 0 ||
           (a->hash_len == b->hash_len && memcmp(a->hash, b->hash, a->hash_len) == 0);
}

static enum sight_proof prove(const struct chains *chains, const struct sight *a, const struct sight *b)
{
    const struct x509_facts *a_leaf = leaf_of(chains, a->chain), *b_leaf = leaf_of(chains, b->chain);
    if (a_leaf == NULL || b_leaf == NULL || memcmp(a_leaf->sha256, b_leaf->sha256, sizeof a_leaf->sha256) == 0 ||
        memcmp(a->random, b->random, sizeof a->random) == 0 || !same_hash(a, b))
        return SIGHT_APART;
    if (a->has_correlation && b->has_correlation)
        return memcmp(a->correlation, b->correlation, sizeof a->correlation) == 0 ? SIGHT_CORRELATION : SIGHT_APART;
    if (saw(a, b_leaf) || saw(b, a_leaf))
        return SIGHT_HASH;
    if (!near(a->first_ns, b->first_ns) || !a->only || !b->only || !same_service(chains, a, b, a_leaf, b_leaf))
        return SIGHT_APART;
    if (near(a->last_ns, b->last_ns) && same_lengths(a, b))
        return SIGHT_LENGTHS;
    return strcmp(a_leaf->issuer, b_leaf->issuer) != 0 ? SIGHT_TIME : SIGHT_APART;
}

static int64_t apart(const struct sight *a, const struct sight *b)
{
    return a->first_ns > b->first_ns ? a->first_ns - b->first_ns : b->first_ns - a->first_ns;
}

/* The client's side is the one whose certificate the client saw; else the one that begins first. */
static bool first_of(const struct chains *chains, const struct sight *a, const struct sight *b)
{
    if (saw(a, leaf_of(chains, b->chain)) || saw(b, leaf_of(chains, b->chain)))
        return false;
    return saw(a, leaf_of(chains, a->chain)) || saw(b, leaf_of(chains, a->chain)) || a->first_ns <= b->first_ns;
}

static void meet(const struct chains *chains, struct sight *s, const struct sight *other, enum sight_proof proof)
{
    s->other = (struct tls_counterpart){
        .proof = proof,
        .exchange = other->exchange,
        .chain = other->chain,
        .nearer_client = first_of(chains, other, s),
        .other_issuer = strcmp(leaf_of(chains, s->chain)->issuer, leaf_of(chains, other->chain)->issuer) != 0,
        .outcome = other->outcome,
        .certificate = other->certificate,
    };
}

void tls_sights_settle(struct tls_sights *s, const struct chains *chains)
{
    for (size_t i = 0; i < s->count; i++)
        s->sights[i].only = only_chain(s, &s->sights[i]);
    for (size_t i = 0; i < s->count; i++) {
        struct sight *a = &s->sights[i];
        const struct sight *best = NULL;
        enum sight_proof proof = SIGHT_APART;
        for (size_t k = 0; k < s->count; k++) {
            const struct sight *b = &s->sights[k];
            bool may = a->capture != b->capture && a->chain != b->chain;
            enum sight_proof now = may ? prove(chains, a, b) : SIGHT_APART;
            if (now > proof || (now == proof && best != NULL && apart(a, b) < apart(a, best))) {
                best = b;
                proof = now;
            }
        }
        if (best != NULL)
            meet(chains, a, best, proof);
    }
}

const struct tls_counterpart *tls_sights_of(const struct tls_sights *s, uint32_t exchange)
{
    for (size_t i = 0; s != NULL && i < s->count; i++)
        if (s->sights[i].exchange == exchange)
            return s->sights[i].other.proof != SIGHT_APART ? &s->sights[i].other : NULL;
    return NULL;
}
