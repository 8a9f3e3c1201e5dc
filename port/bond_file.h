/* The JSON file that keeps a host's bonds on a system with files: the amble_bond_store behind amble_config.bonds.
 *
 * The file belongs to its owner alone (rights 0600). It is never changed in place: a new one is written beside it,
 * flushed to the disk, and takes its place in one step; then the folder is flushed. So after a loss of power there is
 * the old one or the new one, whole. A damaged file is renamed to NAME.damaged (NAME.damaged-2, ...) and reported,
 * never overwritten; one of a newer version, or that never was a bond file, is refused and stays where it is.
 * One host at a time works with a file: a lock on NAME.lock tells. */
#ifndef AMBLE_PORT_BOND_FILE_H
#define AMBLE_PORT_BOND_FILE_H
#include <amble/bonds.h>

typedef struct amble__bond_file amble__bond_file;

/* Opens the file, or one still to be written. `explain` gets a sentence about what is wrong: which file, and what to
 * do. Errors: AMBLE_ERR_BUSY when another host has it, AMBLE_ERR_IO, NO_MEMORY. */
int amble__bond_file_open(amble__bond_file **file, const char *path, void (*explain)(const char *sentence));
void amble__bond_file_close(amble__bond_file *file);
/* What amble__bonds_load takes. Loading gives AMBLE_ERR_BAD_FILE for a file that is damaged (it is kept aside), newer,
 * or of something else. */
const amble_bond_store *amble__bond_file_store(amble__bond_file *file);
/* `take` refused a record: the file is damaged as a whole. Keeps it aside. */
void amble__bond_file_condemn(amble__bond_file *file, const char *why);

/* The calls that may fail, and so be made to fail by a test. `amble__file_calls` is what the system has. */
typedef struct {
    int (*open)(const char *path, int flags, unsigned mode);
    long (*write)(int fd, const void *data, unsigned long size);
    int (*fsync)(int fd);
    int (*close)(int fd);
    int (*rename)(const char *from, const char *to);
} amble__file_calls;
/* The same with other calls. */
int amble__bond_file_open_with(amble__bond_file **file, const char *path, void (*explain)(const char *sentence),
                               const amble__file_calls *calls);
#endif
