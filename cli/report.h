/* What a tool tells on standard output: one event a line, as a sentence for people or as a JSON object for programs. */
#ifndef AMBLE_CLI_REPORT_H
#define AMBLE_CLI_REPORT_H
#include <stdbool.h>
#include <stdio.h>

typedef struct {
    const char *key, *value;
} amble__report_field;

/* `{"event": "...", "key": "value", ...}`; fields without a value are left out. */
void amble__report_json(FILE *out, const char *event, const amble__report_field *fields, size_t count);
#endif
