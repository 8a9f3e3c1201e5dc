/* How a transport breaks (breakage.h). */
#include "transport/breakage.h"

#include <stdio.h>

#include "amble/error.h"
#include "transport/opener.h"

static void tell_owner(amble__work *work)
{
    amble__breakage *b = amble__container(work, amble__breakage, work);

    b->transport->reason = b->reason;
    amble__transport_explain("%s: %s; %s", b->name, b->reason, b->remedy);
    if (b->transport->failed)
        b->transport->failed(b->transport->user, AMBLE_ERR_CONTROLLER);
}

void amble__breakage_init(amble__breakage *b, amble__transport *transport, const char *name)
{
    *b = (amble__breakage){.transport = transport, .work.run = tell_owner};
    snprintf(b->name, sizeof b->name, "%s", name);
}

int amble__break_off(amble__breakage *b, const char *reason, const char *remedy)
{
    if (!b->broken) {
        b->broken = true;
        snprintf(b->reason, sizeof b->reason, "%s", reason);
        b->remedy = remedy;
        amble__work_post(&b->work);
    }
    return AMBLE_ERR_CONTROLLER;
}

void amble__breakage_close(amble__breakage *b)
{
    amble__work_cancel(&b->work);
    b->transport->receive = NULL;
    b->transport->failed = NULL;
}
