/* Fuzzes the assembly of HCI packets from USB transfers: the first byte chooses the pipe and how the rest is split; in
 * one transfer and in many the same packets must come out, each as long as it says. */
#include <stdint.h>
#include <stdlib.h>

#include "core/bytes.h"
#include "transport/transport.h"
#include "transport/usb_assembly.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    amble__usb_assembly assembly;
    uint64_t sum;
} sink;

static void on_packet(void *user, const uint8_t *packet, size_t size)
{
    sink *s = user;

    if (size != (packet[0] == AMBLE__H4_EVENT ? 3u + packet[2] : 5u + amble__get_le16(packet + 3)))
        abort();
    for (size_t i = 0; i < size; i++)
        s->sum = s->sum * 31 + packet[i];
}

static int feed(sink *s, uint8_t type, const uint8_t *data, size_t size, size_t step)
{
    int r = 0;

    amble__usb_assembly_init(&s->assembly, type);
    s->sum = 0;
    for (size_t at = 0; at < size && !r; at += step)
        r = amble__usb_assemble(&s->assembly, data + at, size - at < step ? size - at : step, on_packet, s);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static sink whole, split;
    uint8_t type;

    if (!size)
        return 0;
    type = data[0] & 1 ? AMBLE__H4_ACL : AMBLE__H4_EVENT;
    if (feed(&whole, type, data + 1, size - 1, size) !=
        feed(&split, type, data + 1, size - 1, (size_t)(data[0] >> 1) + 1))
        abort();
    if (whole.sum != split.sum)
        abort();
    return 0;
}
