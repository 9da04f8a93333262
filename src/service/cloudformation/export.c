/* export.c — ListExports and ListImports.
 */
#include "base/arena.h"
#include "service/cloudformation/cloudformation.h"

enum status cloudformation_list_exports(struct call *call,
                                        const struct cloudformation_list_exports_in *in,
                                        struct cloudformation_list_exports_out *out)
{
    int64_t number = 0;
    struct str after = STR("");
    enum status status = STATUS_DONE;
    if (in->next_token.ptr)
        status = read_page_token(call, in->next_token, &number, &after);
    if (status != STATUS_DONE)
        return status;
    struct cfn_export *exports = NULL;
    int64_t count =
        cfn_store_list_exports(call->db, call->arena, call->scope, after, PAGE_SIZE + 1, &exports);
    if (count < 0)
        return call_fail_internal(call, (int)count, "list exports");
    out->exports.is_set = true;
    out->exports.items = arena_alloc_array(call->arena, (size_t)count, sizeof(*out->exports.items));
    for (int64_t i = 0; i < count && i < PAGE_SIZE; i++)
        out->exports.items[out->exports.count++] = (struct cloudformation_export){
            .exporting_stack_id = exports[i].stack_id,
            .name = exports[i].name,
            .value = exports[i].value,
        };
    if (count > PAGE_SIZE)
        out->next_token = page_token(call->arena, 0, exports[PAGE_SIZE - 1].name);
    return STATUS_DONE;
}

enum status cloudformation_list_imports(struct call *call,
                                        const struct cloudformation_list_imports_in *in,
                                        struct cloudformation_list_imports_out *out)
{
    int64_t number = 0;
    struct str after = STR("");
    enum status status = STATUS_DONE;
    if (in->next_token.ptr)
        status = read_page_token(call, in->next_token, &number, &after);
    if (status != STATUS_DONE)
        return status;
    struct cfn_export found = {0};
    int rc = cfn_store_find_export(call->db, call->arena, call->scope, in->export_name, &found);
    struct str *names = NULL;
    int64_t count = cfn_store_list_importers(call->db, call->arena, call->scope, in->export_name,
                                             after, PAGE_SIZE + 1, &names);
    if (rc < 0 || count < 0)
        return call_fail_internal(call, rc < 0 ? rc : (int)count, "list imports");
    /* OBSERVED: an export that nobody imports is an error, as is one that is not there. */
    if (rc == 0)
        return call_fail(call, &ERROR_VALIDATION, "Export '" STR_FMT "' does not exist.",
                         STR_ARG(in->export_name));
    if (count == 0 && after.len == 0)
        return call_fail(call, &ERROR_VALIDATION,
                         "Export '" STR_FMT "' is not imported by any stack.",
                         STR_ARG(in->export_name));
    out->imports.is_set = true;
    out->imports.items = names;
    out->imports.count = count > PAGE_SIZE ? PAGE_SIZE : (size_t)count;
    if (count > PAGE_SIZE)
        out->next_token = page_token(call->arena, 0, names[PAGE_SIZE - 1]);
    return STATUS_DONE;
}
