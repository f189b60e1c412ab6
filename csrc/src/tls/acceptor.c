/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of an acceptor: made, configured, started, stopped, freed.
 */
#ifdef __linux__
#include "tls/acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* What a verdict takes, with room for sanitizers. Only pages that are touched cost memory. */
#define STACK_SIZE ((size_t)1 << 20)

hf_result hf_acceptor_failed(const char *what)
{
    int number = errno;
    hf_result r =
        hf_error_set_seen(HF_E_IO, __FILE__, __LINE__, "", "%s failed with errno %d", what, number);
    hf_error_current()->system = number;
    return r;
}

hf_result hf_acceptor_need_here(const struct hf_acceptor *acceptor)
{
    HF_NEED_PTR(acceptor);
    HF_NEED_SEEN(acceptor->pid == getpid(), HF_E_WRONG_STATE, "the process that made the acceptor",
                 "a child of it");
    return hf_ok();
}

bool hf_acceptor_available(void)
{
    return true;
}

static hf_result check(const struct hf_acceptor_spec *spec)
{
    HF_NEED_SEEN(spec->sockets != NULL && spec->socket_count >= 1 &&
                     spec->socket_count <= HF_ACCEPTOR_SOCKETS_MAX,
                 HF_E_BAD_ARGUMENT, "1 to 16 listening sockets", "%zu", spec->socket_count);
    HF_NEED_SEEN(spec->workers >= 1 && spec->workers <= HF_ACCEPTOR_WORKERS_MAX, HF_E_BAD_ARGUMENT,
                 "1 to 64 workers", "%u", spec->workers);
    HF_NEED_SEEN(spec->max_handshakes >= 1 && spec->max_waiting >= 1 && spec->handshake_ms >= 1,
                 HF_E_BAD_ARGUMENT, "limits above 0", "%u handshakes, %u waiting, %u ms",
                 spec->max_handshakes, spec->max_waiting, spec->handshake_ms);
    return hf_ok();
}

static hf_result open_sockets(struct hf_acceptor *acceptor, const struct hf_acceptor_spec *spec)
{
    for (uint32_t i = 0; i < spec->socket_count; i++) {
        bool none = spec->sockets[i] == HF_ACCEPTOR_NO_SOCKET;
        atomic_init(&acceptor->sockets[i].broken, none);
        atomic_init(&acceptor->sockets[i].under_way, 0);
        atomic_init(&acceptor->sockets[i].closing, false);
        atomic_init(&acceptor->sockets[i].ending, false);
        atomic_init(&acceptor->sockets[i].holders, 0);
        acceptor->sockets[i].fd = -1;
        acceptor->socket_count = i + 1;
        if (none) {
            continue;
        }
        /* A copy: the caller may close his at any time, and the number may be another's then. */
        int fd = fcntl(spec->sockets[i], F_DUPFD_CLOEXEC, 0);
        if (fd < 0) {
            return hf_acceptor_failed("dup");
        }
        acceptor->sockets[i].fd = fd;
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
            return hf_acceptor_failed("fcntl");
        }
    }
    return hf_ok();
}

static hf_result open_workers(struct hf_acceptor *acceptor, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct hf_acceptor_worker *worker = &acceptor->workers[i];
        worker->acceptor = acceptor;
        worker->index = i;
        atomic_init(&worker->oldest_number, UINT64_MAX);
        atomic_init(&worker->asked_for_room, 0);
        atomic_init(&worker->asked_for_descriptors, 0);
        HF_NEED(pthread_mutex_init(&worker->inbox_lock, NULL) == 0, HF_E_OUT_OF_MEMORY);
        worker->epoll = epoll_create1(EPOLL_CLOEXEC);
        worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        acceptor->worker_count = i + 1;
        if (worker->epoll < 0 || worker->wake < 0) {
            return hf_acceptor_failed("epoll");
        }
    }
    return hf_ok();
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

static void close_descriptors(struct hf_acceptor *acceptor)
{
    for (uint32_t i = 0; i < acceptor->worker_count; i++) {
        close_fd(acceptor->workers[i].epoll);
        close_fd(acceptor->workers[i].wake);
    }
    for (uint32_t i = 0; i < acceptor->socket_count; i++) {
        close_fd(acceptor->sockets[i].fd);
    }
}

static void drop_configs(struct hf_acceptor_socket *socket)
{
    for (size_t i = 0; i < socket->config_count; i++) {
        hf_config_unref(socket->configs[i]);
    }
    socket->config_count = 0;
}

void hf_acceptor_free(struct hf_acceptor *acceptor)
{
    if (acceptor == NULL) {
        return;
    }
    if (acceptor->pid != getpid()) {
        /* Threads that are not here left everything as it was: only numbers are certain. */
        close_fd(acceptor->queue.event);
        close_descriptors(acceptor);
        return;
    }
    hf_result stopped = hf_acceptor_stop(acceptor);
    (void)stopped;
    hf_queue_close(&acceptor->queue);
    hf_sources_close(&acceptor->sources);
    close_descriptors(acceptor);
    for (uint32_t i = 0; i < acceptor->worker_count; i++) {
        (void)pthread_mutex_destroy(&acceptor->workers[i].inbox_lock);
    }
    for (uint32_t i = 0; i < acceptor->socket_count; i++) {
        drop_configs(&acceptor->sockets[i]);
    }
    (void)pthread_mutex_destroy(&acceptor->config_lock);
    hf_mem_free(acceptor);
}

static void free_at(struct hf_acceptor **acceptor)
{
    hf_acceptor_free(*acceptor);
}

hf_result hf_acceptor_new(const struct hf_acceptor_spec *spec, struct hf_acceptor **out)
{
    HF_NEED_PTR(out);
    *out = NULL;
    HF_NEED_PTR(spec);
    HF_TRY(check(spec));
    HF_DEFER(free_at) struct hf_acceptor *acceptor = hf_mem_new(sizeof(*acceptor));
    HF_NEED_MEM(acceptor);
    acceptor->pid = getpid();
    acceptor->max_handshakes = spec->max_handshakes;
    acceptor->max_waiting = spec->max_waiting;
    acceptor->handshake_ms = spec->handshake_ms;
    acceptor->queue.event = -1;
    atomic_init(&acceptor->stop, false);
    atomic_init(&acceptor->paused, false);
    atomic_init(&acceptor->short_since, INT64_MIN / 2);
    atomic_init(&acceptor->handshakes, 0);
    atomic_init(&acceptor->accepted, 0);
    HF_NEED(pthread_mutex_init(&acceptor->config_lock, NULL) == 0, HF_E_OUT_OF_MEMORY);
    HF_TRY(hf_sources_open(&acceptor->sources, spec->max_per_source, spec->max_handshakes));
    HF_TRY(hf_queue_open(&acceptor->queue, spec->socket_count));
    HF_TRY(open_sockets(acceptor, spec));
    HF_TRY(open_workers(acceptor, spec->workers));
    *out = acceptor;
    acceptor = NULL;
    return hf_ok();
}

hf_result hf_acceptor_configure(struct hf_acceptor *acceptor, uint32_t socket,
                                struct hf_config *const *configs, size_t count, uint64_t generation)
{
    HF_TRY(hf_acceptor_need_here(acceptor));
    HF_NEED(socket < acceptor->socket_count && count <= HF_ACCEPTOR_WORKERS_MAX &&
                (configs != NULL || count == 0),
            HF_E_BAD_ARGUMENT);
    for (size_t i = 0; i < count; i++) {
        HF_NEED_SEEN(configs[i] != NULL && configs[i]->role == HF_ROLE_SERVER, HF_E_BAD_ARGUMENT,
                     "configurations of a server", "another");
    }
    struct hf_config *old[HF_ACCEPTOR_WORKERS_MAX];
    struct hf_acceptor_socket *to = &acceptor->sockets[socket];
    (void)pthread_mutex_lock(&acceptor->config_lock);
    size_t old_count = to->config_count;
    for (size_t i = 0; i < old_count; i++) {
        old[i] = to->configs[i];
    }
    for (size_t i = 0; i < count; i++) {
        to->configs[i] = hf_config_ref(configs[i]);
    }
    to->config_count = count;
    to->generation = generation;
    (void)pthread_mutex_unlock(&acceptor->config_lock);
    for (size_t i = 0; i < old_count; i++) {
        hf_config_unref(old[i]); /* outside: freeing a context takes its time */
    }
    return hf_ok();
}

static void make_threads(struct hf_acceptor *acceptor, const pthread_attr_t *attributes)
{
    while (acceptor->running < acceptor->worker_count) {
        struct hf_acceptor_worker *worker = &acceptor->workers[acceptor->running];
        if (pthread_create(&worker->thread, attributes, hf_acceptor_work, worker) != 0) {
            return;
        }
        acceptor->running++;
    }
}

hf_result hf_acceptor_start(struct hf_acceptor *acceptor)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    HF_TRY(hf_acceptor_need_here(acceptor));
    HF_NEED_SEEN(acceptor->running == 0 && !atomic_load(&acceptor->stop), HF_E_WRONG_STATE,
                 "an acceptor that was never started", "one that was");
    HF_NEED(pthread_attr_init(&attributes) == 0, HF_E_OUT_OF_MEMORY);
    /* Signals belong to the threads that the program knows: new ones inherit a full mask. */
    (void)sigfillset(&all);
    if (pthread_attr_setstacksize(&attributes, STACK_SIZE) == 0 &&
        pthread_sigmask(SIG_SETMASK, &all, &before) == 0) {
        make_threads(acceptor, &attributes);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    (void)pthread_attr_destroy(&attributes);
    HF_NEED_SEEN(acceptor->running != 0, HF_E_IO, "a thread", "none to be had");
    return hf_ok();
}

static void wake_all(const struct hf_acceptor *acceptor)
{
    for (uint32_t i = 0; i < acceptor->worker_count; i++) {
        hf_acceptor_wake(&acceptor->workers[i]);
    }
}

hf_result hf_acceptor_stop(struct hf_acceptor *acceptor)
{
    HF_TRY(hf_acceptor_need_here(acceptor));
    atomic_store(&acceptor->stop, true);
    wake_all(acceptor);
    while (acceptor->running > 0) {
        acceptor->running--;
        (void)pthread_join(acceptor->workers[acceptor->running].thread, NULL);
    }
    /* Whoever connects is to be refused from now on, not left in a backlog. */
    for (uint32_t i = 0; i < acceptor->socket_count; i++) {
        close_fd(acceptor->sockets[i].fd);
        acceptor->sockets[i].fd = -1;
        hf_mem_free(acceptor->sockets[i].farewell);
        acceptor->sockets[i].farewell = NULL;
    }
    return hf_ok();
}

hf_result hf_acceptor_pause(struct hf_acceptor *acceptor, bool paused)
{
    HF_TRY(hf_acceptor_need_here(acceptor));
    if (atomic_exchange(&acceptor->paused, paused) != paused) {
        wake_all(acceptor);
    }
    return hf_ok();
}

int hf_acceptor_event(const struct hf_acceptor *acceptor)
{
    return acceptor == NULL ? -1 : acceptor->queue.event;
}

size_t hf_acceptor_under_way(const struct hf_acceptor *acceptor, uint32_t socket)
{
    return acceptor == NULL || socket >= acceptor->socket_count
               ? 0
               : atomic_load(&acceptor->sockets[socket].under_way);
}

uint32_t hf_acceptor_workers(const struct hf_acceptor *acceptor)
{
    return acceptor == NULL ? 0 : acceptor->running;
}
#endif
