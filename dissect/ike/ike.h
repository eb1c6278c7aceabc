/*
 * One IKE message as plain data: IKEv2 (RFC 7296) in full, IKEv1 (RFC 2408, 2409) as far as it is in the clear; and its
 * parser, which keeps no state. Spans point into the message. wire-facts 3.
 */
#ifndef VS_IKE_IKE_H
#define VS_IKE_IKE_H

#include "capture/wire/address.h"

enum ike_exchange_type {
    IKE1_MAIN = 2, IKE1_AGGRESSIVE = 4, IKE1_INFORMATIONAL = 5, IKE1_TRANSACTION = 6, IKE1_QUICK = 32,
    IKE_SA_INIT = 34, IKE_AUTH = 35, CREATE_CHILD_SA = 36, IKE_INFORMATIONAL = 37, IKE_SESSION_RESUME = 38,
    IKE_INTERMEDIATE = 43,
};

enum ike_payload_type {
    IKE_NO_PAYLOAD = 0, IKE_SA = 33, IKE_KE = 34, IKE_IDI = 35, IKE_IDR = 36, IKE_CERT = 37, IKE_CERTREQ = 38, IKE_AUTHENTICATION = 39,
    IKE_NONCE = 40, IKE_NOTIFY = 41, IKE_DELETE = 42, IKE_VENDOR_ID = 43, IKE_TSI = 44, IKE_TSR = 45, IKE_SK = 46, IKE_CP = 47,
    IKE_EAP = 48, IKE_SKF = 53, IKE_MS_CORRELATION = 200,
};

enum ike_flags { IKE_FLAG_INITIATOR = 0x08, IKE_FLAG_VERSION = 0x10, IKE_FLAG_RESPONSE = 0x20,
                 IKE1_FLAG_ENCRYPTED = 0x01 };

enum ike_notify_type {
    IKE_N_UNSUPPORTED_CRITICAL_PAYLOAD = 1, IKE_N_INVALID_IKE_SPI = 4, IKE_N_INVALID_MAJOR_VERSION = 5, IKE_N_INVALID_SYNTAX = 7,
    IKE_N_INVALID_MESSAGE_ID = 9, IKE_N_INVALID_SPI = 11, IKE_N_NO_PROPOSAL_CHOSEN = 14, IKE_N_INVALID_KE_PAYLOAD = 17,
    IKE_N_AUTHENTICATION_FAILED = 24, IKE_N_SINGLE_PAIR_REQUIRED = 34, IKE_N_NO_ADDITIONAL_SAS = 35,
    IKE_N_INTERNAL_ADDRESS_FAILURE = 36, IKE_N_FAILED_CP_REQUIRED = 37, IKE_N_TS_UNACCEPTABLE = 38, IKE_N_INVALID_SELECTORS = 39,
    IKE_N_UNACCEPTABLE_ADDRESSES = 40, IKE_N_UNEXPECTED_NAT_DETECTED = 41, IKE_N_TEMPORARY_FAILURE = 43,
    IKE_N_CHILD_SA_NOT_FOUND = 44, IKE_N_MS_STATUS = 12345, /* MS-IKEE 2.2.7: 4 bytes, a Windows error */
    IKE_N_ERROR_LAST = 16383,
    IKE_N_INITIAL_CONTACT = 16384, IKE_N_NAT_DETECTION_SOURCE_IP = 16388, IKE_N_NAT_DETECTION_DESTINATION_IP = 16389,
    IKE_N_COOKIE = 16390, IKE_N_REKEY_SA = 16393, IKE_N_MOBIKE_SUPPORTED = 16396, IKE_N_UPDATE_SA_ADDRESSES = 16400,
    IKE_N_REDIRECT_SUPPORTED = 16406, IKE_N_REDIRECT = 16407, IKE_N_REDIRECTED_FROM = 16408, IKE_N_EAP_ONLY_AUTHENTICATION = 16417,
    IKE_N_FRAGMENTATION_SUPPORTED = 16430, IKE_N_SIGNATURE_HASH_ALGORITHMS = 16431,
};

enum { IKE_HEADER = 28, IKE_SPI = 8, IKE_NON_ESP_MARKER = 4, IKE_MESSAGE_MAX = 65535, IKE_NAT_HASH = 20,
       IKE_PAYLOADS_MAX = 64, IKE_NOTIFIES_MAX = 32, IKE_VENDOR_IDS_MAX = 24, IKE_CERTS_MAX = 8, IKE_DELETES_MAX = 8,
       IKE_PROPOSALS_MAX = 32, IKE_TRANSFORMS_MAX = 64, IKE_TS_MAX = 16, IKE_CP_ATTRIBUTES_MAX = 24 };

/* The header and what of the rest can be said without looking into payloads. */
struct ike_message {
    uint8_t initiator_spi[IKE_SPI], responder_spi[IKE_SPI]; /* IKEv1: the cookies */
    uint8_t next_payload, version, exchange, flags;
    uint32_t message_id, length;      /* length as in the header, marker not counted */
    bool from_initiator;              /* flag 0x08 in IKEv2: from the SA's original initiator; in IKEv1 unknown: false */
    bool response;                    /* flag 0x20 in IKEv2 */
    bool encrypted;                   /* holds SK or SKF; IKEv1: flag 0x01 */
    bool cut;                         /* fewer bytes captured than length says: what is whole was read */
    bool malformed; const char *reason; /* lengths contradict; what precedes was read; constant sentence */
    struct span whole;                /* from the header on, as captured, without the non-ESP marker */
    struct span payloads;             /* after the header */
    uint8_t sk_next;                  /* first payload inside SK, or inside SKF fragment 1 */
    uint16_t fragment, fragments;     /* SKF: number from 1, total; 0 without */
    struct span sk;                   /* body of SK or SKF after its headers: IV | ciphertext | ICV; may be cut */
    struct span associated;           /* what an AEAD authenticates: header up to and including the SK(F) header */
};

struct ike_notify { uint16_t type; uint8_t protocol; struct span spi, data; };
struct ike_id { uint8_t type; struct span data; };                 /* type 0: absent */
struct ike_cert { uint8_t encoding; struct span data; };
struct ike_delete { uint8_t protocol, spi_size; uint16_t count; struct span spis; };

/* Payloads of one chain: those in the clear, or those inside SK. First occurrence of each single one; empty when absent. */
struct ike_payloads {
    uint8_t types[IKE_PAYLOADS_MAX], count;   /* all of them in order */
    bool malformed; const char *reason;
    uint8_t unknown_critical;                 /* type of a critical payload that no RFC names, 0 none */
    struct span sa, nonce, tsi, tsr, eap, ms_correlation, ke, auth, cp; /* bodies; ke and auth without their headers,
                                                                          cp with it, as ike_read_cp wants it */
    uint16_t ke_group;                        /* 0 without KE */
    uint8_t auth_method, cp_type;             /* 0 without */
    struct ike_id idi, idr;
    uint8_t notify_count, vendor_id_count, cert_count, certreq_count, delete_count;
    struct ike_notify notifies[IKE_NOTIFIES_MAX]; /* the first *_count are set, the rest is not */
    struct span vendor_ids[IKE_VENDOR_IDS_MAX];
    struct ike_cert certs[IKE_CERTS_MAX], certreqs[IKE_CERTS_MAX];
    struct ike_delete deletes[IKE_DELETES_MAX];
};

/* True when bytes can be IKE at all (no marker): versions 1 and 2, a known exchange, lengths that fit. Cheap. */
bool ike_recognise(struct span bytes, uint32_t wire_len);

/* Parses header and SK/SKF headers (walking the clear payloads before them); false when not even the header is there. */
bool ike_parse(struct span bytes, uint32_t wire_len, struct ike_message *out);

/* Reads a chain of payloads whose first is of type `first` (IKEv2 numbers; IKEv1 chains through ike1_read_payloads).
 * SK and SKF end it. Up to three zeros behind the last payload are padding (Openswan), more bytes are malformed. */
void ike_read_payloads(uint8_t first, struct span bytes, bool cut, struct ike_payloads *out);
/* IKEv1's own payload numbers (RFC 2408 section 3.1) put in the same struct: SA, KE (without group), ID (the first in idi,
 * the second in idr), CERT, CERTREQ, N, D, VID, nonce. */
void ike1_read_payloads(uint8_t first, struct span bytes, bool cut, struct ike_payloads *out);

const struct ike_notify *ike_notify_of(const struct ike_payloads *p, uint16_t type); /* the first; NULL */
bool ike_has_vendor_id(const struct ike_payloads *p, struct span id);

/* How both sides of IKEv1 authenticate (RFC 2409 appendix A). */
enum ike1_auth_method { IKE1_AUTH_SHARED_KEY = 1, IKE1_AUTH_DSS = 2, IKE1_AUTH_RSA = 3 };

/* Transforms by type (RFC 7296 section 3.3.2). */
enum ike_transform_type { IKE_ENCR = 1, IKE_PRF = 2, IKE_INTEG = 3, IKE_DH = 4, IKE_ESN = 5 };
struct ike_transform { uint8_t type; uint16_t id; uint16_t key_bits; }; /* key_bits 0 without the attribute */
struct ike_proposal {
    uint8_t number, protocol;                 /* protocol 1 IKE, 2 AH, 3 ESP */
    struct span spi;
    uint8_t transform_count; bool too_many;
    uint16_t auth_method;                     /* IKEv1, enum ike1_auth_method and others; 0 none */
    struct ike_transform transforms[IKE_TRANSFORMS_MAX];
};
struct ike_proposals { uint8_t count; bool too_many, malformed; struct ike_proposal proposals[IKE_PROPOSALS_MAX]; };
/* The body of an IKEv2 SA payload, or of an IKEv1 one (whose transforms are each a proposal of attributes mapped to the
 * same numbers where they correspond). */
void ike_read_proposals(struct span sa, bool version1, struct ike_proposals *out);

/* Traffic selectors (section 3.13), configuration attributes (section 3.15). */
struct ike_selector { uint8_t type, ip_protocol; uint16_t first_port, last_port; struct address first, last; };
size_t ike_read_selectors(struct span ts, struct ike_selector out[static IKE_TS_MAX]);
struct ike_cp_attribute { uint16_t type; struct span value; };
size_t ike_read_cp(struct span cp, struct ike_cp_attribute out[static IKE_CP_ATTRIBUTES_MAX]);

/* Names; NULL when unknown. "IKE_SA_INIT", "NO_PROPOSAL_CHOSEN", "AES-CBC-256", "HMAC_SHA2_256_128", "PRF_HMAC_SHA2_256",
 * "2048-bit MODP" ... as IANA and Wireshark have them. */
const char *ike_exchange_name(uint8_t version, uint8_t exchange);
const char *ike_payload_name(uint8_t version, uint8_t type);
const char *ike_notify_name(uint8_t version, uint16_t type);
const char *ike_auth_method_name(uint8_t method);
const char *ike_id_type_name(uint8_t type);
enum { IKE_TRANSFORM_NAME = 64 };
/* With the key length where there is one: "AES-CBC-256"; numbers where no name is known. Returns out. */
const char *ike_transform_name(char out[static IKE_TRANSFORM_NAME], const struct ike_transform *t);
/* Known to be weak today: DES, 3DES, NULL, MD5, MODP of up to 1536 bits, groups with small subgroups. NULL, or why. */
const char *ike_transform_weakness(const struct ike_transform *t);

/* What a vendor id says (wire-facts 3.5). */
enum ike_vendor { IKE_VENDOR_UNKNOWN, IKE_VENDOR_MS_NT5, IKE_VENDOR_MS_NEGOTIATION_DISCOVERY, IKE_VENDOR_INITIAL_CONTACT,
                  IKE_VENDOR_MS_KEY_MODS, IKE_VENDOR_FRAGMENTATION, IKE_VENDOR_NLBS_PRESENT, IKE_VENDOR_MS_OTHER, IKE_VENDOR_XBOX,
                  IKE_VENDOR_STRONGSWAN, IKE_VENDOR_NAT_T, IKE_VENDOR_DPD, IKE_VENDOR_LIBRESWAN, IKE_VENDOR_OPENIKED,
                  IKE_VENDOR_CISCO, IKE_VENDOR_OTHER };
/* text: "MS NT5 ISAKMPOAKLEY: Windows 8/Server 2012 or later"; NULL for unknown ones. number: the u32 behind the hash, or 0. */
enum ike_vendor ike_vendor_of(struct span id, const char **text, uint32_t *number);

#endif
