/* Stack switch for Cortex-M, AAPCS: r4 to r11 and the return address, and s16 to s31 where there is a floating-point
 * unit. The callers are ordinary thread-mode code; an interrupt in between uses the stack it finds, as it always
 * does. */
#include "task/switch.h"

#ifdef AMBLE__SWITCH_CORTEX_M
#include <stdint.h>

void amble__entry_cortex_m(void);

#if defined(__ARM_FP)
#define SAVE_FLOATS "    vpush {s16-s31}\n"
#define LOAD_FLOATS "    vpop {s16-s31}\n"
enum { FLOAT_WORDS = 16 };
#else
#define SAVE_FLOATS ""
#define LOAD_FLOATS ""
enum { FLOAT_WORDS = 0 };
#endif

__asm__(".syntax unified\n"
        ".thumb\n"
        ".text\n"
        ".p2align 2\n"
        ".globl amble__context_switch\n"
        ".thumb_func\n"
        ".type amble__context_switch, %function\n"
        "amble__context_switch:\n"
#if __ARM_ARCH >= 7
        "    push {r4-r11, lr}\n" SAVE_FLOATS "    mov r2, sp\n"
        "    str r2, [r0]\n"
        "    ldr r0, [r1, #4]\n    ldr r1, [r1]\n    mov sp, r1\n" LOAD_FLOATS "    pop {r4-r11, pc}\n"
#else
        /* ARMv6-M pushes low registers only. */
        "    push {r4-r7, lr}\n"
        "    mov r4, r8\n    mov r5, r9\n    mov r6, r10\n    mov r7, r11\n"
        "    push {r4-r7}\n"
        "    mov r2, sp\n"
        "    str r2, [r0]\n"
        "    ldr r0, [r1, #4]\n    ldr r1, [r1]\n    mov sp, r1\n"
        "    pop {r4-r7}\n"
        "    mov r8, r4\n    mov r9, r5\n    mov r10, r6\n    mov r11, r7\n"
        "    pop {r4-r7, pc}\n"
#endif
        ".size amble__context_switch, .-amble__context_switch\n"
        ".globl amble__entry_cortex_m\n"
        ".thumb_func\n"
        ".type amble__entry_cortex_m, %function\n"
        "amble__entry_cortex_m:\n"
        "    mov r0, r5\n"
        "    blx r4\n"
        "    udf #0\n"
        ".size amble__entry_cortex_m, .-amble__entry_cortex_m\n");

/* The words that the switch pops, lowest address first; r4 carries the entry function and r5 its argument. */
enum {
#if __ARM_ARCH >= 7
    WORD_R4 = FLOAT_WORDS,
#else
    WORD_R4 = 4,
#endif
    WORD_R5 = WORD_R4 + 1,
    WORD_PC = FLOAT_WORDS + 8,
    WORDS = FLOAT_WORDS + 9
};

void amble__context_make(amble__context *context, void *stack, size_t size, void (*entry)(void *arg), void *arg)
{
    const uintptr_t top = ((uintptr_t)stack + size) & ~(uintptr_t)7;
    uint32_t *frame = (uint32_t *)top - WORDS;

    for (int i = 0; i < WORDS; i++)
        frame[i] = 0;
    frame[WORD_R4] = (uint32_t)(uintptr_t)entry;
    frame[WORD_R5] = (uint32_t)(uintptr_t)arg;
    frame[WORD_PC] = (uint32_t)(uintptr_t)amble__entry_cortex_m | 1u;
    context->stack_pointer = frame;
}
#else
typedef int amble__switch_cortex_m_is_not_used;
#endif
