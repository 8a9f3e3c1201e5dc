/* The wait of a scheduler that follows real time: sockets, terminals and wake-ups, behind one small interface.
 *
 * Hosted systems use libuv (`loop_uv.c`); a bare board supplies these functions over its own sleep instruction. One
 * loop belongs to one thread; only amble__loop_wake may be called from another one or from an interrupt. */
#ifndef AMBLE_PORT_LOOP_H
#define AMBLE_PORT_LOOP_H
#include <stdbool.h>
#include <stdint.h>

typedef struct amble__loop amble__loop;

int amble__loop_open(amble__loop **loop); /* 0, or a negative amble error */
/* Every handle opened on the loop must have been closed with amble__loop_settle run afterwards. */
void amble__loop_close(amble__loop *loop);

/* Runs the callbacks of what is ready. Waits for something to be ready up to `timeout_us` (0: only looks, negative: for
 * ever) and returns earlier when woken. May return early without reason. */
void amble__loop_wait(amble__loop *loop, int64_t timeout_us);
/* Whether anything but amble__loop_wake could end a wait: sockets, watches, handles about to close. */
bool amble__loop_active(const amble__loop *loop);
/* Makes a wait under way, or the next one, return at once. Any thread. */
void amble__loop_wake(amble__loop *loop);
/* Becomes readable when amble__loop_wait(loop, 0) has work to do; -1 where there is no such thing. */
int amble__loop_fd(const amble__loop *loop);
/* The uv_loop_t, for the transports. */
void *amble__loop_native(amble__loop *loop);

/* Calls `ready(user)` from amble__loop_wait once the file descriptor can be read (or written). One-shot. Owned by the
 * caller until amble__loop_unwatch or the call. */
typedef struct amble__watch amble__watch;
int amble__loop_watch(amble__loop *loop, int fd, bool writable, void (*ready)(void *user), void *user,
                      amble__watch **watch);
void amble__loop_unwatch(amble__watch *watch);
#endif
