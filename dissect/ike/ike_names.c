#include "dissect/ike/ike.h"

#include <stdio.h>

#include "dissect/number_names.h"

enum { VERSION_1 = 1 };

static const char *exchange2_name(uint8_t exchange)
{
    switch (exchange) {
#define IKE_EXCHANGE NUMBER_NAME
#include "dissect/ike/ike_names.def"
    default:
        return NULL;
    }
}

static const char *exchange1_name(uint8_t exchange)
{
    switch (exchange) {
#define IKE1_EXCHANGE NUMBER_NAME
#include "dissect/ike/ike_names.def"
    default:
        return NULL;
    }
}

const char *ike_exchange_name(uint8_t version, uint8_t exchange)
{
    return version >> 4 == VERSION_1 ? exchange1_name(exchange) : exchange2_name(exchange);
}

static const char *payload2_name(uint8_t type)
{
    switch (type) {
#define IKE_PAYLOAD NUMBER_NAME
#include "dissect/ike/ike_names.def"
    default:
        return NULL;
    }
}

static const char *payload1_name(uint8_t type)
{
    switch (type) {
#define IKE1_PAYLOAD NUMBER_NAME
#include "dissect/ike/ike_names.def"
    default:
        return NULL;
    }
}

const char *ike_payload_name(uint8_t version, uint8_t type)
{
    return version >> 4 == VERSION_1 ? payload1_name(type) : payload2_name(type);
}

static const char *notify2_name(uint16_t type)
{
    switch (type) {
#define IKE_NOTIFY_NAME NUMBER_NAME
#include "dissect/ike/ike_names.def"
    default:
        return NULL;
    }
}

static const char *notify1_name(uint16_t type)
{
    switch (type) {
#define IKE1_NOTIFY NUMBER_NAME
#include "dissect/ike/ike_names.def"
    default:
        return NULL;
    }
}

const char *ike_notify_name(uint8_t version, uint16_t type)
{
    return version >> 4 == VERSION_1 ? notify1_name(type) : notify2_name(type);
}

const char *ike_auth_method_name(uint8_t method)
{
    switch (method) {
#define IKE_AUTH_METHOD NUMBER_NAME
#include "dissect/ike/ike_names.def"
    default:
        return NULL;
    }
}

const char *ike_id_type_name(uint8_t type)
{
    switch (type) {
#define IKE_ID_TYPE NUMBER_NAME
#include "dissect/ike/ike_names.def"
    default:
        return NULL;
    }
}

/* A cipher's key length stands between the two halves of its name. */
static const char *encr_name(uint16_t id, const char **behind)
{
    switch (id) {
#define IKE_ENCR_NAME(number, before, after)                                                                           \
    case number:                                                                                                       \
        *behind = after;                                                                                               \
        return before;
#include "dissect/ike/ike_names.def"
    default:
        *behind = "";
        return NULL;
    }
}

static const char *prf_name(uint16_t id)
{
    switch (id) {
#define IKE_PRF_NAME NUMBER_NAME
#include "dissect/ike/ike_names.def"
    default:
        return NULL;
    }
}

static const char *integ_name(uint16_t id)
{
    switch (id) {
#define IKE_INTEG_NAME NUMBER_NAME
#include "dissect/ike/ike_names.def"
    default:
        return NULL;
    }
}

static const char *dh_name(uint16_t id)
{
    switch (id) {
#define IKE_DH_NAME NUMBER_NAME
#include "dissect/ike/ike_names.def"
    default:
        return NULL;
    }
}

static const char *esn_name(uint16_t id)
{
    switch (id) {
#define IKE_ESN_NAME NUMBER_NAME
#include "dissect/ike/ike_names.def"
    default:
        return NULL;
    }
}

const char *ike_transform_name(char out[static IKE_TRANSFORM_NAME], const struct ike_transform *t)
{
    static const char *const types[] = {[IKE_ENCR] = "ENCR", [IKE_PRF] = "PRF", [IKE_INTEG] = "INTEG", [IKE_DH] = "DH",
                                        [IKE_ESN] = "ESN"};
    const char *name = NULL, *behind = "";
    switch (t->type) {
    case IKE_ENCR:
        name = encr_name(t->id, &behind);
        break;
    case IKE_PRF:
        name = prf_name(t->id);
        break;
    case IKE_INTEG:
        name = integ_name(t->id);
        break;
    case IKE_DH:
        name = dh_name(t->id);
        break;
    case IKE_ESN:
        name = esn_name(t->id);
        break;
    default:
        break;
    }
    char key[8] = "", unknown[24];
    if (t->key_bits != 0)
        snprintf(key, sizeof key, "-%u", (unsigned)t->key_bits);
    if (name == NULL && t->type >= IKE_ENCR && t->type <= IKE_ESN)
        snprintf(unknown, sizeof unknown, "%s %u", types[t->type], (unsigned)t->id);
    else
        snprintf(unknown, sizeof unknown, "transform %u/%u", (unsigned)t->type, (unsigned)t->id);
    snprintf(out, IKE_TRANSFORM_NAME, "%s%s%s", name != NULL ? name : unknown, key, behind);
    return out;
}

static const char *encr_weakness(uint16_t id)
{
    switch (id) {
    case 1:
    case 2:
    case 9:
        return "DES has keys of 56 bits: searched in hours";
    case 3:
        return "3DES has blocks of 64 bits: no longer allowed by NIST, RFC 8247 advises against it";
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
        return "an old cipher with blocks of 64 bits that RFC 8247 no longer lists";
    case 11:
    case 21:
        return "does not encrypt";
    default:
        return NULL;
    }
}

static const char *dh_weakness(uint16_t id)
{
    switch (id) {
    case 1:
        return "768-bit MODP has been broken in public";
    case 2:
        return "1024-bit MODP is within reach of large adversaries (Logjam)";
    case 5:
        return "1536-bit MODP is too short for today, RFC 8247 advises against it";
    case 22:
        return "1024-bit MODP with a small subgroup: RFC 8247 forbids it";
    case 23:
    case 24:
        return "a MODP group with a small subgroup: RFC 8247 advises against it";
    case 25:
    case 26:
    case 27:
        return "an elliptic curve of less than 256 bits";
    default:
        return NULL;
    }
}

const char *ike_transform_weakness(const struct ike_transform *t)
{
    switch (t->type) {
    case IKE_ENCR:
        return encr_weakness(t->id);
    case IKE_PRF:
        return t->id == 1 ? "MD5 is broken, RFC 8247 forbids it" : NULL; /* SHA-1 within HMAC is old, not broken */
    case IKE_INTEG:
        if (t->id == 1 || t->id == 4 || t->id == 6)
            return "MD5 is broken, RFC 8247 forbids it";
        return t->id == 3 ? "a MAC made of DES" : NULL;
    case IKE_DH:
        return dh_weakness(t->id);
    default:
        return NULL;
    }
}
