/* The simulated radio from the outside: what tests and demonstrations do to it, and what they see of it.
 *
 * A host opened on "air:desk" gets a virtual controller of its own in this process; all hosts of this thread's
 * scheduler that name "desk" are in range of each other. "air:desk/lamp" gives the controller a label besides: there is
 * one "lamp" at a time on "desk", it has the same public address every time, and amble_air_unplug can take away its
 * power.
 *
 * Airs are made by the first who names them, in here too, so loss may be set and a sniffer started before the first
 * host. All names may be written with or without "air:" in front. Nothing in here waits; all need a scheduler on this
 * thread (amble_run). */
#ifndef AMBLE_AIR_H
#define AMBLE_AIR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <amble/error.h>
#ifdef __cplusplus
extern "C" {
#endif

/* Every packet is lost at each of its receivers with this probability, 0 to 100 percent. Errors: AMBLE_ERR_ARGUMENT for
 * another number or a bad name, AMBLE_ERR_NO_MEMORY, AMBLE_ERR_NO_TASK without a scheduler. */
int amble_air_set_loss(const char *air, double percent);

/* Controllers that join this air from now on hold `packets` ACL packets of their host, 1 to 255 (they have 8): to see
 * how a program does on a small one. Errors: AMBLE_ERR_ARGUMENT, and as amble_air_set_loss. */
int amble_air_set_buffers(const char *air, unsigned packets);

/* Controllers that join this air from now on are of Bluetooth 4.2 when `old`: legacy advertising and scanning commands,
 * LE 1M only, channel selection algorithm #1. To see that a program does without what is newer. Errors as
 * amble_air_set_loss. */
int amble_air_set_old(const char *air, bool old);

/* Takes away the power of a labelled controller, "desk/lamp". Its peers hear nothing more of it, and find out by their
 * supervision timeout. Its host ends every wait with AMBLE_ERR_CONTROLLER, as with a USB dongle pulled out, and can
 * only be closed; opening "air:desk/lamp" again plugs it in. Errors: AMBLE_ERR_NOT_FOUND, and as above. */
int amble_air_unplug(const char *controller);

/* A packet on the air, at its first bit, whether or not anybody receives it. */
typedef struct {
    uint64_t time_us;        /* the scheduler's clock, see amble_now_us */
    uint8_t channel;         /* 0 to 39; 37, 38 and 39 advertise (Vol 6 Part B 1.4.1) */
    uint8_t phy;             /* 1: LE 1M, 2: LE 2M, 3: LE Coded */
    int8_t rssi;             /* at the sniffer, dBm */
    uint32_t access_address; /* 0x8E89BED6 for advertising (Vol 6 Part B 2.1.2) */
    const uint8_t *pdu;      /* header and payload without CRC; valid during the call */
    size_t size;
} amble_air_packet;

/* Shows every packet on this air to `sniff`; NULL ends it. One sniffer per air, the later one replaces the earlier. It
 * is called while time passes on the air, also from inside other calls of amble, so it may look and print, and must
 * call nothing of amble that could send or wait. Errors as amble_air_set_loss. */
int amble_air_sniff(const char *air, void (*sniff)(void *user, const amble_air_packet *packet), void *user);

/* Writes every HCI packet between the hosts and the controllers on this air into one btsnoop file, in which each
 * controller is an adapter of its own (hci0 is the first that came), for Wireshark or btmon. NULL ends it, and so does
 * the end of the scheduler. Errors: AMBLE_ERR_IO when the file cannot be written, with a sentence in
 * amble_open_problem, and as amble_air_set_loss. */
int amble_air_capture(const char *air, const char *path);

#ifdef __cplusplus
}
#endif
#endif
