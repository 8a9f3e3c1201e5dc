/* Capturing on the controller's end of a transport; hosts call amble__transport_capture (transport.h). */
#ifndef AMBLE_TRANSPORT_CAPTURE_H
#define AMBLE_TRANSPORT_CAPTURE_H
#include "transport/h4.h"
#include "transport/transport.h"

/* The same for whoever stands on `side`: a file always shows the exchange as the host sees it. */
int amble__transport_capture_side(amble__transport *inner, const char *path, amble__h4_side side,
                                  amble__transport **outer);
#endif
