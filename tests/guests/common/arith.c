/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Integer arithmetic as a compiler makes it: all widths, 128-bit products,
 * division by variables and constants, overflow checks, floating point. */
#include "guest.h"

static volatile int64_t inputs[] = {0,
                                    1,
                                    -1,
                                    7,
                                    -13,
                                    255,
                                    65536,
                                    -65537,
                                    2147483647,
                                    -2147483647 - 1,
                                    4294967295,
                                    123456789012345,
                                    -987654321098765,
                                    INT64_MAX,
                                    INT64_MIN + 1};

static uint64_t ones(uint64_t x)
{
    uint64_t count = 0;

    for (; x != 0; x &= x - 1)
        count++;
    return count;
}

int guest_main(void)
{
    uint64_t sum = 0;
    double real = 0;
    unsigned count = sizeof inputs / sizeof inputs[0];
    unsigned i;
    unsigned j;

    for (i = 0; i < count; i++) {
        for (j = 0; j < count; j++) {
            int64_t a = inputs[i];
            int64_t b = inputs[j];
            int64_t c;
            int32_t d;

            sum += (uint64_t)a * (uint64_t)b;
            sum ^= (uint64_t)(((unsigned __int128)(uint64_t)a * (uint64_t)b) >> 64);
            sum += (uint64_t)(((__int128)a * b) >> 64);
            if (b != 0) {
                sum += (uint64_t)(a / b) ^ (uint64_t)(a % b);
                sum ^= (uint64_t)a / (uint64_t)b + (uint64_t)a % (uint64_t)b;
            }
            if ((int8_t)b != 0)
                sum += (uint64_t)((int8_t)a / (int8_t)b + (int16_t)a / (int8_t)b);
            if ((uint32_t)b != 0)
                sum += (uint32_t)a / (uint32_t)b + (uint32_t)a % (uint32_t)b;
            sum += (uint64_t)(a / 10 + a % 7) + (uint64_t)a / 1000;
            if (__builtin_add_overflow(a, b, &c))
                sum++;
            sum ^= (uint64_t)c;
            if (__builtin_mul_overflow((int32_t)a, (int32_t)b, &d))
                sum += 3;
            sum += (uint32_t)d;
            sum = sum << (b & 63) | sum >> (-b & 63);
            sum += (uint64_t)(a >> (b & 31)) + ((uint32_t)a >> (b & 31));
            sum += ones((uint64_t)a) + (a < b ? 5 : 6);
            if (a != 0)
                sum += (uint64_t)__builtin_clzll((uint64_t)a) +
                       (uint64_t)__builtin_ctzll((uint64_t)a);
            sum ^= __builtin_bswap64((uint64_t)a) + __builtin_bswap32((uint32_t)b);
            real += (double)a / ((double)b + 0.5);
            if (real > 1e6 || real < -1e6)
                real *= 1e-9;
        }
        guest_print_hex(sum);
    }
    sum += (uint64_t)(int64_t)real;
    guest_print_hex(sum);
    return (int)(sum & 63);
}
