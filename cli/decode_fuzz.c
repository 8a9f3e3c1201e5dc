/* Packets from anybody, straight into the decoders: of each, a byte that says what it is and whose, a length, and the
 * bytes. So the fuzzer need not find its way through a file's headers, and reaches what one packet makes of a later
 * one. */
#include <stdlib.h>
#include <string.h>

#include "cli/decode.h"

enum { KINDS = 8, AIR = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode_one(amble__decoder *decoder, unsigned kind, const uint8_t *packet, size_t size)
{
    static amble__decoded out;
    const bool received = kind & 0x10;
    const amble__decode_air_packet air = {.access_address = kind & 0x20 ? 0x50654321 : UINT32_C(0x8E89BED6),
                                          .sender = (amble__air_sender)(kind >> 6 & 3) % 3,
                                          .auxiliary = received,
                                          .pdu = packet,
                                          .size = size};

    memset(&out, 0xa5, sizeof out);
    if (kind % KINDS >= AIR)
        amble__decode_air(decoder, &air, &out);
    else
        amble__decode(decoder, (int)(kind >> 5 & 1), (uint8_t)(kind % KINDS), received, packet, size, &out);
    if (!out.layer || !memchr(out.name, 0, sizeof out.name) || !memchr(out.detail, 0, sizeof out.detail))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    amble__decoder *decoder = calloc(1, sizeof *decoder); /* its memory ends with each input */
    amble__reader r = amble__reader_of(data, size);

    while (decoder && amble__read_left(&r) >= 2) {
        const unsigned kind = amble__read_u8(&r), length = amble__read_u8(&r);
        const size_t left = amble__read_left(&r), taken = length < left ? length : left;
        uint8_t *packet = malloc(taken ? taken : 1); /* of exactly the size */

        if (!packet)
            break;
        if (taken)
            memcpy(packet, r.at, taken);
        (void)amble__read_view(&r, taken);
        decode_one(decoder, kind, packet, taken);
        free(packet);
    }
    free(decoder);
    return 0;
}
