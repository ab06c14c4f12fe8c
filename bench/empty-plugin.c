/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plugin for plain QEMU that is called for every instruction and every memory access
 * and does nothing: what one sees with QEMU's own interface, at its best.
 */
#include <stddef.h>

#include <qemu-plugin.h>

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

static void on_insn(unsigned vcpu, void *user)
{
    (void)vcpu;
    (void)user;
}

static void on_access(unsigned vcpu, qemu_plugin_meminfo_t info, uint64_t addr,
                      void *user)
{
    (void)vcpu;
    (void)info;
    (void)addr;
    (void)user;
}

static void on_block(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    size_t count = qemu_plugin_tb_n_insns(block);

    (void)id;
    for (size_t i = 0; i < count; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(block, i);

        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_insn, QEMU_PLUGIN_CB_NO_REGS,
                                               NULL);
        qemu_plugin_register_vcpu_mem_cb(insn, on_access, QEMU_PLUGIN_CB_NO_REGS,
                                         QEMU_PLUGIN_MEM_RW, NULL);
    }
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info,
                                           int argc, char **argv)
{
    (void)info;
    (void)argc;
    (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
    return 0;
}
