/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the library's part in limits: what engines and supervisor are told of them, and
 * what is said of one that was reached. */
#include "limit.h"

#include <stdio.h>

#define MIN_RING_SIZE 65536u
#define MAX_RING_SIZE (LTI_CHUNKS * LTI_CHUNK_SIZE)

int lti_limit_check(const struct lt_config *config)
{
    uint32_t size = config->ring_size;

    if (size == 0) {
        return 0;
    }
    return size < MIN_RING_SIZE || size > MAX_RING_SIZE || (size & (size - 1)) != 0
               ? LT_ERR_ARGUMENT
               : 0;
}

void lti_limit_fill(const struct lt_config *config, struct lti_control *control)
{
    uint32_t ring_size = config->ring_size != 0 ? config->ring_size : MAX_RING_SIZE;

    control->chunk_size = ring_size / LTI_CHUNKS;
    control->limits.memory = config->limit_memory;
    control->limits.output = config->limit_output;
    control->limits.processes = config->limit_processes;
}

uint64_t lti_limit_insns(const struct lt_config *config)
{
    const uint64_t none = UINT64_MAX / 2;

    return config->limit_insns != 0 && config->limit_insns < none ? config->limit_insns
                                                                  : none;
}

uint32_t lti_limit_reached(const struct lti_control *control)
{
    return __atomic_load_n(&control->limits.reached, __ATOMIC_ACQUIRE);
}

void lti_limit_give_back(struct lti_control *control, struct lti_stream *stream)
{
    if (__atomic_exchange_n(&stream->counted, 0, __ATOMIC_ACQ_REL) != 0) {
        __atomic_fetch_sub(&control->limits.processes_used, 1, __ATOMIC_RELAXED);
        __atomic_fetch_sub(&control->limits.memory_used, stream->memory,
                           __ATOMIC_RELAXED);
    }
}

void lti_limit_say(const struct lt_config *config, uint32_t limit,
                   struct lti_message *message)
{
    switch (limit) {
    case LT_LIMIT_INSNS:
        lti_fail(message, 0, "the guest has executed %llu instructions, its limit",
                 (unsigned long long)config->limit_insns);
        break;
    case LT_LIMIT_MEMORY:
        lti_fail(message, 0, "the guest wants more than %llu bytes of memory, its limit",
                 (unsigned long long)config->limit_memory);
        break;
    case LT_LIMIT_OUTPUT:
        lti_fail(message, 0, "the guest puts out more than %llu bytes, its limit",
                 (unsigned long long)config->limit_output);
        break;
    case LT_LIMIT_TIME:
        lti_fail(message, 0, "the guest has run for %u milliseconds, its limit",
                 config->limit_ms);
        break;
    default:
        lti_fail(message, 0, "the guest wants more than %u processes, its limit",
                 config->limit_processes);
        break;
    }
}
