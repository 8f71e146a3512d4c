/* threads - creation, joining, mutexes, conditions, thread-local storage, cancellation, a thousand short threads. */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static pthread_key_t key;
static atomic_int destroyed, cleaned;
static long counter;
static int turn;
static __thread int local = 5;
static sem_t items;

static void *add(void *arg)
{
    local += (int)(intptr_t)arg;
    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(&lock);
        counter++;
        pthread_mutex_unlock(&lock);
    }
    return (void *)(intptr_t)local;
}

static void *ping(void *arg)
{
    int me = (int)(intptr_t)arg;
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&lock);
        while (turn != me)
            pthread_cond_wait(&ready, &lock);
        turn = !me;
        pthread_cond_broadcast(&ready);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

static void destroy(void *p)
{
    destroyed += p != NULL;
}

static void *with_key(void *arg)
{
    pthread_setspecific(key, arg);
    pthread_barrier_wait(&barrier);
    return arg;
}

static void on_cancel(void *arg)
{
    cleaned++;
}

static void *sleeper(void *arg)
{
    pthread_cleanup_push(on_cancel, NULL);
    sem_post(&items);
    for (;;)
        pause();
    pthread_cleanup_pop(0);
    return NULL;
}

static void *nothing(void *arg)
{
    return (char *)arg + 1;
}

int main(void)
{
    pthread_t t[8];
    void *r;
    long sum = 0;
    for (int i = 0; i < 8; i++)
        pthread_create(&t[i], NULL, add, (void *)(intptr_t)i);
    for (int i = 0; i < 8; i++) {
        pthread_join(t[i], &r);
        sum += (long)(intptr_t)r;
    }
    printf("counter %ld locals %ld mine %d\n", counter, sum, local);
    for (int i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, ping, (void *)(intptr_t)i);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    printf("turn %d\n", turn);
    pthread_key_create(&key, destroy);
    pthread_barrier_init(&barrier, NULL, 4);
    for (int i = 0; i < 4; i++)
        pthread_create(&t[i], NULL, with_key, &t[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    printf("destroyed %d\n", destroyed);
    sem_init(&items, 0, 0);
    pthread_create(&t[0], NULL, sleeper, NULL);
    sem_wait(&items);
    pthread_cancel(t[0]);
    pthread_join(t[0], &r);
    printf("cancelled %d cleaned %d\n", r == PTHREAD_CANCELED, cleaned);
    sum = 0;
    for (int i = 0; i < 1000; i++) {
        pthread_create(&t[0], NULL, nothing, (void *)(intptr_t)i);
        pthread_join(t[0], &r);
        sum += (long)(intptr_t)r;
    }
    printf("short threads %ld\n", sum);
    return 0;
}
