/*
 * Texts that strangers wrote (names in certificates, users, file contents) made safe for a terminal and for JSON: the
 * result is valid UTF-8, shows every character, and none of it steers a terminal or turns the direction of writing.
 */
#ifndef VS_ANALYZE_ESCAPE_H
#define VS_ANALYZE_ESCAPE_H

#include "capture/wire/span.h"

enum { ESCAPE_GROWTH = 4 }; /* one byte becomes at most this many */

/*
 * Writes the safe form of text and a NUL into out: bytes that are no UTF-8, C0 controls and DEL as \xNN; C1 controls,
 * line separators, bidirectional controls, zero-width and other invisible characters as \u{...}; all else as it is (a
 * backslash too: DOMAIN\user stays readable). Stops before the first character that does not fit into room (at least 1)
 * bytes; out needs text.len * ESCAPE_GROWTH + 1 to be sure. Returns the length without the NUL.
 */
size_t escape_text(char *out, size_t room, struct span text);

/* The same in fresh memory that the caller frees; NULL when memory is short. */
char *escape_new(struct span text);

/* Columns that a text takes on a terminal (East Asian wide characters are two, combining marks none). */
size_t escape_columns(const char *text);

/* Length in bytes of the longest prefix that takes at most `columns`. */
size_t escape_prefix(const char *text, size_t columns);

#endif
