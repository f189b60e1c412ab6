/* SPDX-License-Identifier: Apache-2.0
 *
 * From accept(2) to a handshake that waits for its first byte, or not (D1, D2, P8): whose
 * configuration it gets, and what it gives back when it is turned away. The test is the worker.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "acceptor_kit.h"
#include "hf_test.h"
#include "tls/acceptor.h"

#define COMERS 6

static struct acc acc;
static int comers[COMERS];
static size_t comer_count;

static struct hf_acceptor_worker *worker(uint32_t index)
{
    return &acc.acceptor->workers[index];
}

static void start(struct hf_acceptor_spec spec)
{
    acc_make(&acc, spec, NULL);
    comer_count = 0;
}

/* On loopback whoever has connected can be accepted. */
static void comes_to(uint32_t index)
{
    comers[comer_count++] = acc_connect(&acc);
    hf_acceptor_accept(worker(index), 0);
}

static bool is_told(int outcome, uint32_t code)
{
    if (acc_is_empty(&acc)) {
        return false;
    }
    struct hf_accepted item = acc_next(&acc);
    bool right = item.outcome == outcome && item.code == code && item.conn == NULL;
    acc_drop(&item);
    return right && item.fd == -1 && item.count == 1;
}

static void finish(void)
{
    for (uint32_t i = 0; i < acc.acceptor->worker_count; i++) {
        while (hf_worker_give_way(worker(i))) {
            HF_CHECK(is_told(HF_ACCEPTED_GAVE_WAY, HF_E_LIMIT));
        }
    }
    HF_CHECK(acc_is_empty(&acc) && hf_acceptor_under_way(acc.acceptor, 0) == 0);
    for (size_t i = 0; i < comer_count; i++) {
        HF_CHECK(acc_hangs_up(comers[i]));
        (void)close(comers[i]);
    }
    acc_close(&acc);
}

/* The one of its number, round and round. */
static void each_worker_has_its_configuration(void)
{
    struct tls_who who;
    start(acc_spec(4));
    tls_who(&who, HF_ROLE_SERVER);
    struct hf_config *other = tls_config(&who);
    struct hf_config *const both[] = {acc.server, other};
    for (uint32_t count = 1; count <= 2; count++) {
        HF_CHECK_OK(hf_acceptor_configure(acc.acceptor, 0, both, count, 8 + count));
        for (uint32_t i = 0; i < (count == 1 ? 2 : 4); i++) {
            comes_to(i);
            const struct hf_shake *shake = worker(i)->oldest;
            HF_CHECK(shake != NULL && shake->conn->config == both[i % count]);
            HF_CHECK(shake != NULL && shake->generation == 8 + count);
            HF_CHECK(hf_worker_give_way(worker(i)));
            HF_CHECK(is_told(HF_ACCEPTED_GAVE_WAY, HF_E_LIMIT));
        }
    }
    hf_config_unref(other);
    finish();
}

/* Its share of an address is free again, whatever it was turned away for. */
static void who_is_turned_away_gives_its_place_back(void)
{
    struct hf_acceptor_spec spec = acc_spec(1);
    spec.max_per_source = 1;
    start(spec);
    acc_configure(&acc, NULL, 0);
    for (int i = 0; i < 2; i++) {
        comes_to(0);
        HF_CHECK(is_told(HF_ACCEPTED_NO_CONFIG, HF_E_CONFIG_INVALID));
    }
    acc_configure(&acc, acc.server, 1);
    hf_mem_fail_at(3); /* after the handshake's and the address's */
    comes_to(0);
    hf_mem_fail_at(0);
    HF_CHECK(is_told(HF_ACCEPTED_FAILED, HF_E_OUT_OF_MEMORY));
    comes_to(0);
    HF_CHECK(acc_is_empty(&acc) && worker(0)->oldest != NULL);
    comes_to(0);
    HF_CHECK(is_told(HF_ACCEPTED_CROWDED, HF_E_LIMIT));
    HF_CHECK(hf_acceptor_under_way(acc.acceptor, 0) == 1);
    finish();
}

/* Past the limit the oldest goes at once, and only then. */
static void the_newest_comes_in(void)
{
    struct hf_acceptor_spec spec = acc_spec(1);
    spec.max_handshakes = 2;
    start(spec);
    for (uint64_t i = 0; i < 4; i++) {
        comes_to(0);
        HF_CHECK(is_told(HF_ACCEPTED_GAVE_WAY, HF_E_LIMIT) == (i >= 2));
        HF_CHECK(worker(0)->newest != NULL && worker(0)->newest->number == i);
    }
    HF_CHECK(atomic_load(&acc.acceptor->handshakes) == 2);
    finish();
}

/* Its number may be another's by now. */
static void a_socket_that_was_left_is_not_asked(void)
{
    start(acc_spec(1));
    worker(0)->left = 1;
    comes_to(0);
    HF_CHECK(worker(0)->oldest == NULL && hf_acceptor_under_way(acc.acceptor, 0) == 0);
    worker(0)->left = 2; /* another one */
    hf_acceptor_accept(worker(0), 0);
    HF_CHECK(worker(0)->oldest != NULL);
    finish();
}

/* No epoll takes a device that has no events: that is the system's failure, and its reason. */
static void what_cannot_be_waited_for_is_told(void)
{
    start(acc_spec(1));
    struct hf_shake *shake = hf_mem_new(sizeof(*shake));
    HF_CHECK(shake != NULL);
    shake->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    shake->began = hf_acceptor_now();
    atomic_fetch_add(&acc.acceptor->sockets[0].under_way, 1);
    hf_worker_begin(worker(0), shake);
    HF_CHECK(worker(0)->oldest == NULL && atomic_load(&acc.acceptor->handshakes) == 0);
    struct hf_accepted item = acc_next(&acc);
    HF_CHECK(item.outcome == HF_ACCEPTED_FAILED && item.code == HF_E_IO && item.system == EPERM);
    HF_CHECK(item.fd == -1 && item.conn == NULL && item.count == 1);
    finish();
}

static void nothing_is_left(void)
{
    HF_CHECK(hf_mem_live() == 0);
}

HF_TESTS({"each worker has its configuration", each_worker_has_its_configuration},
         {"who is turned away gives its place back", who_is_turned_away_gives_its_place_back},
         {"the newest comes in", the_newest_comes_in},
         {"a socket that was left is not asked", a_socket_that_was_left_is_not_asked},
         {"what cannot be waited for is told", what_cannot_be_waited_for_is_told},
         {"nothing is left", nothing_is_left})
