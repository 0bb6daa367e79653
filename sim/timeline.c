#include "sim/timeline.h"

#include <stdlib.h>

#include "base/check.h"

#define TIMELINE_CHILDREN 4

static bool task_before(const struct timeline_task *a, const struct timeline_task *b)
{
    if (a->due_ns != b->due_ns)
        return a->due_ns < b->due_ns;
    return a->sequence < b->sequence;
}

static void task_rise(struct timeline *timeline, size_t place, const struct timeline_task *task)
{
    while (place > 0) {
        size_t parent = (place - 1) / TIMELINE_CHILDREN;

        if (!task_before(task, &timeline->tasks[parent]))
            break;
        timeline->tasks[place] = timeline->tasks[parent];
        place = parent;
    }
    timeline->tasks[place] = *task;
}

static size_t least_child(const struct timeline *timeline, size_t place)
{
    size_t first = place * TIMELINE_CHILDREN + 1;
    size_t end = min_size(first + TIMELINE_CHILDREN, timeline->tasks_count);
    size_t least = first;

    for (size_t i = first + 1; i < end; i++) {
        if (task_before(&timeline->tasks[i], &timeline->tasks[least]))
            least = i;
    }
    return least;
}

static void task_sink(struct timeline *timeline, const struct timeline_task *task)
{
    size_t place = 0;

    while (place * TIMELINE_CHILDREN + 1 < timeline->tasks_count) {
        size_t child = least_child(timeline, place);

        if (!task_before(&timeline->tasks[child], task))
            break;
        timeline->tasks[place] = timeline->tasks[child];
        place = child;
    }
    timeline->tasks[place] = *task;
}

void timeline_open(struct timeline *timeline, uint64_t now_ns)
{
    *timeline = (struct timeline){.now_ns = now_ns};
}

void timeline_close(struct timeline *timeline)
{
    free(timeline->tasks);
    *timeline = (struct timeline){0};
}

void timeline_add(struct timeline *timeline, uint64_t delay_ns, timeline_run *run, void *object,
                  uint64_t argument)
{
    struct timeline_task task = {
        .due_ns = timeline->now_ns + delay_ns,
        .sequence = timeline->sequence++,
        .run = run,
        .object = object,
        .argument = argument,
    };

    CHECK(task.due_ns >= timeline->now_ns);
    if (timeline->tasks_count == timeline->tasks_max) {
        timeline->tasks_max = timeline->tasks_max == 0 ? 1024 : timeline->tasks_max * 2;
        timeline->tasks =
            realloc(timeline->tasks, timeline->tasks_max * sizeof(timeline->tasks[0]));
        CHECK(timeline->tasks != NULL);
    }
    task_rise(timeline, timeline->tasks_count++, &task);
}

uint64_t timeline_next_ns(const struct timeline *timeline)
{
    return timeline->tasks_count == 0 ? UINT64_MAX : timeline->tasks[0].due_ns;
}

void timeline_run_next(struct timeline *timeline)
{
    struct timeline_task task;
    struct timeline_task last;

    CHECK(timeline->tasks_count > 0);
    task = timeline->tasks[0];
    last = timeline->tasks[--timeline->tasks_count];
    if (timeline->tasks_count > 0)
        task_sink(timeline, &last);
    timeline->now_ns = max_u64(timeline->now_ns, task.due_ns);
    timeline->run_count++;
    task.run(task.object, task.argument);
}

void timeline_advance(struct timeline *timeline, uint64_t now_ns)
{
    CHECK(timeline_next_ns(timeline) >= now_ns);
    timeline->now_ns = max_u64(timeline->now_ns, now_ns);
}
