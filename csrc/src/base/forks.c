/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of what is told about forks. No lock but that of the list is held across one.
 */
#include "base/forks.h"

#include <pthread.h>

#include "base/heap.h"

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct hf_fork_watch *list;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int handlers = -1;

static void before_fork(void)
{
    (void)pthread_mutex_lock(&list_lock);
    for (struct hf_fork_watch *watch = list; watch != NULL; watch = watch->next) {
        watch->before(watch);
    }
}

static void after_fork_parent(void)
{
    for (struct hf_fork_watch *watch = list; watch != NULL; watch = watch->next) {
        watch->in_parent(watch);
    }
    (void)pthread_mutex_unlock(&list_lock);
}

static void after_fork_child(void)
{
    for (struct hf_fork_watch *watch = list; watch != NULL; watch = watch->next) {
        watch->in_child(watch);
    }
    (void)pthread_mutex_unlock(&list_lock);
}

static void take_handlers(void)
{
    /* The allocator's handlers first: the latest to register are the first to run, and whoever is
     * waited for here may need memory. */
    (void)hf_heap_is_own();
    handlers = pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

hf_result hf_fork_watch_begin(struct hf_fork_watch *watch)
{
    HF_NEED(pthread_once(&once, take_handlers) == 0 && handlers == 0, HF_E_OUT_OF_MEMORY);
    (void)pthread_mutex_lock(&list_lock);
    watch->next = list;
    watch->link = &list;
    if (list != NULL) {
        list->link = &watch->next;
    }
    list = watch;
    (void)pthread_mutex_unlock(&list_lock);
    return hf_ok();
}

void hf_fork_watch_end(struct hf_fork_watch *watch)
{
    (void)pthread_mutex_lock(&list_lock);
    *watch->link = watch->next;
    if (watch->next != NULL) {
        watch->next->link = watch->link;
    }
    (void)pthread_mutex_unlock(&list_lock);
}

void hf_fork_hold(void)
{
    (void)pthread_mutex_lock(&list_lock);
}

bool hf_fork_try_hold(void)
{
    return pthread_mutex_trylock(&list_lock) == 0;
}

void hf_fork_release(void)
{
    (void)pthread_mutex_unlock(&list_lock);
}
