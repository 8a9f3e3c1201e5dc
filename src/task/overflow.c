/* Names the task that ran into the guard page below its stack.
 *
 * The handler is installed by amble_run, counts its users, hands every other fault to whoever was there before, and
 * afterwards lets the program die as it would have. A signal's handler is a property of the process, so its state is
 * one too. Off under AddressSanitizer, which has a handler and a report of its own. */
#include "task/task_internal.h"

#if defined(AMBLE__HOSTED) && !defined(AMBLE__ASAN)
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "port/system.h"

static pthread_mutex_t users_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned users;
static struct sigaction previous_segv, previous_bus;
static AMBLE__PER_THREAD void *signal_stack;
static AMBLE__PER_THREAD stack_t previous_signal_stack;

enum { SIGNAL_STACK_SIZE = 65536 };

static void say(const char *text)
{
    ssize_t n = write(STDERR_FILENO, text, strlen(text));

    (void)n; /* nothing can be done about it here */
}

static void report(const amble_task *task)
{
    say("amble: task ");
    say(task->name);
    say(" overflowed its stack; give amble_run a larger stack_size, or keep large arrays off the stack\n");
}

static bool in_guard_page(const amble_task *task, uintptr_t address)
{
    const uintptr_t stack = (uintptr_t)task->stack->memory;

    return address < stack && address >= stack - amble__port_page_size();
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    const struct sigaction *previous = number == SIGBUS ? &previous_bus : &previous_segv;
    const amble_task *task = amble__running;

    if (task && task->stack && in_guard_page(task, (uintptr_t)info->si_addr))
        report(task);
    if (previous->sa_flags & SA_SIGINFO) {
        previous->sa_sigaction(number, info, context);
    } else if (previous->sa_handler != SIG_DFL && previous->sa_handler != SIG_IGN) {
        previous->sa_handler(number);
    } else {
        /* The faulting instruction runs again, without us; a signal that was sent has to be sent again. */
        (void)signal(number, SIG_DFL);
        if (info->si_code <= 0)
            (void)raise(number);
    }
}

void amble__overflow_report_begin(void)
{
    const struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    stack_t stack = {.ss_size = SIGNAL_STACK_SIZE};

    signal_stack = malloc(SIGNAL_STACK_SIZE);
    if (!signal_stack)
        return; /* an overflow then dies unnamed */
    stack.ss_sp = signal_stack;
    (void)sigaltstack(&stack, &previous_signal_stack); /* cannot fail with these arguments */
    (void)pthread_mutex_lock(&users_lock);             /* cannot fail on a static mutex */
    if (users++ == 0) {
        (void)sigaction(SIGSEGV, &action, &previous_segv); /* cannot fail for these signals */
        (void)sigaction(SIGBUS, &action, &previous_bus);
    }
    (void)pthread_mutex_unlock(&users_lock);
}

void amble__overflow_report_end(void)
{
    if (!signal_stack)
        return;
    (void)pthread_mutex_lock(&users_lock);
    if (--users == 0) {
        (void)sigaction(SIGSEGV, &previous_segv, NULL);
        (void)sigaction(SIGBUS, &previous_bus, NULL);
    }
    (void)pthread_mutex_unlock(&users_lock);
    (void)sigaltstack(&previous_signal_stack, NULL);
    free(signal_stack);
    signal_stack = NULL;
}
#else
void amble__overflow_report_begin(void) {}
void amble__overflow_report_end(void) {}
#endif
