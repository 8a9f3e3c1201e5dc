/* A heap of timers, ordered by deadline and, for equal deadlines, by the order in which they were armed.
 *
 * The nodes live in their owners (an intrusive pairing heap): arming never allocates, cannot fail and costs O(1),
 * disarming O(log n). There is no clock in here: whoever owns the heap says what time it is. Times are microseconds. */
#ifndef AMBLE_CORE_TIMERS_H
#define AMBLE_CORE_TIMERS_H
#include <stdbool.h>
#include <stdint.h>

#define AMBLE__NEVER UINT64_MAX

typedef struct amble__timer amble__timer;
struct amble__timer {
    amble__timer *child;    /* first child */
    amble__timer *sibling;  /* next sibling */
    amble__timer *previous; /* previous sibling, or the parent for a first child */
    uint64_t deadline_us;
    uint64_t order;
    void (*fire)(amble__timer *timer); /* called disarmed; may arm itself again */
    bool armed;
};
typedef struct {
    amble__timer *root;
    uint64_t order;
    uint64_t running_us; /* the time of the run under way, 0: none */
} amble__timers;

/* Arms `timer` (again): `fire` is called by the first amble__timers_run whose `now` has reached the deadline. */
void amble__timers_arm(amble__timers *timers, amble__timer *timer, uint64_t deadline_us);
void amble__timers_disarm(amble__timers *timers, amble__timer *timer); /* nothing happens when it is not armed */
/* The earliest deadline, or AMBLE__NEVER. */
static inline uint64_t amble__timers_deadline(const amble__timers *timers)
{
    return timers->root ? timers->root->deadline_us : AMBLE__NEVER;
}
/* Fires, in order, what was due at `now`. Timers armed meanwhile for `now` or earlier wait for the next call, so that a
 * timer that re-arms itself cannot hold the loop. Returns how many fired. */
unsigned amble__timers_run(amble__timers *timers, uint64_t now_us);
#endif
