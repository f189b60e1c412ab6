/* SPDX-License-Identifier: Apache-2.0
 *
 * D9: a fork waits for who is inside the pool also where membarrier(2), which told so at the start,
 * tells nothing any more. The gate is linked from here, in the place of the pool's own, with a
 * kernel that says what a test wants.
 */
#include <errno.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "hf_test.h"

static long kernel(long number, int command, int flags);
static int wait_a_while(const struct timespec *time, struct timespec *left);
static int set_end(pthread_key_t key, const void *value);

#define syscall kernel
#define nanosleep wait_a_while
#define pthread_setspecific set_end
#include "pool/gate.c"
#undef syscall
#undef nanosleep
#undef pthread_setspecific

static bool denied;     /* a sandbox takes membarrier away */
static bool registered; /* for the expedited one */
static bool no_memory;
static int waits;

static long kernel(long number, int command, int flags)
{
    HF_CHECK(number == SYS_membarrier && flags == 0);
    if (!denied && command == MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) {
        registered = true;
    }
    return denied || !registered ? -1 : 0;
}

static int set_end(pthread_key_t key, const void *value)
{
    return no_memory ? ENOMEM : pthread_setspecific(key, value);
}

/* ---- forks -------------------------------------------------------------------------------- */

static struct gate_thread late; /* inside, which nobody has seen yet */
static atomic_bool gone;

static void *go(void *unused)
{
    (void)unused;
    atomic_store(&gone, true);
    gate_leave(&late);
    return NULL;
}

static int wait_a_while(const struct timespec *time, struct timespec *left)
{
    pthread_t thread;
    (void)left;
    HF_CHECK(time->tv_sec == 0 && time->tv_nsec == 1000000);
    if (++waits == 1) {
        errno = EINTR; /* a signal: not long enough */
        return -1;
    }
    atomic_store(&late.inside, 1);
    HF_CHECK(pthread_create(&thread, NULL, go, NULL) == 0 && pthread_detach(thread) == 0);
    return 0;
}

static void fork_beside_who_is_late(void)
{
    struct gate_thread *before = threads;
    waits = 0;
    atomic_store(&gone, false);
    late.next = before;
    threads = &late;
    before_fork();
    threads = before;
    HF_CHECK(atomic_load(&gate_closed) == 1 && atomic_load(&late.inside) == 0);
    after_fork_in_parent();
    HF_CHECK(atomic_load(&gate_closed) == 0);
}

static void a_kernel_that_answers_is_enough(void)
{
    denied = false;
    registered = true;
    fork_beside_who_is_late();
    HF_CHECK(waits == 0);
}

static void a_restored_process_registers_again(void)
{
    denied = false;
    registered = false;
    fork_beside_who_is_late();
    HF_CHECK(waits == 0 && registered);
}

static void without_an_answer_the_fork_waits(void)
{
    denied = true;
    fork_beside_who_is_late();
    HF_CHECK(waits == 2 && atomic_load(&gone));
    denied = false;
}

/* ---- threads ------------------------------------------------------------------------------ */

static void leave_nothing(struct gate_thread *self)
{
    (void)self;
}

static void *enter_twice(void *seen)
{
    bool *known = seen;
    no_memory = true;
    gate_leave(gate_enter());
    known[0] = gate_self.known || threads == &gate_self;
    no_memory = false;
    gate_leave(gate_enter());
    known[1] = gate_self.known && threads == &gate_self;
    return NULL;
}

/* D7: a thread whose end nobody will tell is never in the list, where it would outlive itself. */
static void a_thread_without_an_end_is_not_listed(void)
{
    bool known[2] = {true, false};
    pthread_t thread;
    HF_CHECK(gate_start(leave_nothing));
    HF_CHECK(pthread_create(&thread, NULL, enter_twice, known) == 0);
    HF_CHECK(pthread_join(thread, NULL) == 0);
    HF_CHECK(!known[0] && known[1]);
    HF_CHECK(threads == NULL || threads == &gate_self);
}

HF_TESTS({"a kernel that answers is enough", a_kernel_that_answers_is_enough},
         {"a restored process registers again", a_restored_process_registers_again},
         {"without an answer the fork waits", without_an_answer_the_fork_waits},
         {"a thread without an end is not listed", a_thread_without_an_end_is_not_listed})
