#include "engine/shelf_check.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"

#define MAGIC UINT32_C(0xBEEFC0DE)
#define VERSION 1
#define DEPTH_MAX 32
#define HEAD_SIZE 16 /* of a page, and what the offsets of its nodes begin behind */
#define NODE_SIZE 8
#define NO_PAGE UINT64_MAX
#define BEYOND_MAX 1000000 /* free pages that were never written */
enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8 };
enum { NODE_BIG = 1 };
enum { DB_INTEGER_KEY = 8 };

struct page_head {
    uint64_t number;
    uint16_t pad;
    uint16_t flags;
    uint16_t lower; /* of an overflow page: both are its number of pages */
    uint16_t upper;
};

struct tree {
    uint32_t pad; /* of the first tree: the size of a page */
    uint16_t flags;
    uint16_t depth;
    uint64_t branch_pages;
    uint64_t leaf_pages;
    uint64_t overflow_pages;
    uint64_t entries;
    uint64_t root;
};

struct meta {
    uint32_t magic;
    uint32_t version;
    uint64_t address;
    uint64_t map_size;
    struct tree trees[2]; /* of free pages; of the data */
    uint64_t last_page;
    uint64_t transaction;
};

static_assert(sizeof(struct page_head) == HEAD_SIZE, "LMDB's");
static_assert(sizeof(struct tree) == 48 && sizeof(struct meta) == 136, "LMDB's");

/* A page on the way down, and the next of its nodes. */
struct step {
    uint64_t page;
    uint32_t next;
};

struct walk {
    struct span file;
    uint32_t page_size;
    uint64_t pages_count;
    uint64_t last_page;
    uint8_t *used; /* a bit a page */
    shelf_check_value *judge;
    void *context;
    bool free_tree;
    uint64_t branches, leaves, entries;
    uint64_t last_key; /* + 1; 0: none yet */
};

struct node {
    uint64_t child;
    struct span key;
    struct span data;
    bool big;
};

static const uint8_t *page_at(const struct walk *walk, uint64_t number)
{
    return walk->file.data + number * walk->page_size;
}

static bool use(struct walk *walk, uint64_t number)
{
    uint8_t bit = (uint8_t)(1u << (number & 7));

    if (number < 2 || number > walk->last_page || (walk->used[number / 8] & bit) != 0)
        return false;
    walk->used[number / 8] |= bit;
    return true;
}

/* The header of a page of a tree; false: no such page. */
static bool read_head(const struct walk *walk, uint64_t number, struct page_head *head)
{
    if (number >= walk->pages_count)
        return false;
    memcpy(head, page_at(walk, number), sizeof(*head));
    return head->number == number && (head->flags == PAGE_BRANCH || head->flags == PAGE_LEAF) &&
           head->lower >= HEAD_SIZE && head->lower <= head->upper &&
           head->upper <= walk->page_size && head->lower % 2 == 0;
}

static uint32_t nodes_of(const struct page_head *head)
{
    return (uint32_t)(head->lower - HEAD_SIZE) / 2;
}

static bool read_node(const struct walk *walk, const struct page_head *head, uint32_t index,
                      struct node *ret)
{
    const uint8_t *page = page_at(walk, head->number);
    uint16_t offset, words[4];
    uint64_t size;

    memcpy(&offset, page + HEAD_SIZE + index * sizeof(offset), sizeof(offset));
    if (offset < head->upper || (uint32_t)offset + NODE_SIZE > walk->page_size || offset % 2 != 0)
        return false;
    memcpy(words, page + offset, sizeof(words));
    if ((uint32_t)offset + NODE_SIZE + words[3] > walk->page_size)
        return false;
    ret->key = span_make(page + offset + NODE_SIZE, words[3]);
    size = words[0] | (uint64_t)words[1] << 16;
    if (head->flags == PAGE_BRANCH) {
        ret->child = size | (uint64_t)words[2] << 32;
        ret->data = span_make(NULL, 0);
        return true;
    }
    ret->big = words[2] == NODE_BIG;
    if (words[2] > NODE_BIG)
        return false;
    ret->data = span_make(ret->key.data + ret->key.size, ret->big ? sizeof(uint64_t) : size);
    ret->child = size;
    return (uint64_t)(ret->data.data - page) + ret->data.size <= walk->page_size;
}

/* The list of free pages that one transaction left: a count and so many numbers, falling. */
static bool check_free(struct walk *walk, const struct node *node)
{
    struct span list = node->data;
    struct page_head head;
    uint64_t number, count, last = NO_PAGE, run;

    if (node->big) {
        memcpy(&number, list.data, sizeof(number));
        if (number >= walk->pages_count)
            return false;
        memcpy(&head, page_at(walk, number), sizeof(head));
        run = head.lower | (uint64_t)head.upper << 16;
        if (head.number != number || head.flags != PAGE_OVERFLOW ||
            run > walk->pages_count - number || node->child + HEAD_SIZE > run * walk->page_size)
            return false;
        for (uint64_t i = 0; i < run; i++)
            if (!use(walk, number + i))
                return false;
        list = span_make(page_at(walk, number) + HEAD_SIZE, (size_t)node->child);
    }
    if (node->key.size != sizeof(uint64_t) || list.size < sizeof(count))
        return false;
    memcpy(&count, list.data, sizeof(count));
    if (count > list.size / sizeof(uint64_t) - 1)
        return false;
    for (uint64_t i = 1; i <= count; i++) {
        memcpy(&number, list.data + i * sizeof(number), sizeof(number));
        if (number >= last || !use(walk, number))
            return false;
        last = number;
    }
    return true;
}

static bool check_leaf(struct walk *walk, const struct node *node)
{
    uint32_t key = 0;

    walk->entries++;
    if (walk->free_tree)
        return check_free(walk, node);
    if (node->key.size != sizeof(key) || node->big)
        return false;
    for (size_t i = 0; i < sizeof(key); i++)
        key = key << 8 | node->key.data[i];
    if (walk->last_key > key)
        return false;
    walk->last_key = (uint64_t)key + 1;
    return walk->judge(walk->context, key, node->data);
}

/* Every node of a leaf. */
static bool check_leaves(struct walk *walk, const struct page_head *head)
{
    struct node node;

    walk->leaves++;
    for (uint32_t i = 0; i < nodes_of(head); i++)
        if (!read_node(walk, head, i, &node) || !check_leaf(walk, &node))
            return false;
    return nodes_of(head) > 0;
}

/* Takes the step down to a page: its leaves at once, a branch onto the path. */
static bool enter(struct walk *walk, uint64_t number, struct step *path, uint32_t *depth,
                  uint32_t depth_max)
{
    struct page_head head;

    if (!read_head(walk, number, &head) || !use(walk, number))
        return false;
    if (head.flags == PAGE_LEAF)
        return *depth + 1 == depth_max && check_leaves(walk, &head);
    if (*depth + 1 >= depth_max)
        return false;
    walk->branches++;
    path[(*depth)++] = (struct step){number, 0};
    return true;
}

static bool walk_tree(struct walk *walk, const struct tree *tree)
{
    struct step path[DEPTH_MAX];
    struct page_head head;
    struct node node;
    uint32_t depth = 0;

    walk->branches = walk->leaves = walk->entries = 0;
    if (tree->root == NO_PAGE)
        return tree->entries == 0;
    if (tree->depth == 0 || tree->depth > DEPTH_MAX ||
        !enter(walk, tree->root, path, &depth, tree->depth))
        return false;
    while (depth > 0) {
        struct step *step = &path[depth - 1];

        if (!read_head(walk, step->page, &head))
            return false;
        if (step->next == nodes_of(&head)) {
            depth--;
            continue;
        }
        if (!read_node(walk, &head, step->next++, &node) ||
            !enter(walk, node.child, path, &depth, tree->depth))
            return false;
    }
    return walk->branches == tree->branch_pages && walk->leaves == tree->leaf_pages &&
           walk->entries == tree->entries;
}

static bool read_meta(struct span file, uint64_t offset, struct meta *ret)
{
    struct page_head head;

    if (file.size < offset + sizeof(head) + sizeof(*ret))
        return false;
    memcpy(&head, file.data + offset, sizeof(head));
    memcpy(ret, file.data + offset + sizeof(head), sizeof(*ret));
    return head.flags == PAGE_META && ret->magic == MAGIC && ret->version == VERSION;
}

static bool page_size_is_sound(uint32_t size)
{
    return size >= 4096 && size <= 65536 && (size & (size - 1)) == 0;
}

/* The newer of the two. */
static bool pick_meta(struct span file, struct meta *ret)
{
    struct meta other;
    uint32_t page_size;

    if (!read_meta(file, 0, ret))
        return false;
    page_size = ret->trees[0].pad;
    if (!page_size_is_sound(page_size) || !read_meta(file, page_size, &other) ||
        other.trees[0].pad != page_size)
        return false;
    if (other.transaction > ret->transaction)
        *ret = other;
    return ret->trees[0].flags == DB_INTEGER_KEY && ret->trees[1].flags == 0;
}

int shelf_check(struct span file, shelf_check_value *judge, void *context)
{
    struct walk walk = {.file = file, .judge = judge, .context = context};
    struct arena arena;
    struct meta meta;
    int result;

    if (!pick_meta(file, &meta))
        return -EBADMSG;
    walk.page_size = meta.trees[0].pad;
    walk.pages_count = file.size / walk.page_size;
    walk.last_page = meta.last_page;
    if (meta.last_page > walk.pages_count + BEYOND_MAX)
        return -EBADMSG;
    result = arena_open(&arena, arena_cost(meta.last_page / 8 + 1, 1));
    if (result < 0)
        return result;
    walk.used = arena_alloc(&arena, meta.last_page / 8 + 1, 1);
    walk.free_tree = true;
    result = walk_tree(&walk, &meta.trees[0]) ? 0 : -EBADMSG;
    walk.free_tree = false;
    if (result == 0 && !walk_tree(&walk, &meta.trees[1]))
        result = -EBADMSG;
    arena_close(&arena);
    return result;
}
