/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Owns the door to the in-process mode: whoever refers to it links the engines. */
#include "in-process.h"

int lt_session_create_in_process(const struct lt_config *config, lt_session **out)
{
    static const struct lti_mode mode = {
        .engines = {&lti_inside_x86_64, &lti_inside_aarch64},
        .signals = &lti_inside_signals,
    };
    return lti_session_create_inside(config, &mode, out);
}
