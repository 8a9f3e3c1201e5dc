/* Arbitrary bytes from two hosts to two controllers on one air.
 *
 * Input: records of a tag, a length, and that many bytes. Bit 0 of the tag chooses the controller; the bytes are a
 * packet as it stands, or, when bit 1 is set, time passes: the bytes are a number of units of 100 us. Each packet to a
 * host must be well-formed. */
#include "controller/test_bench.h"

#define UNIT_US     100
#define STEP_MAX_US 3000000
#define RECORDS     200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(void *user, const uint8_t *packet, size_t size)
{
    (void)user;
    if (size < 3)
        abort();
    if (packet[0] == HC_PACKET_EVENT && size == 3u + packet[2])
        return;
    if (packet[0] == HC_PACKET_ACL && size > 5 && size == 5u + amble__get_le16(packet + 3))
        return;
    abort();
}

static void play(amble__air *air, amble__controller *const controllers[2], amble__reader *in)
{
    for (int i = 0; i < RECORDS && amble__read_left(in) >= 2; i++) {
        const uint8_t tag = amble__read_u8(in), length = amble__read_u8(in);
        const size_t left = amble__read_left(in);
        const uint8_t *bytes = amble__read_view(in, length < left ? length : left);
        const size_t size = length < left ? length : left;
        uint64_t units = 1;

        if (!(tag & 2)) {
            amble__controller_receive(controllers[tag & 1], bytes, size);
            continue;
        }
        for (size_t k = 0; k < size && k < 3; k++)
            units = units << 8 | bytes[k];
        amble__air_advance(air, amble__air_now(air) + units * UNIT_US % STEP_MAX_US);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const amble__air_options air_options = {.seed = 1};
    amble__reader in = amble__reader_of(data, size);
    amble__controller *controllers[2];
    amble__air *air;

    if (amble__air_open(&air, &air_options))
        abort();
    for (int i = 0; i < 2; i++) {
        const amble__controller_options options = {
            .public_address = {(uint8_t)(0xA0 + i), 0, 0, 0, 0, 0xC0}, .links = 2, .acl_buffers = 3, .to_host = check};

        if (amble__controller_open(&controllers[i], air, &options))
            abort();
    }
    play(air, controllers, &in);
    amble__air_advance(air, amble__air_now(air) + STEP_MAX_US);
    for (int i = 0; i < 2; i++)
        amble__controller_close(controllers[i]);
    amble__air_close(air);
    return 0;
}
