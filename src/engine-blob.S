/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine program, lt-engine, as bytes of the library: from
 * lti_engine_blob up to lti_engine_blob_end.  The build names the file.
 */
        .section .rodata.lti_engine_blob, "a", @progbits
        .balign 4096
        .globl lti_engine_blob
        .hidden lti_engine_blob
        .type lti_engine_blob, @object
lti_engine_blob:
        .incbin LTI_ENGINE_FILE
        .globl lti_engine_blob_end
        .hidden lti_engine_blob_end
lti_engine_blob_end:
        .size lti_engine_blob, . - lti_engine_blob

        .section .note.GNU-stack, "", @progbits
