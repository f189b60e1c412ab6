/* SPDX-License-Identifier: Apache-2.0
 *
 * The question about the CPU is crypto_mb's first use, too, which fills its table of CPU features
 * without a lock: hence once, and before every other call of it.
 */
#include "base/lanes.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_bool allowed = true;

void hf_mb_allow(bool value)
{
    atomic_store(&allowed, value);
}

bool hf_lanes_allowed(void)
{
    return atomic_load(&allowed);
}

#if HF_CRYPTO_MB

#define BN_OPENSSL_DISABLE
#include <crypto_mb/cpu_features.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool supported; /* written under once */

static void look(void)
{
    int64u features = mbx_get_cpu_features();
    supported = (features & MBX_AVX512_GENERAL_ISA) == MBX_AVX512_GENERAL_ISA &&
                mbx_is_crypto_mb_applicable(0) != 0;
}

bool hf_lanes_supported(void)
{
    return pthread_once(&once, look) == 0 && supported;
}

#else

bool hf_lanes_supported(void)
{
    return false;
}

#endif
