/* amble_main: asyncio.run for programs. */
#ifndef AMBLE_MAIN_H
#define AMBLE_MAIN_H
#include <amble/host.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Takes the options that every program has out of argv, opens a host, runs `app` as the first task, cancels and joins
 * what it left, closes, prints the error's sentence, and returns the exit code: 0 done, 1 failed, 2 wrong usage, 3 no
 * controller, 4 timeout.
 *
 *     -t, --transport T   the controller; otherwise the environment's AMBLE_TRANSPORT
 *     --capture FILE      writes every HCI packet into a btsnoop file
 *     --log LEVEL         off, error, warning, info or debug
 *     --own-address KIND  public, static, resolvable or non-resolvable, in place of amble_config.own_address; see
 *                         amble/privacy.h
 *
 * `app` gets the rest: argc and argv with these taken out, and a "--" and what stands behind it as it is. `config`
 * NULL: the defaults. Ctrl-C and SIGTERM cancel the first task; the program then ends with 0 if the task returns
 * AMBLE_ERR_CANCELLED. */
int amble_main(int argc, char **argv, int (*app)(amble *ble, int argc, char **argv));
int amble_main_with(int argc, char **argv, const amble_config *config, int (*app)(amble *ble, int argc, char **argv));

#ifdef __cplusplus
}
#endif
#endif
