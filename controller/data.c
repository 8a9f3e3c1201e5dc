/* Data in fragments: see data.h. */
#include "controller/data.h"

#include "controller/hci_codes.h"

uint8_t amble__ll_data_set(amble__ll_data *data, uint8_t operation, amble__bytes bytes, uint16_t limit)
{
    const bool starts = operation == AMBLE__LL_DATA_FIRST || operation == AMBLE__LL_DATA_COMPLETE;
    const size_t before = starts ? 0 : data->size;

    if (operation != AMBLE__LL_DATA_COMPLETE && !bytes.size)
        return HC_INVALID_PARAMETERS;
    if (!starts && !data->incomplete)
        return HC_INVALID_PARAMETERS;
    if (before + bytes.size > limit) {
        data->size = 0; /* the partial data is discarded */
        data->incomplete = false;
        return limit == AMBLE__LL_EXTENDED_DATA ? HC_MEMORY_FULL : HC_INVALID_PARAMETERS;
    }
    if (bytes.size)
        memcpy(data->bytes + before, bytes.data, bytes.size);
    data->size = (uint16_t)(before + bytes.size);
    data->incomplete = operation == AMBLE__LL_DATA_FIRST || operation == AMBLE__LL_DATA_INTERMEDIATE;
    return HC_SUCCESS;
}
