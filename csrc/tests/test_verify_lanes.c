/* SPDX-License-Identifier: Apache-2.0
 *
 * The signature lanes against OpenSSL: whatever they find to hold must hold, and what they must
 * not miss is found. On a CPU without AVX-512 IFMA, and in builds without crypto_mb, the very same
 * tests show that no lane ever says yes.
 */
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ecdsa_kit.h"
#include "hf_test.h"

static const enum hf_key_kind curves[] = {HF_KEY_P256, HF_KEY_P384};
#define CURVES (sizeof(curves) / sizeof(curves[0]))

/* ---- states ------------------------------------------------------------------------------- */

static void *ask(void *out)
{
    *(bool *)out = hf_mb_available();
    return NULL;
}

/* First in the table: this is the process's first question. */
static void many_threads_may_ask_the_first_question(void)
{
    bool seen[4];
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        HF_CHECK(pthread_create(&threads[i], NULL, ask, &seen[i]) == 0);
    }
    for (size_t i = 0; i < 4; i++) {
        HF_CHECK(pthread_join(threads[i], NULL) == 0);
        HF_CHECK(seen[i] == hf_mb_available());
    }
}

static bool cpu_has_lanes(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512ifma") &&
           __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("bmi2");
#else
    return false;
#endif
}

static void the_state_is_what_build_and_cpu_say(void)
{
    const char *state = hf_mb_state();
    HF_CHECK(hf_mb_available() == (strcmp(state, "avx512ifma") == 0));
    if (strcmp(state, "not built") != 0) {
        HF_CHECK(strcmp(state, cpu_has_lanes() ? "avx512ifma" : "unsupported") == 0);
    }
}

static void lanes_that_are_switched_off_say_nothing(void)
{
    struct ecdsa e;
    struct ecdsa_case c = {.kind = HF_KEY_P256};
    bool before = hf_mb_available();
    ecdsa_init(&e, HF_KEY_P256);
    ecdsa_random_digest(&c, 32);
    ecdsa_sign(&e, NULL, &c);
    struct hf_mb_job job = ecdsa_job(&c);
    hf_mb_allow(false);
    HF_CHECK(!hf_mb_available());
    HF_CHECK(strcmp(hf_mb_state(), "avx512ifma") != 0);
    hf_mb_verify(HF_KEY_P256, &job, 1);
    HF_CHECK(!job.held);
    hf_mb_allow(true);
    HF_CHECK(hf_mb_available() == before);
    hf_mb_verify(HF_KEY_P256, &job, 1);
    HF_CHECK(job.held == before);
    ecdsa_free(&e);
}

/* D9: no lock of the parent is waited for, and the self-test need not be run again. */
static void a_forked_child_has_lanes_too(void)
{
    struct ecdsa e;
    struct ecdsa_case c = {.kind = HF_KEY_P384};
    int status = -1;
    ecdsa_init(&e, HF_KEY_P384);
    ecdsa_random_digest(&c, 48);
    ecdsa_sign(&e, NULL, &c);
    struct hf_mb_job job = ecdsa_job(&c);
    bool here = hf_mb_available();
    pid_t child = fork();
    if (child == 0) {
        hf_mb_verify(HF_KEY_P384, &job, 1);
        _exit(job.held == here && hf_mb_available() == here ? 0 : 1);
    }
    HF_CHECK(child > 0 && waitpid(child, &status, 0) == child);
    HF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ecdsa_free(&e);
}

/* ---- the self-test ------------------------------------------------------------------------ */

static void honest(enum hf_key_kind kind, struct hf_mb_job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ecdsa_case c = {.kind = kind, .digest_len = jobs[i].digest_len};
        (void)hf_mem_copy(c.point, sizeof(c.point), jobs[i].point, jobs[i].point_len);
        (void)hf_mem_copy(c.digest, sizeof(c.digest), jobs[i].digest, jobs[i].digest_len);
        (void)hf_mem_copy(c.der, sizeof(c.der), jobs[i].signature.data, jobs[i].signature.len);
        c.der_len = jobs[i].signature.len;
        jobs[i].held = ecdsa_openssl(&c);
    }
}

static void says_yes(enum hf_key_kind kind, struct hf_mb_job *jobs, size_t count)
{
    (void)kind;
    for (size_t i = 0; i < count; i++) {
        jobs[i].held = true;
    }
}

static void says_no(enum hf_key_kind kind, struct hf_mb_job *jobs, size_t count)
{
    (void)kind;
    for (size_t i = 0; i < count; i++) {
        jobs[i].held = false;
    }
}

static void last_lane_says_yes(enum hf_key_kind kind, struct hf_mb_job *jobs, size_t count)
{
    honest(kind, jobs, count);
    jobs[HF_MB_LANES - 1].held = true;
}

static void first_lane_says_no(enum hf_key_kind kind, struct hf_mb_job *jobs, size_t count)
{
    honest(kind, jobs, count);
    jobs[0].held = false;
}

static void p384_says_yes(enum hf_key_kind kind, struct hf_mb_job *jobs, size_t count)
{
    honest(kind, jobs, count);
    jobs[3].held |= kind == HF_KEY_P384;
}

static void neighbours_are_mixed_up(enum hf_key_kind kind, struct hf_mb_job *jobs, size_t count)
{
    honest(kind, jobs, count);
    bool held = jobs[4].held;
    jobs[4].held = jobs[5].held;
    jobs[5].held = held;
}

static void the_self_test_tells_honest_lanes_from_lying_ones(void)
{
    HF_CHECK(hf_mb_self_test(honest));
    HF_CHECK(!hf_mb_self_test(says_yes));
    HF_CHECK(!hf_mb_self_test(says_no));
    HF_CHECK(!hf_mb_self_test(last_lane_says_yes));
    HF_CHECK(!hf_mb_self_test(first_lane_says_no));
    HF_CHECK(!hf_mb_self_test(p384_says_yes));
    HF_CHECK(!hf_mb_self_test(neighbours_are_mixed_up));
}

/* ---- against OpenSSL ---------------------------------------------------------------------- */

static struct ecdsa_tally tally;

/* Any one byte of the signature, the digest or (another key) the point. */
static void spoil(struct ecdsa *e, struct ecdsa_case *c, size_t how)
{
    struct ecdsa_case other = {.kind = c->kind};
    switch (how % 4) {
    case 0:
        c->der[how % c->der_len] ^= (uint8_t)(1u << (how % 8));
        break;
    case 1:
        c->digest[how % (c->digest_len < e->len ? c->digest_len : e->len)] ^= 0x10;
        break;
    case 2:
        ecdsa_new_key(e);
        ecdsa_random_digest(&other, 32);
        ecdsa_sign(e, NULL, &other);
        (void)hf_mem_copy(c->point, sizeof(c->point), other.point, sizeof(other.point));
        break;
    default:
        c->der[c->der_len - 1] ^= 1;
        break;
    }
}

static void random_signatures_are_judged_as_openssl_does(void)
{
    static const size_t digests[] = {32, 48, 64};
    for (size_t c = 0; c < CURVES; c++) {
        struct ecdsa e;
        ecdsa_init(&e, curves[c]);
        /* Every number of jobs, and every pattern of good and bad ones in turn. */
        for (size_t round = 0; round < 64; round++) {
            struct ecdsa_case cases[HF_MB_LANES];
            bool good[HF_MB_LANES];
            size_t count = 1 + round % HF_MB_LANES;
            for (size_t i = 0; i < count; i++) {
                if ((round + i) % 3 == 0) {
                    ecdsa_new_key(&e);
                }
                ecdsa_random_digest(&cases[i], digests[(round + i) % 3]);
                ecdsa_sign(&e, NULL, &cases[i]);
                good[i] = ((round * 37) >> i & 1) == 0;
                if (!good[i]) {
                    spoil(&e, &cases[i], round * 13 + i);
                }
            }
            HF_CHECK(ecdsa_compare(cases, good, count, &tally));
        }
        ecdsa_free(&e);
    }
}

static void no_acceptance_was_wrong(void)
{
    (void)printf("lanes %s: %zu held for both, %zu for OpenSSL alone, %zu for a lane alone\n",
                 hf_mb_state(), tally.both, tally.openssl_alone, tally.lane_alone);
    HF_CHECK(tally.lane_alone == 0);
    HF_CHECK((tally.both > 200) == hf_mb_available());
}

/* ---- odd jobs ----------------------------------------------------------------------------- */

static void jobs_in_another_form_are_left_to_openssl(void)
{
    struct ecdsa e;
    struct ecdsa_case c = {.kind = HF_KEY_P256};
    ecdsa_init(&e, HF_KEY_P256);
    ecdsa_random_digest(&c, 32);
    ecdsa_sign(&e, NULL, &c);
    struct hf_mb_job jobs[7];
    for (size_t i = 0; i < 7; i++) {
        jobs[i] = ecdsa_job(&c);
    }
    jobs[0].point = NULL;
    jobs[1].point_len = 33;
    jobs[2].digest_len = 0;
    jobs[3].digest = NULL;
    jobs[4].signature.len = 0;
    jobs[5].point_len = 97;
    hf_mb_verify(HF_KEY_P256, jobs, 7);
    for (size_t i = 0; i < 6; i++) {
        HF_CHECK(!jobs[i].held);
    }
    HF_CHECK(jobs[6].held == hf_mb_available());
    /* Compressed, and a kind of key that has no lanes. */
    c.point[0] = 0x02;
    jobs[6].held = true;
    hf_mb_verify(HF_KEY_P256, &jobs[6], 1);
    HF_CHECK(!jobs[6].held);
    c.point[0] = 0x04;
    static const enum hf_key_kind others[] = {HF_KEY_NONE, HF_KEY_P384, HF_KEY_P521, HF_KEY_RSA,
                                              HF_KEY_ED25519};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        jobs[6].held = true;
        hf_mb_verify(others[i], &jobs[6], 1);
        HF_CHECK(!jobs[6].held);
    }
    hf_mb_verify(HF_KEY_P256, jobs, 0);
    ecdsa_free(&e);
}

static void more_jobs_than_lanes_are_done_in_turns(void)
{
    struct ecdsa e;
    struct ecdsa_case cases[19];
    struct hf_mb_job jobs[19];
    ecdsa_init(&e, HF_KEY_P256);
    for (size_t i = 0; i < 19; i++) {
        cases[i].kind = HF_KEY_P256;
        ecdsa_random_digest(&cases[i], 32);
        ecdsa_sign(&e, NULL, &cases[i]);
        cases[i].digest[0] ^= i % 5 == 0 ? 1 : 0;
        jobs[i] = ecdsa_job(&cases[i]);
    }
    hf_mb_verify(HF_KEY_P256, jobs, 19);
    for (size_t i = 0; i < 19; i++) {
        HF_CHECK(jobs[i].held == (hf_mb_available() && i % 5 != 0));
    }
    ecdsa_free(&e);
}

HF_TESTS({"many threads may ask the first question", many_threads_may_ask_the_first_question},
         {"the state is what build and CPU say", the_state_is_what_build_and_cpu_say},
         {"lanes that are switched off say nothing", lanes_that_are_switched_off_say_nothing},
         {"a forked child has lanes, too", a_forked_child_has_lanes_too},
         {"the self-test tells honest lanes from lying ones",
          the_self_test_tells_honest_lanes_from_lying_ones},
         {"random signatures are judged as OpenSSL does",
          random_signatures_are_judged_as_openssl_does},
         {"no acceptance was wrong", no_acceptance_was_wrong},
         {"jobs in another form are left to OpenSSL", jobs_in_another_form_are_left_to_openssl},
         {"more jobs than lanes are done in turns", more_jobs_than_lanes_are_done_in_turns})
