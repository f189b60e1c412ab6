/* SPDX-License-Identifier: Apache-2.0 */
/* A planted fault: proves that the leak check of the address job can fail.
 * EXPECT: detected memory leaks */
#include <stdlib.h>

static void *volatile kept;

int main(void)
{
    kept = malloc(64);
    kept = NULL;
    return 0;
}
