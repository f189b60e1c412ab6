/* SPDX-License-Identifier: Apache-2.0
 *
 * What a thread keeps between two signatures: contexts for some keys, its own, also in a child.
 */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hf_test.h"
#include "signature_kit.h"
#include "x509/scratch.h"

/* More keys than a thread keeps contexts for, and one of which it keeps none. */
#define MANY (3 * PKI_KEYS_MAX)
static struct sample many[MANY], edwards;

static void make_many(void)
{
    static const enum pki_kind curves[] = {PKI_P256, PKI_P384, PKI_P521};
    sample_make(&edwards, pki_key(PKI_ED25519, 0), PKI_SIGN_DEFAULT);
    for (size_t i = 0; i < MANY; i++) {
        sample_make(&many[i], pki_key(curves[i % 3], i / 3), PKI_SIGN_DEFAULT);
    }
}

static size_t surprises_of_many(size_t rounds)
{
    size_t surprises = 0;
    for (size_t i = 0; i < rounds * MANY; i++) {
        const struct sample *s = &many[i * 5 % MANY];
        const struct sample *other = &many[(i * 5 + 3) % MANY];
        surprises += hf_is_ok(hf_signature_verify(s->signer, &s->what)) ? 0 : 1;
        surprises += hf_is_ok(hf_signature_verify(other->signer, &s->what)) ? 1 : 0;
    }
    return surprises;
}

static void more_keys_than_a_thread_keeps(void)
{
    HF_CHECK(MANY > HF_SCRATCH_KEYS);
    make_many();
    HF_CHECK(surprises_of_many(2) == 0);
}

/* What a thread keeps, the last used first. */
static void check_kept(const size_t *which, size_t count)
{
    struct hf_scratch *scratch;
    HF_CHECK_OK(hf_scratch_get(&scratch));
    for (size_t i = 0; i < count; i++) {
        const struct sample *s = &many[which[i]];
        HF_CHECK(scratch->keys[i].ctx != NULL && scratch->keys[i].kind == s->what.kind);
        HF_CHECK(hf_mem_equal(scratch->keys[i].id, HF_DIGEST_SIZE, s->signer->id, HF_DIGEST_SIZE));
    }
}

static void use(size_t which)
{
    HF_CHECK_OK(hf_signature_verify(many[which].signer, &many[which].what));
}

static void contexts_are_kept_by_their_last_use(void)
{
    size_t order[HF_SCRATCH_KEYS];
    struct hf_scratch *scratch;
    for (size_t i = 0; i <= HF_SCRATCH_KEYS; i++) {
        use(i);
    }
    for (size_t i = 0; i < HF_SCRATCH_KEYS; i++) {
        order[i] = HF_SCRATCH_KEYS - i;
    }
    check_kept(order, HF_SCRATCH_KEYS);
    /* Found again, wherever it was: the same context, and those before it one back. */
    static const size_t places[] = {0, 1, 5, HF_SCRATCH_KEYS - 1};
    for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
        HF_CHECK_OK(hf_scratch_get(&scratch));
        size_t found = order[places[k]];
        EVP_PKEY_CTX *const ctx = scratch->keys[places[k]].ctx;
        use(found);
        HF_CHECK(scratch->keys[0].ctx == ctx);
        for (size_t i = places[k]; i > 0; i--) {
            order[i] = order[i - 1];
        }
        order[0] = found;
        check_kept(order, HF_SCRATCH_KEYS);
    }
    /* The one that was used longest ago makes room. */
    use(0);
    HF_CHECK(scratch->keys[0].kind == many[0].what.kind);
    check_kept((const size_t[]){0, order[0], order[1]}, 3);
}

static void *verify_in_a_thread(void *surprises)
{
    *(size_t *)surprises = surprises_of_many(2);
    return NULL;
}

/* TSan sees no race, LeakSanitizer that threads leave nothing behind. */
static void threads_share_keys_and_leave_nothing(void)
{
    pthread_t threads[6];
    size_t surprises[6];
    for (size_t i = 0; i < 6; i++) {
        HF_CHECK(pthread_create(&threads[i], NULL, verify_in_a_thread, &surprises[i]) == 0);
    }
    for (size_t i = 0; i < 6; i++) {
        HF_CHECK(pthread_join(threads[i], NULL) == 0);
        HF_CHECK(surprises[i] == 0);
    }
}

/* D9: a child verifies with what its thread kept. */
static void a_child_verifies(void)
{
    pid_t child = fork();
    if (child == 0) {
        (void)alarm(60);
        _exit(hf_is_ok(hf_signature_verify(many[0].signer, &many[0].what)) &&
                      hf_is_ok(hf_signature_verify(edwards.signer, &edwards.what))
                  ? 0
                  : 1);
    }
    int status = -1;
    HF_CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

static void clear_many(void)
{
    sample_free(&edwards);
    for (size_t i = 0; i < MANY; i++) {
        sample_free(&many[i]);
    }
}

HF_TESTS({"more keys than a thread keeps", more_keys_than_a_thread_keeps},
         {"contexts are kept by their last use", contexts_are_kept_by_their_last_use},
         {"threads share keys and leave nothing", threads_share_keys_and_leave_nothing},
         {"a child verifies", a_child_verifies}, {"clear many", clear_many})
