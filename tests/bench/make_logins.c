/*
 * make_logins --out FILE --secret FILE [options] RECORDING...: a large pcap of RADIUS logins, made of recorded ones.
 *
 *   --logins N          logins (50000)
 *   --fail RECORDING    logins that are refused, and
 *   --fail-percent P    how many of a hundred are (0)
 *   --distinct-every K  each K-th login's server certificate is one of its own (0: none)
 *   --nas N             NAS, each with one socket (8)
 *   --concurrent N      logins at once on each of them (64)
 *   --seed S            same seed, same file (1)
 *
 * What differs between two logins of one kind differs here: identifiers, authenticators (right for the secret), States,
 * randoms and session ids, user, station, correlation, addresses and times. What is encrypted stays the recording's.
 */
#include <inttypes.h>

#include "capture/wire/hash.h"
#include "capture_writer.h"
#include "dissect/crypto/digest.h"
#include "login_template.h"

enum { TEMPLATES_MAX = 32, SERVERS = 2, NAS_MAX = 64, CONCURRENT_MAX = 96, SECRET_MAX = 128, MASK_LEN = 64,
       RADIUS_AUTHENTICATOR = 4, AUTHENTICATOR_LEN = 16, SERVER_PORT = 1812, FIRST_NAS_PORT = 49152 };
#define MS INT64_C(1000000)

struct settings {
    const char *out, *secret_path, *fail;
    uint64_t logins, fail_percent, distinct_every, nas, concurrent, seed;
};

/* One login in progress: a NAS has as many as are concurrent. */
struct slot {
    int64_t due_ns; /* when its next frame is sent */
    const struct login_template *t;
    uint64_t serial, key; /* of the login; key: what everything fresh in it is made of */
    size_t next;          /* frame */
    uint8_t identifier, authenticator[AUTHENTICATOR_LEN]; /* of the request in flight */
    unsigned nas, server;
};

struct generator {
    struct settings set;
    struct login_template *good, *bad;
    size_t good_count, bad_count;
    struct digests *digests;
    uint8_t secret[SECRET_MAX];
    size_t secret_len;
    struct capture_writer writer;
    uint64_t state;  /* of the random numbers */
    uint64_t begun, established, rejected;
    uint8_t next_identifier[NAS_MAX][SERVERS];
    bool busy[NAS_MAX][SERVERS][256];
    struct slot *heap; /* by due_ns, then serial */
    size_t heap_len;
};

static uint64_t fresh(struct generator *g)
{
    g->state += 0x9e3779b97f4a7c15u;
    return hash_mix(g->state, g->set.seed);
}

static int64_t fresh_between(struct generator *g, int64_t low, int64_t high)
{
    return low + (int64_t)(fresh(g) % (uint64_t)(high - low));
}

/* Digits are replaced so that each number keeps its length and stays below 256. */
static void write_station(uint8_t *at, size_t len, uint64_t key)
{
    for (size_t i = 0; i < len;) {
        size_t digits = 0;
        while (i + digits < len && at[i + digits] >= '0' && at[i + digits] <= '9')
            digits++;
        unsigned low = digits == 1 ? 1 : digits == 2 ? 10 : 100, span = digits == 1 ? 9 : digits == 2 ? 90 : 124;
        unsigned number = low + (unsigned)(key % span);
        key /= span;
        for (size_t k = digits; k > 0 && digits <= 3; k--, number /= 10)
            at[i + k - 1] = (uint8_t)('0' + number % 10);
        i += digits > 0 ? digits : 1;
    }
}

static void apply_patch(const struct slot *s, const struct patch *p, bool distinct, uint8_t *frame)
{
    uint8_t *at = frame + p->offset;
    uint64_t rest = s->serial;
    switch (p->kind) {
    case PATCH_USER:
        for (size_t i = p->len; i > 0; i--, rest /= 26)
            at[i - 1] = (uint8_t)('a' + rest % 26);
        break;
    case PATCH_STATION:
        write_station(at, p->len, s->serial);
        break;
    case PATCH_CORRELATION:
        for (size_t i = p->len; i > 0; i--, rest /= 16)
            at[i - 1] = (uint8_t) "0123456789ABCDEF"[rest % 16];
        break;
    case PATCH_NAS_ADDRESS:
        memcpy(at, (uint8_t[]){10, 20, 0, (uint8_t)(21 + s->nas)}, 4);
        break;
    case PATCH_NAS_DIGITS:
        at[0] = (uint8_t)('0' + (s->nas + 1) / 10);
        at[1] = (uint8_t)('0' + (s->nas + 1) % 10);
        break;
    default:
        if (p->kind == PATCH_MASK_LEAF && !distinct)
            break;
        for (size_t i = 0; i < p->len; i++) {
            size_t n = p->from + i;
            at[i] ^= (uint8_t)(hash_mix(s->key + p->kind, n / 8) >> (n % 8 * 8));
        }
    }
}

/* Addresses, ports, lengths are the recording's in number; only their values change, then the checksums. */
static void write_headers(struct generator *g, const struct slot *s, const struct template_frame *f, uint8_t *frame)
{
    uint8_t nas[4] = {10, 20, 0, (uint8_t)(21 + s->nas)}, server[4] = {10, 20, 1, (uint8_t)(11 + s->server)};
    uint8_t *ip = frame + ETHERNET_HEADER, *udp = ip + IP_HEADER;
    const uint8_t *from = f->request ? nas : server, *to = f->request ? server : nas;
    unsigned nas_port = FIRST_NAS_PORT + s->nas;
    memcpy(frame + 2, to, 4); /* the lab's MAC addresses end with the IP address */
    memcpy(frame + 8, from, 4);
    put_be16(ip + 4, (unsigned)(g->writer.frames & 0xffff));
    memcpy(ip + 12, from, 4);
    memcpy(ip + 16, to, 4);
    put_be16(ip + 10, 0);
    put_be16(ip + 10, 0xffff & checksum_of(sum_words(ip, IP_HEADER, 0)));
    put_be16(udp, f->request ? nas_port : SERVER_PORT);
    put_be16(udp + 2, f->request ? SERVER_PORT : nas_port);
    put_be16(udp + 6, 0);
    size_t len = f->len - ETHERNET_HEADER - IP_HEADER;
    uint32_t pseudo = sum_words(ip + 12, 8, (uint32_t)(ip[9] + len)); /* RFC 768 */
    put_be16(udp + 6, checksum_of(sum_words(udp, len, pseudo)));
}

/* RFC 2865 section 3, RFC 3579 section 3.2: the authenticators of a packet whose attributes are as they shall be. */
static bool write_authenticators(struct generator *g, struct slot *s, const struct template_frame *f, uint8_t *frame)
{
    struct span packet = span_of(frame + f->radius, f->len - f->radius), secret = span_of(g->secret, g->secret_len);
    uint8_t *authenticator = frame + f->radius + RADIUS_AUTHENTICATOR, digest[DIGEST_MAX];
    frame[f->radius + 1] = s->identifier;
    memcpy(authenticator, s->authenticator, AUTHENTICATOR_LEN);
    if (f->message_authenticator != 0) {
        memset(frame + f->message_authenticator, 0, AUTHENTICATOR_LEN);
        if (!hmac_compute(g->digests, DIGEST_MD5, secret, &packet, 1, digest))
            return false;
        memcpy(frame + f->message_authenticator, digest, AUTHENTICATOR_LEN);
    }
    if (!f->request) {
        if (!digest_compute(g->digests, DIGEST_MD5, (struct span[]){packet, secret}, 2, digest))
            return false;
        memcpy(authenticator, digest, AUTHENTICATOR_LEN);
    }
    return true;
}

/* A NAS never uses an identifier again before its answer is there; there are fewer logins at once than identifiers. */
static void take_identifier(struct generator *g, struct slot *s)
{
    uint8_t *next = &g->next_identifier[s->nas][s->server];
    bool *busy = g->busy[s->nas][s->server];
    while (busy[*next])
        ++*next;
    s->identifier = (*next)++;
    busy[s->identifier] = true;
    uint64_t random[2] = {fresh(g), fresh(g)};
    memcpy(s->authenticator, random, AUTHENTICATOR_LEN);
}

static bool send_frame(struct generator *g, struct slot *s)
{
    const struct template_frame *f = &s->t->frames[s->next++];
    uint8_t frame[TEMPLATE_FRAME_MAX];
    bool distinct = g->set.distinct_every != 0 && s->serial % g->set.distinct_every == 0;
    memcpy(frame, f->bytes, f->len);
    if (f->request)
        take_identifier(g, s);
    else
        g->busy[s->nas][s->server][s->identifier] = false;
    for (size_t i = 0; i < f->patches; i++)
        apply_patch(s, &s->t->patches[f->first_patch + i], distinct, frame);
    if (!write_authenticators(g, s, f, frame))
        return false;
    write_headers(g, s, f, frame);
    int64_t now = s->due_ns;
    s->due_ns += f->request ? fresh_between(g, MS / 2, 20 * MS) : fresh_between(g, 15 * MS, 80 * MS);
    return writer_add(&g->writer, now, frame, f->len);
}

/* The next login of a slot; false when all have begun. */
static bool begin_login(struct generator *g, struct slot *s)
{
    if (g->begun == g->set.logins)
        return false;
    s->serial = g->begun++;
    s->key = fresh(g);
    s->server = (unsigned)(fresh(g) % SERVERS);
    s->next = 0;
    bool bad = fresh(g) % 100 < g->set.fail_percent;
    s->t = bad ? &g->bad[fresh(g) % g->bad_count] : &g->good[fresh(g) % g->good_count];
    s->due_ns += fresh_between(g, 0, 400 * MS);
    return true;
}

static bool earlier(const struct slot *a, const struct slot *b)
{
    return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->serial < b->serial;
}

static void sift_down(struct slot *heap, size_t len, size_t i)
{
    for (size_t child; (child = 2 * i + 1) < len;) {
        if (child + 1 < len && earlier(&heap[child + 1], &heap[child]))
            child++;
        if (!earlier(&heap[child], &heap[i]))
            break;
        struct slot swap = heap[i];
        heap[i] = heap[child];
        heap[child] = swap;
        i = child;
    }
}

static bool generate(struct generator *g)
{
    for (uint64_t i = 0; i < g->set.nas * g->set.concurrent; i++) {
        struct slot *s = &g->heap[g->heap_len];
        *s = (struct slot){.due_ns = START_NS, .nas = (unsigned)(i % g->set.nas)};
        if (begin_login(g, s))
            g->heap_len++;
    }
    for (size_t i = g->heap_len; i > 0; i--)
        sift_down(g->heap, g->heap_len, i - 1);
    while (g->heap_len > 0) {
        struct slot *s = &g->heap[0];
        if (!send_frame(g, s))
            return false;
        if (s->next == s->t->frame_count) {
            if (s->t->established)
                g->established++;
            else
                g->rejected++;
            if (!begin_login(g, s))
                *s = g->heap[--g->heap_len];
        }
        sift_down(g->heap, g->heap_len, 0);
    }
    return true;
}

static bool read_secret(struct generator *g, char error[static TEMPLATE_ERROR])
{
    char why[PLATFORM_ERROR];
    FILE *f = platform_open(g->set.secret_path, "r", why);
    if (f == NULL) {
        snprintf(error, TEMPLATE_ERROR, "%s", why);
        return false;
    }
    g->secret_len = fread(g->secret, 1, sizeof g->secret, f);
    fclose(f);
    while (g->secret_len > 0 && (g->secret[g->secret_len - 1] == '\n' || g->secret[g->secret_len - 1] == '\r'))
        g->secret_len--;
    return true;
}

static bool read_templates(struct generator *g, char *const *recordings, size_t count, char error[static TEMPLATE_ERROR])
{
    for (size_t i = 0; i < count; i++) {
        size_t n = templates_read(recordings[i], g->good + g->good_count, TEMPLATES_MAX - g->good_count, error);
        if (n == 0)
            return false;
        g->good_count += n;
    }
    if (g->set.fail != NULL)
        g->bad_count = templates_read(g->set.fail, g->bad, TEMPLATES_MAX, error);
    return g->set.fail == NULL || g->bad_count > 0;
}

/* Returns the index of the first recording, 0 when the options are wrong. */
static int read_options(int argc, char **argv, struct settings *set)
{
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        const char *name = argv[i] + 2, *value = argv[i + 1];
        bool right = true;
        if (strcmp(name, "out") == 0)
            set->out = value;
        else if (strcmp(name, "secret") == 0)
            set->secret_path = value;
        else if (strcmp(name, "fail") == 0)
            set->fail = value;
        else if (strcmp(name, "logins") == 0)
            right = number_option(value, 1, 10000000, &set->logins);
        else if (strcmp(name, "fail-percent") == 0)
            right = number_option(value, 0, 100, &set->fail_percent);
        else if (strcmp(name, "distinct-every") == 0)
            right = number_option(value, 0, UINT32_MAX, &set->distinct_every);
        else if (strcmp(name, "nas") == 0)
            right = number_option(value, 1, NAS_MAX, &set->nas);
        else if (strcmp(name, "concurrent") == 0)
            right = number_option(value, 1, CONCURRENT_MAX, &set->concurrent);
        else if (strcmp(name, "seed") == 0)
            right = number_option(value, 0, UINT64_MAX, &set->seed);
        else
            right = false;
        if (!right)
            return 0;
    }
    bool whole = set->out != NULL && set->secret_path != NULL && (set->fail_percent == 0 || set->fail != NULL);
    return whole && i < argc ? i : 0;
}

static bool run(struct generator *g, char *const *recordings, size_t count, char error[static TEMPLATE_ERROR])
{
    g->good = calloc(TEMPLATES_MAX, sizeof *g->good);
    g->bad = calloc(TEMPLATES_MAX, sizeof *g->bad);
    g->heap = calloc(g->set.nas * g->set.concurrent, sizeof *g->heap);
    g->digests = digests_new();
    snprintf(error, TEMPLATE_ERROR, "memory is short");
    if (g->good == NULL || g->bad == NULL || g->heap == NULL || g->digests == NULL)
        return false;
    if (!read_secret(g, error) || !read_templates(g, recordings, count, error))
        return false;
    snprintf(error, TEMPLATE_ERROR, "%s cannot be written", g->set.out);
    char why[PLATFORM_ERROR];
    if (!writer_open(&g->writer, g->set.out, why)) {
        snprintf(error, TEMPLATE_ERROR, "%s", why);
        return false;
    }
    bool written = generate(g);
    return fclose(g->writer.out) == 0 && written;
}

int main(int argc, char **argv)
{
    static struct generator g = {
        .set = {.logins = 50000, .nas = 8, .concurrent = 64, .seed = 1},
    };
    char error[TEMPLATE_ERROR];
    int first = read_options(argc, argv, &g.set);
    if (first == 0) {
        fprintf(stderr, "usage: make_logins --out FILE --secret FILE [--logins N] [--fail RECORDING --fail-percent P]\n"
                        "       [--distinct-every K] [--nas N] [--concurrent N] [--seed S] RECORDING...\n");
        return 2;
    }
    bool done = run(&g, argv + first, (size_t)(argc - first), error);
    if (done)
        printf("%" PRIu64 " frames %" PRIu64 " bytes %" PRIu64 " established %" PRIu64 " rejected\n", g.writer.frames, g.writer.bytes,
               g.established, g.rejected);
    else
        fprintf(stderr, "make_logins: %s\n", error);
    free(g.good);
    free(g.bad);
    free(g.heap);
    digests_free(g.digests);
    return done ? 0 : 2;
}
