#include "capture/block_file.h"

#include <stdlib.h>

bool block_file_init(struct block_file *f)
{
    *f = (struct block_file){.fd = -1, .buffer = malloc(BLOCK_FILE_ROOM)};
    return f->buffer != NULL;
}

void block_file_free(struct block_file *f)
{
    block_file_close(f);
    free(f->buffer);
    f->buffer = NULL;
}

static void forget(struct block_file *f)
{
    f->used = f->whole = 0;
    f->failed = false;
}

bool block_file_open(struct block_file *f, const char *path, bool fresh)
{
    block_file_close(f);
    f->length = 0;
    f->fd = platform_write_open(path, fresh, f->error);
    return f->fd >= 0;
}

void block_file_close(struct block_file *f)
{
    if (f->fd >= 0)
        platform_write_close(f->fd);
    f->fd = -1;
    forget(f);
}

/* What the disk took of the blocks is cut off again: the file ends where it ended before. */
static bool write_whole(struct block_file *f)
{
    if (f->failed || f->whole == 0)
        return !f->failed;
    if (!platform_write(f->fd, f->buffer, f->whole, f->error)) {
        (void)platform_write_cut(f->fd, f->length);
        f->failed = true;
        return false;
    }
    f->length += f->whole;
    f->used -= f->whole;
    if (f->used > 0)
        memmove(f->buffer, f->buffer + f->whole, f->used);
    f->whole = 0;
    return true;
}

bool block_file_put(void *ctx, struct span bytes)
{
    struct block_file *f = ctx;
    if (f->failed || f->fd < 0)
        return false;
    if (bytes.len > BLOCK_FILE_ROOM - f->used && !write_whole(f))
        return false;
    if (bytes.len > BLOCK_FILE_ROOM - f->used) {
        snprintf(f->error, sizeof f->error, "a packet is too long");
        f->failed = true;
        return false;
    }
    if (bytes.len > 0)
        memcpy(f->buffer + f->used, bytes.data, bytes.len);
    f->used += bytes.len;
    return true;
}

void block_file_end(struct block_file *f)
{
    f->whole = f->used;
}

bool block_file_flush(struct block_file *f)
{
    bool good = write_whole(f);
    forget(f);
    return good;
}
