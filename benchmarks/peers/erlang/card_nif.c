/* hotload: one plain thread, outside the schedulers, sends the numbers 1 to `rounds` to every process, round robin. */
#include <erl_nif.h>
#include <stdlib.h>

struct job {
    ErlNifPid *receivers;
    unsigned count;
    int rounds;
};

static void *run(void *argument) {
    struct job *job = argument;
    ErlNifEnv *env = enif_alloc_env();
    for (int round = 1; round <= job->rounds; ++round) {
        const ERL_NIF_TERM message = enif_make_int(env, round); /* an immediate: it lies in no environment */
        for (unsigned i = 0; i < job->count; ++i)
            if (!enif_send(NULL, &job->receivers[i], NULL, message)) abort();
    }
    enif_free_env(env);
    free(job->receivers);
    free(job);
    return NULL;
}

static ERL_NIF_TERM blast(ErlNifEnv *env, int argc, const ERL_NIF_TERM argv[]) {
    unsigned count;
    int rounds;
    (void)argc;
    if (!enif_get_list_length(env, argv[0], &count) || !enif_get_int(env, argv[1], &rounds)) return enif_make_badarg(env);
    struct job *job = malloc(sizeof *job);
    ErlNifPid *receivers = malloc(count * sizeof *receivers);
    if (job == NULL || receivers == NULL) abort();
    ERL_NIF_TERM list = argv[0];
    ERL_NIF_TERM head;
    for (unsigned i = 0; enif_get_list_cell(env, list, &head, &list); ++i)
        if (!enif_get_local_pid(env, head, &receivers[i])) abort();
    *job = (struct job){receivers, count, rounds};
    ErlNifTid thread;
    if (enif_thread_create("blast", &thread, run, job, NULL)) abort();
    return enif_make_atom(env, "ok");
}

static ErlNifFunc functions[] = {{"blast", 2, blast, 0}};
ERL_NIF_INIT(card_nif, functions, NULL, NULL, NULL, NULL)
