/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether X25519 is offered is decided once, when OpenSSL first asks for any kind of key: long
 * after Python has passed HANDFAST_MB on, which hf_library_init() may precede. OpenSSL asks once
 * for keys and once for exchanges, and remembers; one answer for both, so that no key needs to be
 * carried from one provider to the other. Lanes that are switched off later are not used any more
 * either, but then by x25519_pool.c, key by key.
 */
#include "x509/own_provider.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/provider.h>
#include <pthread.h>

#include "x509/tls13_kdf.h"
#include "x509/x25519.h"
#include "x509/x25519_scalar.h"

#define OURS "provider=handfast"

static const OSSL_ALGORITHM kdfs[] = {
    {OSSL_KDF_NAME_TLS1_3_KDF, OURS, hf_tls13_kdf_functions, "HKDF of TLS 1.3"},
    {NULL, NULL, NULL, NULL},
};
static const OSSL_ALGORITHM keys[] = {
    {HF_X25519_NAMES, OURS, hf_x25519_key_functions, "X25519, made eight at a time"},
    {NULL, NULL, NULL, NULL},
};
static const OSSL_ALGORITHM exchanges[] = {
    {HF_X25519_NAMES, OURS, hf_x25519_exchange_functions, "X25519"},
    {NULL, NULL, NULL, NULL},
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool has_x25519; /* written under once */

static void decide(void)
{
    has_x25519 = hf_x25519_lanes_available();
}

static const OSSL_ALGORITHM *query(void *unused, int operation, int *no_cache)
{
    (void)unused;
    *no_cache = 0;
    switch (operation) {
    case OSSL_OP_KDF:
        return kdfs;
    case OSSL_OP_KEYMGMT:
        return pthread_once(&once, decide) == 0 && has_x25519 ? keys : NULL;
    case OSSL_OP_KEYEXCH:
        return pthread_once(&once, decide) == 0 && has_x25519 ? exchanges : NULL;
    default:
        return NULL;
    }
}

static int initialise(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                      const OSSL_DISPATCH **out, void **context)
{
    static const OSSL_DISPATCH provider[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query},
        {0, NULL},
    };
    /* Nothing here has state of a provider's: any pointer but NULL will do. */
    static char stateless;
    (void)handle;
    (void)in;
    *out = provider;
    *context = &stateless;
    return 1;
}

OSSL_PROVIDER *hf_own_provider_load(OSSL_LIB_CTX *ctx)
{
    return OSSL_PROVIDER_add_builtin(ctx, "handfast", initialise) == 1
               ? OSSL_PROVIDER_load(ctx, "handfast")
               : NULL;
}
