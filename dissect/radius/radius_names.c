#include "dissect/radius/radius.h"

const char *radius_code_name(uint8_t code)
{
    switch (code) {
#define RADIUS_CODE(number, name) \
    case number: return name;
#include "dissect/radius/radius_names.def"
    default: return NULL;
    }
}

const char *radius_attribute_name(uint8_t type)
{
    switch (type) {
#define RADIUS_ATTRIBUTE(number, name) \
    case number: return name;
#include "dissect/radius/radius_names.def"
    default: return NULL;
    }
}

const char *radius_tunnel_type_name(uint32_t value)
{
    switch (value) {
#define RADIUS_TUNNEL_TYPE(number, name) \
    case number: return name;
#include "dissect/radius/radius_names.def"
    default: return NULL;
    }
}

const char *radius_nas_port_type_name(uint32_t value)
{
    switch (value) {
#define RADIUS_NAS_PORT_TYPE(number, name) \
    case number: return name;
#include "dissect/radius/radius_names.def"
    default: return NULL;
    }
}
