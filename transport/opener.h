/* What stands between the registry of transports (transport.c) and the files that open them. */
#ifndef AMBLE_TRANSPORT_OPENER_H
#define AMBLE_TRANSPORT_OPENER_H
#include <stdint.h>

#include "transport/transport.h"

/* What is to be opened, and until when. The text outlives the opening only. */
typedef struct {
    const char *name;     /* all of it, for sentences */
    const char *place;    /* what stands behind the scheme and its colon */
    uint64_t deadline_us; /* scheduler's clock; AMBLE__NEVER for none */
} amble__transport_request;

typedef int amble__transport_opener(const amble__transport_request *request, amble__transport **transport);

amble__transport_opener amble__air_transport_open;
amble__transport_opener amble__tcp_client_open;
amble__transport_opener amble__unix_client_open;
amble__transport_opener amble__open_server; /* tcp-server: and unix-server: */
amble__transport_opener amble__serial_open;
amble__transport_opener amble__pty_open;
amble__transport_opener amble__hci_socket_open;
amble__transport_opener amble__usb_open;

/* Keeps the sentence for amble__transport_problem. */
void amble__transport_explain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, and is `error`. */
#define amble__transport_refuse(error, ...) (amble__transport_explain(__VA_ARGS__), (error))
#endif
