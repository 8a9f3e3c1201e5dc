/* The serial ports of this machine that may have something behind them. */
#ifndef AMBLE_TRANSPORT_SERIAL_PORTS_H
#define AMBLE_TRANSPORT_SERIAL_PORTS_H
#include <stddef.h>

typedef struct {
    char path[64]; /* "/dev/ttyACM0" */
} amble__serial_port;

/* In the order of their names; how many, at most `size`. `folder` NULL: the system's list. Needs no task. */
int amble__serial_ports(const char *folder, amble__serial_port *ports, size_t size);
#endif
