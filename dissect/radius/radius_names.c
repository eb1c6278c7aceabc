#include "dissect/number_names.h"
#include "dissect/radius/radius.h"

const char *radius_code_name(uint8_t code)
{
    switch (code) {
#define RADIUS_CODE NUMBER_NAME
#include "dissect/radius/radius_names.def"
    default:
        return NULL;
    }
}

const char *radius_attribute_name(uint8_t type)
{
    switch (type) {
#define RADIUS_ATTRIBUTE NUMBER_NAME
#include "dissect/radius/radius_names.def"
    default:
        return NULL;
    }
}

const char *radius_tunnel_type_name(uint32_t value)
{
    switch (value) {
#define RADIUS_TUNNEL_TYPE NUMBER_NAME
#include "dissect/radius/radius_names.def"
    default:
        return NULL;
    }
}

const char *radius_nas_port_type_name(uint32_t value)
{
    switch (value) {
#define RADIUS_NAS_PORT_TYPE NUMBER_NAME
#include "dissect/radius/radius_names.def"
    default:
        return NULL;
    }
}
