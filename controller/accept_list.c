/* The filter accept list. Invariant: the first `count` entries are in use and no two are equal. */
#include "controller/accept_list.h"

static int find(const amble__ll_accept_list *list, const amble__ll_address *address)
{
    for (int i = 0; i < list->count; i++)
        if (amble__ll_address_equal(&list->entries[i], address))
            return i;
    return -1;
}

bool amble__ll_accept_list_has(const amble__ll_accept_list *list, const amble__ll_address *address)
{
    return find(list, address) >= 0;
}

bool amble__ll_accept_list_add(amble__ll_accept_list *list, const amble__ll_address *address)
{
    if (find(list, address) >= 0)
        return true;
    if (list->count == AMBLE__LL_ACCEPT_LIST_SIZE)
        return false;
    list->entries[list->count++] = *address;
    return true;
}

void amble__ll_accept_list_remove(amble__ll_accept_list *list, const amble__ll_address *address)
{
    const int i = find(list, address);

    if (i >= 0)
        list->entries[i] = list->entries[--list->count];
}
