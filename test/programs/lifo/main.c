/* lifo - a stack whose pop is a load-exclusive, a load of the next element and a store-exclusive: right only if the
 * store fails after the head has changed and changed back. A second stack uses compare-and-exchange with a counter. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { NODES = 8, THREADS = 4 };
struct node { struct node *next; uint32_t taken; char pad[48]; };

static struct node nodes[2][NODES] __attribute__((aligned(64)));
static struct node *head __attribute__((aligned(64)));
static uint64_t packed __attribute__((aligned(64)));
static uint32_t twice;
static int rounds;

static void push(struct node *n)
{
    uint64_t old;
    uint32_t failed;
    __asm__ volatile("1: ldxr %0, [%2]\n str %0, [%3]\n stlxr %w1, %3, [%2]\n cbnz %w1, 1b"
                     : "=&r"(old), "=&r"(failed) : "r"(&head), "r"(n) : "memory");
}

static struct node *pop(void)
{
    struct node *n, *next;
    uint32_t failed;
    __asm__ volatile("1: ldaxr %0, [%3]\n cbz %0, 2f\n ldr %1, [%0]\n stxr %w2, %1, [%3]\n cbnz %w2, 1b\n 2:"
                     : "=&r"(n), "=&r"(next), "=&r"(failed) : "r"(&head) : "memory");
    return n;
}

/* Low half: index + 1 of the first node, 0 = none; high half: a counter. */
static void push_counted(uint32_t i)
{
    uint64_t old = __atomic_load_n(&packed, __ATOMIC_RELAXED);
    do
        nodes[1][i].next = (struct node *)(uintptr_t)(uint32_t)old;
    while (!__atomic_compare_exchange_n(&packed, &old, (old >> 32) << 32 | (i + 1), 1, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

static int pop_counted(void)
{
    uint64_t old = __atomic_load_n(&packed, __ATOMIC_ACQUIRE), new;
    do {
        if (!(uint32_t)old)
            return -1;
        new = ((old >> 32) + 1) << 32 | (uint32_t)(uintptr_t)__atomic_load_n(&nodes[1][(uint32_t)old - 1].next, __ATOMIC_RELAXED);
    } while (!__atomic_compare_exchange_n(&packed, &old, new, 1, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE));
    return (int)(uint32_t)old - 1;
}

static void take(struct node *n)
{
    if (__atomic_exchange_n(&n->taken, 1, __ATOMIC_ACQ_REL))
        __atomic_fetch_add(&twice, 1, __ATOMIC_RELAXED);
}

static void give(struct node *n) { __atomic_store_n(&n->taken, 0, __ATOMIC_RELEASE); }

static void *work(void *arg)
{
    for (int i = 0; i < rounds && !__atomic_load_n(&twice, __ATOMIC_RELAXED); i++) {
        struct node *a = pop(), *b = pop();
        if (a)
            take(a);
        if (b)
            take(b);
        /* The first popped goes back first: the head comes to be what it was, with another second element. */
        if (b && (i & 1))
            give(b), push(b), b = NULL;
        if (a)
            give(a), push(a);
        if (b)
            give(b), push(b);
        int c = pop_counted(), d = pop_counted();
        if (c >= 0)
            take(&nodes[1][c]), give(&nodes[1][c]), push_counted((uint32_t)c);
        if (d >= 0)
            take(&nodes[1][d]), give(&nodes[1][d]), push_counted((uint32_t)d);
    }
    return arg;
}

int main(int argc, char **argv)
{
    pthread_t t[THREADS];
    rounds = argc > 1 ? atoi(argv[1]) : 100000;
    for (uint32_t i = 0; i < NODES; i++) {
        push(&nodes[0][i]);
        push_counted(i);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_create(&t[i], NULL, work, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    int left = 0, counted = 0;
    for (struct node *n = head; n && left <= NODES; n = n->next)
        left++;
    while (pop_counted() >= 0)
        counted++;
    printf("taken twice %u, left %d and %d\n", twice, left, counted);
    return 0;
}
