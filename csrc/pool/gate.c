/* SPDX-License-Identifier: Apache-2.0
 *
 * gate.c - who is inside the pool, and a fork that waits for them.
 *
 * Threads pay two plain stores and a load. The one that forks pays the rest: membarrier(2) runs a
 * full barrier on every running thread of the process, so that afterwards each has either seen the
 * gate closed or is seen inside.
 */
#include "gate.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Thread_local struct gate_thread gate_self;
atomic_int gate_closed;

static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER; /* held while the gate is closed */
static struct gate_thread *threads;
static pthread_key_t thread_end;
static void (*leave_pool)(struct gate_thread *);

static bool barrier(int command)
{
    return syscall(SYS_membarrier, command, 0) == 0;
}

static void forget(struct gate_thread *self)
{
    if (self->previous != NULL) {
        self->previous->next = self->next;
    } else {
        threads = self->next;
    }
    if (self->next != NULL) {
        self->next->previous = self->previous;
    }
    self->known = false;
    self->next = NULL;
    self->previous = NULL;
}

/* Destructors of others may run after this one and come back to the pool: then the thread is known
 * again, and this runs again. */
static void at_thread_end(void *unused)
{
    (void)unused;
    struct gate_thread *self = gate_enter();
    leave_pool(self);
    self->heap = NULL;
    gate_leave(self);
    (void)pthread_mutex_lock(&threads_lock);
    forget(self);
    (void)pthread_mutex_unlock(&threads_lock);
}

void gate_enter_slowly(struct gate_thread *self)
{
    if (self->forking) {
        return; /* a handler of fork on the same thread */
    }
    atomic_store_explicit(&self->inside, 0, memory_order_release);
    /* Whoever holds this lock with the gate closed forks. */
    (void)pthread_mutex_lock(&threads_lock);
    /* Without memory for that, its end would leave the list a thread that is not there: it stays
     * out of it, and comes this way again. */
    if (!self->known && pthread_setspecific(thread_end, self) == 0) {
        self->known = true;
        self->previous = NULL;
        self->next = threads;
        if (threads != NULL) {
            threads->previous = self;
        }
        threads = self;
    }
    atomic_store_explicit(&self->inside, 1, memory_order_relaxed);
    (void)pthread_mutex_unlock(&threads_lock);
}

/* Every thread has seen the gate closed, or is seen inside. */
static void settle(void)
{
    struct timespec left = {.tv_nsec = 1000000};
    /* It worked at the start; but a process that was restored is not registered any more. */
    if (barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) ||
        (barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) &&
         barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))) {
        return;
    }
    /* Taken away meanwhile, by a sandbox: no processor keeps a store to itself for so long. */
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

static void before_fork(void)
{
    struct gate_thread *self = &gate_self;
    (void)pthread_mutex_lock(&threads_lock);
    self->forking = true;
    atomic_store_explicit(&gate_closed, 1, memory_order_seq_cst);
    settle();
    for (struct gate_thread *each = threads; each != NULL; each = each->next) {
        while (each != self && atomic_load_explicit(&each->inside, memory_order_acquire) != 0) {
            (void)sched_yield();
        }
    }
}

static void open_again(struct gate_thread *self)
{
    atomic_store_explicit(&gate_closed, 0, memory_order_release);
    self->forking = false;
    (void)pthread_mutex_unlock(&threads_lock);
}

static void after_fork_in_parent(void)
{
    open_again(&gate_self);
}

static void after_fork_in_child(void)
{
    /* The other threads are not here; their memory stays as it was, and whole. */
    struct gate_thread *self = &gate_self;
    threads = self->known ? self : NULL;
    self->next = NULL;
    self->previous = NULL;
    (void)barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
    open_again(self);
}

bool gate_start(void (*leave)(struct gate_thread *))
{
    leave_pool = leave;
    return barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) &&
           barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) &&
           pthread_key_create(&thread_end, at_thread_end) == 0 &&
           pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0;
}
