/* Tests of the intrusive list: order, removal of nodes that are in no list, removal while visiting. */
#include "core/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

typedef struct {
    int value;
    amble__list node;
} item;

static void fill(amble__list *list, item *items, int count)
{
    amble__list_init(list);
    for (int i = 0; i < count; i++) {
        items[i].value = i;
        amble__list_append(list, &items[i].node);
    }
}

static void expect(const amble__list *list, const int *values, int count)
{
    int at = 0;

    amble__list_each (node, list) {
        assert_true(at < count);
        assert_int_equal(amble__container(node, item, node)->value, values[at++]);
    }
    assert_int_equal(at, count);
}

static void appended_nodes_keep_their_order(void **state)
{
    item items[3];
    amble__list list;

    (void)state;
    fill(&list, items, 3);
    expect(&list, (const int[]){0, 1, 2}, 3);
    for (int i = 0; i < 3; i++) {
        assert_false(amble__list_empty(&list));
        assert_ptr_equal(amble__list_first(&list), &items[i].node);
        assert_ptr_equal(amble__list_take(&list), &items[i].node);
        assert_false(amble__list_linked(&items[i].node));
    }
    assert_true(amble__list_empty(&list));
    assert_null(amble__list_take(&list));
    assert_null(amble__list_first(&list));
}

static void insertion_goes_before_the_position(void **state)
{
    item items[3], extra = {.value = 9};
    amble__list list;

    (void)state;
    fill(&list, items, 3);
    amble__list_insert_before(&items[1].node, &extra.node);
    expect(&list, (const int[]){0, 9, 1, 2}, 4);
    assert_true(amble__list_linked(&extra.node));
}

static void removal_is_harmless_outside_a_list(void **state)
{
    item items[2], zeroed = {0};
    amble__list list;

    (void)state;
    amble__list_remove(&zeroed.node);
    assert_false(amble__list_linked(&zeroed.node));
    fill(&list, items, 2);
    amble__list_remove(&items[0].node);
    amble__list_remove(&items[0].node);
    expect(&list, (const int[]){1}, 1);
    amble__list_append(&list, &items[0].node);
    expect(&list, (const int[]){1, 0}, 2);
}

static void the_visited_node_may_be_removed(void **state)
{
    item items[5];
    amble__list list;

    (void)state;
    fill(&list, items, 5);
    amble__list_each (node, &list)
        if (amble__container(node, item, node)->value % 2 == 0)
            amble__list_remove(node);
    expect(&list, (const int[]){1, 3}, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appended_nodes_keep_their_order),
        cmocka_unit_test(insertion_goes_before_the_position),
        cmocka_unit_test(removal_is_harmless_outside_a_list),
        cmocka_unit_test(the_visited_node_may_be_removed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
