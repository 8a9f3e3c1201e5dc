/* What tests against published sample data share: testdata/vectors.json, opened once for a group of tests. Numbers in
 * it have their most significant octet first. */
#ifndef AMBLE_PORT_TESTING_H
#define AMBLE_PORT_TESTING_H
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "core/hex.h"

static cJSON *vectors;

static inline int read_vectors(void **state)
{
    FILE *file = fopen(AMBLE_SOURCE_DIR "/testdata/vectors.json", "rb");
    char *text;
    long size;

    (void)state;
    assert_non_null(file);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    size = ftell(file);
    rewind(file);
    text = calloc(1, (size_t)size + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    fclose(file);
    vectors = cJSON_Parse(text);
    free(text);
    return vectors ? 0 : -1;
}

static inline int drop_vectors(void **state)
{
    (void)state;
    cJSON_Delete(vectors);
    return 0;
}

/* Reads `field` of the sample `name` and returns its size in bytes. */
static inline size_t sample(const char *name, const char *field, uint8_t *bytes, size_t room)
{
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(vectors, name);
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, field));
    size_t size = 0;

    assert_non_null(text);
    for (; *text; text += 2) {
        assert_true(size < room);
        assert_true(amble__hex_byte(text, &bytes[size++]));
    }
    return size;
}
#endif
