/* The host from the inside: all rooms of one controller, side by side. Only src/host/ includes this. */
#ifndef AMBLE_HOST_HOST_ROOM_H
#define AMBLE_HOST_HOST_ROOM_H
#include <amble.h>

#include "gap/gap_room.h"
#include "gatt/client.h"
#include "gatt/server.h"
#include "smp/smp.h"
#include "transport/transport.h"

enum { AMBLE__NAME_SIZE = 32, AMBLE__INSTANCE_SIZE = 48 };

struct amble_bonds {
    amble__bonds table;
    struct amble__bond_file *file; /* NULL: none */
    amble *host;                   /* that they are of; NULL: of a file alone */
};

struct amble {
    amble__server server; /* first, see gatt/server.h */
    amble__hci hci;
    amble__links links;
    amble__l2cap l2cap;
    amble__att att;
    amble__client client;
    amble__gap gap;
    amble_bonds bonds;
    amble__smp smp;
    amble__transport *transport;
    amble_scope service;        /* the service task, and the one that opens bearers */
    uint8_t *stacks;            /* of these tasks, one after the other; NULL: the scheduler's */
    amble_event bearers_wanted; /* for the latter */
    char name[AMBLE__NAME_SIZE];
    char instance[AMBLE__INSTANCE_SIZE]; /* the transport's name, to tell hosts apart in a log */
    amble_config config;                 /* with every default filled in */
    void *allocated;                     /* the block, when it is ours to free */
};

/* Finds the store that the configuration names and loads from it; and lets go of it. bond_list.c */
int amble__bonds_attach(amble_bonds *bonds, const amble_config *config);
void amble__bonds_detach(amble_bonds *bonds);
/* The commands that set a controller up, start.c. */
int amble__host_start(amble *ble);
/* The GAP and GATT services, profile.c. */
int amble__host_serve_profile(amble *ble);
/* What is known of them only when the controller is set up. */
int amble__host_complete_profile(amble *ble);
/* The controller is lost, or the host closes: every wait ends with `error`. */
void amble__host_fail(amble *ble, int error);
/* L2CAP with its channels, as the configuration says, channels.c. */
void amble__host_channel_defaults(amble_config *c);
bool amble__host_channels_sensible(const amble_config *c);
void amble__host_lay_out_channels(amble *ble, amble__arena *arena, const amble_config *c);
/* Enhanced bearers of ATT on each link. */
uint8_t amble__host_bearers(const amble_config *c);
/* The task that opens them, bearers.c; that a link may be ready for them; and that there is something else to do. */
int amble__host_open_bearers(void *ble);
void amble__host_want_bearers(amble_connection *conn);
void amble__host_bearers_work(amble_connection *conn);
/* A transport that is open already, for programs that bring their own. Owned by the host from now on, also after an
 * error. */
int amble__host_open(amble **ble, amble__transport *transport, const amble_config *config, int timeout_ms);
#endif
