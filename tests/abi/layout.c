/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The numbers of the public headers that compiled programs and bindings hold:
 * where each member of each struct is, and the values of constants.  It only has
 * to compile.  What stands here is changed only together with the ABI's version.
 */
#include <lt/lt.h>
#include <lt/unstable.h>

#define AT(type, member, offset)                                                         \
    _Static_assert(offsetof(struct type, member) == (offset), #type "." #member)
#define SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type)
#define IS(name, value) _Static_assert((name) == (value), #name)

_Static_assert(sizeof(int) == 4 && sizeof(void *) == 8, "the host is a 64-bit one");

SIZE(lt_event, 24);
AT(lt_event, type, 0);
AT(lt_event, size, 4);
AT(lt_event, seq, 8);
AT(lt_event, pid, 16);
AT(lt_event, tid, 20);

SIZE(lt_insn, 48);
AT(lt_insn, type, 0);
AT(lt_insn, size, 4);
AT(lt_insn, seq, 8);
AT(lt_insn, pid, 16);
AT(lt_insn, tid, 20);
AT(lt_insn, pc, 24);
AT(lt_insn, bytes, 32);
AT(lt_insn, length, 40);
AT(lt_insn, reserved, 44);

SIZE(lt_reg_write, 56);
AT(lt_reg_write, type, 0);
AT(lt_reg_write, size, 4);
AT(lt_reg_write, seq, 8);
AT(lt_reg_write, pid, 16);
AT(lt_reg_write, tid, 20);
AT(lt_reg_write, pc, 24);
AT(lt_reg_write, reg, 32);
AT(lt_reg_write, width, 36);
AT(lt_reg_write, value, 40);
AT(lt_reg_write, data, 48);

SIZE(lt_mem_access, 72);
AT(lt_mem_access, type, 0);
AT(lt_mem_access, size, 4);
AT(lt_mem_access, seq, 8);
AT(lt_mem_access, pid, 16);
AT(lt_mem_access, tid, 20);
AT(lt_mem_access, pc, 24);
AT(lt_mem_access, addr, 32);
AT(lt_mem_access, length, 40);
AT(lt_mem_access, by, 44);
AT(lt_mem_access, value, 48);
AT(lt_mem_access, data, 56);
AT(lt_mem_access, old, 64);

SIZE(lt_syscall, 160);
AT(lt_syscall, type, 0);
AT(lt_syscall, size, 4);
AT(lt_syscall, seq, 8);
AT(lt_syscall, pid, 16);
AT(lt_syscall, tid, 20);
AT(lt_syscall, pc, 24);
AT(lt_syscall, phase, 32);
AT(lt_syscall, nr, 36);
AT(lt_syscall, name, 40);
AT(lt_syscall, arg_count, 48);
AT(lt_syscall, error, 52);
AT(lt_syscall, ret, 56);
AT(lt_syscall, args, 64);
AT(lt_syscall, strings, 112);

SIZE(lt_module, 64);
AT(lt_module, type, 0);
AT(lt_module, size, 4);
AT(lt_module, seq, 8);
AT(lt_module, pid, 16);
AT(lt_module, tid, 20);
AT(lt_module, op, 24);
AT(lt_module, prot, 28);
AT(lt_module, start, 32);
AT(lt_module, end, 40);
AT(lt_module, offset, 48);
AT(lt_module, path, 56);

SIZE(lt_exit, 32);
AT(lt_exit, type, 0);
AT(lt_exit, size, 4);
AT(lt_exit, seq, 8);
AT(lt_exit, pid, 16);
AT(lt_exit, tid, 20);
AT(lt_exit, status, 24);
AT(lt_exit, signal, 28);

SIZE(lt_signal, 64);
AT(lt_signal, type, 0);
AT(lt_signal, size, 4);
AT(lt_signal, seq, 8);
AT(lt_signal, pid, 16);
AT(lt_signal, tid, 20);
AT(lt_signal, pc, 24);
AT(lt_signal, op, 32);
AT(lt_signal, signal, 36);
AT(lt_signal, code, 40);
AT(lt_signal, reserved, 44);
AT(lt_signal, addr, 48);
AT(lt_signal, handler, 56);

SIZE(lt_thread, 40);
AT(lt_thread, type, 0);
AT(lt_thread, size, 4);
AT(lt_thread, seq, 8);
AT(lt_thread, pid, 16);
AT(lt_thread, tid, 20);
AT(lt_thread, op, 24);
AT(lt_thread, parent, 28);
AT(lt_thread, name, 32);

SIZE(lt_process, 48);
AT(lt_process, type, 0);
AT(lt_process, size, 4);
AT(lt_process, seq, 8);
AT(lt_process, pid, 16);
AT(lt_process, tid, 20);
AT(lt_process, op, 24);
AT(lt_process, parent, 28);
AT(lt_process, arch, 32);
AT(lt_process, reserved, 36);
AT(lt_process, path, 40);

SIZE(lt_map, 88);
AT(lt_map, type, 0);
AT(lt_map, size, 4);
AT(lt_map, seq, 8);
AT(lt_map, pid, 16);
AT(lt_map, tid, 20);
AT(lt_map, op, 24);
AT(lt_map, prot, 28);
AT(lt_map, flags, 32);
AT(lt_map, reserved, 36);
AT(lt_map, start, 40);
AT(lt_map, end, 48);
AT(lt_map, from, 56);
AT(lt_map, offset, 64);
AT(lt_map, path, 72);
AT(lt_map, data, 80);

SIZE(lt_config, 96);
AT(lt_config, size, 0);
AT(lt_config, flags, 4);
AT(lt_config, program, 8);
AT(lt_config, argv, 16);
AT(lt_config, envp, 24);
AT(lt_config, cwd, 32);
AT(lt_config, sysroot, 40);
AT(lt_config, stdio, 48);
AT(lt_config, stdio_fd, 60);
AT(lt_config, engine, 72);
AT(lt_config, follow, 80);
AT(lt_config, threads, 84);
AT(lt_config, cpu, 88);

SIZE(lt_filter, 48);
AT(lt_filter, size, 0);
AT(lt_filter, flags, 4);
AT(lt_filter, pc_start, 8);
AT(lt_filter, pc_end, 16);
AT(lt_filter, module, 24);
AT(lt_filter, addr_start, 32);
AT(lt_filter, addr_end, 40);

SIZE(lt_result, 40);
AT(lt_result, size, 0);
AT(lt_result, kind, 4);
AT(lt_result, status, 8);
AT(lt_result, signal, 12);
AT(lt_result, error, 16);
AT(lt_result, untraced_threads, 20);
AT(lt_result, untraced_processes, 24);
AT(lt_result, reserved, 28);
AT(lt_result, events, 32);

SIZE(lt_symbol, 48);
AT(lt_symbol, size, 0);
AT(lt_symbol, reserved, 4);
AT(lt_symbol, name, 8);
AT(lt_symbol, offset, 16);
AT(lt_symbol, length, 24);
AT(lt_symbol, module, 32);
AT(lt_symbol, base, 40);

SIZE(lt_stats, 56);
AT(lt_stats, size, 0);
AT(lt_stats, blocks, 4);
AT(lt_stats, insns, 8);
AT(lt_stats, stream_bytes, 16);
AT(lt_stats, desc_bytes, 24);
AT(lt_stats, register_checks, 32);
AT(lt_stats, register_mismatches, 40);
AT(lt_stats, internal_errors, 48);

IS(LT_EVENT_INSN, 1);
IS(LT_EVENT_REG_WRITE, 2);
IS(LT_EVENT_MEM_WRITE, 3);
IS(LT_EVENT_MEM_READ, 4);
IS(LT_EVENT_SYSCALL, 5);
IS(LT_EVENT_MODULE, 6);
IS(LT_EVENT_EXIT, 7);
IS(LT_EVENT_SIGNAL, 8);
IS(LT_EVENT_THREAD, 9);
IS(LT_EVENT_PROCESS, 10);
IS(LT_EVENT_MAP, 11);
IS(LT_SIGNAL_DELIVER, 0);
IS(LT_SIGNAL_RETURN, 1);
IS(LT_THREAD_START, 0);
IS(LT_THREAD_EXIT, 1);
IS(LT_THREAD_NAME, 2);
IS(LT_PROCESS_START, 0);
IS(LT_PROCESS_EXEC, 1);
IS(LT_MAP_MAP, 0);
IS(LT_MAP_DATA, 1);
IS(LT_MAP_UNMAP, 2);
IS(LT_MAP_PROTECT, 3);
IS(LT_MAP_MOVE, 4);
IS(LT_MAP_SHARED, 1);
IS(LT_KINDS_ALL, 0xffe);
IS(LT_KINDS_DEFAULT, 0x7ee);
IS(LT_BY_INSN, 0);
IS(LT_BY_KERNEL, 1);
IS(LT_PHASE_ENTER, 0);
IS(LT_PHASE_RETURN, 1);
IS(LT_MODULE_MAP, 0);
IS(LT_MODULE_UNMAP, 1);
IS(LT_PROT_READ, 1);
IS(LT_PROT_WRITE, 2);
IS(LT_PROT_EXEC, 4);
IS(LT_ARCH_X86_64, 1);
IS(LT_ARCH_AARCH64, 2);
IS(LT_ERR_ARGUMENT, -1);
IS(LT_ERR_NO_MEMORY, -2);
IS(LT_ERR_STATE, -3);
IS(LT_ERR_UNSUPPORTED, -4);
IS(LT_ERR_NOT_FOUND, -5);
IS(LT_ERR_PERMISSION, -6);
IS(LT_ERR_DIRECTORY, -7);
IS(LT_ERR_NOT_ELF, -8);
IS(LT_ERR_TRUNCATED, -9);
IS(LT_ERR_ARCH, -10);
IS(LT_ERR_INTERPRETER, -11);
IS(LT_ERR_ARGV, -12);
IS(LT_ERR_SYSTEM, -13);
IS(LT_ERR_ENGINE, -14);
IS(LT_ERR_STREAM, -15);
IS(LT_ERR_LIMIT, -16);
IS(LT_STOP, 1);
IS(LT_STDIO_INHERIT, 0);
IS(LT_STDIO_NULL, 1);
IS(LT_STDIO_FD, 2);
IS(LT_CONFIG_TERMINAL, 1);
IS(LT_CONFIG_MEMORY, 2);
IS(LT_FOLLOW_ALL, 0);
IS(LT_FOLLOW_FORKS, 1);
IS(LT_FOLLOW_NONE, 2);
IS(LT_THREADS_SERIAL, 0);
IS(LT_THREADS_PARALLEL, 1);
IS(LT_FILTER_NO_REGS, 1);
IS(LT_RESULT_NONE, 0);
IS(LT_RESULT_EXIT, 1);
IS(LT_RESULT_SIGNAL, 2);
IS(LT_RESULT_STOPPED, 3);
IS(LT_RESULT_ERROR, 4);
IS(LT_X86_64_RAX, 0);
IS(LT_X86_64_RCX, 1);
IS(LT_X86_64_RDX, 2);
IS(LT_X86_64_RBX, 3);
IS(LT_X86_64_RSP, 4);
IS(LT_X86_64_RBP, 5);
IS(LT_X86_64_RSI, 6);
IS(LT_X86_64_RDI, 7);
IS(LT_X86_64_R8, 8);
IS(LT_X86_64_RIP, 16);
IS(LT_X86_64_RFLAGS, 17);
IS(LT_X86_64_FS_BASE, 18);
IS(LT_X86_64_GS_BASE, 19);
IS(LT_X86_64_ES, 20);
IS(LT_X86_64_MXCSR, 26);
IS(LT_X86_64_FCW, 27);
IS(LT_X86_64_FSW, 28);
IS(LT_X86_64_FTW, 29);
IS(LT_X86_64_FPR0, 30);
IS(LT_X86_64_XMM0, 38);
IS(LT_X86_64_YMM0, 54);
IS(LT_AARCH64_X0, 0);
IS(LT_AARCH64_SP, 31);
IS(LT_AARCH64_PC, 32);
IS(LT_AARCH64_NZCV, 33);
IS(LT_AARCH64_FPCR, 34);
IS(LT_AARCH64_FPSR, 35);
IS(LT_AARCH64_TPIDR_EL0, 36);
IS(LT_AARCH64_V0, 37);
IS(LT_REG_GENERAL, 1);
IS(LT_REG_PC, 2);
IS(LT_REG_FLAGS, 3);
IS(LT_REG_SEGMENT, 4);
IS(LT_REG_CONTROL, 5);
IS(LT_REG_FLOAT, 6);
IS(LT_REG_VECTOR, 7);
IS(LT_REG_SYSTEM, 8);
IS(LT_KIND(LT_EVENT_EXIT), 0x80);
