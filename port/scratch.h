/* A folder for what one run of a test or a bench writes. Its name is nobody else's, whatever an earlier run left behind
 * (process numbers come again), and it goes with everything in it when the process that made it exits. */
#ifndef AMBLE_PORT_SCRATCH_H
#define AMBLE_PORT_SCRATCH_H
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char scratch_folder[] = "/tmp/amble-XX"
                               "XX"
                               "XX";
static pid_t scratch_owner; /* 0 before there is a folder; its children use it and leave it */

static inline void scratch_drop(void)
{
    char command[40];

    if (getpid() != scratch_owner)
        return;
    (void)snprintf(command, sizeof command, "rm -rf %s", scratch_folder);
    if (system(command))
        (void)fprintf(stderr, "scratch: %s stays behind\n", scratch_folder);
}

/* Empties the folder: for the next test of the same program. 0, or what `rm` says. */
static inline int scratch_clear(void)
{
    char command[40];

    (void)snprintf(command, sizeof command, "rm -rf %s/*", scratch_folder);
    return scratch_owner ? system(command) : 0;
}

/* Writes FOLDER/NAME into `path`, of `room` bytes. Nothing is made there. */
static inline void scratch_path(char *path, size_t room, const char *name)
{
    if (!scratch_owner) {
        if (!mkdtemp(scratch_folder) || atexit(scratch_drop)) {
            perror("scratch: no folder for this test in /tmp");
            abort();
        }
        scratch_owner = getpid();
    }
    if ((size_t)snprintf(path, room, "%s/%s", scratch_folder, name) >= room)
        abort();
}
#endif
