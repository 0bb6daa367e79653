/* mime_oracle.c - compares message/mime with GMime on files, and on mutations of them.
 *
 *   mime_oracle ROUNDS PATH...     files, or folders of files
 *
 * Per message: the tree of parts (depth, type, subtype) and the decoded octets of each leaf. Where
 * the two may differ is said in differs_by_rule: GMime is no judge of messages that break the
 * grammar. Exit 1: some differ, or too few could be compared to say anything. */
#include <gmime/gmime.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "message/mime_body.h"

#define MESSAGE_MAX ((size_t)4 * 1024 * 1024)
#define TREE_MAX ((size_t)64 * 1024)

struct counts {
    uint64_t messages;
    uint64_t compared;
    uint64_t aside;
    uint64_t differ;
};

static struct mime mime;
static char ours[TREE_MAX], theirs[TREE_MAX];
static uint8_t decoded[MESSAGE_MAX];

static void add(char *tree, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(char *tree, const char *format, ...)
{
    size_t used = strlen(tree);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(tree + used, TREE_MAX - used, format, arguments);
    va_end(arguments);
}

/* What both must agree on in a decoded body: its octets without white space at line ends. */
static uint64_t digest(const uint8_t *data, size_t size)
{
    uint64_t hash = 1469598103934665603u, blanks = 0;

    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\r' || data[i] == '\n' || data[i] == ' ' || data[i] == '\t') {
            blanks++;
            continue;
        }
        hash = (hash ^ data[i]) * 1099511628211u;
    }
    return hash;
}

static void describe_ours(const struct mime_part *part)
{
    struct text out;
    struct span body;

    add(ours, "%u %.*s/%.*s", part->depth, (int)part->type.size, (const char *)part->type.data,
        (int)part->subtype.size, (const char *)part->subtype.data);
    if (!mime_is(part, "multipart", "*") && !mime_is(part, "message", "rfc822") &&
        !mime_is(part, "message", "global")) {
        text_init(&out, decoded, sizeof(decoded));
        body = mime_body_octets(part, &out);
        add(ours, " %016llx", (unsigned long long)digest(body.data, body.size));
    }
    add(ours, "\n");
}

static void describe_leaf(GMimePart *part)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    GMimeStream *stream = g_mime_stream_mem_new();
    GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));

    if (content != NULL)
        (void)g_mime_data_wrapper_write_to_stream(content, stream);
    add(theirs, " %016llx", (unsigned long long)digest(bytes->data, bytes->len));
    g_object_unref(stream);
}

/* NOLINTNEXTLINE(misc-no-recursion): no deeper than GMime has gone to read the tree */
static void describe_theirs(GMimeObject *object, int depth)
{
    GMimeContentType *type = g_mime_object_get_content_type(object);

    add(theirs, "%d %s/%s", depth, g_mime_content_type_get_media_type(type),
        g_mime_content_type_get_media_subtype(type));
    if (GMIME_IS_PART(object))
        describe_leaf(GMIME_PART(object));
    add(theirs, "\n");
    if (GMIME_IS_MULTIPART(object)) {
        GMimeMultipart *multipart = GMIME_MULTIPART(object);

        for (int i = 0; i < g_mime_multipart_get_count(multipart); i++)
            describe_theirs(g_mime_multipart_get_part(multipart, i), depth + 1);
    } else if (GMIME_IS_MESSAGE_PART(object)) {
        GMimeMessage *message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));

        if (message != NULL && g_mime_message_get_mime_part(message) != NULL)
            describe_theirs(g_mime_message_get_mime_part(message), depth + 1);
    }
}

/* The header ends with a blank line, not with a line that is no field. */
static bool ends_blank(struct span header)
{
    return span_equal(header, SPAN("\n")) || span_equal(header, SPAN("\r\n")) ||
           span_ends_nocase(header, SPAN("\n\n")) || span_ends_nocase(header, SPAN("\n\r\n"));
}

static bool lost_fold(struct span content)
{
    for (size_t i = 0; i + 1 < content.size; i++)
        if (content.data[i] == '\n' && content.data[i + 1] != ' ' && content.data[i + 1] != '\t')
            return true;
    return false;
}

/* Digits, line ends, padding at the end and nothing else: readers differ over the rest. */
static bool is_good_base64(const struct mime_part *part)
{
    struct span body = span_trim(part->body);
    size_t digits = 0;

    while (part->encoding == MIME_BASE64 && body.size > 0 && body.data[body.size - 1] == '=')
        body.size--;
    for (size_t i = 0; part->encoding == MIME_BASE64 && i < body.size; i++)
        if (!g_ascii_isalnum(body.data[i]) && strchr("+/\r\n", body.data[i]) == NULL)
            return false;
        else
            digits += body.data[i] != '\r' && body.data[i] != '\n';
    return digits % 4 != 1 && (digits % 4 == 0 || body.size < span_trim(part->body).size);
}

/* Messages that break the grammar where the two have good reasons to read on differently: no
 * header, a header broken off by a line that is no field, an encoded message or multipart,
 * uuencode, limits of ours, a multipart without its boundary, a parameter without its fold, broken
 * base64. */
static bool differs_by_rule(struct span message)
{
    if (mime.cut || mime.header.count == 0 || message.size == 0)
        return true;
    for (uint32_t i = 0; i < mime.parts_count; i++) {
        const struct mime_part *part = &mime.parts[i];
        struct span rest = part->header, encoding;
        struct header_field field;
        uint32_t types = 0;
        int result;

        while ((result = header_list_next(&rest, &field)) == 1)
            types += span_equal_nocase(field.name, SPAN("Content-Type"));
        encoding = mime_field(part, SPAN("Content-Transfer-Encoding"));
        if (result < 0 || rest.size > 0 || types > 1 || !ends_blank(part->header))
            return true;
        if (lost_fold(part->content) || mime_is(part, "message", "news") || !is_good_base64(part))
            return true;
        if ((mime_is(part, "multipart", "*") && part->boundary.size == 0) ||
            (part->encoding != MIME_PLAIN && !mime_is(part, "text", "*") &&
             (mime_is(part, "multipart", "*") || mime_is(part, "message", "*"))))
            return true;
        if (span_starts_nocase(encoding, SPAN("x-")) || span_starts_nocase(encoding, SPAN("uu")))
            return true;
    }
    return false;
}

static bool is_clean(struct span message)
{
    /* Octets that no header may have, and lines that GMime takes for the next message of an mbox.
     */
    return span_find_byte(message, 0) == SPAN_NOT_FOUND && !span_starts(message, SPAN("From ")) &&
           !span_starts(message, SPAN(">From ")) && !span_starts(message, SPAN("\n")) &&
           !span_starts(message, SPAN("\r"));
}

/* 1: the same; 0: not to be compared; -1: they differ. */
static int compare(struct span message)
{
    GMimeStream *stream;
    GMimeParser *parser;
    GMimeMessage *parsed;

    ours[0] = theirs[0] = '\0';
    mime_read(&mime, message, true);
    if (!is_clean(message) || differs_by_rule(message))
        return 0;
    for (uint32_t i = 0; i < mime.parts_count; i++)
        describe_ours(&mime.parts[i]);
    stream = g_mime_stream_mem_new_with_buffer((const char *)message.data, message.size);
    parser = g_mime_parser_new_with_stream(stream);
    g_object_unref(stream);
    parsed = g_mime_parser_construct_message(parser, NULL);
    g_object_unref(parser);
    if (parsed == NULL)
        return 0;
    if (g_mime_message_get_mime_part(parsed) != NULL)
        describe_theirs(g_mime_message_get_mime_part(parsed), 0);
    g_object_unref(parsed);
    return g_ascii_strcasecmp(ours, theirs) == 0 ? 1 : -1;
}

static void count(struct counts *counts, int result, const char *name)
{
    counts->messages++;
    counts->compared += result == 1;
    counts->aside += result == 0;
    counts->differ += result == -1;
    if (result == -1 && counts->differ <= 5)
        (void)printf("%s differs\nours:\n%stheirs:\n%s\n", name, ours, theirs);
}

/* Where the line with index `at` in it begins, and how long it is with its end. */
static size_t line_at(const uint8_t *data, size_t size, size_t at, size_t *ret_size)
{
    const uint8_t *end;

    while (at > 0 && data[at - 1] != '\n')
        at--;
    end = memchr(data + at, '\n', size - at);
    *ret_size = end != NULL ? (size_t)(end - data) + 1 - at : size - at;
    return at;
}

/* Lines taken out, doubled, made boundaries of one another, or the end cut off. What stands in a
 * line stays: how broken words are read is everybody's own choice. */
static size_t mutate(struct prng *prng, uint8_t *data, size_t size)
{
    for (uint64_t n = prng_below(prng, 4) + 1; n > 0 && size > 40; n--) {
        size_t piece, at = line_at(data, size, prng_below(prng, size), &piece);

        switch (prng_below(prng, 4)) {
        case 0: /* taken out */
            memmove(data + at, data + at + piece, size - at - piece);
            size -= piece;
            break;
        case 1: /* twice */
            if (size + piece > MESSAGE_MAX)
                break;
            memmove(data + at + piece, data + at, size - at);
            size += piece;
            break;
        case 2: /* looks like a boundary, or is one no more */
            if (piece > 3)
                data[at] = data[at + 1] = (uint8_t) "-x"[prng_below(prng, 2)];
            break;
        default: /* the end is missing */
            if (prng_below(prng, 4) == 0)
                size = at;
            break;
        }
    }
    return size;
}

static size_t load(const char *path, uint8_t *data)
{
    FILE *file = fopen(path, "rb");
    size_t size;

    if (file == NULL)
        return 0;
    size = fread(data, 1, MESSAGE_MAX / 2, file);
    (void)fclose(file); /* only read from */
    return size;
}

struct run {
    struct counts plain;
    struct counts mutated;
    struct prng prng;
    uint8_t *data;
    uint8_t *copy;
    long rounds;
};

static void run_file(struct run *run, const char *path)
{
    size_t size = load(path, run->data);

    count(&run->plain, compare(span_make(run->data, size)), path);
    for (long round = 0; round < run->rounds; round++) {
        memcpy(run->copy, run->data, size);
        count(&run->mutated, compare(span_make(run->copy, mutate(&run->prng, run->copy, size))),
              path);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): three folders deep at most */
static void run_path(struct run *run, const char *path, int depth)
{
    GDir *folder = depth < 3 ? g_dir_open(path, 0, NULL) : NULL;
    const char *name;

    if (folder == NULL) {
        run_file(run, path);
        return;
    }
    while ((name = g_dir_read_name(folder)) != NULL) {
        char *inner = g_build_filename(path, name, NULL);

        run_path(run, inner, depth + 1);
        g_free(inner);
    }
    g_dir_close(folder);
}

/* True: enough was compared, and nothing differs. */
static bool print(const char *what, const struct counts *counts)
{
    (void)printf("%s: %llu messages, %llu agree, %llu set aside, %llu differ\n", what,
                 (unsigned long long)counts->messages, (unsigned long long)counts->compared,
                 (unsigned long long)counts->aside, (unsigned long long)counts->differ);
    return counts->differ == 0 && counts->compared * 2 >= counts->messages;
}

int main(int argc, char **argv)
{
    static uint8_t data[MESSAGE_MAX], copy[MESSAGE_MAX];
    struct run run = {.data = data, .copy = copy};
    bool good;

    if (argc < 3)
        return 1;
    run.rounds = strtol(argv[1], NULL, 10);
    prng_seed(&run.prng, 5322);
    g_mime_init();
    for (int i = 2; i < argc; i++)
        run_path(&run, argv[i], 0);
    good = print("as they are", &run.plain);
    good = print("mutated", &run.mutated) && good;
    return good ? 0 : 1;
}
