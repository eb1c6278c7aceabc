/*
 * PPP (RFC 1661) as data: one frame, one packet, its options, without state and without judgement beyond lengths that
 * contradict each other. Whatever carries it (SSTP, L2TP, GRE of PPTP, PPPoE) hands over frames; ppp_link.h follows a
 * whole link. wire-facts 2.6a.
 */
#ifndef VS_PPP_PPP_H
#define VS_PPP_PPP_H

#include "capture/wire/cursor.h"

/* Protocol numbers, IANA "PPP DLL Protocol Numbers". */
enum ppp_protocol {
    PPP_PROTOCOL_NONE = 0,
    PPP_PROTOCOL_IPV4 = 0x0021,
    PPP_PROTOCOL_MULTILINK = 0x003d,
    PPP_PROTOCOL_IPV6 = 0x0057,
    PPP_PROTOCOL_COMPRESSED = 0x00fd, /* CCP's datagrams: with MPPE the encrypted ones */
    PPP_PROTOCOL_IPCP = 0x8021,
    PPP_PROTOCOL_IPV6CP = 0x8057,
    PPP_PROTOCOL_CCP = 0x80fd,
    PPP_PROTOCOL_LCP = 0xc021,
    PPP_PROTOCOL_PAP = 0xc023,
    PPP_PROTOCOL_CBCP = 0xc029,
    PPP_PROTOCOL_CHAP = 0xc223,
    PPP_PROTOCOL_EAP = 0xc227,
};

/* Codes of LCP and the network control protocols: RFC 1661 section 5, RFC 1570 section 2, RFC 1962 section 3. */
enum ppp_code {
    PPP_CONFIGURE_REQUEST = 1,
    PPP_CONFIGURE_ACK = 2,
    PPP_CONFIGURE_NAK = 3,
    PPP_CONFIGURE_REJECT = 4,
    PPP_TERMINATE_REQUEST = 5,
    PPP_TERMINATE_ACK = 6,
    PPP_CODE_REJECT = 7,
    PPP_PROTOCOL_REJECT = 8,  /* this and those below: LCP only */
    PPP_ECHO_REQUEST = 9,
    PPP_ECHO_REPLY = 10,
    PPP_DISCARD_REQUEST = 11,
    PPP_IDENTIFICATION = 12,
    PPP_TIME_REMAINING = 13,
    PPP_RESET_REQUEST = 14,   /* CCP only */
    PPP_RESET_ACK = 15        /* CCP only */
};
enum pap_code { PAP_REQUEST = 1, PAP_ACK = 2, PAP_NAK = 3 };                             /* RFC 1334 section 2.2 */
enum chap_code { CHAP_CHALLENGE = 1, CHAP_RESPONSE = 2, CHAP_SUCCESS = 3, CHAP_FAILURE = 4 }; /* RFC 1994 section 4 */

enum { CHAP_MD5 = 5, CHAP_MSCHAP_V1 = 0x80, CHAP_MSCHAP_V2 = 0x81 }; /* the algorithm octet of option 3 */

enum ppp_lcp_option {
    LCP_OPTION_MRU = 1,
    LCP_OPTION_ACCM = 2,
    LCP_OPTION_AUTHENTICATION = 3,
    LCP_OPTION_QUALITY = 4,
    LCP_OPTION_MAGIC = 5,
    LCP_OPTION_PFC = 7,
    LCP_OPTION_ACFC = 8,
    LCP_OPTION_CALLBACK = 13,
    LCP_OPTION_MRRU = 17,
    LCP_OPTION_SHORT_SEQUENCE = 18,
    LCP_OPTION_ENDPOINT = 19
};
enum ppp_ipcp_option {
    IPCP_OPTION_ADDRESSES = 1,
    IPCP_OPTION_COMPRESSION = 2,
    IPCP_OPTION_ADDRESS = 3,
    IPCP_OPTION_DNS1 = 129,
    IPCP_OPTION_WINS1 = 130,
    IPCP_OPTION_DNS2 = 131,
    IPCP_OPTION_WINS2 = 132
};
enum { IPV6CP_OPTION_INTERFACE = 1, CCP_OPTION_MPPC = 18 };

/* Bits of the MPPC option: RFC 2118 section 2, RFC 3078 section 2.1. */
enum { MPPC_COMPRESSION = 0x01, MPPE_OBSOLETE = 0x10, MPPE_40 = 0x20, MPPE_128 = 0x40, MPPE_56 = 0x80,
       MPPE_STATELESS = 0x01000000 };

/* One frame. The payload is lent from the bytes it was read from. */
struct ppp_frame {
    uint16_t protocol;       /* enum ppp_protocol or any other odd number */
    bool address_control;    /* FF 03 stood in front */
    bool protocol_compressed; /* one octet of protocol (RFC 1661 section 6.5) */
    struct span payload;     /* behind the protocol; of EAP the packet for dissect/eap */
};

/* False when the protocol field is not whole or is no protocol: its last octet must be odd, its first even (RFC 1661
 * section 2). Bytes behind the packet (padding) stay in the payload. */
bool ppp_frame_parse(struct span bytes, struct ppp_frame *out);

/* What an Identification of a Windows client holds behind its magic number: three packets in a row. */
enum ppp_identification {
    PPP_IDENTIFICATION_NONE,
    PPP_IDENTIFICATION_VERSION,     /* "MSRASV5.20": identity is "5.20" */
    PPP_IDENTIFICATION_COMPUTER,    /* "MSRAS-0-NAME" (or another digit): identity is "NAME" */
    PPP_IDENTIFICATION_CORRELATION, /* 16 bytes of the attempt's GUID: identity is they, in their order on the wire */
    PPP_IDENTIFICATION_OTHER        /* identity is the message */
};

/* One packet of LCP, a network control protocol, PAP or CHAP. Spans are lent from the bytes it was read from; fields
 * that the code does not carry are zero or empty. */
struct ppp_packet {
    uint16_t protocol;
    uint8_t code, identifier;
    uint16_t length;             /* as in the header */
    bool configure;              /* Request, Ack, Nak, Reject of LCP or an NCP: options holds */
    bool malformed;              /* lengths contradict: reason says it; what was whole is here */
    const char *reason;          /* constant sentence or NULL */
    struct span data;            /* behind the header, at most length - 4 */
    struct span options;         /* for ppp_option_next */
    bool has_magic;
    uint32_t magic;              /* LCP Echo, Discard, Identification, Time-Remaining */
    uint32_t seconds;            /* Time-Remaining */
    uint16_t rejected_protocol;  /* Protocol-Reject */
    struct span rejected;        /* Protocol-Reject, Code-Reject: the refused packet's beginning */
    enum ppp_identification identification;
    struct span identity;        /* of Identification, see there */
    struct span message;         /* text of Terminate, Identification, Time-Remaining, answers of PAP and CHAP */
    bool has_terminate_error;
    uint32_t terminate_error;    /* Windows' Terminate-Request: the RAS error why it leaves, 0 for a user's wish */
    struct span name;            /* PAP Peer-ID; CHAP: whose challenge or response */
    struct span value;           /* CHAP: challenge or response */
    uint8_t password_length;     /* PAP; the password itself is nobody's business */
};

/* One packet of the protocol, from its code on. Octets behind its length are padding and ignored. False when not even
 * the four octets of the header are there, or the protocol has another shape (EAP, data). */
bool ppp_packet_parse(uint16_t protocol, struct span bytes, struct ppp_packet *out);

/* One option of a Configure packet. */
struct ppp_option {
    uint8_t type;
    struct span value;
    bool malformed;      /* the value has not the length its type asks for: number and the others are 0 */
    uint32_t number;     /* MRU, MRRU, ACCM, magic, an IPv4 address, MPPC's bits; 0 for the others */
    uint16_t protocol;   /* LCP authentication and quality, IPCP compression */
    uint8_t kind;        /* CHAP: the algorithm; endpoint discriminator: the class; callback: the operation */
};

/* Takes the next option. False at the end; *broken (when not NULL) then tells whether octets were left that are no
 * option. protocol: the packet's. */
bool ppp_option_next(struct cursor *options, uint16_t protocol, struct ppp_option *out, bool *broken);

/* The failure message of MS-CHAP: RFC 2759 section 6, RFC 2433 section 5. */
struct mschap_failure {
    bool found;            /* the text begins like one */
    uint32_t error;        /* E=, 0 without */
    uint32_t version;      /* V= */
    bool retry;            /* R=1: another response is welcome */
    struct span challenge; /* C=, hexadecimal digits */
    struct span message;   /* M= to the end */
};
void mschap_failure_parse(struct span text, struct mschap_failure *out);

/* The success message of MS-CHAPv2: "S=" and 40 hexadecimal digits (RFC 2759 section 5), given out as they are; empty
 * when the text is none. */
struct span mschap_success_authenticator(struct span text);

/* The response of MS-CHAPv2 (RFC 2759 section 4): 49 octets. False for any other length or when the 8 reserved octets
 * are not zero (then it is MS-CHAPv1's or somebody else's). */
bool mschapv2_response_parse(struct span value, struct span *peer_challenge, struct span *nt_response);

/* Names as in the RFCs; NULL when unknown. */
const char *ppp_protocol_name(uint16_t protocol);
const char *ppp_code_name(uint16_t protocol, uint8_t code);
const char *ppp_option_name(uint16_t protocol, uint8_t type);
/* "PAP", "EAP", "CHAP-MD5", "MS-CHAP", "MS-CHAPv2"; algorithm counts for CHAP only. NULL when unknown. */
const char *ppp_authentication_name(uint16_t protocol, uint8_t algorithm);
/* Windows' name for an E= of MS-CHAP, e.g. "ERROR_AUTHENTICATION_FAILURE" for 691. */
const char *mschap_error_name(uint32_t error);

#endif
