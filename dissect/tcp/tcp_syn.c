/* The options of a SYN (RFC 9293 section 3.2, RFC 7323, RFC 2018, RFC 7413), and how they tell stacks apart. */
#include <stdio.h>

#include "capture/wire/cursor.h"
#include "dissect/tcp/tcp_connection.h"

enum { EOL = 0, NOP = 1, MSS = 2, WINDOW_SCALE = 3, SACK_PERMITTED = 4, SACK = 5, TIMESTAMPS = 8, FAST_OPEN = 34 };

/* One option that has a length. */
static bool take_option(struct cursor *c, uint8_t kind, struct tcp_syn *out)
{
    uint8_t length;
    struct span body;
    if (!take_u8(c, &length) || length < 2 || !take_span(c, length - 2u, &body))
        return false;
    struct cursor b = cursor_of(body);
    switch (kind) {
    case MSS:
        return take_be16(&b, &out->mss) && b.len == 0;
    case WINDOW_SCALE:
        out->has_window_scale = take_u8(&b, &out->window_scale) && b.len == 0;
        return out->has_window_scale;
    case SACK_PERMITTED:
        out->sack_permitted = b.len == 0;
        return out->sack_permitted;
    case TIMESTAMPS:
        out->timestamps = take_be32(&b, &out->timestamp) && b.len == 4;
        return out->timestamps;
    default:
        return true;
    }
}

void tcp_syn_read(const struct packet *p, struct tcp_syn *out)
{
    struct cursor c = cursor_of(p->tcp_options);
    uint8_t kind;
    *out = (struct tcp_syn){.isn = p->tcp_seq, .window = p->tcp_window, .ttl = p->ttl, .seen = true};
    while (take_u8(&c, &kind) && out->kind_count < TCP_OPTION_KINDS_MAX) {
        out->kinds[out->kind_count++] = kind;
        if (kind == EOL)
            return;
        if (kind != NOP && !take_option(&c, kind, out)) {
            out->malformed = true;
            return;
        }
    }
}

static const char *option_name(uint8_t kind)
{
    switch (kind) {
    case EOL:
        return "eol";
    case NOP:
        return "nop";
    case MSS:
        return "mss";
    case WINDOW_SCALE:
        return "ws";
    case SACK_PERMITTED:
        return "sok";
    case SACK:
        return "sack";
    case TIMESTAMPS:
        return "ts";
    case FAST_OPEN:
        return "tfo";
    default:
        return NULL;
    }
}

const char *tcp_syn_layout(char out[static TCP_LAYOUT_TEXT], const struct tcp_syn *syn)
{
    size_t at = 0;
    snprintf(out, TCP_LAYOUT_TEXT, "-");
    for (unsigned i = 0; i < syn->kind_count && at < TCP_LAYOUT_TEXT; i++) {
        const char *name = option_name(syn->kinds[i]), *comma = i > 0 ? "," : "";
        int n = name != NULL ? snprintf(out + at, TCP_LAYOUT_TEXT - at, "%s%s", comma, name)
                             : snprintf(out + at, TCP_LAYOUT_TEXT - at, "%s?%u", comma, syn->kinds[i]);
        at += n > 0 ? (size_t)n : 0;
    }
    return out;
}
