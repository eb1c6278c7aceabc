/* All that libpcap does for us: filters, device lists, names of link types, and files that the own readers refuse. */
#define _DEFAULT_SOURCE /* u_int and friends of pcap.h */

#include "capture/filter.h"
#include "capture/not_a_capture.h"
#include "capture/reader.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture/wire/address.h"

enum { FILTER_LINK_TYPES = 64, ADDRESSES_TEXT = 1024 };

/* The registry's values for which libpcap's own are another number on some systems. */
static const struct {
    uint16_t link_type;
    int dlt;
} differing[] = {
    {100, DLT_ATM_RFC1483}, {LINKTYPE_RAW, DLT_RAW}, {102, DLT_SLIP_BSDOS},     {103, DLT_PPP_BSDOS},
    {106, DLT_ATM_CLIP},    {246, DLT_PFSYNC},       {LINKTYPE_LOOP, DLT_LOOP},
};

static int dlt_of(uint16_t link_type)
{
    for (size_t i = 0; i < sizeof differing / sizeof *differing; i++)
        if (differing[i].link_type == link_type)
            return differing[i].dlt;
    return link_type;
}

uint16_t source_link_type_of(int dlt)
{
    for (size_t i = 0; i < sizeof differing / sizeof *differing; i++)
        if (differing[i].dlt == dlt)
            return differing[i].link_type;
    return reader_link_type((uint32_t)dlt);
}

const char *source_link_type_name(uint16_t link_type)
{
    return pcap_datalink_val_to_name(dlt_of(link_type));
}

/* One line of libpcap's, which may have several. */
static void explain(char error[static SOURCE_ERROR], const char *what, const char *said)
{
    snprintf(error, SOURCE_ERROR, "%s: %.256s", what, said);
    error[strcspn(error, "\r\n")] = '\0';
}

struct compiled {
    uint16_t link_type;
    bool usable;
    struct bpf_program program;
};

struct filter {
    char *expression;
    size_t count;
    size_t last; /* used for the frame before */
    struct compiled compiled[FILTER_LINK_TYPES];
};

/* False with libpcap's reason when the expression means nothing for this link type. */
static bool compile(struct filter *f, uint16_t link_type, char error[static SOURCE_ERROR])
{
    if (f->count == FILTER_LINK_TYPES) {
        snprintf(error, SOURCE_ERROR, "too many link types");
        return false;
    }
    struct compiled *c = &f->compiled[f->count++];
    *c = (struct compiled){.link_type = link_type};
    pcap_t *p = pcap_open_dead(dlt_of(link_type), SOURCE_MAX_SNAPLEN);
    if (p == NULL) {
        snprintf(error, SOURCE_ERROR, "out of memory");
        return false;
    }
    c->usable = pcap_compile(p, &c->program, f->expression, 1, PCAP_NETMASK_UNKNOWN) == 0;
    if (!c->usable)
        explain(error, "the filter does not compile", pcap_geterr(p));
    pcap_close(p);
    return c->usable;
}

static bool compiles_for_any(struct filter *f, char error[static SOURCE_ERROR])
{
    static const uint16_t usual[] = {LINKTYPE_IEEE802_11_RADIOTAP, LINKTYPE_LINUX_SLL2, LINKTYPE_PPP, LINKTYPE_RAW};
    if (compile(f, LINKTYPE_ETHERNET, error))
        return true;
    char other[SOURCE_ERROR]; /* what is said of Ethernet is what most can do something with */
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (compile(f, usual[i], other))
            return true;
    return false;
}

struct filter *filter_new(const char *expression, int link_type, char error[static SOURCE_ERROR])
{
    size_t size = strlen(expression) + 1;
    struct filter *f = calloc(1, sizeof *f);
    if (f == NULL || (f->expression = malloc(size)) == NULL) {
        free(f);
        snprintf(error, SOURCE_ERROR, "out of memory");
        return NULL;
    }
    memcpy(f->expression, expression, size);
    if (link_type < 0 ? compiles_for_any(f, error) : compile(f, (uint16_t)link_type, error))
        return f;
    filter_free(f);
    return NULL;
}

static struct compiled *program_for(struct filter *f, uint16_t link_type)
{
    if (f->last < f->count && f->compiled[f->last].link_type == link_type)
        return &f->compiled[f->last];
    for (f->last = 0; f->last < f->count; f->last++)
        if (f->compiled[f->last].link_type == link_type)
            return &f->compiled[f->last];
    char ignored[SOURCE_ERROR];
    return compile(f, link_type, ignored) ? &f->compiled[f->last] : NULL;
}

bool filter_match(struct filter *f, const struct frame *frame)
{
    const struct compiled *c = program_for(f, frame->link_type);
    if (c == NULL || !c->usable)
        return false;
    struct pcap_pkthdr header = {.caplen = frame->len, .len = frame->wire_len};
    return pcap_offline_filter(&c->program, &header, frame->bytes) != 0;
}

void filter_free(struct filter *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < f->count; i++)
        if (f->compiled[i].usable)
            pcap_freecode(&f->compiled[i].program);
    free(f->expression);
    free(f);
}

/* A file that only libpcap knows. It lends one packet at a time. */
struct foreign {
    struct reader *reader;
    pcap_t *pcap;
    uint16_t link_type;
};

static void *foreign_open(struct reader *r, const char *path, char error[static SOURCE_ERROR])
{
    char said[PCAP_ERRBUF_SIZE] = "";
    struct foreign *f = calloc(1, sizeof *f);
    pcap_t *pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, said);
    if (f == NULL || pcap == NULL) {
        free(f);
        if (pcap != NULL)
            pcap_close(pcap);
        snprintf(error, SOURCE_ERROR, "%s", not_a_capture((struct span){r->stream.at, r->stream.left}, path));
        return NULL;
    }
    *f = (struct foreign){r, pcap, source_link_type_of(pcap_datalink(pcap))};
    struct source_interface *i = reader_add_interface(r, f->link_type, (uint32_t)pcap_snapshot(pcap));
    if (i != NULL)
        i->time_digits = 9;
    r->info.format = "pcap";
    return f;
}

static size_t foreign_next(void *state, struct frame *frames, size_t max)
{
    struct foreign *f = state;
    struct pcap_pkthdr *header;
    const uint8_t *bytes;
    if (max == 0 || f->reader->finished)
        return 0;
    int result = pcap_next_ex(f->pcap, &header, &bytes);
    if (result != 1) {
        f->reader->finished = true;
        if (result == PCAP_ERROR) {
            explain(f->reader->damage, "libpcap cannot read on", pcap_geterr(f->pcap));
            f->reader->info.damage = f->reader->damage;
        }
        return 0;
    }
    frames[0] = (struct frame){.number = ++f->reader->number,
                               .time_ns = (int64_t)header->ts.tv_sec * 1000000000 + (int64_t)header->ts.tv_usec,
                               .bytes = bytes,
                               .len = header->caplen,
                               .wire_len = header->len,
                               .link_type = f->link_type};
    return 1;
}

static void foreign_close(void *state)
{
    struct foreign *f = state;
    pcap_close(f->pcap);
    free(f);
}

const struct backend foreign_file_backend = {.open = foreign_open, .next = foreign_next, .close = foreign_close};

static bool address_of(const struct sockaddr *a, struct address *out)
{
    if (a == NULL || (a->sa_family != AF_INET && a->sa_family != AF_INET6))
        return false;
    if (a->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, a, sizeof in);
        uint8_t bytes[4];
        memcpy(bytes, &in.sin_addr, sizeof bytes);
        *out = address_ipv4(bytes);
        return true;
    }
    struct sockaddr_in6 in6;
    memcpy(&in6, a, sizeof in6);
    *out = address_ipv6(in6.sin6_addr.s6_addr);
    return true;
}

static void list_addresses(char out[static ADDRESSES_TEXT], const pcap_addr_t *first)
{
    size_t used = 0;
    out[0] = '\0';
    for (const pcap_addr_t *a = first; a != NULL; a = a->next) {
        struct address address;
        char text[ADDRESS_TEXT];
        if (!address_of(a->addr, &address) || used + ADDRESS_TEXT + 2 > ADDRESSES_TEXT)
            continue;
        used += (size_t)snprintf(out + used, ADDRESSES_TEXT - used, "%s%s", used > 0 ? ", " : "",
                                 address_text(text, &address));
    }
}

bool source_list_devices(device_fn *each, void *ctx, char error[static SOURCE_ERROR])
{
    char said[PCAP_ERRBUF_SIZE] = "";
    pcap_if_t *devices = NULL;
    if (pcap_findalldevs(&devices, said) != 0) {
        explain(error, "the devices cannot be listed", said);
        return false;
    }
    for (const pcap_if_t *d = devices; d != NULL; d = d->next) {
        char addresses[ADDRESSES_TEXT];
        list_addresses(addresses, d->addresses);
        each(ctx, d->name, d->description, addresses);
    }
    pcap_freealldevs(devices);
    return true;
}
