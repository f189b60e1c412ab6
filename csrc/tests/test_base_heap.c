/* SPDX-License-Identifier: Apache-2.0
 *
 * The allocator that the engine and its OpenSSL share: our own where the build has one (`make test`
 * builds with it), else the C library's. The tests hold for both.
 */
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/heap.h"
#include "base/mem.h"
#include "hf_test.h"
#include "x509/ossl.h"

#define BLOCKS 2000
#define WORKERS 3
#define FORKS 200

static bool is_own(void)
{
    return strcmp(hf_allocator(), "system") != 0;
}

/* P10: one allocator for both, and the process's own malloc left alone. */
static void blocks_come_from_where_it_says(void)
{
    HF_CHECK_OK(hf_library_init());
    void *ours = hf_mem_new(100);
    void *theirs = OPENSSL_malloc(100);
    FILE *everybodys = tmpfile(); /* the C library's, by malloc */
    HF_CHECK(ours != NULL && theirs != NULL && everybodys != NULL);
    HF_CHECK((hf_allocator_owns(ours) == 1) == is_own());
    HF_CHECK((hf_allocator_owns(theirs) == 1) == is_own());
    HF_CHECK(hf_allocator_owns(everybodys) == 0);
    hf_mem_free(ours);
    OPENSSL_free(theirs);
    (void)fclose(everybodys);
    /* Too late: there are blocks already. */
    HF_CHECK(hf_allocator_use_system() == (is_own() ? 0 : 1));
}

static void blocks_behave_like_the_c_librarys(void)
{
    uint8_t *block = hf_mem_new(16);
    for (size_t i = 0; i < 16; i++) {
        HF_CHECK(block[i] == 0);
        block[i] = (uint8_t)i;
    }
    block = hf_mem_grow(block, 100000);
    HF_CHECK(block != NULL && block[15] == 15);
    hf_mem_free(block);
    HF_CHECK(OPENSSL_malloc(0) == NULL);
    HF_CHECK(OPENSSL_realloc(OPENSSL_malloc(8), 0) == NULL);
    /* A sanitizer's allocator would end the test. */
    HF_CHECK(!is_own() || hf_mem_new(SIZE_MAX / 2) == NULL);
}

/* ---- threads and forks -------------------------------------------------------------------- */

static void *make_blocks(void *out)
{
    void **blocks = out;
    for (size_t i = 0; i < BLOCKS; i++) {
        blocks[i] = OPENSSL_zalloc(16 + i % 500);
    }
    return NULL;
}

/* A thread ends before its blocks do: they are freed elsewhere, and its memory is used again. */
static void blocks_outlive_their_thread(void)
{
    static void *blocks[BLOCKS];
    for (int round = 0; round < 50; round++) {
        pthread_t thread;
        HF_CHECK(pthread_create(&thread, NULL, make_blocks, blocks) == 0);
        HF_CHECK(pthread_join(thread, NULL) == 0);
        for (size_t i = 0; i < BLOCKS; i++) {
            HF_CHECK(blocks[i] != NULL);
            OPENSSL_free(blocks[i]);
        }
    }
}

static atomic_bool stop;
static _Atomic(void *) exchange; /* blocks are freed by another thread than their own, too */

static void *work(void *unused)
{
    (void)unused;
    for (size_t i = 0; !atomic_load(&stop); i++) {
        OPENSSL_free(atomic_exchange(&exchange, OPENSSL_malloc(1 + i % 3000)));
        hf_mem_free(hf_mem_new(1 + i % 200));
    }
    return NULL;
}

/* D9: whatever the other threads were doing in the allocator, a child can allocate, and its own new
 * threads can. (Sanitizers cannot do that with theirs: then nobody else is at work.) */
static void a_child_of_busy_threads_can_allocate(void)
{
    pthread_t threads[WORKERS], fresh;
    static void *blocks[BLOCKS];
    size_t workers = is_own() ? WORKERS : 0;
    for (size_t i = 0; i < workers; i++) {
        HF_CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
    }
    for (int i = 0; i < FORKS; i++) {
        pid_t child = fork();
        HF_CHECK(child >= 0);
        if (child == 0) {
            (void)alarm(60);
            OPENSSL_free(atomic_exchange(&exchange, NULL));
            make_blocks(blocks);
            bool good = pthread_create(&fresh, NULL, make_blocks, blocks) == 0 &&
                        pthread_join(fresh, NULL) == 0;
            for (size_t k = 0; k < BLOCKS; k++) {
                OPENSSL_free(blocks[k]);
            }
            _exit(good ? 7 : 1);
        }
        int status;
        HF_CHECK(waitpid(child, &status, 0) == child);
        HF_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < workers; i++) {
        HF_CHECK(pthread_join(threads[i], NULL) == 0);
    }
    OPENSSL_free(atomic_exchange(&exchange, NULL));
}

HF_TESTS({"blocks come from where it says", blocks_come_from_where_it_says},
         {"blocks behave like the C library's", blocks_behave_like_the_c_librarys},
         {"blocks outlive their thread", blocks_outlive_their_thread},
         {"a child of busy threads can allocate", a_child_of_busy_threads_can_allocate})
