/* The registry of transports: from a name to whatever opens it.
 *
 * Every failure leaves one sentence behind, which belongs to the thread and not to the transport, since a transport
 * that could not be opened does not exist. Nothing waits between the failure and the caller's look at the sentence. */
#include "transport/transport.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "amble/error.h"
#include "core/per_thread.h"
#include "task/scheduler.h"
#include "transport/opener.h"

static AMBLE__PER_THREAD char problem[512];

static const struct {
    const char *scheme;
    const char *usage;
    amble__transport_opener *open;
} transports[] = {
    {"air", "air:NAME", amble__air_transport_open},
    {"tcp-client", "tcp-client:HOST:PORT", amble__tcp_client_open},
    {"tcp-server", "tcp-server:HOST:PORT", amble__open_server},
    {"unix-client", "unix-client:PATH", amble__unix_client_open},
    {"unix-server", "unix-server:PATH", amble__open_server},
    {"serial", "serial:/dev/ttyX,BAUD[,flow]", amble__serial_open},
    {"pty", "pty:LINK", amble__pty_open},
    {"hci-socket", "hci-socket:N", amble__hci_socket_open},
    {"usb", "usb:N", amble__usb_open},
};
enum { TRANSPORTS = sizeof transports / sizeof *transports };

const char *amble__transport_problem(void) { return problem; }

void amble__transport_explain(const char *format, ...)
{
    char sentence[sizeof problem]; /* an argument may be the last problem itself */
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    memcpy(problem, sentence, sizeof problem);
}

static int refuse_unknown(const char *name)
{
    char known[320] = "";
    size_t size = 0;

    for (size_t i = 0; i < TRANSPORTS; i++)
        size += (size_t)snprintf(known + size, sizeof known - size, "%s%s", i ? ", " : "", transports[i].usage);
    return amble__transport_refuse(AMBLE_ERR_USAGE, "%s: no such transport; there are %s", name, known);
}

static int open_named(const char *name, amble__transport **transport, int timeout_ms)
{
    const size_t length = strcspn(name, ":");

    for (size_t i = 0; i < TRANSPORTS; i++) {
        const amble__transport_request request = {
            .name = name, .place = name + length + 1, .deadline_us = amble__deadline(timeout_ms)};

        if (strlen(transports[i].scheme) != length || memcmp(transports[i].scheme, name, length))
            continue;
        if (!name[length] || !*request.place)
            return amble__transport_refuse(AMBLE_ERR_USAGE, "%s: this says not where; write it as %s", name,
                                           transports[i].usage);
        return transports[i].open(&request, transport);
    }
    return refuse_unknown(name);
}

int amble__transport_open(const char *name, amble__transport **transport, int timeout_ms)
{
    int r;

    problem[0] = 0;
    r = open_named(name, transport, timeout_ms);
    if (r >= 0)
        (*transport)->name = name;
    if (r < 0 && !problem[0]) /* the task was cancelled, or there is none */
        r = amble__transport_refuse(r, "%s: %s", name, amble_error_text(r));
    return r;
}

void amble__transport_close(amble__transport *transport)
{
    if (transport)
        transport->operations->close(transport);
}
