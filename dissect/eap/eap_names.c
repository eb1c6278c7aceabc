#include "dissect/eap/eap.h"
#include "dissect/number_names.h"

const char *eap_code_name(uint8_t code)
{
    switch (code) {
#define EAP_CODE NUMBER_NAME
#include "dissect/eap/eap_names.def"
    default:
        return NULL;
    }
}

const char *eap_type_name(uint8_t type)
{
    switch (type) {
#define EAP_TYPE NUMBER_NAME
#include "dissect/eap/eap_names.def"
    default:
        return NULL;
    }
}

const char *eap_vendor_type_name(uint32_t vendor, uint32_t vendor_type)
{
    static const struct {
        uint32_t vendor, type;
        const char *name;
    } rows[] = {
#define EAP_VENDOR_TYPE(vendor_id, number, name) {vendor_id, number, name},
#include "dissect/eap/eap_names.def"
    };
    if (vendor == 0) /* RFC 3748 section 5.7: the IETF's types, spelled long */
        return vendor_type <= UINT8_MAX ? eap_type_name((uint8_t)vendor_type) : NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].vendor == vendor && rows[i].type == vendor_type)
            return rows[i].name;
    return NULL;
}
