/* hello - says for which machine it believes to run. */
#include <stdio.h>
#include <sys/utsname.h>

int main(void)
{
    struct utsname u;
    uname(&u);
    puts(u.machine);
}
