/* SPDX-License-Identifier: Apache-2.0
 *
 * Who gives way: the oldest handshake of all workers (D1, D10). A good peer needs two round trips,
 * so with many under way the oldest one is stalling.
 */
#ifdef __linux__
#include "tls/acceptor.h"

/* Milliseconds without accepting when the system is short of something, so that a worker does not
 * spin: when another one was asked to free it, and when nobody can. */
#define MOMENT 2
#define QUIET 100

/* Whose oldest one is the oldest of all; NULL: nothing is under way. */
static struct hf_acceptor_worker *with_the_oldest(struct hf_acceptor *acceptor)
{
    struct hf_acceptor_worker *found = NULL;
    uint64_t oldest = UINT64_MAX;
    for (uint32_t i = 0; i < acceptor->worker_count; i++) {
        uint64_t number = atomic_load(&acceptor->workers[i].oldest_number);
        if (number < oldest) {
            oldest = number;
            found = &acceptor->workers[i];
        }
    }
    return found;
}

void hf_acceptor_make_room(struct hf_acceptor_worker *worker)
{
    struct hf_acceptor *acceptor = worker->acceptor;
    if (atomic_load(&acceptor->handshakes) <= acceptor->max_handshakes) {
        return;
    }
    struct hf_acceptor_worker *victim = with_the_oldest(acceptor);
    if (victim == worker) {
        (void)hf_worker_give_way(worker);
    } else if (victim != NULL) {
        atomic_fetch_add(&victim->asked_for_room, 1);
        hf_acceptor_wake(victim);
    }
}

void hf_acceptor_free_descriptor(struct hf_acceptor_worker *worker)
{
    struct hf_acceptor_worker *victim = with_the_oldest(worker->acceptor);
    if (victim == worker) {
        (void)hf_worker_give_way(worker);
        return;
    }
    worker->quiet_until = hf_acceptor_now() + (victim == NULL ? QUIET : MOMENT);
    if (victim != NULL) {
        /* Once is enough until it has looked. */
        atomic_store(&victim->asked_for_descriptors, 1);
        hf_acceptor_wake(victim);
    }
}

void hf_worker_rest(struct hf_acceptor_worker *worker)
{
    worker->quiet_until = hf_acceptor_now() + MOMENT;
}

void hf_worker_give_way_as_asked(struct hf_acceptor_worker *worker)
{
    /* What was the oldest of all may be gone since: whoever asks several times in a row must not
     * end newer ones here while there are older ones there. */
    unsigned asked = atomic_exchange(&worker->asked_for_room, 0);
    while (asked-- > 0) {
        hf_acceptor_make_room(worker);
    }
    if (atomic_exchange(&worker->asked_for_descriptors, 0) != 0) {
        (void)hf_worker_give_way(worker);
    }
}
#endif
