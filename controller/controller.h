/* The virtual LE controller. Its only face is HCI bytes.
 *
 * One object is one controller on one air. The host's packets go in, whole, with the H4 type byte in front; what the
 * controller has to say comes out of `to_host` in the same form. Nothing else crosses: no shared structure, no shared
 * codec with the host stack, on purpose, since a shared codec would hide mirrored errors.
 *
 * `to_host` is called inside amble__controller_receive and amble__air_advance; it must not call back into the
 * controller or the air. All memory is taken at open; nothing that arrives from the air or the host makes it
 * allocate. */
#ifndef AMBLE_CONTROLLER_CONTROLLER_H
#define AMBLE_CONTROLLER_CONTROLLER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "air/air.h"

typedef struct amble__controller amble__controller;

typedef struct {
    uint8_t public_address[6]; /* order of the air (least significant octet first); must not be all zero */
    uint8_t acl_buffers;       /* packets from the host it can hold; 0: 8 */
    uint16_t acl_size;         /* of one of them, 27..251; 0: 251 */
    uint8_t links;             /* 0: 8 */
    uint8_t advertising_sets;  /* at most 16; 0: 4 */
    bool only_4_2;             /* what Bluetooth 4.2 had: no extended and periodic advertising, one PHY */
    void (*to_host)(void *user, const uint8_t *packet, size_t size);
    void *user;
} amble__controller_options;

/* 0, or a negative amble error. The air must outlive the controller. */
int amble__controller_open(amble__controller **controller, amble__air *air, const amble__controller_options *options);
/* The device is gone from the air from this moment on, as at a loss of power: its peers find out by supervision
 * timeout. */
void amble__controller_close(amble__controller *controller);
/* One whole packet from the host. The caller has advanced the air to the present before. */
void amble__controller_receive(amble__controller *controller, const uint8_t *packet, size_t size);
#endif
