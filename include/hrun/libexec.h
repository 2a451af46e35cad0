/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libexec.h - hrun's own programs that do one thing each, with as little as it takes.
 */
#ifndef HRUN_LIBEXEC_H
#define HRUN_LIBEXEC_H

#include <hrun/err.h>
#include <sys/types.h>

/*
 * The libexec program NAME, found and judged but not started: an owned O_PATH descriptor.  -ENOENT where it is missing, -EPERM where
 * somebody could have changed it, -EACCES where the kernel lets it not be executed (mode, mount, security module).  DIR as below.
 */
int libexec_find(const char *name, const char *dir, struct err *e);
/*
 * Start the libexec program NAME: beside hrun's own file in an uninstalled build, else in the compiled-in directory (or in
 * DIR, where not NULL).  Run by root it belongs to root or to the owner of hrun's own file, and nobody else may write to it.
 * It has one end of a SEQPACKET pair as descriptor 3, /dev/null as 0 to 2, no argument, no environment, and "/" to stand in.
 * *RET_SOCKET, the other end, and *RET_PIDFD are owned.
 */
int libexec_run(const char *name, const char *dir, int *ret_socket, pid_t *ret_pid, int *ret_pidfd, struct err *e);
/* Kill it if it lives, and take its status. */
int libexec_reap(pid_t pid, int pidfd);

#endif
