/* SPDX-License-Identifier: Apache-2.0 */
/* A planted fault: proves that the address job can fail.
 * EXPECT: heap-buffer-overflow */
#include <stdlib.h>

int main(void)
{
    /* Volatile, so that only the run-time check can know how much there is. */
    volatile size_t past = 8;
    volatile unsigned char *bytes = malloc(past);

    if (bytes == NULL) {
        return 0;
    }
    bytes[past] = 1;
    return 0;
}
