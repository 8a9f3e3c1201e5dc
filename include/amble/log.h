/* What amble writes about itself.
 *
 * Lines go to standard error, one each, starting with "amble: ". A program may send them elsewhere. Both settings hold
 * for the calling thread. Nothing secret is ever logged, at any level. */
#ifndef AMBLE_LOG_H
#define AMBLE_LOG_H
#ifdef __cplusplus
extern "C" {
#endif

enum { AMBLE_LOG_OFF, AMBLE_LOG_ERROR, AMBLE_LOG_WARNING, AMBLE_LOG_INFO, AMBLE_LOG_DEBUG };

/* Enables lines up to `level`; AMBLE_LOG_WARNING at the start. Does not wait. */
void amble_log_level(int level);
/* Sends lines to `sink` (without line end) in place of standard error; NULL: back. `user` is handed on. Does not
 * wait. */
void amble_log_to(void (*sink)(void *user, int level, const char *line), void *user);

#ifdef __cplusplus
}
#endif
#endif
