/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sorts by recursion, through a comparison function pointer. */
#include "guest.h"

#define COUNT 300

static uint32_t numbers[COUNT];

static int ascending(uint32_t a, uint32_t b)
{
    return a < b;
}

static int descending(uint32_t a, uint32_t b)
{
    return a > b;
}

static int (*volatile orders[2])(uint32_t, uint32_t) = {ascending, descending};

static void quicksort(uint32_t *array, int low, int high,
                      int (*before)(uint32_t, uint32_t))
{
    uint32_t pivot = array[(low + high) / 2];
    int i = low;
    int j = high;

    while (i <= j) {
        while (before(array[i], pivot))
            i++;
        while (before(pivot, array[j]))
            j--;
        if (i <= j) {
            uint32_t swap = array[i];

            array[i++] = array[j];
            array[j--] = swap;
        }
    }
    if (low < j)
        quicksort(array, low, j, before);
    if (i < high)
        quicksort(array, i, high, before);
}

int guest_main(void)
{
    uint32_t seed = 12345;
    int order;
    int i;

    for (order = 0; order < 2; order++) {
        for (i = 0; i < COUNT; i++) {
            seed = seed * 1103515245 + 12345;
            numbers[i] = seed >> 8;
        }
        quicksort(numbers, 0, COUNT - 1, orders[order]);
        guest_print_hex(numbers[0]);
        guest_print_hex(numbers[COUNT - 1]);
    }
    return 21;
}
