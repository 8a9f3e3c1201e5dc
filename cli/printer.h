/* Text that is put together piece by piece in a buffer; what has no room is left out. */
#ifndef AMBLE_CLI_PRINTER_H
#define AMBLE_CLI_PRINTER_H
#include <stddef.h>

typedef struct {
    char *at; /* the closing zero */
    size_t room;
} amble__printer;

static inline amble__printer amble__printer_of(char *text, size_t size)
{
    *text = '\0';
    return (amble__printer){text, size};
}
void amble__say(amble__printer *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
#endif
