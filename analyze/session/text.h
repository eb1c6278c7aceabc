/* A text in an exchange's block: bytes as sent, not NUL-terminated; len 0 with offset 0 is absent, with offset 1 empty. */
#ifndef VS_ANALYZE_TEXT_H
#define VS_ANALYZE_TEXT_H

#include <stdbool.h>
#include <stdint.h>

struct text { uint16_t offset, len; };

static inline bool text_present(struct text t)
{
    return t.len > 0 || t.offset > 0;
}

#endif
