/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How an input of the target `stream` tells what engines write into the arena.  Its
 * first two bytes are FUZZ_* bits; then come parts, each a byte that says which:
 *
 *   FUZZ_RECORDS  u8 stream, u16 bytes, bytes: records, behind those of before
 *   FUZZ_BLOCK    u16 number, u16 bytes, bytes: a descriptor
 *   FUZZ_STATE    u8 stream, u8 enum lti_stream_state
 *   FUZZ_CHUNK    u8 stream, u8 chunk, u32 committed, u8 closed
 *   FUZZ_POKE     u32 offset, u8 bytes, bytes: anywhere in the control page
 *   FUZZ_RUN      the library decodes what there is
 *   FUZZ_END      i32 wait status: the first engine has ended
 *
 * Records follow each other within the first chunk; block numbers are those of the
 * first slabs.
 */
#ifndef STREAM_INPUT_H
#define STREAM_INPUT_H

#define FUZZ_PULL 1u       /* lt_session_next(), else lt_session_run() */
#define FUZZ_MEMORY 2u     /* LT_CONFIG_MEMORY */
#define FUZZ_PARALLEL 4u   /* LT_THREADS_PARALLEL */
#define FUZZ_ONE_INSN 8u   /* a single callback for instructions, no others */
#define FUZZ_FILTER 16u    /* filters */
#define FUZZ_CALLBACKS 32u /* callbacks of every kind */
#define FUZZ_INTERPRET 64u /* blocks are not compiled; else they are when first run */

enum fuzz_part {
    FUZZ_RECORDS = 0,
    FUZZ_BLOCK = 1,
    FUZZ_STATE = 2,
    FUZZ_CHUNK = 3,
    FUZZ_POKE = 4,
    FUZZ_RUN = 5,
    FUZZ_END = 6,
    FUZZ_PARTS = 7
};

#define FUZZ_STREAMS 6u
#define FUZZ_BLOCKS (3u * LTI_SLAB_BLOCKS)

#endif
