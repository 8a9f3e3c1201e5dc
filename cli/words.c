/* Taking lines apart (words.h). */
#include "cli/words.h"

#include <string.h>

/* Copies the word at line[*at], without its quotes, to `out`; returns where it ends there, behind its closing zero. */
static char *take_word(amble__words *words, const char *line, size_t length, size_t *at, char *out)
{
    char quote = '\0';
    size_t i = *at;

    for (; i < length && (quote || (line[i] != ' ' && line[i] != '\t')); i++) {
        const char c = line[i];

        if (c == '\\' && quote != '\'' && i + 1 < length)
            *out++ = line[++i];
        else if (quote ? c == quote : c == '\'' || c == '"')
            quote = quote ? '\0' : c;
        else
            *out++ = c;
    }
    words->open = quote;
    *out++ = '\0';
    *at = i;
    return out;
}

void amble__words_split(amble__words *words, const char *line, size_t length)
{
    char *out = words->text;

    *words = (amble__words){.ended = true};
    if (length > AMBLE__LINE_MOST)
        length = AMBLE__LINE_MOST;
    for (size_t at = 0; at < length;) {
        words->ended = true;
        if (line[at] == ' ' || line[at] == '\t') {
            at++;
            continue;
        }
        if (line[at] == '#')
            return;
        if (words->argc == AMBLE__WORDS_MOST) {
            words->too_many = true;
            return;
        }
        words->last = at;
        words->argv[words->argc++] = out;
        out = take_word(words, line, length, &at, out);
        words->ended = false;
    }
}

const char *amble__words_quote(const char *word, char *out, size_t room)
{
    size_t used = 0;

    for (size_t i = 0; word[i] && used + 2 < room; i++) {
        if (strchr(" \t\\'\"", word[i]) || (word[i] == '#' && !i))
            out[used++] = '\\';
        out[used++] = word[i];
    }
    out[used] = '\0';
    return out;
}
