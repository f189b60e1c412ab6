/* SPDX-License-Identifier: Apache-2.0
 *
 * lanes.h - what everything that works by crypto_mb asks first: is it built, allowed, and does this
 * CPU have what it needs? Whether a function of it computes rightly, its user's self-test says.
 */
#ifndef HF_BASE_LANES_H
#define HF_BASE_LANES_H

#include <stdbool.h>

#include "handfast.h"

#ifndef HF_CRYPTO_MB
#error "the build must say whether crypto_mb is there: -DHF_CRYPTO_MB=1 or 0"
#endif

/* What hf_mb_allow() said last (handfast_lanes.h). */
bool hf_lanes_allowed(void);

/* False as well where crypto_mb is not built in. */
bool hf_lanes_supported(void);

#endif
