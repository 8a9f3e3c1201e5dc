/* Any line: its words lie in the buffer, are at most as long together as the line, and are the same once more after
 * they have been quoted. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/words.h"

static void must(bool condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static amble__words words, again;
    static char quoted[2 * AMBLE__LINE_MOST + 3];

    amble__words_split(&words, (const char *)data, size);
    must(words.argc <= AMBLE__WORDS_MOST && !words.argv[words.argc]);
    for (int i = 0; i < words.argc; i++) {
        const size_t length = strlen(words.argv[i]);

        must(length <= size);
        amble__words_quote(words.argv[i], quoted, sizeof quoted);
        if (!length || strlen(quoted) > AMBLE__LINE_MOST)
            continue;
        amble__words_split(&again, quoted, strlen(quoted));
        must(again.argc == 1 && !strcmp(again.argv[0], words.argv[i]));
    }
    return 0;
}
