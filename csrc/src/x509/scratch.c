/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread-local pointer for speed, and a key of POSIX for its destructor. The scratch itself is
 * not thread-local storage, which is gone before the key's destructor runs on some systems; it is
 * memory of OpenSSL's, like what is in it. A destructor of somebody else's that verifies after ours
 * has run makes another scratch, and ours runs again.
 */
#include "x509/scratch.h"

#include <openssl/crypto.h>
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool has_key;
static _Thread_local struct hf_scratch *mine;

static void scratch_free(struct hf_scratch *scratch)
{
    for (size_t i = 0; i < HF_SCRATCH_KEYS; i++) {
        EVP_PKEY_CTX_free(scratch->keys[i].ctx);
    }
    for (size_t i = 0; i < sizeof(scratch->points) / sizeof(scratch->points[0]); i++) {
        EC_POINT_free(scratch->points[i]);
    }
    hf_x25519_pool_free(scratch->x25519);
    BN_CTX_free(scratch->numbers);
    EVP_MD_CTX_free(scratch->secret);
    EVP_MD_CTX_free(scratch->message);
    EVP_MD_CTX_free(scratch->md);
    OPENSSL_free(scratch);
}

static void at_thread_end(void *scratch)
{
    mine = NULL;
    scratch_free(scratch);
}

static void make_key(void)
{
    has_key = pthread_key_create(&key, at_thread_end) == 0;
}

static bool fill(struct hf_scratch *scratch)
{
    scratch->md = EVP_MD_CTX_new();
    scratch->message = EVP_MD_CTX_new();
    scratch->secret = EVP_MD_CTX_new();
    scratch->numbers = BN_CTX_new_ex(hf_ossl_ctx());
    return scratch->md != NULL && scratch->message != NULL && scratch->secret != NULL &&
           scratch->numbers != NULL && pthread_setspecific(key, scratch) == 0;
}

static hf_result make(void)
{
    HF_TRY(hf_library_init());
    HF_NEED(pthread_once(&once, make_key) == 0 && has_key, HF_E_INTERNAL);
    struct hf_scratch *scratch = OPENSSL_zalloc(sizeof(*scratch));
    HF_NEED_MEM(scratch);
    if (!fill(scratch)) {
        scratch_free(scratch);
        HF_FAIL(HF_E_OUT_OF_MEMORY);
    }
    mine = scratch;
    return hf_ok();
}

hf_result hf_scratch_get(struct hf_scratch **out)
{
    *out = mine;
    if (mine == NULL) {
        HF_TRY(make());
        *out = mine;
    }
    return hf_ok();
}

static EC_POINT *point_of(struct hf_scratch *scratch, const EC_GROUP *group, size_t len)
{
    EC_POINT **point = &scratch->points[len == 65 ? 0 : len == 97 ? 1 : 2];
    if (*point == NULL) {
        *point = EC_POINT_new(group);
    }
    return *point;
}

bool hf_scratch_on_curve(struct hf_span point)
{
    struct hf_scratch *scratch;
    if (!hf_is_ok(hf_scratch_get(&scratch))) {
        return false;
    }
    const EC_GROUP *group = hf_ossl_group(point.len);
    EC_POINT *room = group == NULL ? NULL : point_of(scratch, group, point.len);
    /* Sets the coordinates only if they are below the prime and solve the equation. */
    return room != NULL && point.data[0] == POINT_CONVERSION_UNCOMPRESSED &&
           EC_POINT_oct2point(group, room, point.data, point.len, scratch->numbers) == 1;
}
