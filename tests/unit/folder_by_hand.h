/* A folder of a group of tests: its *state. Include it first: mkdtemp and rmdir are POSIX's. */
#ifndef VS_TEST_FOLDER_BY_HAND_H
#define VS_TEST_FOLDER_BY_HAND_H

#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATH_ROOM = 256 };

static inline int make_folder(void **state)
{
    static char folder[] = "folder-XXXXXX";
    *state = mkdtemp(folder);
    return *state == NULL;
}

static inline int remove_folder(void **state)
{
    return rmdir(*state);
}

static inline const char *in_folder(char path[static PATH_ROOM], void **state, const char *name)
{
    snprintf(path, PATH_ROOM, "%s/%s", (const char *)*state, name);
    return path;
}

#endif
