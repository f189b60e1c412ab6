/* SPDX-License-Identifier: Apache-2.0
 *
 * crypto_mb trusts its input and is wrong in corners, so every rule of ECDSA that it leaves out is
 * kept here, and only its exact zero for a lane is believed:
 *   - r and s are read by strict DER and are in range before they are seen;
 *   - the digest is cut and reduced: it takes e >= n for a mismatch (and e = 0, which stays so:
 *     one more case for OpenSSL, met once in 2^256 digests);
 *   - points come from keys that were checked to be on their curve;
 *   - no lane is ever NULL: lanes without a job do the first one's work again.
 */
#include "verify/signature_mb.h"

#include <pthread.h>

#include "base/lanes.h"
#include "verify/ecdsa_values.h"

enum state { STATE_NOT_BUILT, STATE_UNSUPPORTED, STATE_FAILED, STATE_READY };

static pthread_once_t once = PTHREAD_ONCE_INIT;
static enum state state; /* written under once */

#if HF_CRYPTO_MB

/* The forms without OpenSSL's types. */
#define BN_OPENSSL_DISABLE
#include <crypto_mb/ec_nistp256.h>
#include <crypto_mb/ec_nistp384.h>
#include <crypto_mb/status.h>

#define LIMBS (HF_ECDSA_MAX / 8)

/* What eight lanes work on, and whose job each is. */
struct lanes {
    size_t used;
    struct hf_mb_job *jobs[HF_MB_LANES];
    uint8_t r[HF_MB_LANES][HF_ECDSA_MAX];
    uint8_t s[HF_MB_LANES][HF_ECDSA_MAX];
    uint8_t e[HF_MB_LANES][HF_ECDSA_MAX];
    int64u x[HF_MB_LANES][LIMBS];
    int64u y[HF_MB_LANES][LIMBS];
};

static void read_limbs(const uint8_t *bytes, size_t len, int64u *limbs)
{
    for (size_t i = 0; i < len / 8; i++) {
        const uint8_t *from = bytes + len - 8 * (i + 1);
        int64u limb = 0;
        for (size_t j = 0; j < 8; j++) {
            limb = limb << 8 | from[j];
        }
        limbs[i] = limb;
    }
}

/* Take the next lane; a job that cannot hold, or is not in the one form known here, gets none. */
static void enter(const struct hf_ecdsa_curve *curve, struct lanes *lanes, struct hf_mb_job *job)
{
    size_t lane = lanes->used;
    if (job->point == NULL || job->point_len != 1 + 2 * curve->len || job->point[0] != 0x04 ||
        job->digest == NULL || job->digest_len == 0) {
        return;
    }
    if (!hf_ecdsa_read_signature(curve, job->signature, lanes->r[lane], lanes->s[lane])) {
        return;
    }
    hf_ecdsa_read_digest(curve, hf_span_of(job->digest, job->digest_len), lanes->e[lane]);
    read_limbs(job->point + 1, curve->len, lanes->x[lane]);
    read_limbs(job->point + 1 + curve->len, curve->len, lanes->y[lane]);
    lanes->jobs[lane] = job;
    lanes->used++;
}

static mbx_status check(enum hf_key_kind kind, const struct lanes *lanes)
{
    const int8u *r[HF_MB_LANES];
    const int8u *s[HF_MB_LANES];
    const int8u *e[HF_MB_LANES];
    const int64u *x[HF_MB_LANES];
    const int64u *y[HF_MB_LANES];
    for (size_t i = 0; i < HF_MB_LANES; i++) {
        size_t lane = i < lanes->used ? i : 0;
        r[i] = lanes->r[lane];
        s[i] = lanes->s[lane];
        e[i] = lanes->e[lane];
        x[i] = lanes->x[lane];
        y[i] = lanes->y[lane];
    }
    /* No z: the points are affine. No buffer: this version needs none. */
    switch (kind) {
    case HF_KEY_P256:
        return mbx_nistp256_ecdsa_verify_mb8(r, s, e, x, y, NULL, NULL);
    case HF_KEY_P384:
        return mbx_nistp384_ecdsa_verify_mb8(r, s, e, x, y, NULL, NULL);
    default:
        return MBX_SET_STS_ALL(MBX_STATUS_MISMATCH_PARAM_ERR);
    }
}

static void run_eight(enum hf_key_kind kind, const struct hf_ecdsa_curve *curve,
                      struct hf_mb_job *jobs, size_t count)
{
    struct lanes lanes;
    lanes.used = 0;
    for (size_t i = 0; i < count; i++) {
        enter(curve, &lanes, &jobs[i]);
    }
    if (lanes.used == 0) {
        return;
    }
    mbx_status status = check(kind, &lanes);
    for (size_t i = 0; i < lanes.used; i++) {
        lanes.jobs[i]->held = MBX_GET_STS(status, (int)i) == MBX_STATUS_OK;
    }
}

void hf_mb_run(enum hf_key_kind curve, struct hf_mb_job *jobs, size_t count)
{
    const struct hf_ecdsa_curve *known = hf_ecdsa_curve_of(curve);
    for (size_t i = 0; i < count; i++) {
        jobs[i].held = false;
    }
    for (size_t i = 0; known != NULL && i < count; i += HF_MB_LANES) {
        size_t rest = count - i;
        run_eight(curve, known, jobs + i, rest < HF_MB_LANES ? rest : HF_MB_LANES);
    }
}

/* The self-test is also the first use of these functions, which enters them into a table without a
 * lock: everything later only reads it. */
static void find_state(void)
{
    if (!hf_lanes_supported()) {
        state = STATE_UNSUPPORTED;
        return;
    }
    state = hf_mb_self_test(hf_mb_run) ? STATE_READY : STATE_FAILED;
}

#else

void hf_mb_run(enum hf_key_kind curve, struct hf_mb_job *jobs, size_t count)
{
    (void)curve;
    for (size_t i = 0; i < count; i++) {
        jobs[i].held = false;
    }
}

static void find_state(void)
{
    state = STATE_NOT_BUILT;
}

#endif

bool hf_mb_available(void)
{
    if (!hf_lanes_allowed()) {
        return false;
    }
    return pthread_once(&once, find_state) == 0 && state == STATE_READY;
}

const char *hf_mb_state(void)
{
    /* Who switched them off does not want them tried. */
    if (HF_CRYPTO_MB && !hf_lanes_allowed()) {
        return "off";
    }
    if (pthread_once(&once, find_state) != 0) {
        return "failed";
    }
    switch (state) {
    case STATE_READY:
        return "avx512ifma";
    case STATE_UNSUPPORTED:
        return "unsupported";
    case STATE_NOT_BUILT:
        return "not built";
    default:
        return "failed";
    }
}

void hf_mb_verify(enum hf_key_kind curve, struct hf_mb_job *jobs, size_t count)
{
    if (hf_mb_available()) {
        hf_mb_run(curve, jobs, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        jobs[i].held = false;
    }
}
