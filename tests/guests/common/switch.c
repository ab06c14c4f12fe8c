/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small byte-code machine: switch tables, calls through pointers, a heap in
 * an array, strings, structures that are copied. */
#include "guest.h"

enum { PUSH, ADD, SUB, MUL, DUP, SWAP, JNZ, CALL, RET, OUT, POP, END };

struct machine {
    int64_t stack[64];
    int top;
    int pc;
    int calls[32];
    int depth;
    char out[128];
    unsigned length;
};

/* Counts down from 9 and prints digits; then squares. */
static const int8_t code[] = {PUSH, 9,   DUP,  OUT, PUSH, 1,  SUB,  DUP,  JNZ,
                              2,    POP, PUSH, 5,   CALL, 20, OUT,  PUSH, 3,
                              END,  0,   DUP,  MUL, PUSH, 7,  SWAP, SUB,  RET};

static void emit(struct machine *m, int64_t value)
{
    char digits[24];
    int n = 0;
    int negative = value < 0;
    uint64_t left = negative ? -(uint64_t)value : (uint64_t)value;

    do {
        digits[n++] = (char)('0' + left % 10);
        left /= 10;
    } while (left != 0);
    if (negative)
        digits[n++] = '-';
    while (n > 0)
        m->out[m->length++] = digits[--n];
    m->out[m->length++] = ' ';
}

static int run(struct machine *m)
{
    for (;;) {
        int op = code[m->pc++];
        int64_t swap;

        switch (op) {
        case PUSH:
            m->stack[m->top++] = code[m->pc++];
            break;
        case ADD:
            m->top--;
            m->stack[m->top - 1] += m->stack[m->top];
            break;
        case SUB:
            m->top--;
            m->stack[m->top - 1] -= m->stack[m->top];
            break;
        case MUL:
            m->top--;
            m->stack[m->top - 1] *= m->stack[m->top];
            break;
        case DUP:
            m->stack[m->top] = m->stack[m->top - 1];
            m->top++;
            break;
        case SWAP:
            swap = m->stack[m->top - 1];
            m->stack[m->top - 1] = m->stack[m->top - 2];
            m->stack[m->top - 2] = swap;
            break;
        case JNZ:
            if (m->stack[m->top - 1] != 0)
                m->pc = code[m->pc];
            else
                m->pc++;
            break;
        case CALL:
            m->calls[m->depth++] = m->pc + 1;
            m->pc = code[m->pc];
            break;
        case RET:
            m->pc = m->calls[--m->depth];
            break;
        case OUT:
            emit(m, m->stack[m->top - 1]);
            break;
        case POP:
            m->top--;
            break;
        case END:
            return (int)m->stack[m->top - 1];
        default:
            return -1;
        }
    }
}

int guest_main(void)
{
    static struct machine first;
    struct machine second;
    int status;

    second = first;
    status = run(&second);
    second.out[second.length++] = '\n';
    guest_write(second.out, second.length);
    first = second;
    return status + (int)first.length;
}
