/* Whole packets (whole.h). */
#include "transport/whole.h"

#include "transport/h4.h"

void amble__whole_pass(amble__transport *t, const uint8_t *packet, size_t size)
{
    const uint8_t type = packet[0];

    t->sco_packets += type == AMBLE__H4_SCO;
    t->iso_packets += type == AMBLE__H4_ISO;
    if (type != AMBLE__H4_EVENT && type != AMBLE__H4_ACL)
        return;
    t->synchronised = t->synchronised || amble__h4_answers_reset(packet, size);
    if (t->synchronised && t->receive)
        t->receive(t->user, packet, size);
}
