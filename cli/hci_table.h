/* The commands and events of HCI by their numbers, with what their parameters are (fields.h). */
#ifndef AMBLE_CLI_HCI_TABLE_H
#define AMBLE_CLI_HCI_TABLE_H
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint16_t number; /* opcode, event code or subevent code */
    const char *name;
    const char *fields; /* NULL: bytes; "" nothing */
    const char *reply;  /* of a command: what Command Complete says behind the status */
} amble__hci_row;

extern const amble__hci_row amble__hci_command_rows[], amble__hci_event_rows[], amble__hci_le_event_rows[];
extern const size_t amble__hci_command_count, amble__hci_event_count, amble__hci_le_event_count;
#endif
