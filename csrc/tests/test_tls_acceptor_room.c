/* SPDX-License-Identifier: Apache-2.0
 *
 * Who gives way (D1, D10), one call at a time: workers are no threads here, so that what one asks
 * of another stays where it was put.
 */
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "acceptor_kit.h"
#include "hf_test.h"
#include "tls/acceptor.h"

#define WORKERS 3
#define LIMIT 2

static struct acc acc;
static uint64_t numbers;

static struct hf_acceptor_worker *worker(uint32_t index)
{
    return &acc.acceptor->workers[index];
}

static void start(void)
{
    const int none = HF_ACCEPTOR_NO_SOCKET;
    struct hf_acceptor_spec spec = acc_spec(WORKERS);
    spec.sockets = &none;
    spec.socket_count = 1;
    spec.max_handshakes = LIMIT;
    HF_CHECK_OK(hf_acceptor_new(&spec, &acc.acceptor));
    numbers = 0;
}

static void finish(void)
{
    for (uint32_t i = 0; i < WORKERS; i++) {
        while (hf_worker_give_way(worker(i))) {
        }
    }
    while (!acc_is_empty(&acc)) {
        struct hf_accepted item = acc_next(&acc);
        acc_drop(&item);
    }
    hf_acceptor_free(acc.acceptor);
}

/* The next handshake is this worker's; its number comes back as a generation. */
static void begin(uint32_t index)
{
    int pair[2];
    struct hf_shake *shake = hf_mem_new(sizeof(*shake));
    HF_CHECK(shake != NULL && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    (void)close(pair[1]);
    shake->fd = pair[0];
    shake->generation = shake->number = numbers++;
    atomic_fetch_add(&acc.acceptor->sockets[0].under_way, 1);
    hf_worker_begin(worker(index), shake);
}

static bool gave_way(uint64_t number)
{
    if (acc_is_empty(&acc)) {
        return false;
    }
    struct hf_accepted item = acc_next(&acc);
    return item.outcome == HF_ACCEPTED_GAVE_WAY && item.code == HF_E_LIMIT &&
           item.generation == number;
}

static bool is_awake(uint32_t index)
{
    struct pollfd poll_fd = {.fd = worker(index)->wake, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

/* Only one worker is awake, and asked for so much. */
static void check_asked(uint32_t index, unsigned room, unsigned descriptors)
{
    for (uint32_t i = 0; i < WORKERS; i++) {
        HF_CHECK(is_awake(i) == (i == index));
        HF_CHECK(atomic_load(&worker(i)->asked_for_room) == (i == index ? room : 0));
        HF_CHECK(atomic_load(&worker(i)->asked_for_descriptors) == (i == index ? descriptors : 0));
    }
}

static void up_to_the_limit_nobody_does(void)
{
    start();
    hf_acceptor_make_room(worker(0));
    begin(0);
    begin(1);
    hf_acceptor_make_room(worker(0));
    hf_acceptor_make_room(worker(1));
    HF_CHECK(acc_is_empty(&acc));
    check_asked(WORKERS, 0, 0);
    finish();
}

/* Whichever worker has it: at once when it is the one that is past the limit. */
static void the_oldest_of_all_does(void)
{
    for (uint32_t oldest = 0; oldest < WORKERS; oldest++) {
        for (uint32_t newest = 0; newest < WORKERS; newest++) {
            start();
            begin(oldest);
            for (uint32_t i = 0; i < WORKERS; i++) {
                if (i != oldest) {
                    begin(i);
                }
            }
            hf_acceptor_make_room(worker(newest));
            if (newest != oldest) {
                HF_CHECK(acc_is_empty(&acc));
                check_asked(oldest, 1, 0);
                hf_worker_give_way_as_asked(worker(oldest));
                HF_CHECK(atomic_load(&worker(oldest)->asked_for_room) == 0);
            } else {
                check_asked(WORKERS, 0, 0);
            }
            HF_CHECK(gave_way(0) && acc_is_empty(&acc));
            HF_CHECK(atomic_load(&acc.acceptor->handshakes) == LIMIT);
            finish();
        }
    }
}

/* Each time that somebody came who was too many; but no more than are too many. */
static void as_often_as_it_is_asked(void)
{
    for (uint64_t asked = 0; asked <= 4; asked++) {
        start();
        for (uint64_t i = 0; i < LIMIT + 3; i++) {
            begin(1);
        }
        for (uint64_t i = 0; i < asked; i++) {
            hf_acceptor_make_room(worker(0));
        }
        check_asked(asked == 0 ? WORKERS : 1, (unsigned)asked, 0);
        hf_worker_give_way_as_asked(worker(1));
        for (uint64_t i = 0; i < asked && i < 3; i++) {
            HF_CHECK(gave_way(i));
        }
        HF_CHECK(acc_is_empty(&acc));
        finish();
    }
}

/* Who is asked may have nothing older than another any more, who is asked in turn. */
static void who_has_an_older_one_is_asked_in_turn(void)
{
    start();
    begin(0);
    begin(1);
    begin(1);
    hf_acceptor_make_room(worker(1));
    check_asked(0, 1, 0);
    HF_CHECK(hf_worker_give_way(worker(0)) && gave_way(0));
    begin(2);
    hf_worker_give_way_as_asked(worker(0));
    HF_CHECK(acc_is_empty(&acc));
    HF_CHECK(atomic_load(&worker(1)->asked_for_room) == 1 && is_awake(1));
    finish();
}

/* D10: for want of descriptors somebody goes however few they are; whoever asked another rests for
 * a moment meanwhile, and for longer when there is nobody. */
static void for_a_descriptor_too(void)
{
    start();
    int64_t began = hf_acceptor_now();
    hf_acceptor_free_descriptor(worker(0));
    HF_CHECK(worker(0)->quiet_until >= began + 100);
    HF_CHECK(worker(0)->quiet_until <= hf_acceptor_now() + 100);
    check_asked(WORKERS, 0, 0);
    begin(1);
    began = hf_acceptor_now();
    hf_acceptor_free_descriptor(worker(0));
    hf_acceptor_free_descriptor(worker(0));
    HF_CHECK(worker(0)->quiet_until >= began + 2);
    HF_CHECK(worker(0)->quiet_until <= hf_acceptor_now() + 2);
    HF_CHECK(acc_is_empty(&acc));
    check_asked(1, 0, 1);
    hf_worker_give_way_as_asked(worker(1));
    HF_CHECK(gave_way(0) && acc_is_empty(&acc));
    HF_CHECK(atomic_load(&worker(1)->asked_for_descriptors) == 0);
    begin(1);
    hf_acceptor_free_descriptor(worker(1));
    HF_CHECK(gave_way(1) && worker(1)->quiet_until == 0);
    finish();
}

static void a_rest_is_a_moment(void)
{
    start();
    int64_t began = hf_acceptor_now();
    hf_worker_rest(worker(0));
    HF_CHECK(worker(0)->quiet_until >= began + 2);
    HF_CHECK(worker(0)->quiet_until <= hf_acceptor_now() + 2);
    finish();
}

HF_TESTS({"up to the limit nobody does", up_to_the_limit_nobody_does},
         {"the oldest of all does", the_oldest_of_all_does},
         {"as often as it is asked", as_often_as_it_is_asked},
         {"who has an older one is asked in turn", who_has_an_older_one_is_asked_in_turn},
         {"for a descriptor, too", for_a_descriptor_too},
         {"a rest is a moment", a_rest_is_a_moment})
