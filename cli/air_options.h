/* What `amble air` was asked to do. */
#ifndef AMBLE_CLI_AIR_OPTIONS_H
#define AMBLE_CLI_AIR_OPTIONS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AMBLE__AIR_LISTENERS 16

typedef struct {
    const char *listen[AMBLE__AIR_LISTENERS];
    size_t listens;
    uint64_t seed;
    uint32_t speed;
    double loss_percent;
    const char *capture, *sniff; /* files, or NULL */
    bool json;
} amble__air_service_options;

/* 0, 1 when help was asked for and printed, or AMBLE_ERR_USAGE, its sentence printed. */
int amble__air_service_parse(int argc, char **argv, amble__air_service_options *options);
#endif
