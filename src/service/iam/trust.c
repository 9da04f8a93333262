/* trust.c — principals of trust policies: kept by unique id, shown by ARN.
 *
 * AWS: "IAM JSON policy elements: Principal": when a trust policy is saved, the ARN of a user or
 * role becomes its unique id, so that whoever is made later under the same name is not trusted; it
 * becomes the ARN again when the policy is shown, and stays an id when the user or role is gone. An
 * account number becomes the ARN of the account's root. Since the document is rewritten, it loses
 * its white space, as AWS's does.
 */
#include <errno.h>

#include "base/arena.h"
#include "service/iam/iam_store.h"
#include "syntax/json.h"

struct mapping {
    struct db *db;
    struct arena *arena;
    bool to_ids;
    struct str missing;
};

static bool is_account_id(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    }
    return text.len == 12;
}

static bool is_entity_id(struct str text)
{
    return (str_starts_with(text, STR("AIDA")) || str_starts_with(text, STR("AROA"))) &&
           str_index(text, ':') < 0;
}

/* 0, -ENOENT or another -errno. */
static int to_id(struct mapping *mapping, struct json *value)
{
    struct str account = {0};
    struct str type = {0};
    struct str path = {0};
    struct str name = {0};
    struct iam_entity *entity = NULL;
    if (is_entity_id(value->text)) {
        int rc = iam_store_find_by_id(mapping->db, mapping->arena, value->text, &entity);
        return rc == 0 ? -ENOENT : rc < 0 ? rc : 0;
    }
    if (!iam_split_arn(value->text, &account, &type, &path, &name))
        return 0; /* an account, its root, a session or a service: nothing to look up */
    bool is_user = str_eq_cstr(type, "user");
    if (!is_user && !str_eq_cstr(type, "role"))
        return 0;
    int rc = iam_store_find(mapping->db, mapping->arena, account,
                            is_user ? IAM_KIND_USER : IAM_KIND_ROLE, name, &entity);
    if (rc < 0)
        return rc;
    if (rc == 0 || !str_eq(entity->path, path) || !str_eq(entity->name, name))
        return -ENOENT;
    value->text = entity->id;
    return 0;
}

static int to_arn(struct mapping *mapping, struct json *value)
{
    if (is_account_id(value->text)) {
        value->text =
            str_format(mapping->arena, "arn:aws:iam::" STR_FMT ":root", STR_ARG(value->text));
        return 0;
    }
    if (!is_entity_id(value->text))
        return 0;
    struct iam_entity *entity = NULL;
    int rc = iam_store_find_by_id(mapping->db, mapping->arena, value->text, &entity);
    if (rc == 1)
        value->text = iam_entity_arn(mapping->arena, entity);
    return rc < 0 ? rc : 0;
}

static int map_value(struct mapping *mapping, struct json *value)
{
    if (!json_is_string(value))
        return 0;
    int rc = mapping->to_ids ? to_id(mapping, value) : to_arn(mapping, value);
    if (rc == -ENOENT)
        mapping->missing = value->text;
    return rc;
}

static int map_principal(struct mapping *mapping, struct json *principal)
{
    struct json *aws = json_is_object(principal) ? json_find_cstr(principal, "AWS") : NULL;
    if (!json_is_array(aws))
        return aws ? map_value(mapping, aws) : 0;
    for (struct json *item = aws->first; item; item = item->next) {
        int rc = map_value(mapping, item);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int map_statement(struct mapping *mapping, struct json *statement)
{
    int rc = map_principal(mapping, json_find_cstr(statement, "Principal"));
    return rc < 0 ? rc : map_principal(mapping, json_find_cstr(statement, "NotPrincipal"));
}

static int map_document(struct mapping *mapping, struct str document, struct str *out_document)
{
    struct json *root = NULL;
    int rc = json_parse(mapping->arena, document, 0, &root, NULL);
    if (rc < 0)
        return -EIO; /* the policy library accepted it before */
    struct json *statements = json_find_cstr(root, "Statement");
    if (json_is_object(statements))
        rc = map_statement(mapping, statements);
    for (struct json *item = json_is_array(statements) ? statements->first : NULL; item && rc == 0;
         item = item->next)
        rc = map_statement(mapping, item);
    if (rc < 0)
        return rc;
    *out_document = json_to_str(mapping->arena, root);
    return 0;
}

int iam_trust_to_ids(struct db *db, struct arena *arena, struct str document,
                     struct str *out_document, struct str *out_missing)
{
    struct mapping mapping = {.db = db, .arena = arena, .to_ids = true};
    int rc = map_document(&mapping, document, out_document);
    if (rc == -ENOENT)
        *out_missing = mapping.missing;
    return rc;
}

int iam_trust_to_arns(struct db *db, struct arena *arena, struct str document,
                      struct str *out_document)
{
    struct mapping mapping = {.db = db, .arena = arena, .to_ids = false};
    return map_document(&mapping, document, out_document);
}
