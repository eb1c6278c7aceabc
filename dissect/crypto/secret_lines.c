#include "dissect/crypto/secret_lines.h"

#include <stdio.h>

bool secret_lines_each(struct span text, secret_line_fn *take, void *ctx, char message[static SECRETS_MESSAGE])
{
    bool good = true;
    size_t number = 0;
    while (text.len > 0) {
        const uint8_t *newline = memchr(text.data, '\n', text.len);
        struct span line = {text.data, newline != NULL ? (size_t)(newline - text.data) : text.len};
        size_t step = newline != NULL ? line.len + 1 : line.len;
        text = (struct span){text.data + step, text.len - step};
        number++;
        const char *wrong = take(ctx, line);
        if (wrong != NULL && good) {
            snprintf(message, SECRETS_MESSAGE, "line %zu: %s", number, wrong);
            good = false;
        }
    }
    return good;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

size_t secret_hex(struct span text, uint8_t *out, size_t max)
{
    if (text.len % 2 != 0 || text.len / 2 > max)
        return 0;
    for (size_t i = 0; i < text.len; i += 2) {
        int high = hex_digit(text.data[i]), low = hex_digit(text.data[i + 1]);
        if (high < 0 || low < 0)
            return 0;
        out[i / 2] = (uint8_t)(high << 4 | low);
    }
    return text.len / 2;
}
