/* See method.h. The table is the specification's (Vol 3 Part H 2.3.5.1, table 2.8), one letter for each pair. */
#include "smp/smp.h"

enum { IO_CAPABILITIES = 5 };

uint8_t amble__smp_io_number(amble_io io)
{
    static const uint8_t numbers[IO_CAPABILITIES] = {[AMBLE_IO_NONE] = 3,
                                                     [AMBLE_IO_DISPLAY] = 0,
                                                     [AMBLE_IO_YES_NO] = 1,
                                                     [AMBLE_IO_KEYBOARD] = 2,
                                                     [AMBLE_IO_KEYBOARD_DISPLAY] = 4};

    return numbers[io];
}

bool amble__smp_both_secure(const uint8_t *request, const uint8_t *response)
{
    return request[AMBLE__SMP_AUTH] & response[AMBLE__SMP_AUTH] & AMBLE__SMP_AUTH_SECURE;
}

/* What both have, by responder and initiator: '-' just works, 'i' the initiator shows and the responder enters, 'r' the
 * other way round, 'e' both enter, 'c' comparison. Columns: display, yes/no, keyboard, none, keyboard and display. */
static char io_method(bool secure, uint8_t responder, uint8_t initiator)
{
    static const char legacy_table[IO_CAPABILITIES][IO_CAPABILITIES + 1] = {"--r-r", "--r-r", "iie-i", "-----",
                                                                            "iir-i"};
    static const char secure_table[IO_CAPABILITIES][IO_CAPABILITIES + 1] = {"--r-r", "-cr-c", "iie-i", "-----",
                                                                            "icr-c"};

    return (secure ? secure_table : legacy_table)[responder][initiator];
}

amble__smp_method amble__smp_choose(const uint8_t *request, const uint8_t *response, bool initiator)
{
    const bool secure = amble__smp_both_secure(request, response);
    const unsigned with_data = request[AMBLE__SMP_OOB] + response[AMBLE__SMP_OOB];

    /* LE legacy pairing needs the data on both sides, Secure Connections on one. */
    if (with_data >= (secure ? 1 : 2))
        return AMBLE__METHOD_OUT_OF_BAND;
    if (!((request[AMBLE__SMP_AUTH] | response[AMBLE__SMP_AUTH]) & AMBLE__SMP_AUTH_MITM))
        return AMBLE__METHOD_JUST_WORKS;
    switch (io_method(secure, response[AMBLE__SMP_IO], request[AMBLE__SMP_IO])) {
    case 'c':
        return AMBLE__METHOD_COMPARE;
    case 'i':
        return initiator ? AMBLE__METHOD_SHOW : AMBLE__METHOD_ENTER;
    case 'r':
        return initiator ? AMBLE__METHOD_ENTER : AMBLE__METHOD_SHOW;
    case 'e':
        return AMBLE__METHOD_ENTER;
    default:
        return AMBLE__METHOD_JUST_WORKS;
    }
}
