/* SPDX-License-Identifier: Apache-2.0
 *
 * The acceptor.
 */

/* ---- acceptor ----------------------------------------------------------------------------- */

HF_FFI_RELEASE(HF_FFI_ACCEPTOR, hf_ffi_acceptor_free, hf_acceptor, hf_acceptor_free)

static struct hf_acceptor *hf_ffi_acceptor_new(const int *sockets, size_t socket_count,
                                               uint32_t workers, uint32_t max_handshakes,
                                               uint32_t max_per_source, uint32_t max_waiting,
                                               uint32_t handshake_ms)
{
    const struct hf_acceptor_spec spec = {
        .sockets = sockets,
        .socket_count = socket_count,
        .workers = workers,
        .max_handshakes = max_handshakes,
        .max_per_source = max_per_source,
        .max_waiting = max_waiting,
        .handshake_ms = handshake_ms,
    };
    struct hf_acceptor *out = NULL;
    HF_FFI_MADE(HF_FFI_ACCEPTOR, hf_acceptor_new(&spec, &out), out);
}

static uint32_t hf_ffi_acceptor_configure(struct hf_acceptor *acceptor, uint32_t socket,
                                          struct hf_config *const *configs, size_t count,
                                          uint64_t generation)
{
    return hf_acceptor_configure(acceptor, socket, configs, count, generation).code;
}

static uint32_t hf_ffi_acceptor_start(struct hf_acceptor *acceptor)
{
    return hf_acceptor_start(acceptor).code;
}

static uint32_t hf_ffi_acceptor_stop(struct hf_acceptor *acceptor)
{
    return hf_acceptor_stop(acceptor).code;
}

static uint32_t hf_ffi_acceptor_pause(struct hf_acceptor *acceptor, bool paused)
{
    return hf_acceptor_pause(acceptor, paused).code;
}

static uint32_t hf_ffi_acceptor_close_socket(struct hf_acceptor *acceptor, uint32_t socket,
                                             bool end)
{
    return hf_acceptor_close_socket(acceptor, socket, end).code;
}

static uint32_t hf_ffi_acceptor_hand_in(struct hf_acceptor *acceptor, uint32_t index,
                                        struct hf_conn *conn, int fd, uint64_t tag)
{
    return hf_acceptor_hand_in(acceptor, index, conn, fd, tag).code;
}

/* What is taken becomes Python's, connection by connection. */
static uint32_t hf_ffi_acceptor_take(struct hf_acceptor *acceptor, struct hf_accepted *out,
                                     size_t cap, size_t *count)
{
    uint32_t code = hf_acceptor_take(acceptor, out, cap, count).code;
    for (size_t i = 0; i < *count; i++) {
        if (out[i].conn != NULL) {
            atomic_fetch_add(&hf_ffi_counts[HF_FFI_CONN], 1);
        }
    }
    return code;
}
