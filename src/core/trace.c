/* See trace.h. */
#include "core/trace.h"

#include <stdio.h>

enum { BYTES_SHOWN = 40 };

void amble__trace_emit(const amble__trace *trace, amble__trace_kind kind, uint16_t handle, const void *data,
                       size_t size)
{
    const amble__trace_point point = {.kind = kind, .handle = handle, .data = data, .size = size};

    trace->sink(trace->user, &point);
}

const char *amble__trace_text(const amble__trace_point *point, char text[AMBLE__TRACE_TEXT])
{
#define AMBLE__TRACE_NAME(kind, name) name,
    static const char *const names[] = {AMBLE__TRACE_TABLE(AMBLE__TRACE_NAME)};
#undef AMBLE__TRACE_NAME
    size_t at = (size_t)snprintf(text, AMBLE__TRACE_TEXT, "%s", names[point->kind]);

    if (point->handle != AMBLE__NO_HANDLE)
        at += (size_t)snprintf(text + at, AMBLE__TRACE_TEXT - at, " link 0x%04x", point->handle);
    at += (size_t)snprintf(text + at, AMBLE__TRACE_TEXT - at, ":");
    for (size_t i = 0; i < point->size && i < BYTES_SHOWN; i++)
        at += (size_t)snprintf(text + at, AMBLE__TRACE_TEXT - at, " %02x", point->data[i]);
    if (point->size > BYTES_SHOWN)
        (void)snprintf(text + at, AMBLE__TRACE_TEXT - at, " ... (%zu bytes)", point->size); /* there is room left */
    return text;
}
