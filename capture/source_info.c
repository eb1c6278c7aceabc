/* Copies of what is known of a capture: its source goes before the report is written. */
#include <stdlib.h>
#include <string.h>

#include "capture/source.h"

static char *copy_text(const char *text)
{
    size_t size = text != NULL ? strlen(text) + 1 : 0;
    char *copy = size > 0 ? malloc(size) : NULL;
    if (copy != NULL)
        memcpy(copy, text, size);
    return copy;
}

static void free_text(const char *text)
{
    free((void *)(uintptr_t)text);
}

static void copy_interfaces(struct source_info *to, const struct source_info *from)
{
    struct source_interface *interfaces = calloc(from->interface_count + 1, sizeof *interfaces);
    to->interface_count = interfaces != NULL ? from->interface_count : 0;
    to->interfaces = interfaces;
    for (size_t i = 0; i < to->interface_count; i++) {
        interfaces[i] = from->interfaces[i];
        interfaces[i].name = copy_text(from->interfaces[i].name);
        interfaces[i].description = copy_text(from->interfaces[i].description);
    }
}

static void copy_comments(struct source_info *to, const struct source_info *from)
{
    size_t size = from->comment_count * sizeof *from->comments;
    struct source_comment *comments = size > 0 ? malloc(size) : NULL;
    if (comments != NULL)
        memcpy(comments, from->comments, size);
    to->comment_count = comments != NULL ? from->comment_count : 0;
    to->comments = comments;
}

void source_info_copy(struct source_info *to, const struct source_info *from)
{
    *to = *from;
    to->path = copy_text(from->path);
    to->damage = copy_text(from->damage);
    to->hardware = copy_text(from->hardware);
    to->os = copy_text(from->os);
    to->application = copy_text(from->application);
    copy_interfaces(to, from);
    copy_comments(to, from);
}

void source_info_free(struct source_info *info)
{
    for (size_t i = 0; i < info->interface_count; i++) {
        free_text(info->interfaces[i].name);
        free_text(info->interfaces[i].description);
    }
    free((void *)(uintptr_t)info->interfaces);
    free((void *)(uintptr_t)info->comments);
    free_text(info->path);
    free_text(info->damage);
    free_text(info->hardware);
    free_text(info->os);
    free_text(info->application);
    *info = (struct source_info){0};
}
