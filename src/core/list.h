/* An intrusive, circular, doubly linked list.
 *
 * The `next` of a node that is in no list is NULL or the node itself; amble__list_remove is harmless on both, so an
 * owner may always remove its node. A node is in at most one list. */
#ifndef AMBLE_CORE_LIST_H
#define AMBLE_CORE_LIST_H
#include <stdbool.h>
#include <stddef.h>

typedef struct amble__list {
    struct amble__list *next;
    struct amble__list *previous;
} amble__list;

/* The structure of `type` that holds `node` as its `member`. */
#define amble__container(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void amble__list_init(amble__list *list) { list->next = list->previous = list; }
static inline bool amble__list_empty(const amble__list *list) { return list->next == list; }
static inline bool amble__list_linked(const amble__list *node) { return node->next && node->next != node; }
static inline void amble__list_insert_before(amble__list *position, amble__list *node)
{
    amble__list *previous = position->previous;

    /* In this order no compiler puts both links of a node into one vector register first, which takes longer than to
     * store them. */
    node->next = position;
    previous->next = node;
    node->previous = previous;
    position->previous = node;
}
static inline void amble__list_append(amble__list *list, amble__list *node) { amble__list_insert_before(list, node); }
/* Takes a node out that is in a list for sure. */
static inline void amble__list_unlink(amble__list *node)
{
    node->previous->next = node->next;
    node->next->previous = node->previous;
    node->next = NULL;
}
/* The same, and to the end of another list. */
static inline void amble__list_move(amble__list *list, amble__list *node)
{
    node->previous->next = node->next;
    node->next->previous = node->previous;
    amble__list_append(list, node);
}
static inline void amble__list_remove(amble__list *node)
{
    if (node->next)
        amble__list_unlink(node);
}
static inline amble__list *amble__list_first(const amble__list *list) { return list->next == list ? NULL : list->next; }
/* Takes the first node out, or returns NULL. */
static inline amble__list *amble__list_take(amble__list *list)
{
    amble__list *node = amble__list_first(list);

    if (!node)
        return NULL;
    list->next = node->next;
    node->next->previous = list;
    node->next = NULL;
    return node;
}
/* Visits every node; the visited node may be removed by the body, no other. */
#define amble__list_each(node, list)                                                                                   \
    for (amble__list *node = (list)->next, *node##_next = node->next; node != (list);                                  \
         node = node##_next, node##_next = node->next)
#endif
