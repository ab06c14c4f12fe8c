/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Structs of callers, older, newer and broken ones: the input is their bytes, but
 * for pointers, which are to texts of the input.
 */
#include <stdlib.h>

#include "fuzz.h"
#include "lt/lt.h"
#include "lt/unstable.h"

#define TEXTS 8u

static char texts[TEXTS][24];
static const char *list[TEXTS + 1];

/* A pointer that the input may choose: NULL or to a text. */
static const char *take_text(struct input *in)
{
    size_t which = (size_t)take_number(in, 1);

    return which < TEXTS ? texts[which] : NULL;
}

/* A struct of any size up to `room`: its own size in front, mostly, or a lie that
 * is not larger. */
static void *take_struct(struct input *in, size_t room)
{
    uint32_t size = (uint32_t)take_number(in, 2) % (uint32_t)room;
    uint8_t *bytes;

    size = size < 4 ? 4 : size;
    bytes = malloc(size);
    if (bytes == NULL) {
        abort();
    }
    take_bytes(in, bytes, size);
    memcpy(bytes, &size, sizeof size);
    return bytes;
}

static uint32_t size_of(const void *object)
{
    uint32_t size;

    memcpy(&size, object, sizeof size);
    return size;
}

#define SET_POINTER(object, member, value)                                               \
    do {                                                                                 \
        if (size_of(object) >=                                                           \
            offsetof(__typeof__(*(object)), member) + sizeof(void *)) {                  \
            (object)->member = (value);                                                  \
        }                                                                                \
    } while (0)

static struct lt_config *take_config(struct input *in)
{
    struct lt_config *config = take_struct(in, sizeof *config + 64);

    SET_POINTER(config, program, take_text(in));
    SET_POINTER(config, argv, take_number(in, 1) & 1 ? list : NULL);
    SET_POINTER(config, envp, take_number(in, 1) & 1 ? NULL : list);
    SET_POINTER(config, cwd, take_text(in));
    SET_POINTER(config, sysroot, take_text(in));
    SET_POINTER(config, engine, take_text(in));
    SET_POINTER(config, cpu, take_text(in));
    return config;
}

static int on_insn(lt_session *session, const struct lt_insn *event, void *user)
{
    (void)session;
    (void)event;
    (void)user;
    return 0;
}

static int on_access(lt_session *session, const struct lt_mem_access *event, void *user)
{
    (void)session;
    (void)event;
    (void)user;
    return 0;
}

static void use_filter(lt_session *session, struct input *in)
{
    struct lt_filter *filter = take_struct(in, sizeof *filter + 32);

    SET_POINTER(filter, module, take_text(in));
    lt_on_insn(session, filter, on_insn, NULL);
    lt_on_mem_write(session, filter, on_access, NULL);
    lt_session_select(session, (uint32_t)take_number(in, 4), filter);
    free(filter);
}

static void ask(lt_session *session, struct input *in)
{
    struct lt_result *result = take_struct(in, sizeof *result + 32);
    struct lt_stats *stats = take_struct(in, sizeof *stats + 32);
    struct lt_symbol *symbol = take_struct(in, sizeof *symbol + 32);
    const uint32_t number = (uint32_t)take_number(in, 4);

    lt_session_result(session, result);
    lt_session_stats(session, stats);
    lt_symbol_at(session, take_number(in, 8), symbol);
    lt_session_arch(session);
    look_at_text(lt_session_message(session));
    look_at_text(lt_error_text((int)number));
    look_at_text(lt_arch_name(number));
    look_at_text(lt_event_name(number));
    look_at_text(lt_errno_name(number));
    for (uint32_t arch = 0; arch < 4; arch++) {
        look_at_text(lt_reg_name(arch, number));
        look_at_text(lt_syscall_name(arch, number));
        look_at_text(lt_syscall_arg_name(arch, number & 0x3ff, number >> 28));
        lt_syscall_arg_type(arch, number & 0x3ff, number >> 28);
        lt_reg_width(arch, number);
        lt_reg_class(arch, number);
        lt_reg_find(arch, texts[1]);
    }
    lt_arch_find(texts[0]);
    free(result);
    free(stats);
    free(symbol);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    struct lt_config *config;
    lt_session *session = NULL;
    size_t count;

    for (size_t i = 0; i < TEXTS; i++) {
        take_bytes(&in, texts[i], 4 + i);
        texts[i][4 + i] = '\0';
        list[i] = texts[i];
    }
    count = (size_t)take_number(&in, 1) % (TEXTS + 1);
    list[count] = NULL;
    config = take_config(&in);
    if (lt_session_create(config, &session) == 0) {
        for (int i = 0; i < 4 && in.left > 0; i++) {
            use_filter(session, &in);
        }
        ask(session, &in);
        lt_session_destroy(session);
    } else if (session != NULL) {
        abort();
    }
    free(config);
    return 0;
}
