/* SPDX-License-Identifier: Apache-2.0
 *
 * Where there is no epoll: none can be made, so the other functions have nothing to work on.
 */
#include "base/result.h"

#ifndef __linux__
bool hf_acceptor_available(void)
{
    return false;
}

hf_result hf_acceptor_new(const struct hf_acceptor_spec *spec, struct hf_acceptor **out)
{
    (void)spec;
    HF_NEED_PTR(out);
    *out = NULL;
    HF_FAIL_SEEN(HF_E_CONFIG_INVALID, "Linux, for handshakes on threads", "another system");
}

void hf_acceptor_free(struct hf_acceptor *acceptor)
{
    (void)acceptor;
}

hf_result hf_acceptor_configure(struct hf_acceptor *acceptor, uint32_t socket,
                                struct hf_config *const *configs, size_t count, uint64_t generation)
{
    (void)acceptor;
    (void)socket;
    (void)configs;
    (void)count;
    (void)generation;
    HF_FAIL(HF_E_BAD_ARGUMENT);
}

hf_result hf_acceptor_start(struct hf_acceptor *acceptor)
{
    (void)acceptor;
    HF_FAIL(HF_E_BAD_ARGUMENT);
}

hf_result hf_acceptor_stop(struct hf_acceptor *acceptor)
{
    (void)acceptor;
    HF_FAIL(HF_E_BAD_ARGUMENT);
}

hf_result hf_acceptor_hand_in(struct hf_acceptor *acceptor, uint32_t index, struct hf_conn *conn,
                              int fd, uint64_t tag)
{
    (void)acceptor;
    (void)index;
    (void)conn;
    (void)fd;
    (void)tag;
    HF_FAIL(HF_E_BAD_ARGUMENT);
}

hf_result hf_acceptor_pause(struct hf_acceptor *acceptor, bool paused)
{
    (void)acceptor;
    (void)paused;
    HF_FAIL(HF_E_BAD_ARGUMENT);
}

hf_result hf_acceptor_close_socket(struct hf_acceptor *acceptor, uint32_t socket, bool end)
{
    (void)acceptor;
    (void)socket;
    (void)end;
    HF_FAIL(HF_E_BAD_ARGUMENT);
}

hf_result hf_acceptor_take(struct hf_acceptor *acceptor, struct hf_accepted *out, size_t cap,
                           size_t *count)
{
    (void)acceptor;
    (void)out;
    (void)cap;
    (void)count;
    HF_FAIL(HF_E_BAD_ARGUMENT);
}

int hf_acceptor_event(const struct hf_acceptor *acceptor)
{
    (void)acceptor;
    return -1;
}

size_t hf_acceptor_under_way(const struct hf_acceptor *acceptor, uint32_t socket)
{
    (void)acceptor;
    (void)socket;
    return 0;
}

uint32_t hf_acceptor_workers(const struct hf_acceptor *acceptor)
{
    (void)acceptor;
    return 0;
}
#endif
