/* Bonds: what is kept of each peer that one has paired with (Vol 3 Part C 14.4).
 *
 * A host keeps its bonds in memory, and, when it is told where, beyond the end of the program: on a hosted system in a JSON file
 * (amble_config.bonds), on a board wherever its amble_bond_store puts them. */
#ifndef AMBLE_BONDS_H
#define AMBLE_BONDS_H
#include <stddef.h>
#include <stdint.h>

#include <amble/address.h>
#include <amble/error.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Where records are kept: bytes that mean something to amble only, secrets among them. Neither function waits for a task. Both return 0 or
 * a negative error. */
typedef struct {
    /* Calls `take` for each record, in the order of the last save; stops and returns its error. */
    int (*load)(void *user, int (*take)(void *target, const void *record, size_t size), void *target);
    /* Replaces all records by `count` others, all or none of them, whatever happens meanwhile. `give` writes record `index`, at most `room`
     * bytes, and returns its size. */
    int (*save)(void *user, size_t count, size_t (*give)(void *source, size_t index, void *record, size_t room),
                void *source);
    void *user;
} amble_bond_store;

#ifdef __cplusplus
}
#endif
#endif
