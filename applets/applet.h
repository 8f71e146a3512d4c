/* applet.h - what each applet of the binary supplies. One file per applet; main.c has the table. */
#pragma once
#include "core/guest.h"

struct applet {
    const char *name, *help;
    const char *usage;                  /* what --help prints; null: the applet does that itself */
    int (*main)(int argc, char **argv); /* argv[0] is the applet's name; returns the exit status */
};

int applet_cache(int argc, char **argv);      /* cache.c */
int applet_run(int argc, char **argv);        /* run.c */
int applet_check(int argc, char **argv);      /* check.c */
int applet_syscalls(int argc, char **argv);   /* syscalls.c */
int applet_guests(int argc, char **argv);     /* guests.c */
int applet_binfmt(int argc, char **argv);     /* binfmt.c */
int applet_doctor(int argc, char **argv);     /* doctor.c */
int applet_install_to(int argc, char **argv); /* install_to.c */

/* Only by the binary's name: tools that container users know. */
int applet_docker_binfmt(int argc, char **argv); /* docker_binfmt.c: "binfmt" */
int applet_conf_sh(int argc, char **argv);       /* conf_sh.c: "qemu-binfmt-conf.sh" */
int applet_register(int argc, char **argv);      /* conf_sh.c: "register" */

/* Run a program with the options in ARGV. GUEST: the architecture that the name of the binary asked
 * for, or null: what the program is for. */
int run_program(const struct guest *guest, int argc, char **argv);
/* Give the guest the CPU of the options; dies if there is no such model. */
void run_choose_cpu(const struct guest *guest);
