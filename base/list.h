/* list.h - an intrusive doubly linked list.
 *
 * A node that is in no list has next == NULL. Owns nothing. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/base.h"
#include "base/check.h"

struct list_node {
    struct list_node *next;
    struct list_node *prev;
};

struct list {
    struct list_node head;
};

static inline void list_init(struct list *list)
{
    list->head.next = &list->head;
    list->head.prev = &list->head;
}

static inline bool list_empty(const struct list *list)
{
    return list->head.next == &list->head;
}

static inline bool list_linked(const struct list_node *node)
{
    return node->next != NULL;
}

static inline void list_insert_after(struct list_node *place, struct list_node *node)
{
    CHECK(!list_linked(node));
    node->next = place->next;
    node->prev = place;
    place->next->prev = node;
    place->next = node;
}

static inline void list_push_back(struct list *list, struct list_node *node)
{
    list_insert_after(list->head.prev, node);
}

static inline void list_push_front(struct list *list, struct list_node *node)
{
    list_insert_after(&list->head, node);
}

static inline void list_remove(struct list_node *node)
{
    CHECK(list_linked(node));
    node->prev->next = node->next;
    node->next->prev = node->prev;
    node->next = NULL;
    node->prev = NULL;
}

/* The first node, still in the list, or NULL. */
static inline struct list_node *list_first(const struct list *list)
{
    return list_empty(list) ? NULL : list->head.next;
}

static inline struct list_node *list_pop_front(struct list *list)
{
    struct list_node *node = list->head.next;

    if (list_empty(list))
        return NULL;
    list->head.next = node->next;
    node->next->prev = &list->head;
    node->next = NULL;
    node->prev = NULL;
    return node;
}

/* A declared name cannot stand in parentheses.
 * NOLINTBEGIN(bugprone-macro-parentheses) */
#define list_for_each(node, list)                                                                  \
    for (struct list_node *node = (list)->head.next; node != &(list)->head; node = node->next)

/* Survives the removal of `node`. */
#define list_for_each_safe(node, after, list)                                                      \
    for (struct list_node *node = (list)->head.next, *after = node->next; node != &(list)->head;   \
         node = after, after = node->next)
/* NOLINTEND(bugprone-macro-parentheses) */

#endif
