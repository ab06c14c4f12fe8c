/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the JSON log: one object a line and an event.  Keys and their order are
 * a contract; further keys come after the present ones.  They are written
 * directly, as most of lt's time goes here.
 */
#include "log.h"

/* ,"tid":N,"pid":N: mostly those of the last event. */
static char *put_thread(char *p, struct log *log, uint32_t tid, uint32_t pid)
{
    if (log->thread_tid != tid || log->thread_pid != pid || !log->thread_size) {
        char *end = put_lit(log->thread, ",\"tid\":");
        end = put_dec(end, tid);
        end = put_lit(end, ",\"pid\":");
        end = put_dec(end, pid);
        log->thread_size = (size_t)(end - log->thread);
        log->thread_tid = tid;
        log->thread_pid = pid;
    }
    return put_bytes(p, log->thread, log->thread_size);
}

/* {"type":TYPE,"seq":N,"tid":N,"pid":N of any record. */
#define BEGIN(p, log, type, event)                                                       \
    put_thread(put_dec(put_lit(p, "{\"type\":\"" type "\",\"seq\":"), (event)->seq),     \
               (log), (event)->tid, (event)->pid)

static char *put_pc(char *p, uint64_t pc)
{
    p = put_lit(p, ",\"pc\":\"");
    p = put_hex(p, pc);
    *p++ = '"';
    return p;
}

/* "SYMBOL+0xOFFSET","module":PATH, either of them null where there is none. */
static void add_symbol(struct out *out, const struct lt_symbol *symbol)
{
    out_json_string(out, symbol->name);
    if (symbol->name && symbol->offset) {
        char *p;
        out->used--; /* the closing quote */
        p = out_room(out, 32);
        *p++ = '+';
        p = put_hex(p, symbol->offset);
        *p++ = '"';
        out_upto(out, p);
    }
    out_bytes(out, ",\"module\":", 10);
    out_json_string(out, symbol->module);
}

/* What all executions of an instruction have in common, from "pc" on. */
static int describe(struct log *log, lt_session *session, const struct lt_insn *insn,
                    struct place *place)
{
    struct out *out = &log->scratch;
    struct lt_symbol symbol;
    char text[256];
    int error;
    char *p;

    error = log_disassemble(session, insn, text, sizeof text);
    if (!error)
        error = log_symbol(session, insn->pc, &symbol);
    if (error)
        return error;
    out->used = 0;
    p = put_pc(out_room(out, 128), insn->pc);
    p = put_lit(p, ",\"bytes\":\"");
    p = put_hex_bytes(p, insn->bytes, insn->length);
    p = put_lit(p, "\",\"text\":");
    out_upto(out, p);
    out_json_string(out, text);
    out_bytes(out, ",\"symbol\":", 10);
    add_symbol(out, &symbol);
    out_bytes(out, "}\n", 2);
    if (out->error)
        return LT_ERR_NO_MEMORY;
    return places_set_text(log->places, place, out->data, out->used);
}

static int on_insn(lt_session *session, const struct lt_insn *insn, void *user)
{
    struct log *log = user;
    struct place *place;
    bool fresh;
    int error;

    place = places_find(log->places, insn, &fresh);
    if (!place)
        return LT_ERR_NO_MEMORY;
    if (fresh && (error = describe(log, session, insn, place)) < 0)
        return error;
    out_upto(&log->out, BEGIN(out_room(&log->out, 128), log, "insn", insn));
    out_bytes(&log->out, place->text, place->size);
    return log_end(log);
}

static int on_reg_write(lt_session *session, const struct lt_reg_write *write, void *user)
{
    struct log *log = user;
    const char *name = log_reg_name(log, session, write->reg);
    char *p = out_room(&log->out, 1024);

    p = BEGIN(p, log, "reg", write);
    p = put_pc(p, write->pc);
    p = put_lit(p, ",\"reg\":\"");
    p = put_bytes(p, name, strlen(name));
    p = put_lit(p, "\",\"value\":\"");
    if (write->width <= 8)
        p = put_hex(p, write->value);
    else
        p = put_hex_wide(p, write->data, write->width);
    p = put_lit(p, "\"}\n");
    out_upto(&log->out, p);
    return log_end(log);
}

static int on_mem(lt_session *session, const struct lt_mem_access *access, void *user)
{
    struct log *log = user;
    char *p = out_room(&log->out, 512);

    (void)session;
    p = access->type == LT_EVENT_MEM_READ ? BEGIN(p, log, "read", access)
                                          : BEGIN(p, log, "write", access);
    p = put_pc(p, access->pc);
    p = put_lit(p, ",\"addr\":\"");
    p = put_hex(p, access->addr);
    p = put_lit(p, "\",\"size\":");
    p = put_dec(p, access->length);
    if (access->length <= 8 && access->by == LT_BY_INSN) {
        p = put_lit(p, ",\"value\":\"");
        p = put_hex(p, access->value);
    } else {
        p = put_lit(p, ",\"bytes\":\"");
        out_upto(&log->out, p);
        out_hex_bytes(&log->out, access->data, access->length);
        p = out_room(&log->out, 64);
    }
    p = access->by == LT_BY_INSN ? put_lit(p, "\",\"by\":\"insn\"}\n")
                                 : put_lit(p, "\",\"by\":\"kernel\"}\n");
    out_upto(&log->out, p);
    return log_end(log);
}

/* ,"strings":[..]: what arguments point to, if any of them does. */
static void add_strings(struct out *out, const struct lt_syscall *call, uint32_t count)
{
    bool any = false;

    for (uint32_t i = 0; i < count; i++)
        any = any || call->strings[i];
    if (!any)
        return;
    out_bytes(out, ",\"strings\":", 11);
    for (uint32_t i = 0; i < count; i++) {
        out_bytes(out, i ? "," : "[", 1);
        out_json_string(out, call->strings[i]);
    }
    out_bytes(out, "]", 1);
}

/* ,"ret":"-2","errno":"ENOENT" */
static void add_result(struct out *out, const struct lt_syscall *call)
{
    char *p = out_room(out, 128);

    p = put_lit(p, ",\"ret\":\"");
    p = put_signed(p, call->ret);
    *p++ = '"';
    if (call->error) {
        const char *name = lt_errno_name(call->error);
        p = put_lit(p, ",\"errno\":\"");
        p = name ? put_bytes(p, name, strlen(name)) : put_dec(p, call->error);
        *p++ = '"';
    }
    out_upto(out, p);
}

/* Names of enum lt_arg_type. */
static const char *arg_type_name(int type)
{
    static const char *const names[] = {
        [LT_ARG_INT] = "int",       [LT_ARG_UINT] = "uint",
        [LT_ARG_FD] = "fd",         [LT_ARG_POINTER] = "pointer",
        [LT_ARG_STRING] = "string", [LT_ARG_FLAGS] = "flags",
        [LT_ARG_ENUM] = "enum",     [LT_ARG_SIZE] = "size",
        [LT_ARG_MODE] = "mode",     [LT_ARG_STRUCT] = "struct",
        [LT_ARG_BUFFER] = "buffer", [LT_ARG_UNUSED] = "unused",
    };

    return type > 0 && (size_t)type < sizeof names / sizeof *names ? names[type] : NULL;
}

/* ,"arguments":[{"name":..,"type":..,"value":..,"text":..},..]: those that the call
 * looks at. */
static void add_arguments(struct log *log, lt_session *session,
                          const struct lt_syscall *call, uint32_t count)
{
    struct out *out = &log->out;
    const uint32_t arch = (uint32_t)lt_session_arch(session);
    const char *separator = "";

    out_plain(out, ",\"arguments\":[");
    for (uint32_t i = 0; i < count; i++) {
        const char *text = log_arg_text(log, session, call, i);
        char *p;

        if (!text)
            continue;
        out_plain(out, separator);
        out_plain(out, "{\"name\":");
        out_json_string(out, lt_syscall_arg_name(arch, call->nr, i));
        out_plain(out, ",\"type\":");
        out_json_string(out, arg_type_name(lt_syscall_arg_type(arch, call->nr, i)));
        p = put_lit(out_room(out, 64), ",\"value\":\"");
        p = put_hex(p, call->args[i]);
        out_upto(out, put_lit(p, "\",\"text\":"));
        out_json_string(out, text);
        out_bytes(out, "}", 1);
        separator = ",";
    }
    out_bytes(out, "]", 1);
}

static int on_syscall(lt_session *session, const struct lt_syscall *call, void *user)
{
    struct log *log = user;
    struct out *out = &log->out;
    const uint32_t count = call->arg_count < 6 ? call->arg_count : 6;
    char *p = out_room(out, 256);

    if (!(log->kinds & LT_KIND(LT_EVENT_SYSCALL)))
        return log_call(log, call);
    p = BEGIN(p, log, "syscall", call);
    p = put_pc(p, call->pc);
    p = put_lit(p, ",\"nr\":");
    p = put_dec(p, call->nr);
    p = put_lit(p, ",\"name\":");
    out_upto(out, p);
    out_json_string(out, call->name);
    p = out_room(out, 256);
    p = put_lit(p, ",\"args\":[");
    for (uint32_t i = 0; i < count; i++) {
        if (i)
            *p++ = ',';
        *p++ = '"';
        p = put_hex(p, call->args[i]);
        *p++ = '"';
    }
    p = put_lit(p, "],\"phase\":");
    if (call->phase == LT_PHASE_ENTER) {
        p = put_lit(p, "\"enter\"");
        out_upto(out, p);
        add_strings(out, call, count);
        out_bytes(out, ",\"text\":", 8);
        out_json_string(out, log_call_text(log, session, call));
    } else {
        p = put_lit(p, "\"return\"");
        out_upto(out, p);
        add_result(out, call);
        out_bytes(out, ",\"text\":", 8);
        out_json_string(out, log_call_text(log, session, call));
        out_bytes(out, ",\"result\":", 10);
        out_json_string(out, log_result_text(log, session, call));
    }
    add_arguments(log, session, call, count);
    out_bytes(out, "}\n", 2);
    log_end(log);
    return log_call(log, call);
}

static int on_module(lt_session *session, const struct lt_module *module, void *user)
{
    struct log *log = user;
    struct out *out = &log->out;
    char *p = out_room(out, 256);

    (void)session;
    places_drop(log->places, module);
    if (!(log->kinds & LT_KIND(LT_EVENT_MODULE)))
        return 0;
    p = BEGIN(p, log, "module", module);
    p = module->op == LT_MODULE_MAP ? put_lit(p, ",\"op\":\"map\",\"path\":")
                                    : put_lit(p, ",\"op\":\"unmap\",\"path\":");
    out_upto(out, p);
    out_json_string(out, module->path);
    p = out_room(out, 256);
    p = put_lit(p, ",\"start\":\"");
    p = put_hex(p, module->start);
    p = put_lit(p, "\",\"end\":\"");
    p = put_hex(p, module->end);
    p = put_lit(p, "\",\"offset\":\"");
    p = put_hex(p, module->offset);
    p = put_lit(p, "\",\"prot\":\"");
    p = log_put_prot(p, module->prot);
    p = put_lit(p, "\"}\n");
    out_upto(out, p);
    return log_end(log);
}

static int on_signal(lt_session *session, const struct lt_signal *signal, void *user)
{
    struct log *log = user;
    char *p = BEGIN(out_room(&log->out, 512), log, "signal", signal);

    (void)session;
    p = put_pc(p, signal->pc);
    if (signal->op == LT_SIGNAL_DELIVER) {
        const char *name = log_signal_name((int)signal->signal);

        p = put_lit(p, ",\"op\":\"deliver\",\"signal\":");
        p = put_dec(p, signal->signal);
        if (name) {
            p = put_lit(p, ",\"name\":\"");
            p = put_bytes(p, name, strlen(name));
            *p++ = '"';
        }
        p = put_lit(p, ",\"code\":");
        p = put_signed(p, signal->code);
        p = put_lit(p, ",\"addr\":\"");
        p = put_hex(p, signal->addr);
        p = put_lit(p, "\",\"handler\":\"");
        p = put_hex(p, signal->handler);
        p = put_lit(p, "\"}\n");
    } else {
        p = put_lit(p, ",\"op\":\"return\"}\n");
    }
    out_upto(&log->out, p);
    return log_end(log);
}

static int on_thread(lt_session *session, const struct lt_thread *thread, void *user)
{
    struct log *log = user;
    struct out *out = &log->out;
    char *p = BEGIN(out_room(out, 512), log, "thread", thread);

    (void)session;
    switch (thread->op) {
    case LT_THREAD_START:
        p = put_lit(p, ",\"op\":\"start\",\"parent\":");
        out_upto(out, put_dec(p, thread->parent));
        break;
    case LT_THREAD_EXIT:
        out_upto(out, put_lit(p, ",\"op\":\"exit\""));
        break;
    default:
        out_upto(out, put_lit(p, ",\"op\":\"name\",\"name\":"));
        out_json_string(out, thread->name);
        break;
    }
    out_bytes(out, "}\n", 2);
    return log_end(log);
}

static int on_process(lt_session *session, const struct lt_process *process, void *user)
{
    struct log *log = user;
    struct out *out = &log->out;
    char *p;

    (void)session;
    log_process(log, process);
    if (!(log->kinds & LT_KIND(LT_EVENT_PROCESS)))
        return 0;
    p = BEGIN(out_room(out, 512), log, "process", process);
    p = process->op == LT_PROCESS_START ? put_lit(p, ",\"op\":\"start\",\"parent\":")
                                        : put_lit(p, ",\"op\":\"exec\",\"parent\":");
    p = put_dec(p, process->parent);
    p = put_lit(p, ",\"arch\":\"");
    p = put_bytes(p, lt_arch_name(process->arch), strlen(lt_arch_name(process->arch)));
    out_upto(out, put_lit(p, "\",\"path\":"));
    out_json_string(out, process->path);
    out_bytes(out, "}\n", 2);
    return log_end(log);
}

/* What a new mapping shows. */
static void add_mapping(struct out *out, const struct lt_map *map)
{
    char *p = out_room(out, 128);

    p = put_lit(p, ",\"shared\":");
    p = map->flags & LT_MAP_SHARED ? put_lit(p, "true") : put_lit(p, "false");
    p = put_lit(p, ",\"device\":\"");
    p = put_hex(p, map->device);
    p = put_lit(p, "\",\"inode\":\"");
    p = put_hex(p, map->inode);
    p = put_lit(p, "\",\"offset\":\"");
    p = put_hex(p, map->offset);
    p = put_lit(p, "\",\"path\":");
    out_upto(out, p);
    out_json_string(out, map->path);
}

static int on_map(lt_session *session, const struct lt_map *map, void *user)
{
    struct log *log = user;
    struct out *out = &log->out;
    const char *name = log_map_name(map->op);
    char *p = out_room(out, 256);

    (void)session;
    p = BEGIN(p, log, "map", map);
    p = put_lit(p, ",\"op\":\"");
    p = put_bytes(p, name, strlen(name));
    p = put_lit(p, "\",\"start\":\"");
    p = put_hex(p, map->start);
    p = put_lit(p, "\",\"end\":\"");
    p = put_hex(p, map->end);
    *p++ = '"';
    if (map->op == LT_MAP_MAP || map->op == LT_MAP_PROTECT) {
        p = put_lit(p, ",\"prot\":\"");
        p = log_put_prot(p, map->prot);
        *p++ = '"';
    }
    if (map->op == LT_MAP_MOVE) {
        p = put_lit(p, ",\"from\":\"");
        p = put_hex(p, map->from);
        *p++ = '"';
    }
    out_upto(out, p);
    if (map->op == LT_MAP_MAP)
        add_mapping(out, map);
    if (map->data) {
        out_bytes(out, ",\"bytes\":\"", 10);
        out_hex_bytes(out, map->data, (uint32_t)(map->end - map->start));
        out_bytes(out, "\"", 1);
    }
    out_bytes(out, "}\n", 2);
    return log_end(log);
}

/* Further keys where not all of the guest could be traced. */
static char *put_untraced(char *p, const struct lt_result *result)
{
    if (result->untraced_threads) {
        p = put_lit(p, ",\"untraced_threads\":");
        p = put_dec(p, result->untraced_threads);
    }
    if (result->untraced_processes) {
        p = put_lit(p, ",\"untraced_processes\":");
        p = put_dec(p, result->untraced_processes);
    }
    return p;
}

static int on_exit_event(lt_session *session, const struct lt_exit *end, void *user)
{
    struct log *log = user;
    struct lt_result result;
    char *p = out_room(&log->out, 512);

    p = BEGIN(p, log, "exit", end);
    if (end->signal) {
        p = put_lit(p, ",\"signal\":");
        p = put_signed(p, end->signal);
    } else {
        p = put_lit(p, ",\"status\":");
        p = put_signed(p, end->status);
    }
    lt_result_init(&result, sizeof result);
    if (lt_session_result(session, &result) == 0)
        p = put_untraced(p, &result);
    p = put_lit(p, "}\n");
    out_upto(&log->out, p);
    places_drop_process(log->places, end->pid);
    return log_end(log);
}

const struct log_format log_json = {
    .insn = on_insn,
    .reg_write = on_reg_write,
    .mem = on_mem,
    .syscall = on_syscall,
    .module = on_module,
    .process = on_process,
    .thread = on_thread,
    .signal = on_signal,
    .map = on_map,
    .exit = on_exit_event,
};
