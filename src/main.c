/* main.c — the command line: finds the subcommand, reads its options, runs it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "commands.h"
#include "serve.h"

struct command {
    const char *name;
    const char *usage;
    const char *help;
    command_fn *run;
};

enum {
    START_WAIT_MS = 20000, /* a detached server says within this time that it serves */
};

/* The child's end of the pipe is its stdout: the server prints its address there when it serves. */
static int detach(struct arena *arena, const struct options *options)
{
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) < 0)
        return EXIT_FAILED;
    for (size_t i = 1; i <= options->data_dir.len; i++) {
        if (i == options->data_dir.len || options->data_dir.ptr[i] == '/')
            (void)mkdir(str_to_cstr(arena, str_slice(options->data_dir, 0, i)), 0700);
    }
    struct str log_path = str_format(arena, STR_FMT "/virga.log", STR_ARG(options->data_dir));
    int log_fd =
        open(str_to_cstr(arena, log_path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (log_fd < 0 || null_fd < 0) {
        fprintf(stderr, "virga: cannot open " STR_FMT ": %s\n", STR_ARG(log_path), strerror(errno));
        return EXIT_FAILED;
    }
    pid_t child = fork(); /* no thread exists yet */
    if (child < 0)
        return EXIT_FAILED;
    if (child == 0) {
        setsid();
        dup2(null_fd, STDIN_FILENO);
        dup2(ready[1], STDOUT_FILENO);
        dup2(log_fd, STDERR_FILENO);
        close(ready[1]);
        return serve_run(options);
    }
    close(ready[1]);
    char address[256];
    struct pollfd answer = {.fd = ready[0], .events = POLLIN};
    ssize_t len =
        poll(&answer, 1, START_WAIT_MS) == 1 ? read(ready[0], address, sizeof(address)) : 0;
    if (len > 0) {
        printf("%.*s", (int)len, address);
        return EXIT_DONE;
    }
    fprintf(stderr, "virga: the server did not start; see " STR_FMT "\n", STR_ARG(log_path));
    return EXIT_FAILED;
}

static int command_serve(struct arena *arena, const struct options *options, int argc, char **argv)
{
    if (argc > 0) {
        fprintf(stderr, "virga: serve takes no operand '%s'\n", argv[0]);
        return EXIT_USAGE;
    }
    return options->detach ? detach(arena, options) : serve_run(options);
}

static int command_version(struct arena *arena, const struct options *options, int argc,
                           char **argv)
{
    (void)arena;
    (void)options;
    (void)argc;
    (void)argv;
    printf("virga %s\n", VIRGA_VERSION);
    return EXIT_DONE;
}

static const struct command commands[] = {
    {"serve", "", "serve AWS on this machine, in the foreground", command_serve},
    {"stop", "", "end the running server, finishing what it accepted", command_stop},
    {"status", "", "what is running", command_status},
    {"exec", "-- COMMAND", "run a command that talks to Virga instead of AWS", command_exec},
    {"env", "", "print the variables that exec sets, for eval \"$(virga env)\"", command_env},
    {"reset", "", "forget everything that is stored", command_reset},
    {"snapshot", "save|load|list", "keep and bring back the whole state", command_snapshot},
    {"clock", "[advance DURATION]", "tell or move the time that services see", command_clock},
    {"ca", "", "print the certificate of the local CA", command_ca},
    {"coverage", "[missing]", "what is implemented, as a table", command_coverage},
    {"version", "", "print the version", command_version},
};

static void print_help(void)
{
    printf("virga %s: AWS on this machine\n\nusage: virga COMMAND [OPTION...]\n\n", VIRGA_VERSION);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        char name[64];
        snprintf(name, sizeof(name), "%s %s", commands[i].name, commands[i].usage);
        printf("  %-26s %s\n", name, commands[i].help);
    }
    printf("\noptions, also settable by the variable in brackets and in the config file:\n\n");
    options_help();
    printf("\nexit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing is running\n");
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

int main(int argc, char **argv)
{
    if (argc < 2 || is_help(argv[1])) {
        print_help();
        return argc < 2 ? EXIT_USAGE : EXIT_DONE;
    }
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help();
            return EXIT_DONE;
        }
    }
    const char *name = strcmp(argv[1], "--version") == 0 ? "version" : argv[1];
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(commands[i].name, name) != 0)
            continue;
        AUTO(arena) struct arena *arena = arena_new();
        struct options options;
        struct str message = STR("");
        int operand = options_read(arena, argc - 2, argv + 2, &options, &message);
        if (operand < 0) {
            fprintf(stderr, "virga: " STR_FMT " (virga --help lists the options)\n",
                    STR_ARG(message));
            return EXIT_USAGE;
        }
        return commands[i].run(arena, &options, argc - 2 - operand, argv + 2 + operand);
    }
    fprintf(stderr, "virga: unknown command '%s' (virga --help lists them)\n", name);
    return EXIT_USAGE;
}
