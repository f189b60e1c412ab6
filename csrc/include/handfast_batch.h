/* SPDX-License-Identifier: Apache-2.0
 *
 * handfast_batch.h - very many chains judged at once (included by handfast.h).
 *
 * Each chain gets the verdict that hf_verifier_verify() would give it at the same time, to the
 * reason and the depth: what is fast about a batch is how signatures are checked, never what is
 * asked. Result i belongs to input i, and a slot that was not judged says so (C9).
 *
 * The chain cache takes no part: a batch would only push out what handshakes left in it.
 */
#ifndef HANDFAST_BATCH_H
#define HANDFAST_BATCH_H

#include "handfast.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HF_BATCH_MAX 1000000 /* chains in one call: their IDs fit 32-bit offsets */
#define HF_BATCH_THREADS_MAX 64

/* Chains in one buffer, as Arrow lays them out. Offsets are unsigned, never go down and never point
 * behind what they point into: checked before anything is read, and one that does fails the call.
 * They may lie anywhere, aligned or not. Nothing of this may change during the call, unless
 * `shared` says that it might: memory would stay safe, but what is told of a chain need not be what
 * was verified of it.
 *
 *   certs NULL   chain i is data[chains[i] .. chains[i + 1]): certificates back to back, as
 *                hf_der_split() takes them apart
 *   certs        chain i is certificates chains[i] up to chains[i + 1], and certificate j is
 *                data[certs[j] .. certs[j + 1])
 */
struct hf_batch_input {
    const uint8_t *data;
    size_t len;
    const void *chains; /* count + 1 offsets of chain_width bytes (4 or 8) */
    size_t chain_width;
    const void *certs; /* NULL, or cert_count + 1 offsets of cert_width bytes (4 or 8) */
    size_t cert_width;
    size_t cert_count;
    const uint8_t *present; /* NULL, or one bit a chain, lowest first: 0 is no chain (Arrow's null),
                               refused as an empty one */
    size_t present_at;      /* the first chain's bit */
    size_t count;
    int shared; /* 1: others may write to the data meanwhile. Each chain is copied, by its worker,
                   before any of it is read: whatever is accepted was verified as it is told */
};

#define HF_BATCH_LANES_AUTO 0 /* eight signatures at a time where the machine can */
#define HF_BATCH_LANES_OFF 1  /* all by OpenSSL, one by one */

struct hf_batch_options {
    int64_t at;       /* one time for all; HF_TIME_NOW is asked once */
    int purpose;      /* HF_PURPOSE_* */
    int lanes;        /* HF_BATCH_LANES_* */
    unsigned threads; /* made for the call and gone when it returns; 0: one a processor */
};

/* For other threads to look at and to stop a batch with. Zeroed by whoever makes it; only the
 * functions below touch it. One control may serve several calls, one after the other. */
struct hf_batch_control {
    uint64_t done;
    uint32_t cancelled;
};
void hf_batch_cancel(struct hf_batch_control *control);
/* Chains judged so far, over all calls with this control. */
uint64_t hf_batch_done(const struct hf_batch_control *control);

/* How it was done. Sums go over all threads. */
struct hf_batch_statistics {
    uint64_t accepted;
    uint64_t duplicates;    /* chains equal to another of the call: judged once */
    uint64_t by_lanes;      /* leaf signatures that held in a lane */
    uint64_t by_openssl;    /* leaf signatures that OpenSSL was asked about, one by one */
    uint64_t asked_again;   /* did not hold in a lane: OpenSSL decided */
    uint64_t issuers_known; /* chains whose issuers' signatures had been checked before */
    uint64_t singly;        /* judged by the way of a single chain, for any reason */
    uint32_t threads;       /* that worked, the caller's among them */
    uint32_t lanes;         /* 1 when lanes were used */
};

/* Columns are the caller's, `count` entries each, aligned as their type; NULL leaves one out, but
 * for ok and reason. `ids` is the engine's: give it back with hf_batch_output_wipe(). */
struct hf_batch_output {
    uint8_t *ok;         /* 1 accepted, 0 not */
    uint32_t *reason;    /* HF_OK when accepted; HF_E_NOT_JUDGED when its turn did not come */
    int64_t *not_after;  /* end of the window of the whole built chain; 0 when not accepted */
    int8_t *depth;       /* of the certificate that a refusal is about; -1 none */
    int64_t *id_offsets; /* count + 1: SPIFFE ID i is from ids_base on [i] up to [i + 1]; empty when
                            not accepted */
    int64_t ids_base;    /* what the first ID's offset is to be, for columns filled in pieces */
    char *ids;           /* all IDs, in order, without separators; NULL when there is none */
    size_t ids_len;
    struct hf_batch_statistics statistics;
};

/* Judge them all. SPIFFE verifiers only. HF_OK: every chain has its verdict. HF_E_NOT_JUDGED: it
 * was cancelled; what has a verdict keeps it. Any other failure: no chain is accepted.
 * Errors: HF_E_BAD_ARGUMENT, HF_E_OUT_OF_MEMORY, HF_E_NOT_JUDGED. */
HF_MUST_USE hf_result hf_batch_verify(struct hf_verifier *verifier,
                                      const struct hf_batch_input *input,
                                      const struct hf_batch_options *options,
                                      struct hf_batch_control *control,
                                      struct hf_batch_output *out);

/* Free `ids`; the columns stay. */
void hf_batch_output_wipe(struct hf_batch_output *out);

#ifdef __cplusplus
}
#endif

#endif
