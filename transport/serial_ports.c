/* Serial ports, as Linux lists them in /sys/class/tty (serial_ports.h).
 *
 * Most terminals there are no ports: consoles and pseudo-terminals have no `device`. The old 8250 driver shows ports
 * that are not there; their `type` is 0, PORT_UNKNOWN of the kernel's linux/serial.h. */
#include "transport/serial_ports.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char system_folder[] = "/sys/class/tty";

static bool is_port(const char *folder, const char *name)
{
    char path[300], type[4] = "";
    FILE *file;

    snprintf(path, sizeof path, "%.200s/%.64s/device", folder, name);
    if (name[0] == '.' || access(path, F_OK) < 0)
        return false;
    snprintf(path, sizeof path, "%.200s/%.64s/type", folder, name);
    file = fopen(path, "re");
    if (!file)
        return true; /* not of that driver */
    if (!fgets(type, sizeof type, file))
        type[0] = 0;
    (void)fclose(file); /* was only read */
    return strcmp(type, "0\n") != 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const amble__serial_port *)a)->path, ((const amble__serial_port *)b)->path);
}

int amble__serial_ports(const char *folder, amble__serial_port *ports, size_t size)
{
    DIR *entries = opendir(folder ? folder : system_folder);
    const struct dirent *entry;
    size_t count = 0;

    while (entries && count < size && (entry = readdir(entries))) {
        if (!is_port(folder ? folder : system_folder, entry->d_name) || strlen(entry->d_name) > sizeof ports->path - 6)
            continue;
        snprintf(ports[count++].path, sizeof ports->path, "/dev/%.58s", entry->d_name);
    }
    if (entries)
        (void)closedir(entries); /* was only read */
    qsort(ports, count, sizeof *ports, by_name);
    return (int)count;
}
