/* hello - arguments, environment, auxiliary vector, standard output and exit code. */
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/utsname.h>

int main(int argc, char **argv, char **envp)
{
    struct utsname u;
    uname(&u);
    printf("hello from %s on %s\n", u.machine, u.sysname);
    for (int i = 1; i < argc; i++)
        printf("argument %d: %s\n", i, argv[i]);
    printf("platform %s, page %lu, secure %lu\n", (char *)getauxval(AT_PLATFORM), getauxval(AT_PAGESZ), getauxval(AT_SECURE));
    printf("name ends in hello: %d\n", !strcmp(strrchr((char *)getauxval(AT_EXECFN), '/'), "/hello"));
    printf("fp and simd: %lu\n", getauxval(AT_HWCAP) & 3);
    fprintf(stderr, "to standard error\n");
    return 42;
}
