/* SPDX-License-Identifier: Apache-2.0
 *
 * ossl_x25519() and ossl_x25519_public_from_private() are libcrypto's own, inside of the pinned
 * build. Why calling them is sound:
 *   - They are in libcrypto.a with external linkage, and the pin (csrc/openssl.pin) fixes the
 *     source they come from. Another version is a change of the pin; test_x509_x25519.c then
 *     compares again, by RFC 7748 and with what EVP computes.
 *   - They are what OpenSSL's provider calls for the same two operations, with the same arguments:
 *     32 bytes each, clamped inside. They allocate nothing, take no lock and raise no error.
 *
 * The lanes: a ladder whose steps and table places are counted by the bit's number, and whose swaps
 * are masked, so that no branch and no address depends on a key. They clamp inside, too, and
 * wipe their copies of the scalars (not the last field elements on the stack; nor does OpenSSL).
 */
#include "x509/x25519_scalar.h"

#include <pthread.h>

#include "base/lanes.h"
#include "base/mem.h"

#if defined(HF_OPENSSL_PINNED)

void ossl_x25519_public_from_private(uint8_t out[HF_X25519_SIZE],
                                     const uint8_t private_key[HF_X25519_SIZE]);
int ossl_x25519(uint8_t out[HF_X25519_SIZE], const uint8_t private_key[HF_X25519_SIZE],
                const uint8_t peer[HF_X25519_SIZE]);

bool hf_x25519_public(uint8_t out[HF_X25519_SIZE], const uint8_t private_key[HF_X25519_SIZE])
{
    ossl_x25519_public_from_private(out, private_key);
    return true;
}

bool hf_x25519_shared(uint8_t out[HF_X25519_SIZE], const uint8_t private_key[HF_X25519_SIZE],
                      const uint8_t peer[HF_X25519_SIZE])
{
    return ossl_x25519(out, private_key, peer) == 1;
}

#else

bool hf_x25519_public(uint8_t out[HF_X25519_SIZE], const uint8_t private_key[HF_X25519_SIZE])
{
    (void)out;
    (void)private_key;
    return false;
}

bool hf_x25519_shared(uint8_t out[HF_X25519_SIZE], const uint8_t private_key[HF_X25519_SIZE],
                      const uint8_t peer[HF_X25519_SIZE])
{
    (void)out;
    (void)private_key;
    (void)peer;
    return false;
}

#endif

#if HF_CRYPTO_MB

#define BN_OPENSSL_DISABLE
#include <crypto_mb/status.h>
#include <crypto_mb/x25519.h>

bool hf_x25519_public_eight(uint8_t out[HF_X25519_EIGHT],
                            const uint8_t private_keys[HF_X25519_EIGHT])
{
    int8u *to[HF_X25519_LANES];
    const int8u *from[HF_X25519_LANES];
    for (size_t i = 0; i < HF_X25519_LANES; i++) {
        to[i] = out + i * HF_X25519_SIZE;
        from[i] = private_keys + i * HF_X25519_SIZE;
    }
    return mbx_x25519_public_key_mb8(to, from) == MBX_STATUS_OK;
}

#else

bool hf_x25519_public_eight(uint8_t out[HF_X25519_EIGHT],
                            const uint8_t private_keys[HF_X25519_EIGHT])
{
    (void)out;
    (void)private_keys;
    return false;
}

#endif

/* ---- the self-test ------------------------------------------------------------------------ */

#define ROUNDS 3

/* RFC 7748, 6.1: Alice's key. */
static const uint8_t known_private[HF_X25519_SIZE] = {
    0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1, 0x72, 0x51, 0xb2, 0x66, 0x45,
    0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0, 0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a};
static const uint8_t known_public[HF_X25519_SIZE] = {
    0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d, 0xdc, 0xb4, 0x3e, 0xf7, 0x5a,
    0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38, 0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a};

static size_t lane_of(size_t number)
{
    return number % HF_X25519_LANES * HF_X25519_SIZE;
}

/* Private keys that no two lanes share: the known one in another lane each round, the extremes, and
 * what came out of the round before, which is as good as random. */
static void choose(uint8_t *keys, const uint8_t *before, size_t round)
{
    for (size_t i = 0; i < HF_X25519_EIGHT; i++) {
        keys[i] = before[(i + HF_X25519_SIZE) % HF_X25519_EIGHT] ^ (uint8_t)(i + round);
    }
    for (size_t j = 0; j < HF_X25519_SIZE; j++) {
        keys[lane_of(round + 2) + j] = 0;
        keys[lane_of(round + 5) + j] = 0xff;
        keys[lane_of(round * 3) + j] = known_private[j];
    }
}

bool hf_x25519_self_test(bool (*run)(uint8_t *, const uint8_t *))
{
    uint8_t keys[HF_X25519_EIGHT];
    uint8_t out[HF_X25519_EIGHT] = {0};
    uint8_t expected[HF_X25519_SIZE];
    bool right = true;
    for (size_t round = 0; round < ROUNDS; round++) {
        choose(keys, out, round);
        right &= run(out, keys);
        right &= hf_mem_equal(out + lane_of(round * 3), HF_X25519_SIZE, known_public,
                              sizeof(known_public));
        for (size_t at = 0; at < HF_X25519_EIGHT; at += HF_X25519_SIZE) {
            right &= hf_x25519_public(expected, keys + at) &&
                     hf_mem_equal(out + at, HF_X25519_SIZE, expected, sizeof(expected));
        }
    }
    return right;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool right_lanes; /* written under once */

/* The first use of the function, too, which enters it into a table without a lock. */
static void test_lanes(void)
{
    right_lanes = hf_lanes_supported() && hf_x25519_self_test(hf_x25519_public_eight);
}

bool hf_x25519_lanes_available(void)
{
    /* Who switched them off does not want them tried. */
    return hf_lanes_allowed() && pthread_once(&once, test_lanes) == 0 && right_lanes;
}
