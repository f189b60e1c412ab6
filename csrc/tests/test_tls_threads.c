/* SPDX-License-Identifier: Apache-2.0
 *
 * Many threads on the same configurations (D8), and two threads on one connection: one of them is
 * told so. Worth most under the thread sanitizer.
 */
#include <pthread.h>

#include "hf_test.h"
#include "tls_kit.h"

#define THREADS 4
#define HANDSHAKES 12

static struct hf_config *client_config;
static struct hf_config *server_config;

static void start(void)
{
    tls_good_configs(PKI_P256, &client_config, &server_config);
}

static void finish(void)
{
    hf_config_unref(client_config);
    hf_config_unref(server_config);
}

/* Counts its successes at the place it is given. */
static void *shake_hands(void *successes)
{
    int *count = successes;
    for (int i = 0; i < HANDSHAKES; i++) {
        struct tls_end one;
        struct tls_end other;
        struct hf_config *ours = hf_config_ref(client_config);
        struct hf_config *theirs = hf_config_ref(server_config);
        tls_end_conn(&one, ours);
        tls_end_conn(&other, theirs);
        hf_config_unref(ours);
        hf_config_unref(theirs);
        tls_drive(&one, &other, SIZE_MAX);
        *count += tls_talk(&one, &other) ? 1 : 0;
        tls_end_free(&one);
        tls_end_free(&other);
    }
    return NULL;
}

static void threads_share_configurations(void)
{
    pthread_t threads[THREADS];
    int successes[THREADS] = {0};
    start();
    for (int i = 0; i < THREADS; i++) {
        HF_CHECK(pthread_create(&threads[i], NULL, shake_hands, &successes[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        HF_CHECK(pthread_join(threads[i], NULL) == 0);
        HF_CHECK(successes[i] == HANDSHAKES);
    }
    finish();
}

#define STEPS 2000

struct intruder {
    struct hf_conn *conn;
    int wrong; /* neither done nor refused as busy */
};

static void *intrude(void *arg)
{
    struct intruder *in = arg;
    for (int i = 0; i < STEPS; i++) {
        uint8_t byte;
        size_t len;
        uint32_t want;
        hf_result r = hf_conn_read(in->conn, &byte, 1, &len, &want);
        in->wrong += r.code != HF_OK && r.code != HF_E_BUSY;
        r = hf_conn_write(in->conn, &byte, 0);
        in->wrong += r.code != HF_OK && r.code != HF_E_BUSY;
    }
    return NULL;
}

static void a_second_thread_is_refused_not_raced(void)
{
    pthread_t threads[2];
    struct intruder intruders[2] = {0};
    struct tls_end one;
    struct tls_end other;
    start();
    tls_end_conn(&one, client_config);
    tls_end_conn(&other, server_config);
    tls_drive(&one, &other, SIZE_MAX);
    for (int i = 0; i < 2; i++) {
        intruders[i].conn = one.conn;
        HF_CHECK(pthread_create(&threads[i], NULL, intrude, &intruders[i]) == 0);
    }
    for (int i = 0; i < 2; i++) {
        HF_CHECK(pthread_join(threads[i], NULL) == 0);
        HF_CHECK(intruders[i].wrong == 0);
    }
    HF_CHECK(tls_talk(&one, &other));
    tls_end_free(&one);
    tls_end_free(&other);
    finish();
}

HF_TESTS({"threads share configurations", threads_share_configurations},
         {"a second thread is refused, not raced", a_second_thread_is_refused_not_raced})
