#include "tools/option_reader.h"

#include <string.h>

#include "base/nearest.h"
#include "base/text.h"

#define WORD_MAX 64 /* shown of a word */

void option_reader_init(struct option_reader *reader, int argc, char **argv,
                        const struct option *known)
{
    *reader = (struct option_reader){.argc = argc, .argv = argv, .known = known};
    optind = 0; /* glibc forgets what it knows of other words; then it is 1 */
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

/* The next option as getopt will find it, or NULL. */
static const char *next_word(const struct option_reader *reader)
{
    for (int i = optind > 0 ? optind : 1; i < reader->argc; i++)
        if (is_option(reader->argv[i]))
            return reader->argv[i];
    return NULL;
}

static struct span name_of(const char *word)
{
    struct span name = span_cstr(word);

    return span_first(name, span_find_byte(name, '='));
}

static int complain(struct option_reader *reader, const char *word, const char *what,
                    struct span meant)
{
    struct text out;

    text_init(&out, reader->problem, sizeof(reader->problem));
    text_add_printable(&out, name_of(word), WORD_MAX);
    text_add_cstr(&out, what);
    text_add(&out, meant);
    (void)text_cstr_end(&out); /* ends in place */
    return OPTION_READER_WRONG;
}

static int complain_unknown(struct option_reader *reader, const char *word)
{
    struct span dashless = span_skip(name_of(word), strncmp(word, "--", 2) == 0 ? 2 : 1);
    struct nearest nearest;
    struct span found;

    nearest_init(&nearest, dashless);
    for (const struct option *option = reader->known; option->name != NULL; option++)
        nearest_offer(&nearest, span_cstr(option->name));
    found = nearest_found(&nearest);
    return found.size == 0 ? complain(reader, word, " is not an option", found)
                           : complain(reader, word, " is not an option, did you mean --", found);
}

int option_reader_next(struct option_reader *reader)
{
    static const struct span nothing = SPAN_INIT("");
    const char *word = next_word(reader);
    int option;

    if (word != NULL && word[1] != '-')
        return complain_unknown(reader, word); /* getopt would read letters */
    option = getopt_long(reader->argc, reader->argv, ":", reader->known, NULL);
    if (option == ':')
        return complain(reader, word, " lacks its value", nothing);
    if (option != '?')
        return option;
    return optopt != 0 ? complain(reader, word, " takes no value", nothing)
                       : complain_unknown(reader, word);
}
