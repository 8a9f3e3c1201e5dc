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
    const char *capture; /* a file, or NULL */
    bool json, help;
} amble__air_service_options;

extern const char amble__air_service_help[];

/* 0, or AMBLE_ERR_USAGE with a sentence in `problem`. */
int amble__air_service_parse(int argc, char **argv, amble__air_service_options *options, char *problem, size_t size);
#endif
