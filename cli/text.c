/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Owns the log for people: a line an instruction, and under it, indented, what
 * it did.  Each kind of line has its own word in front, for grep.
 */
#include "log.h"

#define INDENT "            "
/* Columns of the address and the symbol. */
#define PC_WIDTH 16u
#define SYMBOL_WIDTH 34u

/* Blanks from column `used` to one behind `width`, at least two. */
static char *put_pad(char *p, size_t used, size_t width)
{
    do
        *p++ = ' ';
    while (++used < width);
    *p++ = ' ';
    return p;
}

static char *put_thread(char *p, uint32_t tid)
{
    char *start = p;

    p = put_dec(p, tid);
    return put_pad(p, (size_t)(p - start), 7);
}

/* The beginning of a line about what the instruction at `pc` did: indented
 * under the instruction's own line, or with thread and address. */
static char *put_under(char *p, const struct log *log, uint32_t tid, uint64_t pc)
{
    char *start;

    if (log->last_tid == tid && log->last_pc == pc)
        return put_lit(p, INDENT);
    p = put_thread(p, tid);
    start = p;
    p = put_hex(p, pc);
    return put_pad(p, (size_t)(p - start), PC_WIDTH);
}

/* SYMBOL+0xOFFSET, or FILE:0xOFFSET where there is no symbol, or "-". */
static void add_symbol(struct out *out, const struct lt_symbol *symbol, uint64_t pc)
{
    uint64_t offset = symbol->offset;
    char *p;

    if (symbol->name) {
        out_plain(out, symbol->name);
    } else if (symbol->module) {
        const char *slash = strrchr(symbol->module, '/');
        out_plain(out, slash ? slash + 1 : symbol->module);
        offset = pc - symbol->base;
    } else {
        out_bytes(out, "-", 1);
        return;
    }
    p = out_room(out, 32);
    if (!symbol->name || offset) {
        *p++ = symbol->name ? '+' : ':';
        p = put_hex(p, offset);
    }
    out_upto(out, p);
}

/* The instruction's line behind the thread. */
static int describe(struct log *log, lt_session *session, const struct lt_insn *insn,
                    struct place *place)
{
    struct out *out = &log->scratch;
    struct lt_symbol symbol;
    char text[256];
    size_t start;
    int error;
    char *p;

    error = log_disassemble(session, insn, text, sizeof text);
    if (!error)
        error = log_symbol(session, insn->pc, &symbol);
    if (error)
        return error;
    out->used = 0;
    p = out_room(out, 128);
    p = put_hex(p, insn->pc);
    p = put_pad(p, (size_t)(p - out->data), PC_WIDTH);
    out_upto(out, p);
    start = out->used;
    add_symbol(out, &symbol, insn->pc);
    p = out_room(out, 128);
    out_upto(out, put_pad(p, out->used - start, SYMBOL_WIDTH));
    out_plain(out, text);
    out_bytes(out, "\n", 1);
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
    log->last_tid = insn->tid;
    log->last_pc = insn->pc;
    out_upto(&log->out, put_thread(out_room(&log->out, 64), insn->tid));
    out_bytes(&log->out, place->text, place->size);
    return log_end(log);
}

static int on_reg_write(lt_session *session, const struct lt_reg_write *write, void *user)
{
    struct log *log = user;
    const char *name = log_reg_name(log, session, write->reg);
    char *p = out_room(&log->out, 1024);

    p = put_under(p, log, write->tid, write->pc);
    p = put_lit(p, "reg      ");
    p = put_bytes(p, name, strlen(name));
    p = put_lit(p, " = ");
    if (write->width <= 8)
        p = put_hex(p, write->value);
    else
        p = put_hex_wide(p, write->data, write->width);
    *p++ = '\n';
    out_upto(&log->out, p);
    return log_end(log);
}

static int on_mem(lt_session *session, const struct lt_mem_access *access, void *user)
{
    struct log *log = user;
    char *p = out_room(&log->out, 512);

    (void)session;
    p = put_under(p, log, access->tid, access->pc);
    p = access->type == LT_EVENT_MEM_READ ? put_lit(p, "read     ")
                                          : put_lit(p, "write    ");
    p = put_hex(p, access->addr);
    *p++ = ' ';
    p = put_dec(p, access->length);
    p = put_lit(p, " = ");
    if (access->length <= 8 && access->by == LT_BY_INSN) {
        p = put_hex(p, access->value);
    } else {
        out_upto(&log->out, p);
        out_hex_bytes(&log->out, access->data, access->length);
        p = out_room(&log->out, 64);
    }
    if (access->by != LT_BY_INSN)
        p = put_lit(p, " by the kernel");
    *p++ = '\n';
    out_upto(&log->out, p);
    return log_end(log);
}

/* The call, as far as it is known by then, and on its return the result. */
static int on_syscall(lt_session *session, const struct lt_syscall *call, void *user)
{
    struct log *log = user;
    struct out *out = &log->out;
    const bool returns = call->phase == LT_PHASE_RETURN;
    const char *text;

    if (!(log->kinds & LT_KIND(LT_EVENT_SYSCALL)))
        return log_call(log, call);
    out_upto(out, put_under(out_room(out, 256), log, call->tid, call->pc));
    out_plain(out, returns ? "return   " : "syscall  ");
    text = log_call_text(log, session, call);
    if (text)
        out_plain(out, text);
    if (returns && text) {
        out_bytes(out, " = ", 3);
        text = log_result_text(log, session, call);
        if (text)
            out_plain(out, text);
    }
    if (!text)
        return LT_ERR_NO_MEMORY;
    out_bytes(out, "\n", 1);
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
    p = put_thread(p, module->tid);
    p = module->op == LT_MODULE_MAP ? put_lit(p, "map    ") : put_lit(p, "unmap  ");
    p = put_hex(p, module->start);
    *p++ = '-';
    p = put_hex(p, module->end);
    *p++ = ' ';
    p = log_put_prot(p, module->prot);
    p = put_lit(p, " offset ");
    p = put_hex(p, module->offset);
    *p++ = ' ';
    out_upto(out, p);
    out_plain(out, module->path);
    out_bytes(out, "\n", 1);
    return log_end(log);
}

/* "SIGSEGV", or "signal 40". */
static char *put_signal(char *p, uint32_t number)
{
    const char *name = log_signal_name((int)number);

    if (name)
        return put_bytes(p, name, strlen(name));
    p = put_lit(p, "signal ");
    return put_dec(p, number);
}

static int on_signal(lt_session *session, const struct lt_signal *signal, void *user)
{
    struct log *log = user;
    char *p = put_thread(out_room(&log->out, 256), signal->tid);

    (void)session;
    log->last_tid = 0; /* what follows is not the last instruction's doing */
    if (signal->op == LT_SIGNAL_DELIVER) {
        p = put_lit(p, "signal ");
        p = put_signal(p, signal->signal);
        p = put_lit(p, " code ");
        p = put_signed(p, signal->code);
        p = put_lit(p, " address ");
        p = put_hex(p, signal->addr);
        p = put_lit(p, " at ");
        p = put_hex(p, signal->pc);
        p = put_lit(p, " handler ");
        p = put_hex(p, signal->handler);
    } else {
        p = put_lit(p, "signal return to ");
        p = put_hex(p, signal->pc);
    }
    *p++ = '\n';
    out_upto(&log->out, p);
    return log_end(log);
}

static int on_thread(lt_session *session, const struct lt_thread *thread, void *user)
{
    struct log *log = user;
    struct out *out = &log->out;
    char *p = put_thread(out_room(out, 256), thread->tid);

    (void)session;
    if (thread->op == LT_THREAD_START) {
        p = put_lit(p, "thread of process ");
        p = put_dec(p, thread->pid);
        p = put_lit(p, " begins, made by ");
        p = put_dec(p, thread->parent);
    } else {
        p = thread->op == LT_THREAD_EXIT ? put_lit(p, "thread ends")
                                         : put_lit(p, "thread is named ");
    }
    out_upto(out, p);
    if (thread->name)
        out_plain(out, thread->name);
    out_bytes(out, "\n", 1);
    return log_end(log);
}

static int on_process(lt_session *session, const struct lt_process *process, void *user)
{
    struct log *log = user;
    struct out *out = &log->out;
    char *p = out_room(out, 256);

    (void)session;
    log_process(log, process);
    if (!(log->kinds & LT_KIND(LT_EVENT_PROCESS)))
        return 0;
    p = put_thread(p, process->tid);
    if (process->op == LT_PROCESS_START) {
        p = put_lit(p, "process begins");
        if (process->parent) {
            p = put_lit(p, ", made by ");
            p = put_dec(p, process->parent);
        }
        p = put_lit(p, ": ");
    } else {
        p = put_lit(p, "process executes: ");
    }
    out_upto(out, p);
    out_plain(out, process->path);
    out_bytes(out, "\n", 1);
    return log_end(log);
}

static int on_map(lt_session *session, const struct lt_map *map, void *user)
{
    struct log *log = user;
    struct out *out = &log->out;
    const char *name = log_map_name(map->op);
    char *p = put_thread(out_room(out, 256), map->tid);

    (void)session;
    p = put_lit(p, "memory  ");
    p = put_bytes(p, name, strlen(name));
    *p++ = ' ';
    p = put_hex(p, map->start);
    *p++ = '-';
    p = put_hex(p, map->end);
    if (map->op == LT_MAP_MAP || map->op == LT_MAP_PROTECT) {
        *p++ = ' ';
        p = log_put_prot(p, map->prot);
    }
    if (map->flags & LT_MAP_SHARED)
        p = put_lit(p, " shared");
    if (map->op == LT_MAP_MOVE) {
        p = put_lit(p, " from ");
        p = put_hex(p, map->from);
    }
    if (map->path) {
        p = put_lit(p, " offset ");
        p = put_hex(p, map->offset);
        *p++ = ' ';
    }
    out_upto(out, p);
    if (map->path)
        out_plain(out, map->path);
    if (map->data) {
        out_bytes(out, " = ", 3);
        out_hex_bytes(out, map->data, (uint32_t)(map->end - map->start));
    }
    out_bytes(out, "\n", 1);
    return log_end(log);
}

static int on_exit_event(lt_session *session, const struct lt_exit *end, void *user)
{
    struct log *log = user;
    char *p = put_thread(out_room(&log->out, 256), end->tid);

    (void)session;
    if (end->signal) {
        const char *name = log_signal_name(end->signal);
        p = put_lit(p, "killed by signal ");
        p = put_signed(p, end->signal);
        if (name) {
            *p++ = ' ';
            p = put_bytes(p, name, strlen(name));
        }
    } else {
        p = put_lit(p, "exit   ");
        p = put_signed(p, end->status);
    }
    *p++ = '\n';
    out_upto(&log->out, p);
    places_drop_process(log->places, end->pid);
    return log_end(log);
}

const struct log_format log_text = {
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
