/*
 * Frames from anywhere: pcap and pcapng files (own block reader), whatever else libpcap reads, standard input, all of
 * them also gzip- or zstd-compressed. One source is one capture.
 */
#ifndef VS_CAPTURE_SOURCE_H
#define VS_CAPTURE_SOURCE_H

#include "capture/frame.h"

enum { SOURCE_ERROR = 512, SOURCE_BATCH = 64, SOURCE_MAX_SNAPLEN = 262144 * 4 };

struct source;

/* Secrets embedded in a pcapng (Decryption Secrets Block); `type` is the block's secrets type. Lent for the call. */
enum { SECRETS_TLS_KEY_LOG = 0x544c534b };
typedef void secrets_fn(void *ctx, uint32_t type, struct span secrets);

struct source_options {
    uint32_t capture;    /* index that goes into every frame */
    const char *filter;  /* BPF expression (pcap-filter(7)) or NULL; compiled per link type */
    secrets_fn *secrets; /* called before any later frame is given out; may be NULL */
    void *secrets_ctx;
};

/* A device to sniff. */
struct device_options {
    uint32_t capture;   /* index that goes into every frame */
    const char *filter; /* BPF expression or NULL; the kernel runs it, so what it leaves out is not counted */
    uint32_t ring_mib;  /* of packets between the kernel and us; 2 MiB, libpcap's own, lose some now and then */
};

/* One interface of a capture. Texts are from strangers; owned by the source. */
struct source_interface {
    const char *name;        /* NULL when the file does not say */
    const char *description; /* NULL when the file does not say */
    uint32_t snaplen;        /* 0: no limit */
    uint16_t link_type;
    uint8_t time_digits;     /* decimal digits of its time resolution: 6, 9 ... (binary resolutions rounded up) */
    bool has_drops;          /* an interface statistics block, or the kernel, said how many packets were lost */
    uint64_t drops;          /* isb_ifdrop, or os drops, whichever is greater; of a device: of its ring and its hardware */
};

/* What somebody noted in a file (pcapng opt_comment of sections and packets). Text from strangers, cut to fit. */
enum { SOURCE_COMMENTS = 64, SOURCE_COMMENT = 256 };
struct source_comment {
    uint64_t frame; /* 0: of the whole capture */
    char text[SOURCE_COMMENT];
};

/* What is known of the capture so far; complete once source_next has said the end. */
struct source_info {
    const char *path;         /* as given by the user; of a device its name */
    const char *format;       /* "pcap" or "pcapng" (or "pcap" for what libpcap read), "live" for a device */
    const char *compression;  /* "gzip", "zstd" or NULL */
    const struct source_interface *interfaces;
    size_t interface_count;
    uint64_t packets, bytes;  /* frames counted in the file (also those that the filter left out), captured bytes */
    uint64_t filtered;        /* frames that the filter left out */
    int64_t first_ns, last_ns; /* smallest and greatest time; 0, 0 without packets */
    int64_t end_ns;           /* until when it was sniffed, as a pcapng says (isb_endtime); 0 unknown */
    uint64_t cut_packets;     /* frames with len < wire_len */
    uint64_t wrong_lengths;   /* frames that said a wire length smaller than the captured one */
    const char *damage;       /* NULL, or one sentence with the byte offset: what and where; before it all was read */
    const char *hardware, *os, *application; /* pcapng section header options or NULL */
    const struct source_comment *comments; /* the first ones, in order of appearance */
    size_t comment_count;
    uint64_t comments_seen;    /* in all */
};

/*
 * Opens a capture file; "-" is standard input. NULL with one clear sentence without a newline in error (no such file,
 * a directory, empty, not a capture, a filter that does not compile ...). The caller closes it.
 */
struct source *source_open(const char *path, const struct source_options *options, char error[static SOURCE_ERROR]);

/*
 * Opens a network interface for sniffing, promiscuously where that can be had. NULL with one clear sentence without a
 * newline in error (no such interface, no permission, a filter that does not compile ...). The caller closes it.
 */
struct source *source_open_device(const char *name, const struct device_options *options, char error[static SOURCE_ERROR]);

/* The index that goes into every frame from now on, when it was not known yet at the opening. */
void source_set_capture(struct source *s, uint32_t capture);

/* True when a source will give no more frames: a file is read, a device is gone (source_info()->damage says why). */
bool source_ended(const struct source *s);

/* Of a device: what can be waited on (platform_wait) for frames, -1 when there is no such thing. */
int source_handle(const struct source *s);

/* How a device is: one that is down or was removed is waited for. */
enum source_link {
    SOURCE_LINK_UP,
    SOURCE_LINK_DOWN,
    SOURCE_LINK_GONE, /* removed: one that is made under its name will be sniffed */
    SOURCE_LINK_BACK, /* said once, between source_next and the next: it was removed and is there again */
};
enum source_link source_link(const struct source *s);

/* Of a device: brings its interface's drops up to date. */
void source_refresh(struct source *s);

/*
 * Puts up to max frames into frames; their bytes stay valid until the next call on this source. Returns their number;
 * 0 is the end, of the file or of what could be read of it: source_info()->damage tells which. Of a device 0 is also that
 * nothing has come yet: it never waits, and source_ended tells which.
 */
size_t source_next(struct source *s, struct frame *frames, size_t max);

const struct source_info *source_info(const struct source *s);
void source_close(struct source *s);

/* An own copy of all that an info points to but constants (format, compression), and its end. */
void source_info_copy(struct source_info *to, const struct source_info *from);
void source_info_free(struct source_info *info);

/* Time of the first frame without consuming it (to sort captures); false when there is none. */
bool source_first_time(struct source *s, int64_t *time_ns);

/* Devices that could be sniffed, one call each; false with a sentence in error. description may be NULL. */
typedef void device_fn(void *ctx, const char *name, const char *description, const char *addresses);
bool source_list_devices(device_fn *each, void *ctx, char error[static SOURCE_ERROR]);

/* Text of a LINKTYPE_ value as libpcap names it ("EN10MB"), NULL when unknown. */
const char *source_link_type_name(uint16_t link_type);

#endif
