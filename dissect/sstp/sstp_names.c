#include "dissect/sstp/sstp.h"
#include "dissect/number_names.h"

const char *sstp_message_name(uint16_t message)
{
    switch (message) {
#define SSTP_MESSAGE NUMBER_NAME
#include "dissect/sstp/sstp_names.def"
    default:
        return NULL;
    }
}

const char *sstp_attribute_name(uint8_t id)
{
    switch (id) {
#define SSTP_ATTRIBUTE NUMBER_NAME
#include "dissect/sstp/sstp_names.def"
    default:
        return NULL;
    }
}

const char *sstp_status_name(uint32_t status)
{
    switch (status) {
#define SSTP_STATUS NUMBER_NAME
#include "dissect/sstp/sstp_names.def"
    default:
        return NULL;
    }
}
