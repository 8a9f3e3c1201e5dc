/* Stack switch for x86-64, System V calling convention (all ELF systems).
 *
 * Saved are the registers that a call preserves (rbx, rbp, r12 to r15) and the two control words it preserves (MXCSR
 * and the x87 control word); the caller saves the rest because to it this is an ordinary call. The control words lie
 * below the stack pointer, in the 128 bytes that no signal handler touches either. The unwind tables
 * describe the frame at every instruction, so a debugger shows the task's own callers, and end at the task's entry. */
#include "task/switch.h"

#ifdef AMBLE__SWITCH_X86_64
#include <stdint.h>

void amble__entry_x86_64(void);

__asm__(
    ".text\n"
    ".p2align 4\n"
    ".globl amble__context_switch\n"
    ".type amble__context_switch, @function\n"
    "amble__context_switch:\n"
    "    .cfi_startproc\n"
    "    pushq %rbp\n    .cfi_adjust_cfa_offset 8\n    .cfi_rel_offset %rbp, 0\n"
    "    pushq %rbx\n    .cfi_adjust_cfa_offset 8\n    .cfi_rel_offset %rbx, 0\n"
    "    pushq %r12\n    .cfi_adjust_cfa_offset 8\n    .cfi_rel_offset %r12, 0\n"
    "    pushq %r13\n    .cfi_adjust_cfa_offset 8\n    .cfi_rel_offset %r13, 0\n"
    "    pushq %r14\n    .cfi_adjust_cfa_offset 8\n    .cfi_rel_offset %r14, 0\n"
    "    pushq %r15\n    .cfi_adjust_cfa_offset 8\n    .cfi_rel_offset %r15, 0\n"
    "    stmxcsr -8(%rsp)\n"
    "    fnstcw -4(%rsp)\n"
    "    movq %rsp, (%rdi)\n"
    "    movq (%rsi), %rsp\n"
    "    movl 8(%rsi), %eax\n"
    "    ldmxcsr -8(%rsp)\n"
    "    fldcw -4(%rsp)\n"
    "    popq %r15\n    .cfi_adjust_cfa_offset -8\n    .cfi_restore %r15\n"
    "    popq %r14\n    .cfi_adjust_cfa_offset -8\n    .cfi_restore %r14\n"
    "    popq %r13\n    .cfi_adjust_cfa_offset -8\n    .cfi_restore %r13\n"
    "    popq %r12\n    .cfi_adjust_cfa_offset -8\n    .cfi_restore %r12\n"
    "    popq %rbx\n    .cfi_adjust_cfa_offset -8\n    .cfi_restore %rbx\n"
    "    popq %rbp\n    .cfi_adjust_cfa_offset -8\n    .cfi_restore %rbp\n"
    /* Not `ret`, which the processor would predict to go back to the caller of before. */
    "    popq %rcx\n    .cfi_adjust_cfa_offset -8\n    .cfi_register %rip, %rcx\n"
    "    jmpq *%rcx\n"
    "    .cfi_endproc\n"
    ".size amble__context_switch, .-amble__context_switch\n"
    /* The first frame of a task: r12 holds the entry function, r13 its argument. Undefined rip: unwinding ends here. */
    ".p2align 4\n"
    ".type amble__entry_x86_64, @function\n"
    ".globl amble__entry_x86_64\n"
    "amble__entry_x86_64:\n"
    "    .cfi_startproc\n"
    "    .cfi_undefined %rip\n"
    "    movq %r13, %rdi\n"
    "    callq *%r12\n"
    "    ud2\n"
    "    .cfi_endproc\n"
    ".size amble__entry_x86_64, .-amble__entry_x86_64\n");

/* The frame that amble__context_switch leaves, lowest address first; the stack pointer is at r15. */
typedef struct {
    uint32_t mxcsr;
    uint16_t x87_control, unused;
    void *r15, *r14, *r13, *r12, *rbx, *rbp;
    void *return_address;
} saved_frame;

void amble__context_make(amble__context *context, void *stack, size_t size, void (*entry)(void *arg), void *arg)
{
    /* The convention wants rsp to be a multiple of 16 at the call in the entry, which is where `ret` leaves it.
     * Above that lies a return address of zero, for tools that do not understand the entry's unwind table. */
    const uintptr_t top = (((uintptr_t)stack + size) & ~(uintptr_t)15) - 16;
    saved_frame *frame = (saved_frame *)top - 1;

    *(void **)top = NULL;
    *frame = (saved_frame){
        .r12 = (void *)(uintptr_t)entry, .r13 = arg, .return_address = (void *)(uintptr_t)amble__entry_x86_64};
    __asm__ volatile("stmxcsr %0\n    fnstcw %1" : "=m"(frame->mxcsr), "=m"(frame->x87_control));
    context->stack_pointer = &frame->r15;
}
#else
typedef int amble__switch_x86_64_is_not_used;
#endif
