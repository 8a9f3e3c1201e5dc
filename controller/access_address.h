/* Access addresses (Vol 6, Part B, 2.1.2). */
#ifndef AMBLE_CONTROLLER_ACCESS_ADDRESS_H
#define AMBLE_CONTROLLER_ACCESS_ADDRESS_H
#include <stdbool.h>
#include <stdint.h>

#include "core/random.h"

#define AMBLE__LL_ADVERTISING_ACCESS_ADDRESS 0x8e89bed6u

/* Whether a link may use it. */
bool amble__ll_access_address_valid(uint32_t address);
uint32_t amble__ll_access_address_random(amble__random *random);
#endif
