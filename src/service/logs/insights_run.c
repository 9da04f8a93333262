/* insights_run.c — rows through commands.
 *
 * Each event becomes a row and runs through the commands up to the first that needs all rows
 * (stats, sort, dedup, limit). Stats takes its rows in one by one; before the others they are
 * collected, the newest first, as AWS answers them. What follows works on the collected rows.
 */
#include <math.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"
#include "service/logs/insights_eval.h"

enum {
    MAX_GROUPS = 100000, /* of stats: memory */
    MAX_SAMPLES = 1000000,
};

static const struct insights_value none = {.kind = INSIGHTS_NONE};

static bool is_named(const struct insights_node *node, const char *name)
{
    return str_eq_cstr(node->name, name);
}

struct run {
    struct call *call;
    struct arena *arena; /* of the result */
    struct insights_context context;
    const struct insights_query *query;
    const struct insights_source *source;
    struct insights_result *result;
    const struct log_group *group;
    struct vec rows; /* of struct insights_row */
    struct log_stream stream;
    size_t barrier; /* the first command that needs all rows */
    struct map groups;
    int rc;
};

/* --- stats --- */

struct accumulator {
    double count;
    double sum;
    double square;
    struct insights_value least;
    struct insights_value greatest;
    struct vec samples; /* of double, for percentiles */
    struct map distinct;
    int64_t first_at;
    int64_t last_at;
    struct insights_value first;
    struct insights_value last;
};

struct group {
    struct insights_value *keys;
    struct accumulator *accumulators;
};

static struct insights_value keep(struct arena *arena, struct insights_value value)
{
    value.text = str_copy(arena, value.text);
    return value;
}

static void accumulate(struct run *run, struct insights_row *row, const struct insights_node *node,
                       struct accumulator *into)
{
    struct insights_value value = none;
    double number = 0;
    if (node->arg_count > 0)
        value = insights_evaluate(&run->context, row, node->args[0]);
    if (node->arg_count > 0 && value.kind == INSIGHTS_NONE)
        return;
    bool is_number = insights_to_number(&value, &number);
    into->count++;
    if (is_number) {
        into->sum += number;
        into->square += number * number;
    }
    if (into->least.kind == INSIGHTS_NONE || insights_compare(&value, &into->least) < 0)
        into->least = keep(run->arena, value);
    if (into->greatest.kind == INSIGHTS_NONE || insights_compare(&value, &into->greatest) > 0)
        into->greatest = keep(run->arena, value);
    if (is_number && (is_named(node, "pct") || is_named(node, "median")) &&
        into->samples.count < MAX_SAMPLES)
        *(double *)vec_push(&into->samples) = number;
    if (is_named(node, "count_distinct")) {
        struct str text = insights_to_text(run->context.scratch, &value);
        if (!map_has(&into->distinct, text))
            (void)map_set(&into->distinct, str_copy(run->arena, text), into);
    }
    int64_t at = row->event.key.at_ms;
    if (into->first.kind == INSIGHTS_NONE || at < into->first_at) {
        into->first = keep(run->arena, value);
        into->first_at = at;
    }
    if (into->last.kind == INSIGHTS_NONE || at >= into->last_at) {
        into->last = keep(run->arena, value);
        into->last_at = at;
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static struct insights_value percentile(struct accumulator *from, double percent)
{
    if (from->samples.count == 0)
        return none;
    vec_sort(&from->samples, compare_doubles);
    double place = percent / 100 * (double)(from->samples.count - 1);
    size_t low = (size_t)fmax(0, fmin(floor(place), (double)(from->samples.count - 1)));
    size_t high = low + 1 < from->samples.count ? low + 1 : low;
    double a = *(const double *)vec_at(&from->samples, low);
    double b = *(const double *)vec_at(&from->samples, high);
    return insights_of_number(a + (b - a) * (place - (double)low));
}

static struct insights_value finish(const struct insights_node *node, struct accumulator *from)
{
    double mean = from->count > 0 ? from->sum / from->count : 0;
    if (is_named(node, "count"))
        return insights_of_number(from->count);
    if (is_named(node, "count_distinct"))
        return insights_of_number((double)from->distinct.count);
    if (from->count == 0)
        return none;
    if (is_named(node, "sum"))
        return insights_of_number(from->sum);
    if (is_named(node, "avg"))
        return insights_of_number(mean);
    if (is_named(node, "stddev"))
        return insights_of_number(sqrt(fmax(0, from->square / from->count - mean * mean)));
    if (is_named(node, "min") || is_named(node, "sortsfirst"))
        return from->least;
    if (is_named(node, "max") || is_named(node, "sortslast"))
        return from->greatest;
    if (is_named(node, "earliest"))
        return from->first;
    if (is_named(node, "latest"))
        return from->last;
    if (is_named(node, "median"))
        return percentile(from, 50);
    return percentile(from, node->arg_count > 1 ? node->args[1]->value.number : 50);
}

static struct group *new_group(struct run *run, const struct insights_command *command,
                               const struct insights_value *keys)
{
    struct group *group = arena_alloc(run->arena, sizeof(*group));
    group->keys = arena_alloc_array(run->arena, command->by_count, sizeof(*group->keys));
    group->accumulators =
        arena_alloc_array(run->arena, command->aggregate_count, sizeof(*group->accumulators));
    for (size_t i = 0; i < command->by_count; i++)
        group->keys[i] = keep(run->arena, keys[i]);
    for (size_t i = 0; i < command->aggregate_count; i++) {
        vec_init(&group->accumulators[i].samples, run->arena, sizeof(double));
        map_init(&group->accumulators[i].distinct, run->arena);
    }
    return group;
}

static void add_to_group(struct run *run, struct insights_row *row,
                         const struct insights_command *command)
{
    struct insights_value *keys =
        arena_alloc_array(run->context.scratch, command->by_count, sizeof(*keys));
    struct str key = STR("");
    for (size_t i = 0; i < command->by_count; i++) {
        keys[i] = insights_evaluate(&run->context, row, command->by[i].node);
        key = str_concat3(run->context.scratch, key, STR("\x1f"),
                          insights_to_text(run->context.scratch, &keys[i]));
    }
    struct group *group = map_find(&run->groups, key);
    if (!group && run->groups.count < MAX_GROUPS) {
        group = new_group(run, command, keys);
        (void)map_set(&run->groups, str_copy(run->arena, key), group);
    }
    for (size_t i = 0; group && i < command->aggregate_count; i++)
        accumulate(run, row, command->aggregates[i], &group->accumulators[i]);
}

/* The groups become the rows. */
static void end_stats(struct run *run, const struct insights_command *command)
{
    vec_init(&run->rows, run->arena, sizeof(struct insights_row));
    if (run->groups.count == 0 && command->by_count == 0)
        (void)map_set(&run->groups, STR(""), new_group(run, command, NULL));
    for (size_t i = 0; i < run->groups.count; i++) {
        struct group *group = run->groups.entries[i].value;
        struct insights_value *slots =
            arena_alloc_array(run->arena, command->aggregate_count, sizeof(*slots));
        struct insights_row *row = vec_push(&run->rows);
        vec_init(&row->cells, run->arena, sizeof(struct insights_cell));
        for (size_t a = 0; a < command->aggregate_count; a++)
            slots[a] = finish(command->aggregates[a], &group->accumulators[a]);
        row->slots = slots;
        for (size_t b = 0; b < command->by_count; b++)
            insights_set_cell(row, command->by[b].name, group->keys[b]);
        for (size_t item = 0; item < command->item_count; item++)
            insights_set_cell(
                row, command->items[item].name,
                keep(run->arena, insights_evaluate(&run->context, row, command->items[item].node)));
    }
    map_init(&run->groups, run->arena);
}

/* --- sort, limit, dedup --- */

struct sorted {
    struct insights_row row;
    struct insights_value *keys;
    size_t place;
    const struct insights_command *command;
};

static int compare_rows(const void *a, const void *b)
{
    const struct sorted *left = a;
    const struct sorted *right = b;
    for (size_t i = 0; i < left->command->item_count; i++) {
        int order = insights_compare(&left->keys[i], &right->keys[i]);
        if (order != 0)
            return left->command->items[i].is_descending ? -order : order;
    }
    return left->place < right->place ? -1 : left->place > right->place;
}

static void sort_rows(struct run *run, const struct insights_command *command)
{
    size_t count = run->rows.count;
    struct sorted *sorted = arena_alloc_array(run->arena, count, sizeof(*sorted));
    for (size_t i = 0; i < count; i++) {
        sorted[i] = (struct sorted){
            .row = *(struct insights_row *)vec_at(&run->rows, i), .place = i, .command = command};
        sorted[i].keys =
            arena_alloc_array(run->arena, command->item_count, sizeof(*sorted[i].keys));
        for (size_t k = 0; k < command->item_count; k++)
            sorted[i].keys[k] = keep(run->arena, insights_evaluate(&run->context, &sorted[i].row,
                                                                   command->items[k].node));
    }
    qsort(sorted, count, sizeof(*sorted), compare_rows);
    for (size_t i = 0; i < count; i++)
        *(struct insights_row *)vec_at(&run->rows, i) = sorted[i].row;
}

static void dedup_rows(struct run *run, const struct insights_command *command)
{
    struct map seen;
    struct vec kept;
    map_init(&seen, run->arena);
    vec_init(&kept, run->arena, sizeof(struct insights_row));
    for (size_t i = 0; i < run->rows.count; i++) {
        struct insights_row *row = vec_at(&run->rows, i);
        struct str key = STR("");
        for (size_t k = 0; k < command->item_count; k++) {
            struct insights_value value =
                insights_evaluate(&run->context, row, command->items[k].node);
            key = str_concat3(run->arena, key, STR("\x1f"), insights_to_text(run->arena, &value));
        }
        if (map_set(&seen, key, row))
            *(struct insights_row *)vec_push(&kept) = *row;
    }
    run->rows = kept;
}

static void filter_rows(struct run *run, const struct insights_command *command)
{
    struct vec kept;
    vec_init(&kept, run->arena, sizeof(struct insights_row));
    for (size_t i = 0; i < run->rows.count; i++) {
        struct insights_row *row = vec_at(&run->rows, i);
        if (insights_apply(&run->context, row, command))
            *(struct insights_row *)vec_push(&kept) = *row;
    }
    run->rows = kept;
}

static void run_on_rows(struct run *run, const struct insights_command *command)
{
    switch (command->kind) {
    case INSIGHTS_SORT:
        sort_rows(run, command);
        break;
    case INSIGHTS_DEDUP:
        dedup_rows(run, command);
        break;
    case INSIGHTS_LIMIT:
        if (run->rows.count > (size_t)command->limit)
            run->rows.count = (size_t)command->limit;
        break;
    case INSIGHTS_STATS:
        for (size_t i = 0; i < run->rows.count; i++)
            add_to_group(run, vec_at(&run->rows, i), command);
        end_stats(run, command);
        break;
    case INSIGHTS_FIELDS:
    case INSIGHTS_DISPLAY:
    case INSIGHTS_FILTER:
    case INSIGHTS_PARSE:
    case INSIGHTS_UNMASK:
        filter_rows(run, command);
        break;
    }
}

/* --- events --- */

/* What a row keeps must outlive the event. */
static void keep_row(struct run *run, struct insights_row *row)
{
    struct insights_row kept = *row;
    kept.event.message = str_copy(run->arena, row->event.message);
    kept.json = NULL;
    kept.is_parsed = false;
    vec_init(&kept.cells, run->arena, sizeof(struct insights_cell));
    for (size_t i = 0; i < row->cells.count; i++) {
        const struct insights_cell *cell = vec_at(&row->cells, i);
        insights_set_cell(&kept, cell->name, keep(run->arena, cell->value));
    }
    *(struct insights_row *)vec_push(&run->rows) = kept;
}

static bool find_stream(struct run *run, int64_t id)
{
    if (run->stream.id == id)
        return true;
    run->rc = logs_store_find_stream_by_id(run->call->db, run->arena, id, &run->stream);
    return run->rc >= 0;
}

static bool visit(void *context, const struct log_event *event)
{
    struct run *run = context;
    const struct insights_query *query = run->query;
    if (event->ingested_at_ms > run->source->asked_at_ms)
        return true;
    arena_reset(run->context.scratch);
    struct insights_row row = {.event = *event, .group = run->group};
    vec_init(&row.cells, run->context.scratch, sizeof(struct insights_cell));
    if (!find_stream(run, event->key.stream_id))
        return false;
    row.stream = run->stream.name;
    run->result->scanned++;
    run->result->bytes += (double)event->message.len;
    for (size_t i = 0; i < run->barrier; i++) {
        if (!insights_apply(&run->context, &row, &query->commands[i]))
            return true;
    }
    run->result->matched++;
    if (run->barrier < query->count && query->commands[run->barrier].kind == INSIGHTS_STATS)
        add_to_group(run, &row, &query->commands[run->barrier]);
    else if (run->rows.count < INSIGHTS_MAX_ROWS)
        keep_row(run, &row);
    else
        run->result->skipped++;
    return true;
}

static int compare_newest_first(const void *a, const void *b)
{
    const struct insights_row *left = a;
    const struct insights_row *right = b;
    return log_key_compare(&right->event.key, &left->event.key);
}

static bool is_streamed(enum insights_command_kind kind)
{
    return kind == INSIGHTS_FIELDS || kind == INSIGHTS_DISPLAY || kind == INSIGHTS_FILTER ||
           kind == INSIGHTS_PARSE || kind == INSIGHTS_UNMASK;
}

/* --- columns --- */

static void add_column(struct vec *columns, struct str name)
{
    for (size_t i = 0; i < columns->count; i++) {
        if (str_eq(*(struct str *)vec_at(columns, i), name))
            return;
    }
    *(struct str *)vec_push(columns) = name;
}

/* The last display or stats says which; without them, all that fields named. */
static struct vec columns_of(struct run *run)
{
    struct vec columns;
    vec_init(&columns, run->arena, sizeof(struct str));
    for (size_t i = 0; i < run->query->count; i++) {
        const struct insights_command *command = &run->query->commands[i];
        if (command->kind == INSIGHTS_DISPLAY || command->kind == INSIGHTS_STATS)
            vec_init(&columns, run->arena, sizeof(struct str));
        for (size_t b = 0; b < command->by_count; b++)
            add_column(&columns, command->by[b].name);
        bool shows = command->kind == INSIGHTS_FIELDS || command->kind == INSIGHTS_DISPLAY ||
                     command->kind == INSIGHTS_STATS;
        for (size_t item = 0; shows && item < command->item_count; item++)
            add_column(&columns, command->items[item].name);
    }
    if (columns.count == 0) {
        add_column(&columns, STR("@timestamp"));
        add_column(&columns, STR("@message"));
    }
    return columns;
}

static void show_row(struct run *run, struct insights_row *row, const struct vec *columns,
                     struct logs_result_rows *out)
{
    out->items = arena_alloc_array(run->arena, columns->count + 1, sizeof(*out->items));
    out->is_set = true;
    for (size_t i = 0; i < columns->count; i++) {
        struct str name = *(const struct str *)vec_at(columns, i);
        struct insights_value value = insights_find_field(&run->context, row, name);
        struct str text = insights_to_text(run->arena, &value);
        if (str_is_set(text))
            out->items[out->count++] =
                (struct logs_result_field){.field = name, .value = str_copy(run->arena, text)};
    }
    if (row->group)
        out->items[out->count++] = (struct logs_result_field){
            .field = STR("@ptr"), .value = log_key_write(run->arena, &row->event.key)};
}

int insights_run(struct call *call, const struct insights_query *query,
                 const struct insights_source *source, struct insights_result *out_result)
{
    AUTO(arena) struct arena *scratch = arena_new();
    struct run run = {.call = call,
                      .arena = call->arena,
                      .context = {.scratch = scratch, .asked_at_ms = source->asked_at_ms},
                      .query = query,
                      .source = source,
                      .result = out_result};
    *out_result = (struct insights_result){0};
    vec_init(&run.rows, run.arena, sizeof(struct insights_row));
    map_init(&run.groups, run.arena);
    while (run.barrier < query->count && is_streamed(query->commands[run.barrier].kind))
        run.barrier++;
    for (size_t i = 0; i < source->count; i++) {
        run.group = &source->groups[i];
        int rc = logs_each(call, &source->queries[i], visit, &run);
        if (rc < 0 || run.rc < 0)
            return rc < 0 ? rc : run.rc;
    }
    size_t next = run.barrier;
    if (next < query->count && query->commands[next].kind == INSIGHTS_STATS)
        end_stats(&run, &query->commands[next++]);
    else
        vec_sort(&run.rows, compare_newest_first);
    while (next < query->count)
        run_on_rows(&run, &query->commands[next++]);
    struct vec columns = columns_of(&run);
    size_t count = run.rows.count < source->limit ? run.rows.count : source->limit;
    out_result->rows.items = arena_alloc_array(run.arena, count, sizeof(*out_result->rows.items));
    out_result->rows.is_set = true;
    for (size_t i = 0; i < count; i++)
        show_row(&run, vec_at(&run.rows, i), &columns,
                 &out_result->rows.items[out_result->rows.count++]);
    return 0;
}
