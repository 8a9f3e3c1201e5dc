/* Fuzzes what reads UUIDs and addresses from text, and the reader of bytes. Whatever is accepted must come back the
 * same after it was written; whatever is refused must leave the result alone. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "amble/address.h"
#include "amble/error.h"
#include "amble/uuid.h"
#include "core/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void uuid(const char *text)
{
    static const amble_uuid untouched = {0xee, {1, 2, 3}};
    amble_uuid read = untouched, again;
    char written[AMBLE_UUID_TEXT];

    if (amble_uuid_parse(&read, text) != AMBLE_OK) {
        require(!memcmp(&read, &untouched, sizeof read));
        return;
    }
    require(read.size == 2 || read.size == 16);
    require(amble_uuid_parse(&again, amble_uuid_text(&read, written)) == AMBLE_OK);
    require(!memcmp(&read, &again, sizeof read) && amble_uuid_equal(&read, &again));
}

static void device(const char *text)
{
    amble_device read, again;
    char written[AMBLE_DEVICE_TEXT];

    if (amble_device_parse(&read, text) != AMBLE_OK)
        return;
    require(amble_device_parse(&again, amble_device_text(read, written)) == AMBLE_OK);
    require(amble_device_equal(read, again));
}

/* Every byte of the input is an order: read that many bytes in one of the ways there are. */
static void bytes(const uint8_t *data, size_t size)
{
    amble__reader r = amble__reader_of(data, size);
    size_t left = size;

    for (size_t i = 0; i < size; i++) {
        const size_t width = data[i] % 17;
        const uint8_t *view = amble__read_view(&r, width);

        require(r.failed == !view);
        require(view ? amble__read_left(&r) == left - width && view == data + (size - left) : !amble__read_left(&r));
        if (!view)
            return;
        left -= width;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1); /* to the byte, so that the sanitizer sees one too many */

    require(text);
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    uuid(text);
    device(text);
    bytes(data, size);
    free(text);
    return 0;
}
