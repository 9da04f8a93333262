/* password.c — GetRandomPassword.
 *
 * Docs: API reference, GetRandomPassword.
 */
#include "base/arena.h"
#include "base/rand.h"
#include "service/secretsmanager/secretsmanager.h"

enum {
    DEFAULT_LENGTH = 32, /* AWS: PasswordLength */
    TYPE_COUNT = 5,
    MAX_ALPHABET = 128,
};

/* The characters of each type, without the excluded ones. */
struct alphabet {
    char text[MAX_ALPHABET];
    size_t lens[TYPE_COUNT];
    size_t starts[TYPE_COUNT];
    size_t len;
};

static void make_alphabet(const struct secretsmanager_get_random_password_in *in,
                          struct alphabet *out)
{
    const struct {
        struct str letters;
        bool is_excluded;
    } types[TYPE_COUNT] = {
        {STR("abcdefghijklmnopqrstuvwxyz"), opt_bool_or(in->exclude_lowercase, false)},
        {STR("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), opt_bool_or(in->exclude_uppercase, false)},
        {STR("0123456789"), opt_bool_or(in->exclude_numbers, false)},
        /* AWS: "! " # $ % & ' ( ) * + , - . / : ; < = > ? @ [ \ ] ^ _ ` { | } ~" */
        {STR("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"), opt_bool_or(in->exclude_punctuation, false)},
        {STR(" "), !opt_bool_or(in->include_space, false)},
    };
    *out = (struct alphabet){0};
    for (size_t type = 0; type < TYPE_COUNT; type++) {
        out->starts[type] = out->len;
        for (size_t i = 0; i < types[type].letters.len && !types[type].is_excluded; i++) {
            char c = types[type].letters.ptr[i];
            if (str_index(in->exclude_characters, c) < 0)
                out->text[out->len++] = c;
        }
        out->lens[type] = out->len - out->starts[type];
    }
}

static size_t count_types(const struct alphabet *alphabet)
{
    size_t count = 0;
    for (size_t type = 0; type < TYPE_COUNT; type++)
        count += alphabet->lens[type] > 0;
    return count;
}

static void shuffle(char *text, size_t len)
{
    for (size_t i = len; i > 1; i--) {
        size_t other = rand_below(i);
        char kept = text[i - 1];
        text[i - 1] = text[other];
        text[other] = kept;
    }
}

struct str secrets_random_password(struct call *call,
                                   const struct secretsmanager_get_random_password_in *in)
{
    struct alphabet alphabet;
    make_alphabet(in, &alphabet);
    size_t len = (size_t)opt_i64_or(in->password_length, DEFAULT_LENGTH);
    bool takes_each = opt_bool_or(in->require_each_included_type, true);
    if (alphabet.len == 0 || (takes_each && len < count_types(&alphabet)))
        return (struct str){0};
    char *text = arena_alloc_text(call->arena, len);
    size_t at = 0;
    for (size_t type = 0; takes_each && type < TYPE_COUNT; type++) {
        if (alphabet.lens[type] > 0)
            text[at++] = alphabet.text[alphabet.starts[type] + rand_below(alphabet.lens[type])];
    }
    while (at < len)
        text[at++] = alphabet.text[rand_below(alphabet.len)];
    shuffle(text, len);
    return str_of(text, len);
}

enum status
secretsmanager_get_random_password(struct call *call,
                                   const struct secretsmanager_get_random_password_in *in,
                                   struct secretsmanager_get_random_password_out *out)
{
    struct alphabet alphabet;
    make_alphabet(in, &alphabet);
    out->random_password = secrets_random_password(call, in);
    /* OBSERVED (2023-01-31, recorded by public test suites with boto3). */
    if (alphabet.len == 0)
        return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                         "All character types can't be excluded from the password.");
    if (!str_is_set(out->random_password))
        return call_fail(call, &SECRETSMANAGER_INVALID_PARAMETER_EXCEPTION,
                         "Password length %lld is too short based on the required types.",
                         (long long)opt_i64_or(in->password_length, DEFAULT_LENGTH));
    return STATUS_DONE;
}
