/* How two devices pair, by what they have: Vol 3 Part H 2.3.5.1. */
#ifndef AMBLE_SMP_METHOD_H
#define AMBLE_SMP_METHOD_H
#include <amble/security.h>

/* From one side's view. */
typedef enum {
    AMBLE__METHOD_JUST_WORKS,
    AMBLE__METHOD_COMPARE,
    AMBLE__METHOD_SHOW,  /* this side shows the passkey */
    AMBLE__METHOD_ENTER, /* it is entered on this side; on both when neither can show */
    AMBLE__METHOD_OUT_OF_BAND
} amble__smp_method;

/* Our IO capability as the specification's number, 3.5.1. */
uint8_t amble__smp_io_number(amble_io io);
/* Whether both features, code first, offer Secure Connections. */
bool amble__smp_both_secure(const uint8_t *request, const uint8_t *response);
/* The method that follows from both features. IO capabilities above 4 are the caller's to refuse. */
amble__smp_method amble__smp_choose(const uint8_t *request, const uint8_t *response, bool initiator);
#endif
