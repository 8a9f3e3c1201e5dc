/* What a device advertises, taken apart for people: names beside the numbers. */
#ifndef AMBLE_CLI_ADVERTISED_H
#define AMBLE_CLI_ADVERTISED_H
#include <cjson/cJSON.h>

#include "amble/gap.h"

enum { AMBLE__ADVERTISED_SERVICES = 15 }; /* 31 bytes hold no more, and an extended advertisement rarely does */

typedef struct {
    char name[3 * 31 + 1]; /* clean; empty: none */
    amble_uuid services[AMBLE__ADVERTISED_SERVICES];
    size_t service_count;
    int company; /* -1: no manufacturer data; as for the next one */
    int appearance;
    const uint8_t *manufacturer; /* behind the company's number, lies in the result's data */
    size_t manufacturer_size;
    bool has_tx_power;
    int8_t tx_power; /* dBm */
} amble__advertised;

void amble__advertised_read(const amble_scan_result *result, amble__advertised *out);
/* Adds what is there to a JSON object. */
void amble__advertised_json(const amble__advertised *what, cJSON *object);
/* "Heart Rate, Battery Service, Apple, Inc.", cut to `size`. Returns `out`. */
const char *amble__advertised_text(const amble__advertised *what, char *out, size_t size);
#endif
