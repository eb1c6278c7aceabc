/* What vendor ids say: MS-IKEE appendix A and what other implementations publish. */
#include "dissect/ike/ike.h"
#include "capture/wire/cursor.h"

struct row {
    enum ike_vendor vendor;
    uint8_t len;
    bool ascii; /* a beginning, and whatever behind it */
    const char *bytes, *text;
};

static const struct row rows[] = {
#define IKE_VENDOR(kind, body, name) {IKE_VENDOR_##kind, sizeof body - 1, false, body, name},
#define IKE_VENDOR_TEXT(kind, body, name) {IKE_VENDOR_##kind, sizeof body - 1, true, body, name},
#include "dissect/ike/ike_vendors.def"
};

/* The version behind the hash of "MS NT5 ISAKMPOAKLEY". */
static const char *windows(uint32_t number, const char *otherwise)
{
    static const char *const versions[] = {
        [2] = "MS NT5 ISAKMPOAKLEY: Windows 2000",      [3] = "MS NT5 ISAKMPOAKLEY: Windows XP",
        [4] = "MS NT5 ISAKMPOAKLEY: Windows Server 2003", [5] = "MS NT5 ISAKMPOAKLEY: Windows Vista",
        [6] = "MS NT5 ISAKMPOAKLEY: Windows Server 2008", [7] = "MS NT5 ISAKMPOAKLEY: Windows 7",
        [8] = "MS NT5 ISAKMPOAKLEY: Windows Server 2008 R2",
        [9] = "MS NT5 ISAKMPOAKLEY: Windows 8/Server 2012 or later",
    };
    bool known = number < sizeof versions / sizeof *versions && versions[number] != NULL;
    return known ? versions[number] : otherwise;
}

static const char *key_mods(uint32_t number, const char *otherwise)
{
    static const char *const kinds[] = {"KEY_MODS: IKE", "KEY_MODS: AuthIP", "KEY_MODS: IKEv2"};
    return number < sizeof kinds / sizeof *kinds ? kinds[number] : otherwise;
}

static bool fits(const struct row *row, struct span id)
{
    if (id.len < row->len || memcmp(id.data, row->bytes, row->len) != 0)
        return false;
    return row->ascii || id.len == row->len || id.len == row->len + sizeof(uint32_t);
}

enum ike_vendor ike_vendor_of(struct span id, const char **text, uint32_t *number)
{
    *text = NULL;
    *number = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!fits(&rows[i], id))
            continue;
        struct cursor c = cursor_of(id);
        bool numbered = !rows[i].ascii && take_skip(&c, rows[i].len) && take_be32(&c, number);
        *text = rows[i].text;
        if (numbered && rows[i].vendor == IKE_VENDOR_MS_NT5)
            *text = windows(*number, rows[i].text);
        else if (numbered && rows[i].vendor == IKE_VENDOR_MS_KEY_MODS)
            *text = key_mods(*number, rows[i].text);
        return rows[i].vendor;
    }
    return IKE_VENDOR_UNKNOWN;
}
