/* JSON lines (report.h). Strings are escaped as RFC 8259 7 asks; bytes from 0x80 on pass, they are UTF-8 where they
 * come from. */
#include "cli/report.h"

static void put_string(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;

        if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

void amble__report_json(FILE *out, const char *event, const amble__report_field *fields, size_t count)
{
    fputs("{\"event\": ", out);
    put_string(out, event);
    for (size_t i = 0; i < count; i++) {
        if (!fields[i].value)
            continue;
        fputs(", ", out);
        put_string(out, fields[i].key);
        fputs(": ", out);
        put_string(out, fields[i].value);
    }
    fputs("}\n", out);
}
