/* SPDX-License-Identifier: Apache-2.0
 *
 * One listening socket ends while others go on (a drain, P6).
 */
#include <sys/socket.h>
#include <unistd.h>

#include "acceptor_kit.h"
#include "hf_test.h"
#include "sweep_kit.h"

static struct hf_accepted next_of(struct acc *acc, int outcome)
{
    struct hf_accepted item = acc_next(acc);
    HF_CHECK(item.outcome == outcome);
    return item;
}

/* Handshakes go on; the caller's socket goes on listening, for whoever else has it. */
static void a_closed_socket_keeps_what_is_under_way(void)
{
    struct acc acc;
    struct hf_accepted item;
    struct hf_conn *client;
    acc_open(&acc, acc_spec(2), NULL);
    int fd = acc_connect(&acc);
    HF_CHECK(acc_until_under_way(&acc, 1));
    HF_CHECK_OK(hf_acceptor_close_socket(acc.acceptor, 0, false));
    item = next_of(&acc, HF_ACCEPTED_CLOSED);
    HF_CHECK(item.count == 0 && item.conn == NULL && item.fd == -1 && item.code == HF_OK);
    HF_CHECK(hf_acceptor_under_way(acc.acceptor, 0) == 1);
    int late = acc_connect(&acc); /* by the system, for the socket that the caller still has */
    HF_CHECK_OK(acc_shake(acc.client, fd, &client));
    item = next_of(&acc, HF_ACCEPTED_READY);
    HF_CHECK(hf_acceptor_under_way(acc.acceptor, 0) == 0 && acc_is_empty(&acc));
    int taken = accept(acc.socket, NULL, NULL);
    HF_CHECK(taken >= 0);
    (void)close(taken);
    (void)close(late);
    acc_drop(&item);
    hf_conn_free(client);
    (void)close(fd);
    acc_close(&acc);
}

static void what_is_under_way_can_be_ended(void)
{
    struct acc acc;
    int silent[3];
    acc_open(&acc, acc_spec(2), NULL);
    for (size_t i = 0; i < 3; i++) {
        silent[i] = acc_connect(&acc);
        HF_CHECK(acc_until_under_way(&acc, i + 1));
    }
    HF_CHECK_OK(hf_acceptor_close_socket(acc.acceptor, 0, false));
    (void)next_of(&acc, HF_ACCEPTED_CLOSED);
    HF_CHECK_OK(hf_acceptor_close_socket(acc.acceptor, 0, true));
    for (size_t i = 0; i < 3; i++) {
        struct hf_accepted item = next_of(&acc, HF_ACCEPTED_ENDED);
        HF_CHECK(item.code == HF_E_DRAINED && item.conn == NULL && item.fd == -1);
        HF_CHECK(acc_hangs_up(silent[i]));
        (void)close(silent[i]);
    }
    HF_CHECK(acc_is_empty(&acc));
    HF_CHECK(hf_acceptor_under_way(acc.acceptor, 0) == 0);
    HF_CHECK_OK(hf_acceptor_close_socket(acc.acceptor, 0, true));
    acc_close(&acc);
}

/* Paused workers have it in no epoll, and let go of it all the same. */
static void a_paused_socket_closes(void)
{
    struct acc acc;
    acc_open(&acc, acc_spec(2), NULL);
    HF_CHECK_OK(hf_acceptor_pause(acc.acceptor, true));
    HF_CHECK_OK(hf_acceptor_close_socket(acc.acceptor, 0, true));
    (void)next_of(&acc, HF_ACCEPTED_CLOSED);
    HF_CHECK_OK(hf_acceptor_pause(acc.acceptor, false));
    HF_CHECK_OK(hf_acceptor_pause(acc.acceptor, true));
    HF_CHECK(acc_is_empty(&acc));
    acc_close(&acc);
}

/* Before there are threads, and after them; and a number that is none. */
static void it_closes_without_workers_too(void)
{
    struct acc acc;
    acc_make(&acc, acc_spec(2), NULL);
    HF_CHECK_CODE(hf_acceptor_close_socket(acc.acceptor, 1, false), HF_E_BAD_ARGUMENT);
    HF_CHECK_OK(hf_acceptor_close_socket(acc.acceptor, 0, false));
    (void)next_of(&acc, HF_ACCEPTED_CLOSED);
    HF_CHECK_OK(hf_acceptor_start(acc.acceptor));
    HF_CHECK_OK(hf_acceptor_stop(acc.acceptor));
    HF_CHECK_OK(hf_acceptor_close_socket(acc.acceptor, 0, false));
    HF_CHECK(acc_is_empty(&acc));
    acc_close(&acc);
}

/* Stopped at once after it: whoever was to say farewell may not have come to it. */
static void stopping_while_it_closes_leaves_nothing(void)
{
    size_t memory = hf_mem_live();
    size_t descriptors = sweep_descriptors();
    for (int round = 0; round < 20; round++) {
        struct acc acc;
        acc_open(&acc, acc_spec(4), NULL);
        HF_CHECK_OK(hf_acceptor_close_socket(acc.acceptor, 0, true));
        HF_CHECK_OK(hf_acceptor_stop(acc.acceptor));
        acc_close(&acc);
    }
    HF_CHECK(hf_mem_live() == memory && sweep_descriptors() == descriptors);
}

/* Its number is free for others at once, and no worker touches that. */
static void the_other_socket_goes_on(void)
{
    struct acc acc;
    struct hf_accepted item;
    struct hf_conn *client;
    acc_open_two(&acc, acc_spec(3));
    HF_CHECK_OK(hf_acceptor_close_socket(acc.acceptor, 1, false));
    item = next_of(&acc, HF_ACCEPTED_CLOSED);
    HF_CHECK(item.socket == 1);
    int others[8];
    for (size_t i = 0; i < 8; i++) {
        others[i] = acc_listen();
    }
    for (int i = 0; i < 5; i++) {
        HF_CHECK_OK(hf_acceptor_pause(acc.acceptor, true));
        HF_CHECK_OK(hf_acceptor_pause(acc.acceptor, false));
        int fd = acc_connect(&acc);
        HF_CHECK_OK(acc_shake(acc.client, fd, &client));
        item = next_of(&acc, HF_ACCEPTED_READY);
        HF_CHECK(item.socket == 0);
        acc_drop(&item);
        hf_conn_free(client);
        (void)close(fd);
    }
    for (size_t i = 0; i < 8; i++) {
        (void)close(others[i]);
    }
    acc_close(&acc);
}

/* D7: the farewell is made before anything is changed. */
static void no_memory_to_close(void)
{
    struct acc acc;
    acc_make(&acc, acc_spec(1), NULL);
    hf_mem_fail_at(1);
    hf_result r = hf_acceptor_close_socket(acc.acceptor, 0, false);
    hf_mem_fail_at(0);
    HF_CHECK_CODE(r, HF_E_OUT_OF_MEMORY);
    HF_CHECK(acc_is_empty(&acc));
    HF_CHECK_OK(hf_acceptor_close_socket(acc.acceptor, 0, false));
    (void)next_of(&acc, HF_ACCEPTED_CLOSED);
    acc_close(&acc);
}

HF_TESTS({"a closed socket keeps what is under way", a_closed_socket_keeps_what_is_under_way},
         {"what is under way can be ended", what_is_under_way_can_be_ended},
         {"a paused socket closes", a_paused_socket_closes},
         {"it closes without workers, too", it_closes_without_workers_too},
         {"stopping while it closes leaves nothing", stopping_while_it_closes_leaves_nothing},
         {"the other socket goes on", the_other_socket_goes_on},
         {"no memory to close", no_memory_to_close})
