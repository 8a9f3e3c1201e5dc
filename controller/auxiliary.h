/* Where auxiliary packets are: choosing a place for one's own, and looking for those of others (Vol 6, Part B,
 * 2.3.4.5). */
#ifndef AMBLE_CONTROLLER_AUXILIARY_H
#define AMBLE_CONTROLLER_AUXILIARY_H
#include "controller/activity.h"
#include "controller/extended_pdu.h"
#include "core/timers.h"

/* The place of a packet that AuxPtr points to. `at_us` 0: there is none. */
typedef struct {
    uint64_t at_us;
    uint8_t channel;
    amble__phy phy;
} amble__ll_place;

/* A place for a packet of the largest size, T_MAFS after `end_us` or, when a link of ours needs the radio then, later;
 * a pointer in a packet that begins at `start_us` can reach it. */
amble__ll_place amble__ll_place_auxiliary(const amble__controller *controller, amble__phy phy, uint64_t start_us,
                                          uint64_t end_us);
/* From a packet that begins at `start_us`. */
amble__ll_aux_pointer amble__ll_point_to(const amble__ll_place *place, uint64_t start_us);

/* transmitWindowDelay after AUX_CONNECT_REQ (4.5.3). */
uint32_t amble__ll_transmit_delay(amble__phy phy);

/* When a packet may begin. */
typedef struct {
    uint64_t from_us, until_us;
} amble__ll_moment;
/* Where to listen for a packet `offset_us` to `offset_us` + `unit_us` after one that began at `start_us`, for clocks
 * that are `ppm` parts in a million apart. */
amble__ll_moment amble__ll_look_for(uint64_t start_us, uint32_t offset_us, uint32_t unit_us, unsigned ppm);

/* An activity that goes where a pointer points: it claims the radio when the packet may begin and listens for it.
 * `lost` is called, too, when there was no radio for it; `silent`, when nothing came. */
typedef struct {
    amble__ll_activity activity;
    amble__timer timer;
    uint8_t channel;
    amble__phy phy;
    uint32_t access_address;
    uint64_t until_us;
} amble__ll_follower;
void amble__ll_follower_init(amble__ll_follower *follower, amble__controller *controller,
                             const amble__ll_activity_events *events);
/* Lets go of the radio until then. */
void amble__ll_follow(amble__ll_follower *follower, const amble__ll_aux_pointer *aux, uint64_t start_us);
void amble__ll_follow_moment(amble__ll_follower *follower, const amble__ll_moment *moment);
/* The owner has the radio and waits for an answer on the same channel. */
void amble__ll_follower_await(amble__ll_follower *follower);
void amble__ll_follower_stop(amble__ll_follower *follower);
#endif
