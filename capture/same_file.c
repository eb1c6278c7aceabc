#include "capture/same_file.h"

#include <stdlib.h>
#include <string.h>

#include "capture/platform.h"

enum { PIECE = 1 << 16 };

/* Less than PIECE at the end only; -1 on error. */
static int64_t read_piece(int fd, uint8_t *buffer)
{
    size_t have = 0;
    while (have < PIECE) {
        int64_t n = platform_read(fd, buffer + have, PIECE - have);
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        have += (size_t)n;
    }
    return (int64_t)have;
}

static bool equal(int a, int b, uint8_t *buffers)
{
    int64_t read_a, read_b;
    do {
        read_a = read_piece(a, buffers);
        read_b = read_piece(b, buffers + PIECE);
        if (read_a < 0 || read_a != read_b || memcmp(buffers, buffers + PIECE, (size_t)read_a) != 0)
            return false;
    } while (read_a == PIECE);
    return true;
}

bool same_file(const char *a, const char *b)
{
    char error[PLATFORM_ERROR];
    uint8_t *buffers = malloc(2 * (size_t)PIECE);
    int one = platform_read_open(a, error), other = one >= 0 ? platform_read_open(b, error) : -1;
    bool same = buffers != NULL && other >= 0 && equal(one, other, buffers);
    if (other >= 0)
        platform_read_close(other);
    if (one >= 0)
        platform_read_close(one);
    free(buffers);
    return same;
}
