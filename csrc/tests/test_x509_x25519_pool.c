/* SPDX-License-Identifier: Apache-2.0
 *
 * X25519 keys made ahead: no two owners of a key ever, in threads, processes and time, whatever the
 * system refuses. madvise() is this program's, so that it can refuse, lie, and tell where the pool
 * lies.
 */
#include <errno.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "handfast_cache.h"
#include "handfast_lanes.h"
#include "hf_test.h"
#include "x25519_kit.h"
#include "x509/x25519_pool.h"

#ifdef HF_OPENSSL_PINNED

#define WIPE_ON_FORK 18 /* MADV_WIPEONFORK, also where the C library's headers are older */
#define PAGE 4096

enum kernel { HONEST, REFUSES, LIES };
static enum kernel kernel;
static _Thread_local const uint8_t *pool_at;

int madvise(void *at, size_t len, int advice)
{
    if (advice == WIPE_ON_FORK) {
        if (kernel == REFUSES) {
            errno = EINVAL;
            return -1;
        }
        pool_at = at;
        if (kernel == LIES) {
            return 0;
        }
    }
    return (int)syscall(SYS_madvise, at, len, advice);
}

struct pair {
    uint8_t private_key[32];
    uint8_t public_key[32];
};

static bool take(struct pair *out)
{
    uint8_t expected[32];
    return hf_x25519_take(out->private_key, out->public_key) &&
           hf_x25519_public(expected, out->private_key) &&
           hf_mem_equal(expected, 32, out->public_key, 32);
}

static int by_public_key(const void *a, const void *b)
{
    return hf_mem_compare(((const struct pair *)a)->public_key, 32,
                          ((const struct pair *)b)->public_key, 32);
}

static size_t count_twins(struct pair *pairs, size_t count)
{
    size_t twins = 0;
    qsort(pairs, count, sizeof(*pairs), by_public_key);
    for (size_t i = 1; i < count; i++) {
        twins += by_public_key(&pairs[i - 1], &pairs[i]) == 0 ? 1 : 0;
    }
    return twins;
}

/* What a pool of seven has after one was taken from it at a standing clock. */
static size_t all_but_one(void)
{
    return hf_x25519_lanes_available() ? 7 : 0;
}

/* ---- one thread --------------------------------------------------------------------------- */

static void every_key_is_right_and_new(void)
{
    static struct pair pairs[4000];
    size_t good = 0;
    for (size_t i = 0; i < 4000; i++) {
        good += take(&pairs[i]) ? 1 : 0;
    }
    HF_CHECK(good == 4000 && count_twins(pairs, 4000) == 0);
}

static bool is_in_pool(const uint8_t secret[32])
{
    bool found = false;
    for (size_t i = 0; pool_at != NULL && i + 32 <= PAGE; i += 8) {
        found |= hf_mem_equal(pool_at + i, 32, secret, 32);
    }
    return found;
}

static void what_is_handed_out_is_not_kept(void)
{
    struct pair pair;
    hf_clock_monotonic_set(1000);
    HF_CHECK(take(&pair));
    size_t left = hf_x25519_ahead();
    HF_CHECK(left == all_but_one());
    for (size_t i = 0; i < 20; i++) {
        HF_CHECK(take(&pair) && !is_in_pool(pair.private_key));
        left = left == 0 ? all_but_one() : left - 1;
        HF_CHECK(hf_x25519_ahead() == left);
    }
    /* The test can find one: a copy of what is still in there. */
    if (pool_at != NULL && left > 0) {
        uint8_t kept[32];
        (void)hf_mem_copy(kept, 32, pool_at + 16, 32);
        HF_CHECK(is_in_pool(kept));
    }
    hf_clock_monotonic_reset();
}

static void keys_of_another_second_are_wiped(void)
{
    static const int64_t times[] = {2001, 2002, 2500, 2499, 0, INT64_MAX - 1};
    struct pair pair;
    hf_clock_monotonic_set(2000);
    HF_CHECK(take(&pair) && hf_x25519_ahead() == all_but_one());
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        uint8_t old[512] = {0};
        if (pool_at != NULL) {
            (void)hf_mem_copy(old, sizeof(old), pool_at + 16, sizeof(old));
        }
        hf_clock_monotonic_set(times[i]);
        HF_CHECK(take(&pair) && hf_x25519_ahead() == all_but_one());
        for (size_t k = 0; pool_at != NULL && k < 7; k++) {
            HF_CHECK(!hf_mem_equal(pair.private_key, 32, old + 32 * k, 32));
            HF_CHECK(!is_in_pool(old + 32 * k));
        }
    }
    hf_clock_monotonic_reset();
}

static void lanes_switched_off_make_nothing_ahead(void)
{
    struct pair pair;
    HF_CHECK(take(&pair));
    size_t left = hf_x25519_ahead();
    hf_mb_allow(false);
    for (size_t i = 0; i < 10; i++) {
        HF_CHECK(take(&pair) && hf_x25519_ahead() == left);
    }
    hf_mb_allow(true);
}

/* ---- threads ------------------------------------------------------------------------------ */

#define THREADS 4
#define EACH 1000

struct taker {
    pthread_t thread;
    const uint8_t *pool;
    size_t good;
    struct pair pairs[EACH];
};

static void *take_many(void *argument)
{
    struct taker *taker = argument;
    for (size_t i = 0; i < EACH; i++) {
        taker->good += take(&taker->pairs[i]) ? 1 : 0;
    }
    taker->pool = pool_at;
    return NULL;
}

/* Also what the thread sanitizer looks at. */
static void threads_share_no_keys(void)
{
    static struct taker takers[THREADS];
    static struct pair pairs[THREADS * EACH];
    for (size_t i = 0; i < THREADS; i++) {
        HF_CHECK(pthread_create(&takers[i].thread, NULL, take_many, &takers[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        HF_CHECK(pthread_join(takers[i].thread, NULL) == 0 && takers[i].good == EACH);
        (void)hf_mem_copy(pairs + i * EACH, sizeof(takers[i].pairs), takers[i].pairs,
                          sizeof(takers[i].pairs));
    }
    HF_CHECK(count_twins(pairs, THREADS * EACH) == 0);
}

static void *leave_some(void *argument)
{
    struct taker *taker = argument;
    hf_clock_monotonic_set(5);
    taker->good = take(&taker->pairs[0]) && hf_x25519_ahead() == all_but_one() ? 1 : 0;
    taker->pool = pool_at;
    /* The first 32 bytes of what is left, to be looked for afterwards. */
    if (taker->pool != NULL) {
        (void)hf_mem_copy(taker->pairs[1].private_key, 32, taker->pool + 16, 32);
    }
    return NULL;
}

/* Its page is gone, or it is somebody else's and has nothing of it. */
static void a_thread_that_ends_leaves_none(void)
{
    static struct taker taker;
    uint8_t page[PAGE] = {0};
    int pipes[2];
    HF_CHECK(pthread_create(&taker.thread, NULL, leave_some, &taker) == 0);
    HF_CHECK(pthread_join(taker.thread, NULL) == 0 && taker.good == 1);
    hf_clock_monotonic_reset();
    HF_CHECK(pipe(pipes) == 0);
    if (taker.pool != NULL && write(pipes[1], taker.pool, PAGE) == PAGE) {
        HF_CHECK(read(pipes[0], page, PAGE) == PAGE);
    }
    for (size_t i = 0; i + 32 <= PAGE; i++) {
        HF_CHECK(taker.pool == NULL || !hf_mem_equal(page + i, 32, taker.pairs[1].private_key, 32));
    }
    (void)close(pipes[0]);
    (void)close(pipes[1]);
}

/* ---- forks -------------------------------------------------------------------------------- */

/* What a child of this process takes first; false when there was none. */
static bool child_takes(struct pair *out)
{
    int pipes[2];
    int status = -1;
    if (pipe(pipes) != 0) {
        return false;
    }
    pid_t child = fork();
    if (child == 0) {
        struct pair pair;
        bool good = take(&pair) && write(pipes[1], &pair, sizeof(pair)) == sizeof(pair);
        _exit(good ? 0 : 1);
    }
    bool good = child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
                WEXITSTATUS(status) == 0 && read(pipes[0], out, sizeof(*out)) == sizeof(*out);
    (void)close(pipes[0]);
    (void)close(pipes[1]);
    return good;
}

/* `count` forks of a process with a filled pool, and all keys of parent and children compared. */
static size_t twins_of_forks(size_t count)
{
    static struct pair pairs[2 * 1000];
    size_t good = 0;
    for (size_t i = 0; i < count; i++) {
        good += child_takes(&pairs[2 * i]) ? 1 : 0;
        good += take(&pairs[2 * i + 1]) ? 1 : 0;
    }
    HF_CHECK(good == 2 * count);
    return count_twins(pairs, 2 * count);
}

/* D9 */
static void a_thousand_forks_share_no_keys(void)
{
    struct pair pair;
    hf_clock_monotonic_set(10);
    HF_CHECK(take(&pair));
    HF_CHECK(hf_x25519_ahead() == all_but_one());
    HF_CHECK(twins_of_forks(1000) == 0);
    hf_clock_monotonic_reset();
}

static atomic_size_t twins;
static atomic_size_t ahead;

static void *fork_some(void *unused)
{
    struct pair pair;
    (void)unused;
    HF_CHECK(take(&pair));
    atomic_store(&ahead, hf_x25519_ahead());
    atomic_store(&twins, twins_of_forks(20));
    return NULL;
}

/* In a thread of its own, whose pool is yet to be made. */
static void fork_under(enum kernel kind)
{
    pthread_t thread;
    kernel = kind;
    HF_CHECK(pthread_create(&thread, NULL, fork_some, NULL) == 0);
    HF_CHECK(pthread_join(thread, NULL) == 0);
    kernel = HONEST;
}

/* The control: without the kernel's help the same test sees keys twice. */
static void forks_would_share_keys_that_are_not_wiped(void)
{
    hf_clock_monotonic_set(20);
    fork_under(LIES);
    HF_CHECK((atomic_load(&twins) > 0) == hf_x25519_lanes_available());
    hf_clock_monotonic_reset();
}

static void nothing_is_made_ahead_where_it_would_not_be_wiped(void)
{
    hf_clock_monotonic_set(30);
    fork_under(REFUSES);
    HF_CHECK(atomic_load(&ahead) == 0 && atomic_load(&twins) == 0);
    hf_clock_monotonic_reset();
}

/* ---- no random bytes ---------------------------------------------------------------------- */

/* In a child, which loses its generator. */
static void without_random_bytes_there_is_no_key(void)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        uint8_t byte;
        struct pair pair;
        EVP_RAND *dry = EVP_RAND_fetch(hf_ossl_ctx(), "TEST-RAND", NULL);
        EVP_RAND_CTX *generator = EVP_RAND_CTX_new(dry, NULL);
        bool is_dry = RAND_set0_private(hf_ossl_ctx(), generator) == 1 &&
                      RAND_priv_bytes_ex(hf_ossl_ctx(), &byte, 1, 0) != 1;
        bool none = !hf_x25519_take(pair.private_key, pair.public_key) && hf_x25519_ahead() == 0 &&
                    x25519_made(NULL) == NULL;
        _exit(is_dry && none ? 0 : 1);
    }
    HF_CHECK(child > 0 && waitpid(child, &status, 0) == child);
    HF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

HF_TESTS({"every key is right and new", every_key_is_right_and_new},
         {"what is handed out is not kept", what_is_handed_out_is_not_kept},
         {"keys of another second are wiped", keys_of_another_second_are_wiped},
         {"lanes switched off make nothing ahead", lanes_switched_off_make_nothing_ahead},
         {"threads share no keys", threads_share_no_keys},
         {"a thread that ends leaves none", a_thread_that_ends_leaves_none},
         {"a thousand forks share no keys", a_thousand_forks_share_no_keys},
         {"forks would share keys that are not wiped", forks_would_share_keys_that_are_not_wiped},
         {"nothing is made ahead where it would not be wiped",
          nothing_is_made_ahead_where_it_would_not_be_wiped},
         {"without random bytes there is no key", without_random_bytes_there_is_no_key})

#else

static void a_system_s_openssl_makes_its_keys_itself(void)
{
    uint8_t parts[2][32];
    HF_CHECK(!hf_x25519_lanes_available());
    HF_CHECK(!hf_x25519_take(parts[0], parts[1]) && hf_x25519_ahead() == 0);
    EVP_PKEY *key = x25519_made(NULL);
    HF_CHECK(key != NULL);
    EVP_PKEY_free(key);
}

HF_TESTS({"a system's OpenSSL makes its keys itself", a_system_s_openssl_makes_its_keys_itself})

#endif
