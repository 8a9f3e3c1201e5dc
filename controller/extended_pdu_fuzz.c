/* Arbitrary PDUs to the decoder of extended advertising. What it accepts can be written again, and then reads the
 * same. */
#include <stdlib.h>

#include "controller/extended_pdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    amble__ll_extended_pdu pdu, again;
    uint8_t out[AMBLE__RADIO_PDU];

    if (size > AMBLE__RADIO_PDU || !amble__ll_extended_pdu_decode(&pdu, data, size))
        return 0;
    if (pdu.aux.channel >= AMBLE__LL_DATA_CHANNELS || pdu.data.size >= size)
        abort();
    pdu.has &= AMBLE__LL_HAS_SENDER | AMBLE__LL_HAS_TARGET | AMBLE__LL_HAS_ADI | AMBLE__LL_HAS_AUX |
               AMBLE__LL_HAS_SYNC | AMBLE__LL_HAS_POWER; /* CTEInfo is not written */
    if (!amble__ll_extended_pdu_decode(&again, out, amble__ll_extended_pdu_encode(&pdu, out)) || again.has != pdu.has ||
        again.aux.offset_us != pdu.aux.offset_us || again.data.size != pdu.data.size)
        abort();
    return 0;
}
