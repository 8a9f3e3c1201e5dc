/* Stack switch for 64-bit ARM, AAPCS64 on ELF systems.
 *
 * Saved are the registers that a call preserves: x19 to x28, the frame pointer x29, the return address x30 and the low
 * halves of v8 to v15. x18 belongs to the platform and is left alone, and so is FPCR: a rounding mode that a task sets
 * is the thread's. The unwind tables describe the frame at every instruction, so a debugger shows the task's own
 * callers, and end at the task's entry. */
#include "task/switch.h"

#ifdef AMBLE__SWITCH_AARCH64
#include <stdint.h>

void amble__entry_aarch64(void);

/* Two neighbours at an offset into the frame, with the unwind rules that go with them. */
#define SAVE(a, b, at)                                                                                                 \
    "    stp " #a ", " #b ", [sp, #" #at "]\n    .cfi_rel_offset " #a ", " #at "\n    .cfi_rel_offset " #b ", " #at    \
    " + 8\n"
#define LOAD(a, b, at) "    ldp " #a ", " #b ", [sp, #" #at "]\n    .cfi_restore " #a "\n    .cfi_restore " #b "\n"

__asm__(".text\n"
        ".p2align 4\n"
        ".globl amble__context_switch\n"
        ".type amble__context_switch, %function\n"
        "amble__context_switch:\n"
        "    .cfi_startproc\n"
        "    sub sp, sp, #160\n    .cfi_adjust_cfa_offset 160\n"
        /* clang-format off */
        SAVE(x29, x30, 0)
        SAVE(x19, x20, 16)
        SAVE(x21, x22, 32)
        SAVE(x23, x24, 48)
        SAVE(x25, x26, 64)
        SAVE(x27, x28, 80)
        SAVE(d8, d9, 96)
        SAVE(d10, d11, 112)
        SAVE(d12, d13, 128)
        SAVE(d14, d15, 144)
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    ldr w0, [x1, #8]\n"
        "    ldr x9, [x1]\n    mov sp, x9\n"
        LOAD(x29, x30, 0)
        LOAD(x19, x20, 16)
        LOAD(x21, x22, 32)
        LOAD(x23, x24, 48)
        LOAD(x25, x26, 64)
        LOAD(x27, x28, 80)
        LOAD(d8, d9, 96)
        LOAD(d10, d11, 112)
        LOAD(d12, d13, 128)
        LOAD(d14, d15, 144)
        /* clang-format on */
        "    add sp, sp, #160\n    .cfi_adjust_cfa_offset -160\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size amble__context_switch, .-amble__context_switch\n"
        /* The first frame of a task: x19 holds the entry function, x20 its argument. Undefined x30: unwinding ends
         * here. */
        ".p2align 4\n"
        ".globl amble__entry_aarch64\n"
        ".type amble__entry_aarch64, %function\n"
        "amble__entry_aarch64:\n"
        "    .cfi_startproc\n"
        "    .cfi_undefined x30\n"
        "    mov x0, x20\n"
        "    blr x19\n"
        "    brk #0\n"
        "    .cfi_endproc\n"
        ".size amble__entry_aarch64, .-amble__entry_aarch64\n");

/* The frame that amble__context_switch loads, lowest address first. Its size is the 160 in there. */
typedef struct {
    uint64_t x29, x30, x19_to_x28[10], d8_to_d15[8];
} saved_frame;
_Static_assert(sizeof(saved_frame) == 160, "the frame of the assembly");

void amble__context_make(amble__context *context, void *stack, size_t size, void (*entry)(void *arg), void *arg)
{
    /* sp has to be a multiple of 16 whenever it is used; a frame pointer of zero ends the chain of frames. */
    const uintptr_t top = ((uintptr_t)stack + size) & ~(uintptr_t)15;
    saved_frame *frame = (saved_frame *)top - 1;

    *frame = (saved_frame){.x30 = (uintptr_t)amble__entry_aarch64, .x19_to_x28 = {(uintptr_t)entry, (uintptr_t)arg}};
    context->stack_pointer = frame;
}
#else
typedef int amble__switch_aarch64_is_not_used;
#endif
