/* Putting text together (printer.h). A piece that does not fit whole ends the text in front of it. */
#include "cli/printer.h"

#include <stdarg.h>
#include <stdio.h>

void amble__say(amble__printer *p, const char *format, ...)
{
    va_list arguments;
    int length;

    if (!p->room)
        return;
    va_start(arguments, format);
    length = vsnprintf(p->at, p->room, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < p->room) {
        p->at += length;
        p->room -= (size_t)length;
    } else {
        *p->at = '\0';
        p->room = 0;
    }
}
