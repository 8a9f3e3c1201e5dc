/* An air with a clock: the simulated radio of one name on this thread's scheduler, and the controllers in it.
 *
 * This is where both columns of the house meet. The air itself has no clock and a controller no thread: a timer of the
 * scheduler advances them to each next deadline, and before a packet from a host they are brought to the present. An
 * airspace is opened by the first who asks for its name and ends with the scheduler, so that a board that was unplugged
 * finds its air again.
 *
 * A controller may carry a label. Its number, and with it its public address, belongs to the label for the airspace's
 * life: a labelled controller that loses power and comes back is the same device. */
#ifndef AMBLE_TRANSPORT_AIRSPACE_H
#define AMBLE_TRANSPORT_AIRSPACE_H
#include "amble/air.h"

#define AMBLE__AIR_NAME_MAX 31

typedef struct amble__airspace amble__airspace;
typedef struct amble__station amble__station; /* one controller in an airspace */

typedef struct {
    char label[AMBLE__AIR_NAME_MAX + 1]; /* empty: none */
    /* Called with the air at work: must not call the station. */
    void (*to_host)(void *user, const uint8_t *packet, size_t size);
    void (*unplugged)(void *user); /* may be NULL; must not call the station either */
    void *user;
} amble__station_options;

/* The airspace of this name (up to '/' or the end); opened if it is new. AMBLE_ERR_NO_MEMORY. */
int amble__airspace_find(const char *name, amble__airspace **space);
void amble__airspace_set_loss(amble__airspace *space, uint32_t millionths);
/* See amble_air_set_buffers. */
void amble__airspace_set_buffers(amble__airspace *space, uint8_t packets);
/* See amble_air_set_old. */
void amble__airspace_set_old(amble__airspace *space, bool old);
/* See amble_air_sniff. */
void amble__airspace_sniff(amble__airspace *space, void (*sniff)(void *user, const amble_air_packet *packet),
                           void *user);
/* Writes what passes between all hosts and their controllers into a btsnoop file (air_capture.h); NULL ends it.
 * AMBLE_ERR_IO with a sentence. */
int amble__airspace_capture(amble__airspace *space, const char *path);
/* Writes every packet on the air into a pcap file (air_sniff.h); NULL ends it. AMBLE_ERR_IO with a sentence. */
int amble__airspace_sniff_file(amble__airspace *space, const char *path);

/* Joins a new controller. AMBLE_ERR_BUSY when another one carries this label, AMBLE_ERR_NO_MEMORY. */
int amble__station_open(amble__airspace *space, const amble__station_options *options, amble__station **station);
/* Gone from the air at this moment, without a word. Whoever opened it closes it, also after it was unplugged. NULL does
 * nothing. */
void amble__station_close(amble__station *station);
/* A whole H4 packet from the host. Nothing happens when it was unplugged. */
void amble__station_receive(amble__station *station, const uint8_t *packet, size_t size);
/* Most significant byte first, with colons: "02:AB:1E:00:00:01". */
const char *amble__station_address(const amble__station *station);
/* Takes away the power of the controller with this label: it leaves the air, `unplugged` is called.
 * AMBLE_ERR_NOT_FOUND. */
int amble__airspace_unplug(amble__airspace *space, const char *label);
#endif
