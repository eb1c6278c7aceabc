/* A file of blocks: what is on disk ends with a whole one, also when the disk is full. */
#ifndef VS_CAPTURE_BLOCK_FILE_H
#define VS_CAPTURE_BLOCK_FILE_H

#include "capture/platform.h"

enum { BLOCK_FILE_ROOM = 1 << 21 }; /* bytes of the longest block, and of what is gathered for a write */

struct block_file {
    int fd;          /* -1: none is open */
    uint8_t *buffer; /* BLOCK_FILE_ROOM bytes */
    size_t used;     /* of it */
    size_t whole;    /* of these, in blocks that have ended */
    uint64_t length; /* on disk */
    bool failed;     /* what was put since the last block_file_flush is lost; error says why */
    char error[PLATFORM_ERROR];
};

/* Takes the buffer, no file. False when memory is short. */
bool block_file_init(struct block_file *f);
void block_file_free(struct block_file *f); /* closes; what was not flushed is lost */

/* Opens another file (as platform_write_open) after closing the one before; false with the reason in error. */
bool block_file_open(struct block_file *f, const char *path, bool fresh);
void block_file_close(struct block_file *f);

/* Bytes of a block; ctx is the file (a pcapng_put_fn). False when there is no room, on disk or for a block so long. */
bool block_file_put(void *ctx, struct span bytes);
/* The block has ended. */
void block_file_end(struct block_file *f);
/* Gives the whole blocks to the system. False: none of those since the last time is in the file, which can be written on. */
bool block_file_flush(struct block_file *f);

/* Length that it will have. */
static inline uint64_t block_file_length(const struct block_file *f)
{
    return f->length + f->used;
}

#endif
