/* Sniffing: the ring between the kernel and us through libpcap. It never waits; who reads several devices waits for all. */
#define _DEFAULT_SOURCE /* u_int and friends of pcap.h */

#include "capture/reader.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/platform.h"

/* Blocks of the ring are handed to us when they are full, or BLOCK_MS after their first packet. */
enum { SNAPLEN = 262144, LENT = SOURCE_BATCH * SNAPLEN, /* of which hardly anything is ever touched */ BLOCK_MS = 100, MIB = 1 << 20 };

#define LOOK_NS (INT64_C(50) * 1000000) /* at the link, so often */

struct live {
    struct reader *reader;
    pcap_t *pcap;
    struct platform_device device; /* what the hardware lost, and the ring never saw */
    enum platform_link link;
    int64_t looked_ns; /* at the link, on the monotonic clock */
    bool was_away;     /* libpcap has seen it go and complains whenever nothing is there to be read */
    uint16_t link_type;
    uint32_t told_drops; /* libpcap's count, which has 32 bits and may pass zero */
    uint64_t ring_drops;
    uint8_t *lent; /* packets are copied here: their block goes back to the kernel at once */
    size_t used;
    struct frame *frames;
    size_t count;
};

static void explain(char error[static SOURCE_ERROR], const char *what, const char *said)
{
    snprintf(error, SOURCE_ERROR, "%s%s%.256s", what, said[0] != '\0' ? ": " : "", said);
    error[strcspn(error, "\r\n")] = '\0';
}

/* libpcap's codes, in the words of who has to mend it. */
static void explain_activation(char error[static SOURCE_ERROR], int code, pcap_t *p)
{
    if (code == PCAP_ERROR_PERM_DENIED || code == PCAP_ERROR_PROMISC_PERM_DENIED)
        explain(error, "sniffing is not permitted (run as root, or give the program cap_net_raw: see the manual)", "");
    else if (code == PCAP_ERROR_NO_SUCH_DEVICE)
        explain(error, "no such network interface (vpnscope -D lists them)", "");
    else if (code == PCAP_ERROR_IFACE_NOT_UP)
        explain(error, "the interface is down", "");
    else
        explain(error, pcap_statustostr(code), pcap_geterr(p));
}

static bool configure(pcap_t *p, uint32_t ring_mib)
{
    uint32_t bytes = ring_mib < INT32_MAX / MIB ? ring_mib * MIB : INT32_MAX;
    pcap_set_tstamp_precision(p, PCAP_TSTAMP_PRECISION_NANO); /* else microseconds: told apart afterwards */
    return pcap_set_snaplen(p, SNAPLEN) == 0 && pcap_set_promisc(p, 1) == 0 && pcap_set_timeout(p, BLOCK_MS) == 0 &&
           pcap_set_immediate_mode(p, 0) == 0 && pcap_set_buffer_size(p, (int)bytes) == 0;
}

static bool set_filter(pcap_t *p, const char *expression, char error[static SOURCE_ERROR])
{
    struct bpf_program program;
    if (expression == NULL)
        return true;
    if (pcap_compile(p, &program, expression, 1, PCAP_NETMASK_UNKNOWN) != 0) {
        explain(error, "the filter does not compile", pcap_geterr(p));
        return false;
    }
    bool good = pcap_setfilter(p, &program) == 0;
    if (!good)
        explain(error, "the filter cannot be set", pcap_geterr(p));
    pcap_freecode(&program);
    return good;
}

static pcap_t *open_device(const char *name, const struct reader *r, char error[static SOURCE_ERROR])
{
    char said[PCAP_ERRBUF_SIZE] = "";
    pcap_t *p = pcap_create(name, said);
    if (p == NULL) {
        explain(error, "cannot be opened", said);
        return NULL;
    }
    int code = configure(p, r->ring_mib) ? pcap_activate(p) : PCAP_ERROR;
    if (code < 0) {
        explain_activation(error, code, p);
    } else if (set_filter(p, r->device_filter, error)) {
        if (pcap_setnonblock(p, 1, said) == 0)
            return p;
        explain(error, "cannot be read without waiting", said);
    }
    pcap_close(p);
    return NULL;
}

static void live_close(void *state)
{
    struct live *l = state;
    platform_device_close(&l->device);
    if (l->pcap != NULL)
        pcap_close(l->pcap);
    free(l->lent);
    free(l);
}

static void *live_open(struct reader *r, const char *name, char error[static SOURCE_ERROR])
{
    struct live *l = calloc(1, sizeof *l);
    if (l == NULL || (l->lent = malloc(LENT)) == NULL) {
        free(l);
        snprintf(error, SOURCE_ERROR, "out of memory");
        return NULL;
    }
    l->reader = r;
    platform_device_open(&l->device, name);
    l->pcap = open_device(name, r, error);
    if (l->pcap == NULL) {
        live_close(l);
        return NULL;
    }
    platform_device_watch(&l->device, pcap_get_selectable_fd(l->pcap));
    l->link_type = source_link_type_of(pcap_datalink(l->pcap));
    struct source_interface *i = reader_add_interface(r, l->link_type, SNAPLEN);
    if (i != NULL) {
        reader_text(&i->name, span_of(name, strlen(name)));
        i->time_digits = pcap_get_tstamp_precision(l->pcap) == PCAP_TSTAMP_PRECISION_NANO ? 9 : 6;
        i->has_drops = true;
    }
    r->info.format = "live";
    return l;
}

static void on_packet(u_char *ctx, const struct pcap_pkthdr *header, const u_char *bytes)
{
    struct live *l = (struct live *)(void *)ctx;
    uint32_t len = header->caplen < SNAPLEN ? header->caplen : SNAPLEN;
    bool nano = l->reader->interfaces == NULL || l->reader->interfaces[0].time_digits == 9;
    memcpy(l->lent + l->used, bytes, len);
    l->frames[l->count++] =
        (struct frame){.number = ++l->reader->number,
                       .time_ns = (int64_t)header->ts.tv_sec * 1000000000 + (int64_t)header->ts.tv_usec * (nano ? 1 : 1000),
                       .bytes = l->lent + l->used,
                       .len = len,
                       .wire_len = header->len,
                       .link_type = l->link_type};
    l->used += len;
}

static void look_at_link(struct live *l, int64_t now_ns)
{
    l->looked_ns = now_ns;
    l->link = platform_device_link(&l->device);
    l->was_away = l->was_away || l->link == PLATFORM_LINK_GONE || l->link == PLATFORM_LINK_BACK;
    l->reader->info.damage = l->link == PLATFORM_LINK_GONE ? "the interface was removed" : NULL;
}

static void end(struct live *l, const char *what, const char *said)
{
    explain(l->reader->damage, what, said);
    l->reader->info.damage = l->reader->damage;
    l->reader->finished = true;
}

/* Nothing could be read: of a device that went away what is left in the ring was read before, and another is waited for. */
static void trouble(struct live *l)
{
    enum platform_link before = l->link;
    look_at_link(l, platform_monotonic_ns());
    if (before == PLATFORM_LINK_BACK) /* not yet told */
        l->link = before;
    if (l->link == PLATFORM_LINK_OTHER)
        end(l, "another kind of interface has taken its name: it is sniffed no longer", "");
    else if (!l->was_away && l->link != PLATFORM_LINK_DOWN)
        end(l, "sniffing ended", pcap_geterr(l->pcap));
}

/* What has come by now; 0 is nothing yet, or the end of the device (reader.finished). */
static size_t live_next(void *state, struct frame *frames, size_t max)
{
    struct live *l = state;
    l->frames = frames;
    l->count = l->used = 0;
    int64_t now_ns = platform_monotonic_ns();
    if (now_ns - l->looked_ns >= LOOK_NS)
        look_at_link(l, now_ns);
    while (l->count < max && LENT - l->used >= SNAPLEN && !l->reader->finished) {
        size_t room = (LENT - l->used) / SNAPLEN, want = max - l->count < room ? max - l->count : room;
        int got = pcap_dispatch(l->pcap, (int)want, on_packet, (u_char *)l);
        if (got < 0 || (got == 0 && l->link == PLATFORM_LINK_OTHER))
            trouble(l);
        if (got <= 0)
            break;
    }
    return l->count;
}

static void live_refresh(void *state)
{
    struct live *l = state;
    struct pcap_stat s;
    if (l->reader->info.interface_count == 0)
        return;
    if (pcap_stats(l->pcap, &s) == 0) {
        l->ring_drops += (uint32_t)(s.ps_drop - l->told_drops);
        l->told_drops = s.ps_drop;
    }
    l->reader->interfaces[0].drops = l->ring_drops + platform_device_lost(&l->device);
}

static int live_handle(void *state)
{
    const struct live *l = state;
    return pcap_get_selectable_fd(l->pcap);
}

static enum source_link live_link(const void *state)
{
    const struct live *l = state;
    switch (l->link) {
    case PLATFORM_LINK_DOWN:
        return SOURCE_LINK_DOWN;
    case PLATFORM_LINK_GONE:
    case PLATFORM_LINK_OTHER:
        return SOURCE_LINK_GONE;
    case PLATFORM_LINK_BACK:
        return SOURCE_LINK_BACK;
    case PLATFORM_LINK_UP:
        break;
    }
    return SOURCE_LINK_UP;
}

const struct backend live_backend = {.open = live_open,
                                     .next = live_next,
                                     .close = live_close,
                                     .refresh = live_refresh,
                                     .handle = live_handle,
                                     .link = live_link};
