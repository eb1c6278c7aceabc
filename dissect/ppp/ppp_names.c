#include "dissect/ppp/ppp.h"
#include "dissect/number_names.h"

const char *ppp_protocol_name(uint16_t protocol)
{
    switch (protocol) {
#define PPP_PROTOCOL NUMBER_NAME
#include "dissect/ppp/ppp_names.def"
    default:
        return NULL;
    }
}

static const char *pap_code_name(uint8_t code)
{
    switch (code) {
#define PAP_CODE NUMBER_NAME
#include "dissect/ppp/ppp_names.def"
    default:
        return NULL;
    }
}

static const char *chap_code_name(uint8_t code)
{
    switch (code) {
#define CHAP_CODE NUMBER_NAME
#include "dissect/ppp/ppp_names.def"
    default:
        return NULL;
    }
}

static const char *cbcp_code_name(uint8_t code)
{
    switch (code) {
#define CBCP_CODE NUMBER_NAME
#include "dissect/ppp/ppp_names.def"
    default:
        return NULL;
    }
}

static const char *control_code_name(uint8_t code)
{
    switch (code) {
#define PPP_CODE NUMBER_NAME
#include "dissect/ppp/ppp_names.def"
    default:
        return NULL;
    }
}

static const char *lcp_code_name(uint8_t code)
{
    switch (code) {
#define LCP_CODE NUMBER_NAME
#include "dissect/ppp/ppp_names.def"
    default:
        return control_code_name(code);
    }
}

static const char *ccp_code_name(uint8_t code)
{
    switch (code) {
#define CCP_CODE NUMBER_NAME
#include "dissect/ppp/ppp_names.def"
    default:
        return control_code_name(code);
    }
}

const char *ppp_code_name(uint16_t protocol, uint8_t code)
{
    switch (protocol) {
    case PPP_PROTOCOL_PAP:
        return pap_code_name(code);
    case PPP_PROTOCOL_CHAP:
        return chap_code_name(code);
    case PPP_PROTOCOL_CBCP:
        return cbcp_code_name(code);
    case PPP_PROTOCOL_LCP:
        return lcp_code_name(code);
    case PPP_PROTOCOL_CCP:
        return ccp_code_name(code);
    default:
        return (protocol & 0xc000) == 0x8000 ? control_code_name(code) : NULL;
    }
}

static const char *lcp_option_name(uint8_t type)
{
    switch (type) {
#define LCP_OPTION NUMBER_NAME
#include "dissect/ppp/ppp_names.def"
    default:
        return NULL;
    }
}

static const char *ipcp_option_name(uint8_t type)
{
    switch (type) {
#define IPCP_OPTION NUMBER_NAME
#include "dissect/ppp/ppp_names.def"
    default:
        return NULL;
    }
}

static const char *ipv6cp_option_name(uint8_t type)
{
    switch (type) {
#define IPV6CP_OPTION NUMBER_NAME
#include "dissect/ppp/ppp_names.def"
    default:
        return NULL;
    }
}

static const char *ccp_option_name(uint8_t type)
{
    switch (type) {
#define CCP_OPTION NUMBER_NAME
#include "dissect/ppp/ppp_names.def"
    default:
        return NULL;
    }
}

const char *ppp_option_name(uint16_t protocol, uint8_t type)
{
    switch (protocol) {
    case PPP_PROTOCOL_LCP:
        return lcp_option_name(type);
    case PPP_PROTOCOL_IPCP:
        return ipcp_option_name(type);
    case PPP_PROTOCOL_IPV6CP:
        return ipv6cp_option_name(type);
    case PPP_PROTOCOL_CCP:
        return ccp_option_name(type);
    default:
        return NULL;
    }
}

const char *ppp_authentication_name(uint16_t protocol, uint8_t algorithm)
{
    static const struct {
        uint16_t protocol;
        uint8_t algorithm;
        const char *name;
    } rows[] = {
#define PPP_AUTHENTICATION(number, kind, name) {number, kind, name},
#include "dissect/ppp/ppp_names.def"
    };
    if (protocol != PPP_PROTOCOL_CHAP)
        algorithm = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].protocol == protocol && rows[i].algorithm == algorithm)
            return rows[i].name;
    return NULL;
}

const char *mschap_error_name(uint32_t error)
{
    switch (error) {
#define MSCHAP_ERROR NUMBER_NAME
#include "dissect/ppp/ppp_names.def"
    default:
        return NULL;
    }
}
