/* xray_expression_fuzz.c — filter expressions and segment documents from anywhere. Input: the
 * expression, a NUL byte, one document per line. */
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "service/xray/expression.h"
#include "service/xray/trace.h"
#include "syntax/json.h"

enum {
    DOCUMENTS_MAX = 20,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_of((const char *)data, size);
    ptrdiff_t split = str_index(input, '\0');
    struct str text = split < 0 ? input : str_slice(input, 0, (size_t)split);
    struct str rest = split < 0 ? STR("") : str_from(input, (size_t)split + 1);
    AUTO(arena) struct arena *arena = arena_new();
    const struct json *documents[DOCUMENTS_MAX];
    size_t count = 0;
    struct str line = {0};
    while (count < DOCUMENTS_MAX && str_split_next(&rest, '\n', &line)) {
        struct json *document = NULL;
        if (json_parse(arena, line, 0, &document, NULL) == 0 && !xray_check_document(document))
            documents[count++] = document;
    }
    const struct xray_tree *trace = xray_trace_build(arena, STR("1"), documents, count);
    struct xray_expression *expression = NULL;
    struct str message = {0};
    if (xray_expression_parse(arena, text, &expression, &message) < 0) {
        CHECK(message.len > 0 && !expression);
        return 0;
    }
    (void)xray_expression_takes(expression, trace);
    for (size_t i = 0; i < trace->count; i++)
        (void)xray_expression_selects(expression, trace, &trace->nodes[i]);
    return 0;
}
