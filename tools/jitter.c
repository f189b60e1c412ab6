/* SPDX-License-Identifier: Apache-2.0
 *
 * A library to preload that lets calls take their time at random, so that threads and processes
 * meet in orders that a quiet machine never shows: `make jitter TESTS=tests/unit/test_net_pool.py`.
 * A test that fails under it and not without it rests on a lucky order, or found one that we get
 * wrong. Nothing it delays fails, and errno stays.
 *
 * What is delayed: sockets and epoll before and after the call, everywhere; locks and allocations
 * in threads other than the first one, which is where the engine's workers run.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static bool ready; /* not before the program's own libraries are there */
static uint64_t seed;

__attribute__((constructor)) static void begin(void)
{
    const char *given = getenv("JITTER_SEED");
    seed = given == NULL ? 1 : strtoull(given, NULL, 10);
    ready = true;
}

static uint64_t chance(void)
{
    static __thread uint64_t state;
    if (state == 0) {
        state = (seed + 1) * 0x9E3779B97F4A7C15U ^ (uint64_t)syscall(SYS_gettid) << 20;
    }
    state ^= state << 13; /* xorshift64 */
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* Once in so many times, up to so many microseconds. */
static void delay(uint64_t once_in, uint64_t longest)
{
    uint64_t drawn = chance();
    if (!ready || (drawn >> 8) % once_in != 0) {
        return;
    }
    int before = errno;
    struct timespec time = {.tv_nsec = (long)((drawn >> 24) % longest * 1000)};
    (void)syscall(SYS_nanosleep, &time, NULL);
    errno = before;
}

static bool in_the_first_thread(void)
{
    static __thread int known; /* asking costs a call */
    if (known == 0) {
        known = syscall(SYS_gettid) == getpid() ? 1 : 2;
    }
    return known == 1;
}

/* The function behind the one that this library puts before it. */
#define REAL(name)                                                                                 \
    static __typeof__(&(name)) real;                                                               \
    if (real == NULL) {                                                                            \
        real = (__typeof__(&(name)))dlsym(RTLD_NEXT, #name);                                       \
    }

int accept4(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
    REAL(accept4)
    delay(4, 3000);
    int result = real(fd, from, len, flags);
    delay(3, 5000);
    return result;
}

int epoll_wait(int epoll, struct epoll_event *events, int count, int timeout)
{
    REAL(epoll_wait)
    delay(20, 2000);
    int result = real(epoll, events, count, timeout);
    if (result > 0) {
        delay(10, 3000);
    }
    return result;
}

ssize_t write(int fd, const void *data, size_t len)
{
    REAL(write)
    delay(20, 2000);
    ssize_t result = real(fd, data, len);
    delay(20, 2000);
    return result;
}

ssize_t recv(int fd, void *data, size_t len, int flags)
{
    REAL(recv)
    delay(20, 2000);
    ssize_t result = real(fd, data, len, flags);
    delay(30, 2000);
    return result;
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
    REAL(send)
    delay(20, 2000);
    ssize_t result = real(fd, data, len, flags);
    delay(20, 2000);
    return result;
}

int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    REAL(pthread_mutex_lock)
    if (!in_the_first_thread()) {
        delay(8, 30000);
    }
    return real(mutex);
}

/* dlsym() allocates, so the C library's own name is asked for. */
extern void *__libc_calloc(size_t count, size_t size);

void *calloc(size_t count, size_t size)
{
    void *result = __libc_calloc(count, size);
    if (ready && !in_the_first_thread()) {
        delay(60, 20000);
    }
    return result;
}
