/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the decoder should make of a stream: a plain interpreter of the same operations;
 * random blocks and records, which it is shown as they are made; and some simple ones.
 */
#ifndef TEST_DECODE_MODEL_H
#define TEST_DECODE_MODEL_H

#include "decode-kit.h"

/* ---- A plain interpreter ---- */

/* What an operation makes of its operands; c and d are those of LTI_MORE. */
uint64_t evaluate(const struct lti_op *op, uint64_t a, uint64_t b, uint64_t c,
                  uint64_t d);

/* ---- Random streams ---- */

#define BLOCKS 12u

extern struct plan plans[BLOCKS + 1];

void random_blocks(void);
void put_random_record(void);

/* Begins the stream, and what is expected of it, with known registers. */
void put_random_start(void);
void random_callbacks(void);

/* ---- Records ---- */

/* Block 1: three instructions that each take 8 bytes of slots and write a
 * register. */
void three_insns(uint8_t flags);
void put_start(void);
void put_part(uint32_t number, uint32_t count, uint32_t slots);

/* A stream with every kind of event. */
void put_everything(void);

#endif
