/* SPDX-License-Identifier: Apache-2.0
 *
 * The acceptor: include/handfast_acceptor.h as Python calls it.
 */

/* ---- acceptor ---- */

static const int HF_ACCEPTOR_WORKERS_MAX;
static const int HF_ACCEPTOR_NO_SOCKET;
static const int HF_ACCEPTOR_SOCKETS_MAX;
static const int HF_ACCEPTED_READY;
static const int HF_ACCEPTED_REFUSED;
static const int HF_ACCEPTED_TIMED_OUT;
static const int HF_ACCEPTED_GAVE_WAY;
static const int HF_ACCEPTED_CROWDED;
static const int HF_ACCEPTED_NO_CONFIG;
static const int HF_ACCEPTED_FAILED;
static const int HF_ACCEPTED_SHORTAGE;
static const int HF_ACCEPTED_BROKEN;
static const int HF_ACCEPTED_ENDED;
static const int HF_ACCEPTED_CLOSED;

struct hf_acceptor;

struct hf_accepted {
    struct hf_conn *conn;
    int fd;
    int outcome;
    uint32_t code;
    int32_t system;
    uint32_t socket;
    uint32_t count;
    uint64_t generation;
    int64_t age_ms;
    int family;
    uint16_t port;
    uint32_t scope;
    uint8_t address[16];
};

bool hf_acceptor_available(void);
struct hf_acceptor *hf_ffi_acceptor_new(const int *, size_t, uint32_t, uint32_t, uint32_t, uint32_t,
                                        uint32_t);
void hf_ffi_acceptor_free(struct hf_acceptor *);
uint32_t hf_ffi_acceptor_configure(struct hf_acceptor *, uint32_t, struct hf_config *const *,
                                   size_t, uint64_t);
uint32_t hf_ffi_acceptor_start(struct hf_acceptor *);
uint32_t hf_ffi_acceptor_stop(struct hf_acceptor *);
uint32_t hf_ffi_acceptor_pause(struct hf_acceptor *, bool);
uint32_t hf_ffi_acceptor_close_socket(struct hf_acceptor *, uint32_t, bool);
uint32_t hf_ffi_acceptor_hand_in(struct hf_acceptor *, uint32_t, struct hf_conn *, int, uint64_t);
uint32_t hf_ffi_acceptor_take(struct hf_acceptor *, struct hf_accepted *, size_t, size_t *);
int hf_acceptor_event(const struct hf_acceptor *);
size_t hf_acceptor_under_way(const struct hf_acceptor *, uint32_t);
uint32_t hf_acceptor_workers(const struct hf_acceptor *);
