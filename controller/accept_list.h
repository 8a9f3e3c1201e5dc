/* The filter accept list: devices that a policy lets through (Vol 4, Part E, 7.8.15; Vol 6, Part B, 4.3). */
#ifndef AMBLE_CONTROLLER_ACCEPT_LIST_H
#define AMBLE_CONTROLLER_ACCEPT_LIST_H
#include "controller/controller.h"
#include "controller/pdu.h"

#define AMBLE__LL_ACCEPT_LIST_SIZE 32

typedef struct {
    amble__ll_address entries[AMBLE__LL_ACCEPT_LIST_SIZE];
    uint8_t count;
} amble__ll_accept_list;

bool amble__ll_accept_list_has(const amble__ll_accept_list *list, const amble__ll_address *address);
/* True when the list has the address afterwards. */
bool amble__ll_accept_list_add(amble__ll_accept_list *list, const amble__ll_address *address);
void amble__ll_accept_list_remove(amble__ll_accept_list *list, const amble__ll_address *address);
#endif
