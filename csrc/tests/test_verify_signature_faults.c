/* SPDX-License-Identifier: Apache-2.0
 *
 * Signatures without memory: what a thread keeps stays whole, a digest is the right one or none,
 * and a failure of the engine is told as one where OpenSSL tells it.
 */
#include <pthread.h>

#include "hf_test.h"
#include "ossl_memory.h"
#include "signature_kit.h"
#include "x509/scratch.h"

static struct sample usual, other, edwards;

static void make_samples(void)
{
    sample_make(&usual, KIT_KEY(0), PKI_SIGN_DEFAULT);
    sample_make(&other, pki_key(PKI_RSA2048, 1), PKI_SIGN_DEFAULT);
    sample_make(&edwards, pki_key(PKI_ED25519, 2), PKI_SIGN_DEFAULT);
}

/* A thread of its own, since what it keeps is made at its first use. */
static void in_a_thread(void *(*run)(void *), void *arg)
{
    pthread_t thread;
    HF_CHECK(pthread_create(&thread, NULL, run, arg) == 0);
    HF_CHECK(pthread_join(thread, NULL) == 0);
}

struct digest_try {
    hf_result result;
    uint8_t digest[HF_SIGNATURE_DIGEST_MAX];
    size_t len;
    size_t fail_at;
};

static void *digest(void *arg)
{
    struct digest_try *try = arg;
    atomic_store(&countdown, try->fail_at);
    try->result = hf_signature_digest(&usual.what, try->digest, &try->len);
    try->fail_at = atomic_exchange(&countdown, 0);
    return NULL;
}

static void a_digest_is_right_or_none(void)
{
    struct digest_try good = {.fail_at = 0};
    size_t failed = 0;
    in_a_thread(digest, &good);
    HF_CHECK_OK(good.result);
    for (size_t k = 1; k < 1000; k++) {
        struct digest_try try = {.fail_at = k};
        in_a_thread(digest, &try);
        if (hf_is_ok(try.result)) {
            HF_CHECK(hf_mem_equal(try.digest, try.len, good.digest, good.len));
        } else {
            HF_CHECK(hf_code_category(try.result.code) == HF_CATEGORY_INTERNAL && try.len == 0);
            failed++;
        }
        if (try.fail_at != 0) {
            break; /* there were fewer allocations */
        }
    }
    HF_CHECK(failed > 0);
}

struct key_try {
    const struct sample *sample;
    size_t fail_at;
    hf_result result;
    bool kept; /* the context of before, at the front or behind a sound one */
    bool again;
};

static void *change_keys(void *arg)
{
    struct key_try *try = arg;
    struct hf_scratch *scratch;
    bool good = hf_is_ok(hf_signature_verify(usual.signer, &usual.what)) &&
                hf_is_ok(hf_scratch_get(&scratch));
    EVP_PKEY_CTX *const before = good ? scratch->keys[0].ctx : NULL;
    atomic_store(&countdown, try->fail_at);
    try->result = hf_signature_verify(try->sample->signer, &try->sample->what);
    try->fail_at = atomic_exchange(&countdown, 0);
    try->kept = good && scratch->keys[0].ctx != NULL &&
                (scratch->keys[0].ctx == before || scratch->keys[1].ctx == before);
    try->again = hf_is_ok(hf_signature_verify(try->sample->signer, &try->sample->what)) &&
                 hf_is_ok(hf_signature_verify(usual.signer, &usual.what));
    return NULL;
}

/* No key is to blame for a full memory. The first allocation is the context's own. */
static void check_keys(const struct sample *sample)
{
    for (size_t k = 1; k < 1000; k++) {
        struct key_try try = {.sample = sample, .fail_at = k};
        in_a_thread(change_keys, &try);
        HF_CHECK(k > 1 || hf_code_category(try.result.code) == HF_CATEGORY_INTERNAL);
        HF_CHECK(hf_is_ok(try.result) || hf_code_category(try.result.code) == HF_CATEGORY_INTERNAL);
        HF_CHECK(try.kept && try.again);
        if (try.fail_at != 0) {
            HF_CHECK_OK(try.result);
            return;
        }
    }
    HF_CHECK(false);
}

static void what_a_thread_keeps_stays_whole(void)
{
    check_keys(&other);
    check_keys(&edwards);
    /* Nothing of a failure is left. The first time, OpenSSL made things that it keeps. */
    size_t live = hf_mem_live();
    check_keys(&other);
    check_keys(&edwards);
    HF_CHECK(hf_mem_live() == live);
}

struct first_use {
    const struct sample *sample;
    size_t first, later; /* allocations where a fork waits */
    bool good;
};

static void *verify_twice(void *arg)
{
    struct first_use *use = arg;
    size_t before = atomic_load(&in_first_uses);
    use->good = hf_is_ok(hf_signature_verify(use->sample->signer, &use->sample->what));
    use->first = atomic_load(&in_first_uses) - before;
    use->good &= hf_is_ok(hf_signature_verify(use->sample->signer, &use->sample->what));
    use->later = atomic_load(&in_first_uses) - before - use->first;
    return NULL;
}

/* D9: a fork waits for a thread's first use of an algorithm, and for no later one, which would have
 * all threads wait for each other. */
static void a_fork_waits_for_first_uses_alone(void)
{
    const struct sample *const samples[] = {&usual, &other, &edwards};
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        struct first_use use = {.sample = samples[i]};
        in_a_thread(verify_twice, &use);
        HF_CHECK(use.good && use.first != 0 && use.later == 0);
    }
}

static void clear_samples(void)
{
    sample_free(&usual);
    sample_free(&other);
    sample_free(&edwards);
}

HF_TESTS({"make samples", make_samples}, {"a digest is right or none", a_digest_is_right_or_none},
         {"what a thread keeps stays whole", what_a_thread_keeps_stays_whole},
         {"a fork waits for first uses alone", a_fork_waits_for_first_uses_alone},
         {"clear samples", clear_samples})
