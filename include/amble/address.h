/* Devices and their addresses.
 *
 * An amble_device names a device that one can connect to: 48 bits and the kind of address. It is a plain value, to be
 * copied, kept and compared. Public addresses are registered with the IEEE; random ones are made up by the device, and
 * may change (Vol 6 Part B 1.3). The same 48 bits as a public and as a random address are two different devices.
 *
 * As text an address is written most significant byte first, followed by its kind: "C0:11:22:33:44:55/r" is random,
 * "00:11:22:33:44:55/p" public. The kind cannot be told from the 48 bits, so a text without one means public.
 *
 * Nothing in here waits or keeps a pointer. */
#ifndef AMBLE_ADDRESS_H
#define AMBLE_ADDRESS_H
#include <stdbool.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef enum { AMBLE_PUBLIC, AMBLE_RANDOM } amble_address_type; /* the numbers of the specification */

typedef struct {
    amble_address_type type;
    uint8_t bytes[6]; /* least significant first, as on the air */
} amble_device;

/* The characters that amble_device_text needs, with the closing zero. */
#define AMBLE_DEVICE_TEXT 20

/* Reads "AA:BB:CC:DD:EE:FF", "AA:BB:CC:DD:EE:FF/p" (both public) or "AA:BB:CC:DD:EE:FF/r" (random), in capital or small
 * letters. Returns 0, or AMBLE_ERR_ARGUMENT, and then `*out` is as before. */
int amble_device_parse(amble_device *out, const char *text);

/* Writes the address with its kind and returns `text`, so that it fits into the arguments of a printf:
 *
 *     char text[AMBLE_DEVICE_TEXT];
 *     printf("found %s\n", amble_device_text(result.device, text)); */
const char *amble_device_text(amble_device device, char text[AMBLE_DEVICE_TEXT]);

/* Whether both name the same device: same bits, same kind. */
bool amble_device_equal(amble_device a, amble_device b);

#ifdef __cplusplus
}
#endif
#endif
