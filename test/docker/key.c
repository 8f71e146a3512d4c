/* key - reads data from the pipe on stdin and one key from the terminal, as interactive filters do. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

int main(void)
{
    char data[64] = "", key[4] = "";
    struct termios t;
    int tty = open("/dev/tty", O_RDWR);
    if (tty < 0 || tcgetattr(tty, &t) || isatty(0))
        return 1;
    t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    tcsetattr(tty, TCSANOW, &t);
    if (!fgets(data, sizeof(data), stdin) || write(tty, "?", 1) != 1 || read(tty, key, 3) != 3)
        return 2;
    data[strcspn(data, "\n")] = 0;
    printf("%s %s\n", data, key);
    return 0;
}
