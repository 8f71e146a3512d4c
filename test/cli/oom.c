/* oom - takes all memory that there is, then all threads, then maps, forks and runs code with what is left: each has to be
 * told, none may die. Prints nothing that depends on how much there was. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 1 << 18, MOST = 4000 };
static void *chunk[MOST];

static int take_memory(void)
{
    int n = 0;
    while (n < MOST && (chunk[n] = malloc(CHUNK)))
        memset(chunk[n++], 1, CHUNK);
    return n;
}

static void *wait_for_end(void *lock)
{
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    return NULL;
}

static int take_threads(void)
{
    static pthread_t thread[500];
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    int n = 0, error = 0;
    pthread_mutex_lock(&lock);
    while (n < 500 && !(error = pthread_create(&thread[n], NULL, wait_for_end, &lock)))
        n++;
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < n; i++)
        pthread_join(thread[i], NULL);
    return error;
}

int main(void)
{
    char text[200];
    int status = 0, n = take_memory();
    int memory_error = n == MOST ? ENOMEM : errno;
    int thread_error = take_threads();
    pid_t pid = fork();
    if (!pid)
        _exit(7);
    int fork_error = pid < 0 ? errno : 0;
    if (pid > 0)
        waitpid(pid, &status, 0);
    while (n)
        free(chunk[--n]);
    int length = snprintf(text, sizeof(text), "malloc %s, threads %s, fork %s, %.3f\n", strerror(memory_error),
                          !thread_error || thread_error == EAGAIN || thread_error == ENOMEM ? "as expected" : strerror(thread_error),
                          fork_error == ENOMEM || fork_error == EAGAIN || WEXITSTATUS(status) == 7 ? "as expected" : "wrong", 2.0 / 3);
    return write(1, text, (size_t)length) == length ? 3 : 4;
}
