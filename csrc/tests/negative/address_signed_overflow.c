/* SPDX-License-Identifier: Apache-2.0 */
/* A planted fault: proves that the undefined-behaviour part of the address job can fail.
 * EXPECT: signed integer overflow */
#include <limits.h>

int main(void)
{
    volatile int most = INT_MAX;
    volatile int sum = most + 1;

    (void)sum;
    return 0;
}
