/* btsnoop files: the format of RFC 1761's snoop, with Bluetooth's datalinks and flags, as Symbian introduced it and
 * Wireshark, Android and BlueZ read it.
 *
 * Times are those of the scheduler: in real time they are laid over the wall clock at the beginning, in virtual time
 * over a constant, so that one seed gives one file, byte for byte. Every record is flushed: a program that is killed
 * leaves a file that can be read. When the file cannot be written any more it ends with a log line, and the program
 * goes on. */
#ifndef AMBLE_TRANSPORT_BTSNOOP_H
#define AMBLE_TRANSPORT_BTSNOOP_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Datalinks: one controller's H4 packets with the type byte in front; and what the Linux monitor channel says of all
 * controllers of a machine (BlueZ, doc/btsnoop.txt). */
enum { AMBLE__BTSNOOP_HCI_UART = 1002, AMBLE__BTSNOOP_LINUX_MONITOR = 2001 };

typedef struct {
    FILE *file;       /* NULL once it could not be written */
    uint64_t base_us; /* the format's time at the scheduler's 0 */
} amble__btsnoop;

/* Microseconds from 1970 to the scheduler's 0, as captures have it. */
uint64_t amble__capture_base_us(void);
/* AMBLE_ERR_IO with a sentence (amble__transport_problem). */
int amble__btsnoop_open(amble__btsnoop *snoop, const char *path, uint32_t datalink);
/* One record, of `time_us` on the scheduler's clock. */
void amble__btsnoop_write(amble__btsnoop *snoop, uint64_t time_us, uint32_t flags, const uint8_t *bytes, size_t size);
void amble__btsnoop_close(amble__btsnoop *snoop);
#endif
