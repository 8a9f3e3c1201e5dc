/* Fuzzes the framer: the first byte chooses the side and how the rest is split; both ways of feeding must say the same.
 */
#include <stdint.h>
#include <stdlib.h>

#include "transport/h4.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    amble__h4 h4;
    uint64_t sum;
} sink;

static void on_packet(void *user, const uint8_t *packet, size_t size)
{
    sink *s = user;

    s->sum = s->sum * 31 + size;
    for (size_t i = 0; i < size; i++)
        s->sum = s->sum * 31 + packet[i];
}

static int feed(sink *s, amble__h4_side side, const uint8_t *data, size_t size, size_t step)
{
    int r = 0;

    amble__h4_init(&s->h4, side, on_packet, s);
    s->sum = 0;
    for (size_t at = 0; at < size && !r; at += step)
        r = amble__h4_feed(&s->h4, data + at, size - at < step ? size - at : step);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sink whole, split;
    amble__h4_side side;

    if (!size)
        return 0;
    side = data[0] & 1 ? AMBLE__H4_CONTROLLER_SIDE : AMBLE__H4_HOST_SIDE;
    if (feed(&whole, side, data + 1, size - 1, size) !=
        feed(&split, side, data + 1, size - 1, (size_t)(data[0] >> 1) + 1))
        abort();
    if (whole.sum != split.sum || whole.h4.sco_packets != split.h4.sco_packets)
        abort();
    return 0;
}
