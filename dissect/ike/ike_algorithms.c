/* RFC 7296 section 3.3.2 and the RFCs of each; key lengths of integrity by RFC 7296 section 2.13. */
#include "dissect/ike/ike_algorithms.h"

const struct ike_encr_algorithm ike_encr_algorithms[] = {
    {2, 8, 0, 8, 0, IKE_MODE_CBC, CIPHER_3DES_CBC, "DES"}, /* 3DES with the same key three times */
    {3, 24, 0, 8, 0, IKE_MODE_CBC, CIPHER_3DES_CBC, "3DES"},
    {11, 0, 0, 0, 0, IKE_MODE_NULL, CIPHER_KINDS, "NULL"},
    {12, 16, 0, 16, 0, IKE_MODE_CBC, CIPHER_AES_128_CBC, "AES-CBC-128"},
    {12, 24, 0, 16, 0, IKE_MODE_CBC, CIPHER_AES_192_CBC, "AES-CBC-192"},
    {12, 32, 0, 16, 0, IKE_MODE_CBC, CIPHER_AES_256_CBC, "AES-CBC-256"},
    {23, 16, 0, 16, 0, IKE_MODE_CBC, CIPHER_CAMELLIA_128_CBC, "CAMELLIA-CBC-128"},
    {23, 32, 0, 16, 0, IKE_MODE_CBC, CIPHER_CAMELLIA_256_CBC, "CAMELLIA-CBC-256"},
    {13, 16, 4, 8, 0, IKE_MODE_CTR, CIPHER_AES_128_CTR, "AES-CTR-128"},
    {13, 24, 4, 8, 0, IKE_MODE_CTR, CIPHER_AES_192_CTR, "AES-CTR-192"},
    {13, 32, 4, 8, 0, IKE_MODE_CTR, CIPHER_AES_256_CTR, "AES-CTR-256"},
    {14, 16, 3, 8, 8, IKE_MODE_AEAD, CIPHER_AES_128_CCM, "AES-CCM-128 with 8 octet ICV"},
    {14, 24, 3, 8, 8, IKE_MODE_AEAD, CIPHER_AES_192_CCM, "AES-CCM-192 with 8 octet ICV"},
    {14, 32, 3, 8, 8, IKE_MODE_AEAD, CIPHER_AES_256_CCM, "AES-CCM-256 with 8 octet ICV"},
    {15, 16, 3, 8, 12, IKE_MODE_AEAD, CIPHER_AES_128_CCM, "AES-CCM-128 with 12 octet ICV"},
    {15, 24, 3, 8, 12, IKE_MODE_AEAD, CIPHER_AES_192_CCM, "AES-CCM-192 with 12 octet ICV"},
    {15, 32, 3, 8, 12, IKE_MODE_AEAD, CIPHER_AES_256_CCM, "AES-CCM-256 with 12 octet ICV"},
    {16, 16, 3, 8, 16, IKE_MODE_AEAD, CIPHER_AES_128_CCM, "AES-CCM-128 with 16 octet ICV"},
    {16, 24, 3, 8, 16, IKE_MODE_AEAD, CIPHER_AES_192_CCM, "AES-CCM-192 with 16 octet ICV"},
    {16, 32, 3, 8, 16, IKE_MODE_AEAD, CIPHER_AES_256_CCM, "AES-CCM-256 with 16 octet ICV"},
    {18, 16, 4, 8, 8, IKE_MODE_AEAD, CIPHER_AES_128_GCM, "AES-GCM-128 with 8 octet ICV"},
    {18, 24, 4, 8, 8, IKE_MODE_AEAD, CIPHER_AES_192_GCM, "AES-GCM-192 with 8 octet ICV"},
    {18, 32, 4, 8, 8, IKE_MODE_AEAD, CIPHER_AES_256_GCM, "AES-GCM-256 with 8 octet ICV"},
    {19, 16, 4, 8, 12, IKE_MODE_AEAD, CIPHER_AES_128_GCM, "AES-GCM-128 with 12 octet ICV"},
    {19, 24, 4, 8, 12, IKE_MODE_AEAD, CIPHER_AES_192_GCM, "AES-GCM-192 with 12 octet ICV"},
    {19, 32, 4, 8, 12, IKE_MODE_AEAD, CIPHER_AES_256_GCM, "AES-GCM-256 with 12 octet ICV"},
    {20, 16, 4, 8, 16, IKE_MODE_AEAD, CIPHER_AES_128_GCM, "AES-GCM-128 with 16 octet ICV"},
    {20, 24, 4, 8, 16, IKE_MODE_AEAD, CIPHER_AES_192_GCM, "AES-GCM-192 with 16 octet ICV"},
    {20, 32, 4, 8, 16, IKE_MODE_AEAD, CIPHER_AES_256_GCM, "AES-GCM-256 with 16 octet ICV"},
    {28, 32, 4, 8, 16, IKE_MODE_AEAD, CIPHER_CHACHA20_POLY1305, "CHACHA20-POLY1305"},
};
const size_t ike_encr_algorithm_count = sizeof ike_encr_algorithms / sizeof *ike_encr_algorithms;

const struct ike_integ_algorithm ike_integ_algorithms[] = {
    {0, 0, 0, IKE_MAC_NONE, DIGEST_MD5, "NONE"},
    {1, 16, 12, IKE_MAC_HMAC, DIGEST_MD5, "HMAC_MD5_96"},
    {2, 20, 12, IKE_MAC_HMAC, DIGEST_SHA1, "HMAC_SHA1_96"},
    {5, 16, 12, IKE_MAC_XCBC, DIGEST_MD5, "AES_XCBC_96"},
    {6, 16, 16, IKE_MAC_HMAC, DIGEST_MD5, "HMAC_MD5_128"},
    {7, 20, 20, IKE_MAC_HMAC, DIGEST_SHA1, "HMAC_SHA1_160"},
    {8, 16, 12, IKE_MAC_CMAC, DIGEST_MD5, "AES_CMAC_96"},
    {12, 32, 16, IKE_MAC_HMAC, DIGEST_SHA256, "HMAC_SHA2_256_128"},
    {13, 48, 24, IKE_MAC_HMAC, DIGEST_SHA384, "HMAC_SHA2_384_192"},
    {14, 64, 32, IKE_MAC_HMAC, DIGEST_SHA512, "HMAC_SHA2_512_256"},
};
const size_t ike_integ_algorithm_count = sizeof ike_integ_algorithms / sizeof *ike_integ_algorithms;
