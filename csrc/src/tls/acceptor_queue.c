/* SPDX-License-Identifier: Apache-2.0
 *
 * The queue between the workers and whoever takes connections.
 *
 * Its eventfd is written when something comes into an empty queue and read when the last of it was
 * taken, both under the lock: it is readable exactly while there is something.
 */
#ifdef __linux__
#include <sys/eventfd.h>
#include <unistd.h>

#include "tls/acceptor.h"
#include "tls/connection.h"

hf_result hf_queue_open(struct hf_acceptor_queue *queue, size_t sockets)
{
    const struct hf_error_row *table;
    queue->event = -1;
    atomic_init(&queue->ready, 0);
    HF_NEED(pthread_mutex_init(&queue->lock, NULL) == 0, HF_E_OUT_OF_MEMORY);
    queue->rows = hf_error_table(&table) + 1;
    queue->untold = hf_mem_new_array(sockets * queue->rows, sizeof(*queue->untold));
    HF_NEED_MEM(queue->untold);
    queue->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (queue->event < 0) {
        return hf_acceptor_failed("eventfd");
    }
    return hf_ok();
}

void hf_queue_close(struct hf_acceptor_queue *queue)
{
    while (queue->first != NULL) {
        struct hf_shake *shake = queue->first;
        queue->first = shake->newer;
        hf_shake_free(shake);
    }
    hf_mem_free(queue->untold);
    if (queue->event >= 0) {
        (void)close(queue->event);
    }
    (void)pthread_mutex_destroy(&queue->lock);
}

/* Under the lock. A count of 1 into a counter that cannot be full. */
static void signal_first(struct hf_acceptor_queue *queue)
{
    uint64_t one = 1;
    if (queue->first == NULL && queue->untold_total == 0) {
        ssize_t n = write(queue->event, &one, sizeof(one));
        (void)n;
    }
}

/* Under the lock. */
static void count_untold(struct hf_acceptor_queue *queue, uint32_t socket, int outcome,
                         uint32_t code)
{
    const struct hf_error_row *table;
    size_t codes = hf_error_table(&table);
    size_t row = 0; /* the first row is HF_E_INTERNAL */
    for (size_t i = 0; i < codes; i++) {
        row = table[i].code == code ? i : row;
    }
    row = outcome == HF_ACCEPTED_GAVE_WAY ? codes : row;
    signal_first(queue);
    queue->untold[socket * queue->rows + row]++;
    queue->untold_total++;
}

void hf_queue_put(struct hf_acceptor *acceptor, struct hf_shake *shake)
{
    struct hf_acceptor_queue *queue = &acceptor->queue;
    struct hf_shake *rest = NULL;
    (void)pthread_mutex_lock(&queue->lock);
    bool untold = shake->code != 0 && !shake->handed_in;
    if (untold && queue->failures >= HF_ACCEPTOR_FAILURES_MAX) {
        count_untold(queue, shake->socket, shake->outcome, shake->code);
        rest = shake;
    } else {
        /* Counted before it is told: whoever sees it finds that the queue is full. */
        if (shake->outcome == HF_ACCEPTED_READY) {
            atomic_fetch_add(&queue->ready, 1);
        }
        signal_first(queue);
        shake->newer = NULL;
        if (queue->first == NULL) {
            queue->first = shake;
        } else {
            queue->last->newer = shake;
        }
        queue->last = shake;
        queue->failures += untold ? 1 : 0;
    }
    (void)pthread_mutex_unlock(&queue->lock);
    hf_shake_free(rest);
}

void hf_queue_count(struct hf_acceptor *acceptor, uint32_t socket, uint32_t code)
{
    (void)pthread_mutex_lock(&acceptor->queue.lock);
    count_untold(&acceptor->queue, socket, HF_ACCEPTED_FAILED, code);
    (void)pthread_mutex_unlock(&acceptor->queue.lock);
}

/* Under the lock. */
static struct hf_shake *pop(struct hf_acceptor_queue *queue)
{
    struct hf_shake *shake = queue->first;
    if (shake == NULL) {
        return NULL;
    }
    queue->first = shake->newer;
    if (shake->outcome == HF_ACCEPTED_READY) {
        atomic_fetch_sub(&queue->ready, 1);
    }
    queue->failures -= shake->code != 0 && !shake->handed_in ? 1 : 0;
    return shake;
}

static void tell(struct hf_accepted *out, struct hf_shake *shake)
{
    *out = (struct hf_accepted){
        .conn = shake->handed_in ? NULL : shake->conn,
        .fd = shake->handed_in ? -1 : shake->fd,
        .outcome = shake->outcome,
        .code = shake->code,
        .system = shake->system,
        .socket = shake->socket,
        .count = shake->code == 0 && shake->outcome != HF_ACCEPTED_READY ? 0 : 1,
        .generation = shake->generation,
        .age_ms = hf_acceptor_now() - shake->began,
        .family = shake->remote.family,
        .port = shake->remote.port,
        .scope = shake->remote.scope,
    };
    (void)hf_mem_copy(out->address, sizeof(out->address), shake->remote.address,
                      sizeof(shake->remote.address));
    shake->conn = NULL;
    shake->fd = -1;
    hf_mem_free(shake);
}

/* Under the lock: the counts of failures that were too many to keep. */
static size_t tell_untold(struct hf_acceptor *acceptor, struct hf_accepted *out, size_t cap)
{
    struct hf_acceptor_queue *queue = &acceptor->queue;
    const struct hf_error_row *table;
    size_t codes = hf_error_table(&table);
    size_t told = 0;
    for (size_t i = 0; i < acceptor->socket_count * queue->rows && queue->untold_total != 0; i++) {
        uint64_t count = queue->untold[i];
        if (count == 0) {
            continue;
        }
        if (told == cap) {
            break;
        }
        size_t row = i % queue->rows;
        count = count < UINT32_MAX ? count : UINT32_MAX;
        queue->untold[i] -= count;
        queue->untold_total -= count;
        out[told++] = (struct hf_accepted){
            .fd = -1,
            .outcome = row == codes ? HF_ACCEPTED_GAVE_WAY : HF_ACCEPTED_FAILED,
            .code = row == codes ? HF_E_LIMIT : table[row].code,
            .socket = (uint32_t)(i / queue->rows),
            .count = (uint32_t)count,
        };
    }
    return told;
}

static size_t take(struct hf_acceptor *acceptor, struct hf_accepted *out, size_t cap)
{
    struct hf_acceptor_queue *queue = &acceptor->queue;
    size_t count = 0;
    uint64_t counter;
    (void)pthread_mutex_lock(&queue->lock);
    bool was_full = atomic_load(&queue->ready) >= acceptor->max_waiting;
    bool was_empty = queue->first == NULL && queue->untold_total == 0;
    while (count < cap && queue->first != NULL) {
        tell(&out[count++], pop(queue));
    }
    if (queue->first == NULL) {
        count += tell_untold(acceptor, out + count, cap - count);
    }
    if (!was_empty && queue->first == NULL && queue->untold_total == 0) {
        ssize_t n = read(queue->event, &counter, sizeof(counter));
        (void)n;
    }
    (void)pthread_mutex_unlock(&queue->lock);
    for (size_t i = 0; i < count; i++) {
        atomic_fetch_sub(&acceptor->sockets[out[i].socket].under_way, out[i].count);
    }
    if (was_full && atomic_load(&queue->ready) < acceptor->max_waiting) {
        for (uint32_t i = 0; i < acceptor->worker_count; i++) {
            hf_acceptor_wake(&acceptor->workers[i]);
        }
    }
    return count;
}

hf_result hf_acceptor_take(struct hf_acceptor *acceptor, struct hf_accepted *out, size_t cap,
                           size_t *count)
{
    HF_NEED_PTR(count);
    *count = 0;
    HF_TRY(hf_acceptor_need_here(acceptor));
    HF_NEED(out != NULL && cap != 0, HF_E_BAD_ARGUMENT);
    *count = take(acceptor, out, cap);
    return hf_ok();
}
#endif
