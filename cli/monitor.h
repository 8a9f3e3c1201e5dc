/* `amble monitor` between its files: what was asked for, and showing one packet (monitor.c); where packets come from
 * while they happen (monitor_live.c). */
#ifndef AMBLE_CLI_MONITOR_H
#define AMBLE_CLI_MONITOR_H
#include "cli/decode.h"
#include "cli/snoop.h"

typedef struct {
    const char *words[1];
    const char *transport, *listen, *capture;
    const char *only;
    uint32_t link; /* AMBLE__MONITOR_EVERY_LINK: all */
    uint32_t speed;
    bool follow, replay, json;
} amble__monitor_options;
#define AMBLE__MONITOR_EVERY_LINK UINT32_MAX

/* What is too large for a stack. */
typedef struct {
    amble__monitor_options options;
    amble__snoop in;
    amble__decoder decoder;
    amble__decoded decoded;
    bool any;
    uint64_t first_us; /* of the first packet */
} amble__monitor;

/* Decodes and shows a packet, if it is wanted. */
void amble__monitor_show(amble__monitor *m, const amble__snoop_record *record);
/* Whether Ctrl-C was pressed. */
bool amble__monitor_stopped(void);
/* The kernel's monitor channel, until Ctrl-C. 0, or an error whose sentence was printed. */
int amble__monitor_kernel(amble__monitor *m);
/* Between a host that comes to `listen` and the controller at `transport`, until Ctrl-C. As above. */
int amble__monitor_between(amble__monitor *m);
#endif
