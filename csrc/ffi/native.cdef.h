/* SPDX-License-Identifier: Apache-2.0
 *
 * What Python sees of the engine: cffi parses this file and native.csrc.c makes it true. The
 * manual is include/handfast.h; names here are its names, hf_ffi_* are the wrappers.
 */

/* ---- errors ---- */

struct hf_error {
    uint32_t code;
    uint32_t line;
    int32_t depth;
    int32_t alert;
    int32_t system;
    uint32_t openssl_reason;
    int64_t skew;
    const char *file;
    char expected[...];
    char seen[...];
    char claimed_id[...];
};

struct hf_error_row {
    uint32_t code;
    int32_t alert;
    const char *name;
    const char *category;
    const char *text;
    const char *hint;
};

void hf_error_copy(struct hf_error *);
size_t hf_error_table(const struct hf_error_row **);

/* ---- library ---- */

uint32_t hf_ffi_library_init(void);
const char *hf_openssl_built(void);
const char *hf_openssl_running(void);
const char *hf_openssl_origin(void);
const char *hf_openssl_text(void);
const char *hf_openssl_build(void);
const char *hf_allocator(void);
int hf_allocator_use_system(void);
int hf_allocator_owns(const void *);

static const int64_t HF_TIME_NOW;
int64_t hf_clock_now(void);
void hf_clock_set(int64_t);
void hf_clock_reset(void);

/* ---- SPIFFE IDs ---- */

static const int HF_ID_MAX;
static const int HF_TRUST_DOMAIN_MAX;

struct hf_ffi_id {
    size_t trust_domain_len;
    size_t path_len;
};

uint32_t hf_ffi_spiffe_id_parse(const uint8_t *, size_t, struct hf_ffi_id *);
uint32_t hf_ffi_spiffe_id_parse_lenient(const uint8_t *, size_t, char *, size_t *);
uint32_t hf_ffi_trust_domain_parse(const uint8_t *, size_t);

/* ---- certificates ---- */

static const int HF_CHAIN_MAX;
static const int HF_CHAIN_BYTES_MAX;
static const int HF_BUNDLE_MAX;
static const int HF_DIGEST_SIZE;

static const int HF_RULES_STRICT;
static const int HF_RULES_COMPATIBLE;
static const int HF_PURPOSE_EITHER;
static const int HF_PURPOSE_CLIENT;
static const int HF_PURPOSE_SERVER;

uint32_t hf_ffi_der_split(const uint8_t *, size_t, uint32_t *, size_t, size_t *);
uint32_t hf_ffi_certificate_check(const uint8_t *, size_t, int, int);

/* ---- snapshots: made with one reference, which _unref gives back ---- */

struct hf_bundle;
struct hf_bundle_set;
struct hf_policy;
struct hf_chain_cache;
struct hf_verifier;
struct hf_svid;
struct hf_config;
struct hf_conn;
struct hf_session_store;

/* Objects of a kind that Python holds now: what the leak tests count. */
static const int HF_FFI_BUNDLE;
static const int HF_FFI_BUNDLE_SET;
static const int HF_FFI_POLICY;
static const int HF_FFI_VERIFIER;
static const int HF_FFI_SVID;
static const int HF_FFI_CONFIG;
static const int HF_FFI_CONN;
static const int HF_FFI_CHAIN_CACHE;
static const int HF_FFI_CRL_SET;
static const int HF_FFI_CRL_BOOK;
static const int HF_FFI_SESSION_STORE;
static const int HF_FFI_ACCEPTOR;
static const int HF_FFI_TICKET_KEYS;
static const int HF_FFI_PRESENTED;
static const int HF_FFI_KINDS;
size_t hf_ffi_live(int);

struct hf_bundle *hf_ffi_bundle_new(const uint8_t *, size_t, const uint8_t *, size_t);
void hf_ffi_bundle_unref(struct hf_bundle *);
size_t hf_bundle_count(const struct hf_bundle *);
void hf_bundle_digest(const struct hf_bundle *, uint8_t *);
uint64_t hf_bundle_generation(const struct hf_bundle *);

struct hf_bundle_set *hf_ffi_bundle_set_new(struct hf_bundle *const *, size_t);
void hf_ffi_bundle_set_unref(struct hf_bundle_set *);

static const int HF_POLICY_ANY;
static const int HF_POLICY_TRUST_DOMAIN;
static const int HF_POLICY_EXACTLY;
static const int HF_POLICY_PREFIX;
static const int HF_POLICY_AND;
static const int HF_POLICY_OR;
static const int HF_POLICY_NOT;
static const int HF_POLICY_NODES_MAX;
static const int HF_POLICY_STACK_MAX;

struct hf_policy_node {
    uint32_t op;
    uint32_t count;
    const uint8_t *text;
    size_t len;
};

struct hf_policy *hf_ffi_policy_new(const struct hf_policy_node *, size_t);
void hf_ffi_policy_unref(struct hf_policy *);
uint32_t hf_ffi_policy_check(const struct hf_policy *, const uint8_t *, size_t);

/* ---- verification ---- */

struct hf_peer {
    int64_t not_before;
    int64_t not_after;
    int64_t leaf_not_before;
    int64_t leaf_not_after;
    int64_t verified_at;
    uint32_t path_length;
    uint16_t trust_domain_len;
    uint16_t id_len;
    uint8_t chain_digest[...];
    uint8_t bundle_digest[...];
    uint8_t anchor_digest[...];
    char id[...];
};

static const int HF_NAME_NONE;
static const int HF_NAME_DNS;
static const int HF_NAME_IP;

struct hf_verifier *hf_ffi_verifier_new(struct hf_bundle_set *, struct hf_policy *, int,
                                        struct hf_chain_cache *);
struct hf_verifier *hf_ffi_verifier_new_web(const uint8_t *, size_t, uint32_t);
void hf_ffi_verifier_unref(struct hf_verifier *);
uint32_t hf_ffi_verifier_verify(struct hf_verifier *, const uint8_t *, const uint32_t *, size_t,
                                int64_t, int, struct hf_peer *);
uint32_t hf_ffi_verifier_verify_web(struct hf_verifier *, const uint8_t *, const uint32_t *, size_t,
                                    int64_t, int, int, const uint8_t *, size_t, struct hf_peer *);

struct hf_svid *hf_ffi_svid_new(const uint8_t *, size_t, const uint8_t *, size_t);
struct hf_svid *hf_ffi_svid_web_new(const uint8_t *, size_t, const uint8_t *, size_t);
void hf_ffi_svid_unref(struct hf_svid *);

/* ---- configuration ---- */

static const int HF_ROLE_CLIENT;
static const int HF_ROLE_SERVER;
static const int HF_TLS12;
static const int HF_TLS13;

struct hf_config_facts {
    uint64_t options;
    uint64_t mode;
    int64_t session_cache_mode;
    int64_t max_cert_list;
    int32_t verify_mode;
    int32_t min_version;
    int32_t max_version;
    int32_t num_tickets;
    uint32_t max_early_data;
    uint32_t recv_max_early_data;
    int32_t store_objects;
    int32_t post_handshake_auth;
};

struct hf_config *hf_ffi_config_new(int, int, struct hf_svid *, struct hf_verifier *, const char *,
                                    const char *, const uint8_t *, size_t, int,
                                    struct hf_session_store *, struct hf_ticket_keys *, int);
void hf_ffi_config_unref(struct hf_config *);
uint32_t hf_ffi_config_inspect(const struct hf_config *, struct hf_config_facts *);

/* ---- connection ---- */

static const int HF_WANT_NOTHING;
static const int HF_WANT_READ;
static const int HF_WANT_WRITE;

/* What one step left behind; one a connection, used again and again. */
struct hf_ffi_step {
    const uint8_t *out; /* what waits to be sent: borrowed until the next step */
    size_t out_len;
    size_t len; /* bytes read or taken */
    uint32_t want;
};

struct hf_conn *hf_ffi_conn_new(struct hf_config *, int, const uint8_t *, size_t);
void hf_ffi_conn_free(struct hf_conn *);

uint32_t hf_ffi_conn_receive(struct hf_conn *, const uint8_t *, size_t, struct hf_ffi_step *);
uint32_t hf_ffi_conn_receive_eof(struct hf_conn *, struct hf_ffi_step *);
uint32_t hf_ffi_conn_consumed(struct hf_conn *, size_t, struct hf_ffi_step *);
int64_t hf_ffi_conn_handshake(struct hf_conn *, size_t, const uint8_t *, size_t,
                              struct hf_ffi_step *);
uint32_t hf_ffi_conn_write(struct hf_conn *, const uint8_t *, size_t, struct hf_ffi_step *);
uint32_t hf_ffi_conn_read(struct hf_conn *, uint8_t *, size_t, struct hf_ffi_step *);
uint32_t hf_ffi_conn_key_update(struct hf_conn *, int, struct hf_ffi_step *);
uint32_t hf_ffi_conn_close(struct hf_conn *, struct hf_ffi_step *);

int64_t hf_ffi_conn_handshake_fd(struct hf_conn *, int, struct hf_ffi_step *);
uint32_t hf_ffi_conn_read_fd(struct hf_conn *, int, uint8_t *, size_t, struct hf_ffi_step *);
uint32_t hf_ffi_conn_write_fd(struct hf_conn *, int, const uint8_t *, size_t, struct hf_ffi_step *);
uint32_t hf_ffi_conn_flush_fd(struct hf_conn *, int, struct hf_ffi_step *);
uint32_t hf_ffi_conn_close_fd(struct hf_conn *, int, struct hf_ffi_step *);

struct hf_chain {
    const uint8_t *der;
    const uint32_t *lengths;
    size_t count;
};

struct hf_conn_facts {
    int32_t version;
    int32_t resumed;
    char cipher[...];
    char group[...];
    char signature[...];
};

struct hf_ffi_met {
    struct hf_presented_chain *kept;
    struct hf_peer peer;
};

int64_t hf_ffi_conn_met(const struct hf_conn *, struct hf_ffi_met *);
uint32_t hf_ffi_conn_presented(const struct hf_conn *, struct hf_chain *);
uint32_t hf_ffi_conn_alpn(const struct hf_conn *, const uint8_t **, size_t *);
uint32_t hf_ffi_conn_facts(const struct hf_conn *, struct hf_conn_facts *);
int64_t hf_ffi_conn_resumed(const struct hf_conn *);
uint32_t hf_ffi_conn_channel_binding(struct hf_conn *, uint8_t *);
uint32_t hf_ffi_conn_key_log(struct hf_conn *, const char **, size_t *);
size_t hf_conn_pending_in(const struct hf_conn *);
size_t hf_conn_pending_out(const struct hf_conn *);
