/* Fuzzes reassembly and signalling with fragments on two links. A record of the script is a byte of flags (bits 0 and
 * 1 the boundary, 2 the link, 3: the controller has sent everything, 4: the link is lost and comes again), then the
 * fragment. */
#include "att/fuzzing.h"

enum { MTU = 65 };

static void run_record(amble_connection **links, amble__reader *script)
{
    const uint8_t flags = amble__read_u8(script);
    const amble__bytes fragment = fuzz_take(script);
    const unsigned number = flags >> 2 & 1;
    uint8_t *copy = fuzz_copy(fragment);

    if (flags & 8)
        fuzz_complete();
    if (flags & 16) {
        amble__link_lose(links[number], 0x08, AMBLE_ERR_DISCONNECTED);
        amble__link_free(links[number]);
        links[number] = fuzz_link(number, number);
    }
    amble__l2cap_receive(links[number], copy, fragment.size, flags & 3);
    fuzz_check(links[number]->l2cap->filled <= links[number]->l2cap->capacity);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    amble__reader script = amble__reader_of(data, size);
    amble_connection *links[FUZZ_LINKS];

    fuzz_scheduler();
    fuzz_open(MTU);
    fuzz.l2cap.security = fuzz_ignore_security;
    for (unsigned i = 0; i < FUZZ_LINKS; i++)
        links[i] = fuzz_link(i, i);
    while (amble__read_left(&script))
        run_record(links, &script);
    fuzz_close();
    return 0;
}
