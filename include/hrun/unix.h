/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix.h - whole messages and descriptors over AF_UNIX sockets.
 */
#ifndef HRUN_UNIX_H
#define HRUN_UNIX_H

#include <hrun/err.h>
#include <stddef.h>
#include <sys/types.h>

/* Send SIZE bytes as one message, with the descriptor FD where it is >= 0.  0 or negative errno. */
int unix_send(int socket, const void *data, size_t size, int fd);

/*
 * Receive one message of at most SIZE bytes.  Returns its length, 0 at EOF, or
 * negative errno; -EMSGSIZE for a longer message.  *ret_fd (may be NULL: then
 * descriptors are refused) becomes an owned descriptor or -1; more than one
 * descriptor is -EPROTO.  Received descriptors are close-on-exec.
 */
ssize_t unix_receive(int socket, void *data, size_t size, int *ret_fd);

/* The same with COUNT descriptors, at most UNIX_FDS_MAX. */
enum { UNIX_FDS_MAX = 250 };
int unix_send_all(int socket, const void *data, size_t size, const int *fds, size_t count);
/* The same for up to MAX descriptors: all become owned, *ret_count of them; more than MAX is -EPROTO. */
ssize_t unix_receive_all(int socket, void *data, size_t size, int *ret_fds, size_t max, size_t *ret_count);

/*
 * Listen on, or connect to, the socket NAME in the directory DIRFD, through
 * /proc/self/fd (sun_path is short, the directory's path may be long).  TYPE is
 * SOCK_STREAM or SOCK_SEQPACKET.  Returns an owned descriptor.
 */
int unix_listen_at(int dirfd, const char *name, int type, struct err *e);
int unix_connect_at(int dirfd, const char *name, int type, struct err *e);

/* Connect to the socket at an absolute or relative PATH of any length. */
int unix_connect(const char *path, int type, struct err *e);

#endif
