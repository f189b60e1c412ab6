/* SPDX-License-Identifier: Apache-2.0
 *
 * The library context is made once and lives as long as the process: connections may still be
 * closing when other libraries run their exit handlers, so nothing of it is torn down there.
 */
#include "x509/ossl.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <openssl/opensslv.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <pthread.h>

#include "base/heap.h"
#include "x509/own_provider.h"
#include "x509/scratch.h"

/* "pinned" or "system", from the build. */
#ifndef HF_OPENSSL_ORIGIN
#error "the build must say which OpenSSL this is: -DHF_OPENSSL_ORIGIN=\"pinned\" or \"system\""
#endif

/* How it was compiled and linked, from the build, too. */
#ifndef HF_OPENSSL_BUILD
#error "the build must say how OpenSSL was built: -DHF_OPENSSL_BUILD=\"O3, LTO\""
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;

enum { DIGEST_256, DIGEST_384, DIGEST_512, DIGESTS };
enum { CURVE_256, CURVE_384, CURVE_521, CURVES };

static struct {
    OSSL_LIB_CTX *ctx;
    OSSL_PROVIDER *provider;
    OSSL_PROVIDER *own; /* of the pinned build alone; preferred to the default */
    EVP_MD *digests[DIGESTS];
    EC_GROUP *groups[CURVES];
    uint32_t code; /* why there is no context */
} library;

bool hf_ossl_version_refused(unsigned long version)
{
    if (version < 0x30000000UL) {
        return true;
    }
    /* CVE-2026-84783: 4.0.0, 4.0.1 and 4.0.2 (the low four bits are not the patch level). */
    return version >= 0x40000000UL && version < 0x40000030UL;
}

/* What OpenSSL does for the first time it does under locks: a thread's first random byte seeds its
 * generators under the lock of the context's primary one, the first use of an algorithm enters its
 * name and methods into tables of the context. A process forked at that moment inherits the lock,
 * held by a thread that it does not have, and waits for it for ever (D9). So first uses happen
 * under locks of ours, and fork waits for those. Plain mutexes: a child may unlock them. Later
 * reseeding (every seven minutes) holds OpenSSL's lock for microseconds; it is not covered.
 *
 * The end of a thread is the same: OpenSSL drops what it kept for the thread under one lock that
 * every thread's first use needs, too. It is made to do so under ours, by a key whose destructor
 * runs before OpenSSL's own: C libraries run them in the order in which the keys were made. A
 * system's OpenSSL was started by somebody else; its key may be the older one. */
static pthread_mutex_t first_uses = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t seeding = PTHREAD_MUTEX_INITIALIZER; /* taken within first_uses, too */
static _Thread_local bool seeded;
static pthread_key_t thread_end;
static _Thread_local unsigned first_use_depth; /* a handshake's step has verifications inside */

static void before_fork(void)
{
    (void)pthread_mutex_lock(&first_uses);
    (void)pthread_mutex_lock(&seeding);
}

static void after_fork(void)
{
    (void)pthread_mutex_unlock(&seeding);
    (void)pthread_mutex_unlock(&first_uses);
}

void hf_ossl_first_use_begin(void)
{
    if (first_use_depth++ == 0) {
        (void)pthread_mutex_lock(&first_uses);
    }
}

void hf_ossl_first_use_end(void)
{
    if (--first_use_depth == 0) {
        (void)pthread_mutex_unlock(&first_uses);
    }
}

bool hf_ossl_in_first_use(void)
{
    return first_use_depth != 0;
}

static void at_thread_end(void *unused)
{
    (void)unused;
    (void)pthread_mutex_lock(&seeding);
    OPENSSL_thread_stop();
    seeded = false; /* a later destructor may come back to us */
    (void)pthread_mutex_unlock(&seeding);
}

static void seed_this_thread(void)
{
    unsigned char byte;
    (void)pthread_mutex_lock(&seeding);
    (void)pthread_setspecific(thread_end, &library);
    /* A failure is met again, and reported, by whoever needs random bytes. */
    seeded = RAND_bytes_ex(library.ctx, &byte, 1, 0) == 1 &&
             RAND_priv_bytes_ex(library.ctx, &byte, 1, 0) == 1;
    (void)pthread_mutex_unlock(&seeding);
}

/* Explicitly, so that no fallback loading and no fetching happens later, on some thread's first
 * use. */
static bool load(OSSL_LIB_CTX *ctx)
{
    static const char *const names[DIGESTS] = {"SHA2-256", "SHA2-384", "SHA2-512"};
    static const int curves[CURVES] = {NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1};
    bool good = true;
#ifdef HF_OPENSSL_PINNED
    /* Only with the libssl that it was tested with: how it calls is no part of its interface. */
    library.own = hf_own_provider_load(ctx);
    good = library.own != NULL && EVP_set_default_properties(ctx, "?provider=handfast") == 1;
#endif
    library.provider = OSSL_PROVIDER_load(ctx, "default");
    good = good && library.provider != NULL;
    for (size_t i = 0; good && i < DIGESTS; i++) {
        library.digests[i] = EVP_MD_fetch(ctx, names[i], NULL);
        good = library.digests[i] != NULL;
    }
    for (size_t i = 0; good && i < CURVES; i++) {
        library.groups[i] = EC_GROUP_new_by_curve_name_ex(ctx, NULL, curves[i]);
        good = library.groups[i] != NULL;
    }
    return good;
}

static void unload(OSSL_LIB_CTX *ctx)
{
    for (size_t i = 0; i < DIGESTS; i++) {
        EVP_MD_free(library.digests[i]);
    }
    for (size_t i = 0; i < CURVES; i++) {
        EC_GROUP_free(library.groups[i]);
    }
    if (library.own != NULL) {
        (void)OSSL_PROVIDER_unload(library.own);
    }
    if (library.provider != NULL) {
        (void)OSSL_PROVIDER_unload(library.provider);
    }
    OSSL_LIB_CTX_free(ctx);
}

#ifdef HF_OPENSSL_PINNED
/* OpenSSL's blocks by the engine's allocator. OpenSSL itself asks for 0 bytes only by mistake, and
 * its own allocator has nothing for those. */
static void *block_new(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return size == 0 ? NULL : hf_heap_new(size);
}

static void *block_grow(void *block, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    if (size == 0) {
        hf_heap_free(block);
        return NULL;
    }
    return hf_heap_grow(block, size);
}

static void block_free(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    if (block != NULL) { /* every fourth time it is */
        hf_heap_free(block);
    }
}

/* Only of our own copy, and only before anybody else thought of it (tests count its blocks). It
 * says no when it has blocks already: then it stays with the allocator that it has. */
static void share_heap(void)
{
    CRYPTO_malloc_fn is_new;
    CRYPTO_realloc_fn is_grown;
    CRYPTO_free_fn is_free;
    CRYPTO_get_mem_functions(&is_new, &is_grown, &is_free);
    if (hf_heap_is_own() && is_new == CRYPTO_malloc) {
        (void)CRYPTO_set_mem_functions(block_new, block_grow, block_free);
    }
}
#endif

const char *hf_allocator(void)
{
#ifdef HF_OPENSSL_PINNED
    CRYPTO_malloc_fn is_new;
    CRYPTO_realloc_fn is_grown;
    CRYPTO_free_fn is_free;
    CRYPTO_get_mem_functions(&is_new, &is_grown, &is_free);
    if (is_new == block_new) {
        return hf_heap_name();
    }
#endif
    return "system";
}

const char *hf_openssl_build(void)
{
    return HF_OPENSSL_BUILD;
}

static void start(void)
{
    library.code = HF_E_OPENSSL;
    if (hf_ossl_version_refused(OpenSSL_version_num())) {
        library.code = HF_E_OPENSSL_VERSION;
        return;
    }
    if (pthread_key_create(&thread_end, at_thread_end) != 0) {
        return;
    }
#ifdef HF_OPENSSL_PINNED
    share_heap();
    /* Of our own copy alone. A system's OpenSSL is shared with the rest of the process, which would
     * lose its configuration by this; our own context and explicit settings stand in both. */
    if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) != 1) {
        return;
    }
#endif
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
    if (ctx == NULL || pthread_atfork(before_fork, after_fork, after_fork) != 0) {
        OSSL_LIB_CTX_free(ctx);
        return;
    }
    if (!load(ctx)) {
        unload(ctx);
        return;
    }
    library.ctx = ctx;
    library.code = HF_OK;
}

hf_result hf_library_init(void)
{
    HF_NEED(pthread_once(&once, start) == 0, HF_E_INTERNAL);
    if (library.code == HF_E_OPENSSL_VERSION) {
        HF_FAIL_SEEN(library.code, "OpenSSL 3.0 or newer, but not 4.0.0 to 4.0.2", "OpenSSL %s",
                     hf_openssl_running());
    }
    HF_NEED(library.code == HF_OK, library.code);
    return hf_ok();
}

OSSL_LIB_CTX *hf_ossl_ctx(void)
{
    return hf_is_ok(hf_library_init()) ? library.ctx : NULL;
}

const char *hf_openssl_built(void)
{
    return OPENSSL_VERSION_STR;
}

const char *hf_openssl_running(void)
{
    return OpenSSL_version(OPENSSL_VERSION_STRING);
}

const char *hf_openssl_text(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}

const char *hf_openssl_origin(void)
{
    return HF_OPENSSL_ORIGIN;
}

const EVP_MD *hf_ossl_digest(size_t len)
{
    switch (len) {
    case 32:
        return library.digests[DIGEST_256];
    case 48:
        return library.digests[DIGEST_384];
    case 64:
        return library.digests[DIGEST_512];
    default:
        return NULL;
    }
}

const EC_GROUP *hf_ossl_group(size_t point_len)
{
    switch (point_len) {
    case 65:
        return library.groups[CURVE_256];
    case 97:
        return library.groups[CURVE_384];
    case 133:
        return library.groups[CURVE_521];
    default:
        return NULL;
    }
}

void hf_ossl_clear(void)
{
    if (!seeded && library.ctx != NULL) {
        seed_this_thread();
    }
    ERR_clear_error();
}

bool hf_ossl_was_memory(void)
{
    bool memory = false;
    for (unsigned long packed; (packed = ERR_get_error()) != 0;) {
        memory |= ERR_GET_REASON(packed) == ERR_R_MALLOC_FAILURE;
    }
    return memory;
}

hf_result hf_ossl_fail(uint32_t code, const char *file, int line)
{
    /* The oldest entry of the queue is the cause, later ones say who passed it on. */
    unsigned long packed = ERR_peek_error();
    int reason = ERR_GET_REASON(packed);
    const char *text = ERR_reason_error_string(packed);
    code = hf_ossl_was_memory() ? HF_E_OUT_OF_MEMORY : code;
    hf_result r = hf_error_set_seen(code, file, line, "", "OpenSSL: %s",
                                    text == NULL ? "no reason given" : text);
    hf_error_current()->openssl_reason = (uint32_t)reason;
    return r;
}

hf_result hf_ossl_x509(struct hf_span der, X509 **out)
{
    *out = NULL;
    HF_TRY(hf_library_init());
    hf_ossl_clear();
    HF_NEED(der.len <= HF_CHAIN_BYTES_MAX, HF_E_DER_TOO_LARGE);
    X509 *x509 = X509_new_ex(library.ctx, NULL);
    HF_NEED_MEM(x509);
    const unsigned char *at = der.data;
    if (d2i_X509(&x509, &at, (long)der.len) == NULL) {
        X509_free(x509);
        HF_FAIL_OSSL(HF_E_CERT_EXTENSION);
    }
    if (at != der.data + der.len) {
        X509_free(x509);
        HF_FAIL(HF_E_DER_TRAILING);
    }
    /* Purpose -1 only fills the extension cache, which is lazily written otherwise. */
    if (X509_check_purpose(x509, -1, 0) != 1) {
        X509_free(x509);
        HF_FAIL_OSSL(HF_E_CERT_EXTENSION);
    }
    hf_ossl_clear();
    *out = x509;
    return hf_ok();
}

hf_result hf_ossl_sha256(const struct hf_span *parts, size_t count, uint8_t out[HF_DIGEST_SIZE])
{
    struct hf_scratch *scratch;
    HF_TRY(hf_scratch_get(&scratch));
    bool good = EVP_DigestInit_ex2(scratch->md, library.digests[DIGEST_256], NULL) == 1;
    for (size_t i = 0; good && i < count; i++) {
        good = EVP_DigestUpdate(scratch->md, parts[i].data, parts[i].len) == 1;
    }
    good = good && EVP_DigestFinal_ex(scratch->md, out, NULL) == 1;
    if (!good) {
        HF_FAIL_OSSL(HF_E_OPENSSL);
    }
    return hf_ok();
}

void hf_x509_free_at(X509 **x)
{
    X509_free(*x);
}
