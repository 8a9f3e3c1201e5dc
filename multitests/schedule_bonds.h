/* What the schedules of bonded devices know of each client at each server: what it signed and configured, and whether
 * it was let in; and what has to hold of that, and of who knows whom, at any moment. It is known from what the programs
 * did and were told, not from the hosts, whose bonds are only looked at to see when one is another: then nothing is
 * known any more. */
#ifndef AMBLE_MULTITESTS_SCHEDULE_BONDS_H
#define AMBLE_MULTITESTS_SCHEDULE_BONDS_H
#include "bonds/bonds.h"
#include "schedule_operations.h"

/* --- what happened ------------------------------------------------------------------------------------------------ */
enum {
    KNOWN,
    FOUND,
    PAIRED,
    LOST_BOND,
    SIGNED,
    REPLAYED,
    OVERLAPPED,
    LOGGED,
    READ,
    ON_DEMAND,
    LET_IN,
    KEPT_OUT,
    CONFIGURED,
    KEPT,
    NOTIFIED,
    NOTIFIED_SEVERAL,
    GUEST,
    CHANNEL,
    HAPPENINGS
};
extern const char *const happenings[HAPPENINGS];

enum { UNKNOWN = -1, SIGNED_PDU = 64 };
typedef struct {
    tag signs;                 /* what it has signed */
    bool signing, asking;      /* a task does; several would have no order */
    uint8_t heard[SIGNED_PDU]; /* the last that it signed, as it was on the air */
    size_t heard_size;
    bool arrived;   /* the server's program got it; what never did may still be brought by whoever heard it */
    int configured; /* what the followed characteristic sends it, or UNKNOWN */
    int let_in;     /* whether it is, or UNKNOWN */
    unsigned says;  /* how often the program said something about it */
} client_record;

/* Before a schedule: of the characteristic that clients configure. */
void schedule_bonds_begin(const amble_characteristic *configured);
/* Of this client at that server. */
client_record *record_of(unsigned client, unsigned server);
void know_nothing(unsigned client, unsigned server);
/* When its host was closed: with what its store did not have everything goes that was known. */
void remember_what_was_saved(unsigned device);
/* The bond of one device with another, if it is with who that is now. */
const amble__bond *bond_with(const bench_device *one, const bench_device *other);
/* Since when it has it; 0: it does not. */
int bonded_since_ms(unsigned one, unsigned other);
/* Both ends of the link are encrypted with a bond, which is the same as before if anything is known. */
bool known_at_both_ends(const amble_connection *conn, unsigned self, unsigned peer);
/* The server got this as one that was signed: it comes once, in order, and from whom it says. */
void see_signed(unsigned server, const amble_value *value);
/* See schedule_kind. */
void hear_signed(const amble_air_packet *packet);
void audit_bonds(bench_device *const *all, unsigned count);
#endif
