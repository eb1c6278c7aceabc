#include "capture/not_a_capture.h"

#include <string.h>

#define WITH_EDITCAP "editcap -F pcapng (of Wireshark) makes one of it"
#define UNPACK ": unpack it first (gzip and zstd are read as they are)"

static const struct {
    const char *magic;
    size_t len;
    const char *is;
} known[] = {
    {"GMBU", 4, "a file of Microsoft Network Monitor, not a capture that is read: " WITH_EDITCAP},
    {"RTSS", 4, "a file of Microsoft Network Monitor, not a capture that is read: " WITH_EDITCAP},
    {"snoop\0\0\0", 8, "a file of snoop, not a capture that is read: " WITH_EDITCAP},
    {"ElfFile\0", 8, "an event log of Windows, not a capture"},
    {"\xfd""7zXZ\0", 6, "packed by xz" UNPACK},
    {"BZh", 3, "packed by bzip2" UNPACK},
    {"PK\3\4", 4, "packed by zip" UNPACK},
    {"7z\xbc\xaf\x27\x1c", 6, "packed by 7-Zip" UNPACK},
    {"MSCF", 4, "a cabinet file" UNPACK},
};

/* Event traces have no magic number. */
static bool is_named_etl(const char *path)
{
    size_t len = strlen(path);
    const char *end = len > 4 ? path + len - 4 : "";
    return end[0] == '.' && (end[1] | 0x20) == 'e' && (end[2] | 0x20) == 't' && (end[3] | 0x20) == 'l';
}

const char *not_a_capture(struct span begin, const char *path)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (begin.len >= known[i].len && memcmp(begin.data, known[i].magic, known[i].len) == 0)
            return known[i].is;
    if (is_named_etl(path))
        return "an event trace of Windows, not a capture: pktmon etl2pcap makes one of what pktmon wrote, etl2pcapng of what netsh trace wrote";
    return "not a capture (neither pcap nor pcapng)";
}
