#include "sign/dkim_fold.h"

static void new_line(struct dkim_fold *fold)
{
    text_add(fold->out, SPAN("\r\n\t"));
    fold->column = 1;
}

static void put(struct dkim_fold *fold, struct span word)
{
    text_add(fold->out, word);
    fold->column += word.size;
}

void dkim_fold_word(struct dkim_fold *fold, struct span word)
{
    if (fold->column + 1 + word.size > DKIM_FOLD_COLUMNS)
        new_line(fold);
    else
        put(fold, SPAN(" "));
    put(fold, word);
}

void dkim_fold_joined(struct dkim_fold *fold, struct span word)
{
    if (fold->column + word.size > DKIM_FOLD_COLUMNS)
        new_line(fold);
    put(fold, word);
}

void dkim_fold_run(struct dkim_fold *fold, struct span run)
{
    while (run.size > 0) {
        if (fold->column >= DKIM_FOLD_COLUMNS)
            new_line(fold);
        size_t size = min_size(run.size, DKIM_FOLD_COLUMNS - fold->column);
        put(fold, span_first(run, size));
        run = span_skip(run, size);
    }
}

size_t dkim_fold_run_size(size_t column, size_t run_size)
{
    size_t room = DKIM_FOLD_COLUMNS - min_size(column, DKIM_FOLD_COLUMNS);
    size_t rest = run_size - min_size(run_size, room);
    size_t line = DKIM_FOLD_COLUMNS - 1;

    return run_size + (rest + line - 1) / line * 3;
}
