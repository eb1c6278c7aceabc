/* Numbers of pcapng (draft-ietf-opsawg-pcapng sections 3 and 4), for its reader and its writer. */
#ifndef VS_CAPTURE_PCAPNG_FORMAT_H
#define VS_CAPTURE_PCAPNG_FORMAT_H

/* Block types. */
enum {
    SECTION_HEADER = 0x0a0d0d0a, /* reads the same in both byte orders */
    INTERFACE_DESCRIPTION = 1,
    PACKET = 2, /* obsolete */
    SIMPLE_PACKET = 3,
    INTERFACE_STATISTICS = 5,
    ENHANCED_PACKET = 6,
    DECRYPTION_SECRETS = 10,
    /* Not packets for us, but they have frame numbers in Wireshark. */
    SYSTEMD_JOURNAL = 9,
    SYSDIG_EVENT = 0x204,
    SYSDIG_EVENT_2 = 0x216,
    SYSDIG_EVENT_2_LARGE = 0x221,
    CUSTOM = 0xbad,
    CUSTOM_NOT_COPIED = 0x40000bad,
};

/* Option codes, by block. */
enum {
    OPT_END = 0,
    OPT_COMMENT = 1,
    SHB_HARDWARE = 2,
    SHB_OS = 3,
    SHB_APPLICATION = 4,
    IF_NAME = 2,
    IF_DESCRIPTION = 3,
    IF_TSRESOL = 9,
    IF_TSOFFSET = 14,
    EPB_FLAGS = 2,
    EPB_DROPCOUNT = 4,
    EPB_PACKETID = 5,
    EPB_VERDICT = 7,
    ISB_STARTTIME = 2,
    ISB_ENDTIME = 3,
    ISB_IFDROP = 5,
    ISB_OSDROP = 7,
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4du

#endif
