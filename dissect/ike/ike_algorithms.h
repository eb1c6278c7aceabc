/* The algorithms that IKEv2 keys are for: the key table reads their names and lengths, ike_open uses them. */
#ifndef VS_IKE_IKE_ALGORITHMS_H
#define VS_IKE_IKE_ALGORITHMS_H

#include "dissect/crypto/cipher.h"
#include "dissect/crypto/digest.h"

enum ike_mode { IKE_MODE_NULL, IKE_MODE_CBC, IKE_MODE_CTR, IKE_MODE_AEAD };

/* Transform type 1 with a key length. */
struct ike_encr_algorithm {
    uint16_t id;
    uint8_t key, salt, iv, tag; /* bytes; tag 0: integrity is another transform's */
    enum ike_mode mode;
    enum cipher cipher;
    const char *name;           /* as Wireshark's table has it, without the RFC */
};

enum ike_mac { IKE_MAC_NONE, IKE_MAC_HMAC, IKE_MAC_XCBC, IKE_MAC_CMAC };

/* Transform type 3. */
struct ike_integ_algorithm {
    uint16_t id;
    uint8_t key, icv; /* bytes */
    enum ike_mac mac;
    enum digest digest; /* of HMAC */
    const char *name;
};

extern const struct ike_encr_algorithm ike_encr_algorithms[];
extern const size_t ike_encr_algorithm_count;
extern const struct ike_integ_algorithm ike_integ_algorithms[];
extern const size_t ike_integ_algorithm_count;

#endif
