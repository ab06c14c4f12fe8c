/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mutual recursion with large frames, Ackermann's function, and the queens. */
#include "guest.h"

static int odd(unsigned n);

static __attribute__((noinline)) int even(unsigned n)
{
    volatile char frame[160];

    frame[n & 127] = (char)n;
    return n == 0 ? 1 : odd(n - 1) + (frame[n & 127] == 99);
}

static __attribute__((noinline)) int odd(unsigned n)
{
    return n == 0 ? 0 : even(n - 1);
}

static __attribute__((noinline)) unsigned ackermann(unsigned m, unsigned n)
{
    if (m == 0)
        return n + 1;
    if (n == 0)
        return ackermann(m - 1, 1);
    return ackermann(m - 1, ackermann(m, n - 1));
}

static int queens(unsigned all, unsigned columns, unsigned left, unsigned right)
{
    unsigned free = all & ~(columns | left | right);
    int count = 0;

    if (columns == all)
        return 1;
    while (free != 0) {
        unsigned bit = free & -free;

        free ^= bit;
        count += queens(all, columns | bit, (left | bit) << 1, (right | bit) >> 1);
    }
    return count;
}

int guest_main(void)
{
    guest_print_hex((uint64_t)even(300));
    guest_print_hex(ackermann(2, 3));
    guest_print_hex((uint64_t)queens(63, 0, 0, 0));
    return queens(31, 0, 0, 0);
}
