/* Capture files from anybody: the reader of the file, and every decoder, with what one file makes them remember. */
#include <stdio.h>
#include <stdlib.h>

#include "amble/error.h"
#include "cli/decode.h"
#include "cli/snoop.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(amble__decoder *decoder, const amble__snoop_record *record, amble__decoded *decoded)
{
    const amble__decode_air_packet packet = {.access_address = record->air.access_address,
                                             .sender = record->air.sender,
                                             .auxiliary = record->air.auxiliary,
                                             .pdu = record->data,
                                             .size = record->size};

    if (record->type == AMBLE__SNOOP_AIR)
        amble__decode_air(decoder, &packet, decoded);
    else
        amble__decode(decoder, record->adapter, record->type, record->received, record->data, record->size, decoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static amble__snoop in;
    static amble__decoded decoded;
    amble__decoder *decoder = calloc(1, sizeof *decoder); /* its memory ends with each file */
    FILE *file = size ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
    amble__snoop_record record;
    const char *problem = NULL;
    int r;

    if (file && decoder && amble__snoop_open(&in, file, &problem) == 0) {
        while ((r = amble__snoop_next(&in, &record, &problem)) == 1)
            decode(decoder, &record, &decoded);
        if (r != 0 && r != AMBLE_ERR_STALE && !(r == AMBLE_ERR_PROTOCOL && problem))
            abort();
    }
    if (file)
        fclose(file);
    free(decoder);
    return 0;
}
