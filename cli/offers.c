/* The names that completion may offer (edit.h). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/edit.h"

void amble__offers_add(amble__offers *offers, const char *name)
{
    if (strncasecmp(name, offers->prefix, strlen(offers->prefix)) != 0 || offers->count == AMBLE__OFFERS_MOST)
        return;
    for (size_t i = 0; i < offers->count; i++)
        if (!strcmp(offers->names[i], name))
            return;
    offers->names[offers->count] = strdup(name);
    if (offers->names[offers->count])
        offers->count++;
}

void amble__offers_clear(amble__offers *offers)
{
    while (offers->count)
        free(offers->names[--offers->count]);
}
