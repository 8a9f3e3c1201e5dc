/* What is off the way that every packet takes.
 *
 * A function's frame is set up at its beginning, for the longest of its ways. So a receiver that usually hands a packet
 * on in a few instructions keeps the rest in functions of their own, which the compiler must not merge into it again:
 * AMBLE__RARE what seldom happens, and what only a trace wants; AMBLE__APART what happens often enough, but on another
 * way. */
#ifndef AMBLE_CORE_RARE_H
#define AMBLE_CORE_RARE_H
#define AMBLE__APART __attribute__((noinline))
#define AMBLE__RARE  __attribute__((noinline, cold))
#endif
