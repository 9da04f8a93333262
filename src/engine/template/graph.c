/* graph.c — which resource needs which, and an order in which all can be made.
 *
 * An edge comes from Ref, Fn::GetAtt and Fn::Sub in anything of a resource, and from DependsOn. A
 * DependsOn to a resource whose condition does not hold is no edge. With 500 resources at most,
 * simple quadratic loops are fast and keep source order where nothing else decides.
 */
#include "engine/template/internal.h"

#include <errno.h>

#include "base/arena.h"

struct edges {
    size_t *items; /* ascending */
    size_t count;
};

struct graph {
    struct arena *arena;
    const struct template_resource **resources;
    size_t count;
    struct map positions; /* logical id -> position + 1 */
    struct edges *needs;  /* dependencies of each resource */
    bool *marks;          /* of the resource that is being walked */
};

static void mark(struct graph *graph, struct str name)
{
    uintptr_t position = (uintptr_t)map_find(&graph->positions, name);
    if (position > 0)
        graph->marks[position - 1] = true;
}

static void visit_name(void *user, const struct json *node, struct str name, struct str attribute)
{
    (void)node;
    (void)attribute;
    mark(user, name);
}

static void collect_edges(struct graph *graph, const struct reference_walk *walk, size_t position)
{
    for (size_t i = 0; i < graph->count; i++)
        graph->marks[i] = false;
    const struct template_resource *resource = graph->resources[position];
    walk_resource(walk, resource);
    for (size_t i = 0; i < resource->depends_on_count; i++)
        mark(graph, resource->depends_on[i]);

    struct edges *edges = &graph->needs[position];
    for (size_t i = 0; i < graph->count; i++)
        edges->count += graph->marks[i];
    edges->items = arena_alloc_array(graph->arena, edges->count, sizeof(size_t));
    size_t used = 0;
    for (size_t i = 0; i < graph->count; i++) {
        if (graph->marks[i])
            edges->items[used++] = i;
    }
}

static void graph_build(struct graph *graph, const struct template_binding *binding)
{
    map_init(&graph->positions, graph->arena);
    for (size_t i = 0; i < graph->count; i++)
        map_set(&graph->positions, graph->resources[i]->id, (void *)(uintptr_t)(i + 1));
    graph->needs = arena_alloc_array(graph->arena, graph->count, sizeof(*graph->needs));
    graph->marks = arena_alloc_array(graph->arena, graph->count, sizeof(*graph->marks));
    struct reference_walk walk = {
        .arena = graph->arena,
        .binding = binding,
        .skips_if = !binding,
        .visit = visit_name,
        .user = graph,
    };
    for (size_t i = 0; i < graph->count; i++)
        collect_edges(graph, &walk, i);
}

/* ---- Order ---------------------------------------------------------------------------------- */

static bool is_ready(const struct graph *graph, const bool *done, size_t position)
{
    const struct edges *edges = &graph->needs[position];
    for (size_t i = 0; i < edges->count; i++) {
        if (!done[edges->items[i]])
            return false;
    }
    return true;
}

/* Whether some resource that is not done needs this one. */
static bool is_needed(const struct graph *graph, const bool *done, size_t position)
{
    for (size_t i = 0; i < graph->count; i++) {
        const struct edges *edges = &graph->needs[i];
        for (size_t k = 0; !done[i] && k < edges->count; k++) {
            if (edges->items[k] == position)
                return true;
        }
    }
    return false;
}

/* What is left when everything that can be made, and everything that nothing left needs, is gone:
 * the cycles and what lies between them. */
static int fail_cycle(const struct graph *graph, const struct template_document *document,
                      bool *done, struct template_error *out_error)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < graph->count; i++) {
            if (done[i] || is_needed(graph, done, i))
                continue;
            done[i] = true;
            changed = true;
        }
    }
    struct vec names;
    vec_init(&names, graph->arena, sizeof(struct str));
    const struct json *first = NULL;
    for (size_t i = 0; i < graph->count; i++) {
        if (done[i])
            continue;
        *(struct str *)vec_push(&names) = graph->resources[i]->id;
        first = first ? first : graph->resources[i]->node;
    }
    /* OBSERVED: "Circular dependency between resources: [A, B]". */
    return fail_at(graph->arena, document, first, out_error,
                   "Circular dependency between resources: " STR_FMT,
                   STR_ARG(list_text(graph->arena, names.items, names.count)));
}

/* Fills out_order with positions, dependencies first; among those that are ready, source order. */
static int graph_order(const struct graph *graph, const struct template_document *document,
                       size_t *out_order, struct template_error *out_error)
{
    bool *done = arena_alloc_array(graph->arena, graph->count, sizeof(*done));
    for (size_t made = 0; made < graph->count; made++) {
        size_t next = 0;
        while (next < graph->count && (done[next] || !is_ready(graph, done, next)))
            next++;
        if (next == graph->count)
            return fail_cycle(graph, document, done, out_error);
        done[next] = true;
        out_order[made] = next;
    }
    return 0;
}

int check_cycles(struct arena *arena, const struct template_model *model,
                 struct template_error *out_error)
{
    struct graph graph = {.arena = arena};
    graph.resources = arena_alloc_array(arena, model->resource_count, sizeof(*graph.resources));
    for (size_t i = 0; i < model->resource_count; i++) {
        if (!str_is_set(model->resources[i].condition))
            graph.resources[graph.count++] = &model->resources[i];
    }
    graph_build(&graph, NULL);
    size_t *order = arena_alloc_array(arena, graph.count, sizeof(*order));
    return graph_order(&graph, model->document, order, out_error);
}

/* The reverse edges, ascending because resources are visited in order. */
static void add_dependents(struct arena *arena, struct template_binding *binding)
{
    for (size_t i = 0; i < binding->resource_count; i++) {
        const struct template_bound_resource *bound = &binding->resources[i];
        for (size_t k = 0; k < bound->dependency_count; k++)
            binding->resources[bound->dependencies[k]].dependent_count++;
    }
    for (size_t i = 0; i < binding->resource_count; i++) {
        struct template_bound_resource *bound = &binding->resources[i];
        bound->dependents = arena_alloc_array(arena, bound->dependent_count, sizeof(size_t));
        bound->dependent_count = 0;
    }
    for (size_t i = 0; i < binding->resource_count; i++) {
        const struct template_bound_resource *bound = &binding->resources[i];
        for (size_t k = 0; k < bound->dependency_count; k++) {
            struct template_bound_resource *needed = &binding->resources[bound->dependencies[k]];
            needed->dependents[needed->dependent_count++] = i;
        }
    }
}

int bind_graph(struct arena *arena, struct template_binding *binding,
               struct template_error *out_error)
{
    struct graph graph = {.arena = arena, .count = binding->resource_count};
    graph.resources = arena_alloc_array(arena, graph.count, sizeof(*graph.resources));
    for (size_t i = 0; i < graph.count; i++)
        graph.resources[i] = binding->resources[i].resource;
    graph_build(&graph, binding);

    binding->order = arena_alloc_array(arena, graph.count, sizeof(*binding->order));
    int rc = graph_order(&graph, binding->model->document, binding->order, out_error);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < graph.count; i++) {
        binding->resources[i].dependencies = graph.needs[i].items;
        binding->resources[i].dependency_count = graph.needs[i].count;
    }
    add_dependents(arena, binding);
    return 0;
}
