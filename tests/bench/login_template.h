/* A recorded RADIUS login as a pattern: its frames, and every place whose bytes differ from login to login. */
#ifndef VS_BENCH_LOGIN_TEMPLATE_H
#define VS_BENCH_LOGIN_TEMPLATE_H

#include "capture/wire/span.h"

enum { TEMPLATE_FRAMES_MAX = 64, TEMPLATE_PATCHES_MAX = 1024, TEMPLATE_FRAME_MAX = 2048, TEMPLATE_ERROR = 256 };

/* What stands at such a place. */
enum patch_kind {
    PATCH_MASK_STATE,     /* the recording's bytes, changed by a mask that all States of a login share */
    PATCH_MASK_CLIENT,    /* ... that is the client's random */
    PATCH_MASK_SERVER,
    PATCH_MASK_SESSION,   /* ... session ids: what was echoed stays an echo */
    PATCH_MASK_LEAF,      /* ... the end of the server certificate's signature, when this login's is to be distinct */
    PATCH_USER,           /* User-Name and EAP identity: the user's part is written anew in letters */
    PATCH_STATION,        /* Calling-Station-Id, Tunnel-Client-Endpoint: digits, as many as before */
    PATCH_CORRELATION,    /* hexadecimal digits of a GUID */
    PATCH_NAS_ADDRESS,    /* 4 bytes */
    PATCH_NAS_DIGITS,     /* the last two digits of NAS-Identifier */
};

struct patch {
    uint16_t offset, len; /* in the frame */
    uint16_t from;        /* first byte of the mask, or of the text */
    uint8_t kind;         /* enum patch_kind */
    uint8_t frame;
};

struct template_frame {
    uint8_t bytes[TEMPLATE_FRAME_MAX];
    uint16_t len, radius;           /* length of the frame; where RADIUS begins in it */
    uint16_t message_authenticator; /* offset of the value, 0 without */
    uint16_t first_patch, patches;
    bool request;
};

struct login_template {
    struct template_frame frames[TEMPLATE_FRAMES_MAX];
    struct patch patches[TEMPLATE_PATCHES_MAX]; /* sorted by frame */
    size_t frame_count, patch_count;
    bool established; /* ends with an Access-Accept; else with an Access-Reject */
};

/*
 * Reads a recording of logins that follow one another (Ethernet, IPv4, no fragments) and appends each as a template to
 * at most room of them. Returns their number, 0 with a sentence in error.
 */
size_t templates_read(const char *path, struct login_template *out, size_t room, char error[static TEMPLATE_ERROR]);

#endif
