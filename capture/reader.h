/* What the readers of the formats have in common; for the files of this folder only. */
#ifndef VS_CAPTURE_READER_H
#define VS_CAPTURE_READER_H

#include "capture/source.h"
#include "capture/stream.h"
#include "capture/wire/cursor.h"

enum {
    READER_DAMAGE = 256,
    READER_MAX_TEXT = 512,         /* bytes kept of a name or a description in a file */
    READER_MAX_INTERFACES = 16384, /* in all sections together */
};

/* Times are kept within this, so that the difference of any two fits into 64 bits. About the year 2116. */
#define READER_TIME_LIMIT (INT64_MAX / 2)

/* One capture being read: the stream, and what has been learned of it. */
struct reader {
    struct stream stream;
    struct source_info info;
    struct source_interface *interfaces; /* info.interfaces, writable */
    size_t capacity;                     /* of interfaces */
    struct source_comment *comments;     /* info.comments, writable; NULL without any */
    uint64_t number;                     /* of the last frame */
    bool finished;                       /* nothing more can be read */
    secrets_fn *secrets;
    void *secrets_ctx;
    const char *device_filter; /* of a device, compiled into the kernel; lent while it is opened */
    uint32_t ring_mib;         /* of a device */
    char damage[SOURCE_ERROR]; /* text of info.damage */
};

/*
 * A kind of capture. open consumes its header and returns its state, or NULL with a sentence in error; next puts up to
 * max frames with number, time, bytes, lengths, interface, link type, flags and comment, which stay valid until its
 * next call; 0 is the end. close takes the state from open.
 */
struct backend {
    void *(*open)(struct reader *r, const char *path, char error[static SOURCE_ERROR]);
    size_t (*next)(void *state, struct frame *frames, size_t max);
    void (*close)(void *state);
    void (*refresh)(void *state); /* devices: brings the interfaces' drops up to date; NULL for files */
    int (*handle)(void *state);   /* devices: to wait on, -1 when there is none; NULL for files */
    enum source_link (*link)(const void *state); /* devices: how it is; NULL for files */
};

extern const struct backend pcap_file_backend, pcapng_file_backend;
extern const struct backend foreign_file_backend; /* whatever else libpcap opens by its path */

extern const struct backend live_backend;         /* devices: next gives 0 while nothing has come, too */

/* True when the window starts with this format's magic (four bytes). */
bool pcap_file_recognise(struct span window);
bool pcapng_file_recognise(struct span window);

/* Notes the (first) damage and that nothing more is read. what is a clause: "the packet record %s". */
void reader_damage(struct reader *r, uint64_t offset, const char *what);

/* The stream ended where `what` ("a packet record", "a block") should go on: no damage at its border. */
void reader_ended(struct reader *r, const char *what);

/* Appends an interface; NULL with damage noted when there are too many or memory is short. */
struct source_interface *reader_add_interface(struct reader *r, uint16_t link_type, uint32_t snaplen);

/* Replaces *text by an own copy of what a file says, up to a NUL byte and READER_MAX_TEXT; empty stays NULL. */
void reader_text(const char **text, struct span said);

/* Keeps a comment of that frame (0: of the capture), if there is room; empty ones are none. */
void reader_comment(struct reader *r, uint64_t frame, struct span said);

/* Link types as the registry has them; old files hold the values of some systems for raw IP. */
uint16_t reader_link_type(uint32_t said);

/* The registry's value for one of libpcap's. */
uint16_t source_link_type_of(int dlt);

/* Frees what the reader owns (the stream too). */
void reader_free(struct reader *r);

/* Numbers in the byte order of the file. */
MUST_CHECK static inline bool take_u16(struct cursor *c, bool big, uint16_t *out)
{
    return big ? take_be16(c, out) : take_le16(c, out);
}

MUST_CHECK static inline bool take_u32(struct cursor *c, bool big, uint32_t *out)
{
    return big ? take_be32(c, out) : take_le32(c, out);
}

#endif
