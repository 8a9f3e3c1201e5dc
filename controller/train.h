/* Periodic advertising: a train of AUX_SYNC_INDs at fixed distances, on channels of its own (Vol 6, Part B, 4.4.2.12).
 *
 * A train belongs to an advertising set. It starts when both are enabled, and from then on runs until the host stops
 * it, whether or not the set still advertises; the set's AUX_ADV_INDs tell where it is. */
#ifndef AMBLE_CONTROLLER_TRAIN_H
#define AMBLE_CONTROLLER_TRAIN_H
#include "controller/activity.h"
#include "controller/auxiliary.h"
#include "controller/data.h"
#include "core/timers.h"

typedef struct {
    amble__ll_activity activity;
    amble__timer timer; /* the next event, or the next packet of the one under way */
    uint64_t anchor_us; /* of the event under way, or else of the next one */
    amble__ll_place next;
    amble__ll_channels channels;
    uint32_t access_address, crc_init;
    uint32_t interval_us;
    amble__phy phy;
    uint16_t interval; /* units of 1.25 ms; 0: the host has set no parameters */
    uint16_t event;    /* counter */
    uint16_t sent;     /* how much of the data */
    bool with_power;
    bool wanted, running, in_event;
    amble__ll_data data;
} amble__ll_train;

void amble__ll_train_init(amble__ll_train *train, amble__controller *controller);
void amble__ll_train_start(amble__ll_train *train, amble__phy phy);
void amble__ll_train_stop(amble__ll_train *train);
/* A fragment of its data: see data.h. */
uint8_t amble__ll_train_set_data(amble__ll_train *train, uint8_t operation, amble__bytes bytes);
/* Where the next AUX_SYNC_IND is, for a packet that begins at `start_us`. */
amble__ll_sync_info amble__ll_train_sync_info(const amble__ll_train *train, uint64_t start_us);
#endif
