/* SPDX-License-Identifier: Apache-2.0
 *
 * Sessions that may be resumed.
 */

/* ---- sessions ---- */

static const int HF_SESSION_ENTRIES;
static const int HF_SESSION_ENTRIES_MAX;
static const int HF_SESSION_AGE;
static const int HF_SESSION_AGE_MAX;

struct hf_session_statistics {
    uint64_t hits;
    uint64_t misses;
    uint64_t refused;
    uint64_t inserts;
    uint64_t evictions;
    uint64_t entries;
    uint64_t max_entries;
};

struct hf_session_store *hf_ffi_session_store_new(size_t, int64_t);
void hf_ffi_session_store_unref(struct hf_session_store *);
void hf_session_store_clear(struct hf_session_store *);
void hf_session_store_statistics(struct hf_session_store *, struct hf_session_statistics *);

uint32_t hf_ffi_conn_set_session_key(struct hf_conn *, const uint8_t *, size_t);
uint32_t hf_ffi_conn_authenticated_at(const struct hf_conn *, int64_t *);
