/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix.c - whole messages and descriptors over AF_UNIX sockets.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <hrun/unix.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* How long a listener may let us stand in its queue. */
enum { CONNECT_SECONDS = 5 };

int unix_send_all(int socket, const void *data, size_t size, const int *fds, size_t count)
{
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(UNIX_FDS_MAX * sizeof(int))] = {0};
	struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (count > UNIX_FDS_MAX)
		return -EINVAL;
	if (count > 0) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(count * sizeof *fds);
		struct cmsghdr *cmsg = (void *)control; /* CMSG_FIRSTHDR, which is never NULL here */
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(count * sizeof *fds);
		memcpy(CMSG_DATA(cmsg), fds, count * sizeof *fds);
	}
	do
		n = sendmsg(socket, &message, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

int unix_send(int socket, const void *data, size_t size, int fd)
{
	return unix_send_all(socket, data, size, &fd, fd >= 0 ? 1 : 0);
}

/* Take the descriptors out of MESSAGE, or close all that came and tell what is wrong. */
static int take_descriptors(struct msghdr *message, int *fds, size_t max, size_t *ret_count)
{
	size_t count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < here; i++, count++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
			if (count < max)
				fds[count] = fd;
			else
				close(fd);
		}
	}
	*ret_count = count;
	if (count <= max && !(message->msg_flags & MSG_CTRUNC))
		return 0;
	for (size_t i = 0; i < count && i < max; i++)
		fd_close(&fds[i]);
	*ret_count = 0;
	return -EPROTO;
}

ssize_t unix_receive_all(int socket, void *data, size_t size, int *ret_fds, size_t max, size_t *ret_count)
{
	struct iovec iov = {.iov_base = data, .iov_len = size};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE((UNIX_FDS_MAX + 3) * sizeof(int))];
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	ssize_t n;

	*ret_count = 0;
	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	TRY(take_descriptors(&message, ret_fds, max, ret_count));
	if (message.msg_flags & MSG_TRUNC) {
		for (size_t i = 0; i < *ret_count; i++)
			fd_close(&ret_fds[i]);
		*ret_count = 0;
		return -EMSGSIZE;
	}
	return n;
}

ssize_t unix_receive(int socket, void *data, size_t size, int *ret_fd)
{
	size_t count;
	int fds[UNIX_FDS_MAX];
	ssize_t n = unix_receive_all(socket, data, size, fds, ret_fd ? 1 : 0, &count);

	if (ret_fd)
		*ret_fd = n >= 0 && count ? fds[0] : -1;
	return n;
}

/* The address of NAME in DIRFD as seen through /proc/self/fd, which fits into sun_path however long the directory's path is. */
static int address_at(struct sockaddr_un *address, int dirfd, const char *name, struct err *e)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (str_format(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d/%s", dirfd, name) < 0)
		return err_set(e, ENAMETOOLONG, "socket `%s`: the name is too long", name);
	return 0;
}

static int new_socket(int type, struct err *e)
{
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	return fd < 0 ? err_errno(e, "make a unix socket") : fd;
}

int unix_listen_at(int dirfd, const char *name, int type, struct err *e)
{
	struct sockaddr_un address;
	autofd int fd = new_socket(type, e);

	TRY(fd);
	TRY(address_at(&address, dirfd, name, e));
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
		return err_errno(e, "bind socket `%s`", name);
	if (listen(fd, 16) < 0)
		return err_errno(e, "listen on socket `%s`", name);
	return TAKE_FD(fd);
}

int unix_connect_at(int dirfd, const char *name, int type, struct err *e)
{
	struct sockaddr_un address;
	const struct timeval timeout = {.tv_sec = CONNECT_SECONDS}, none = {0};
	autofd int fd = new_socket(type, e);

	TRY(fd);
	TRY(address_at(&address, dirfd, name, e));
	/* A listener whose queue is full and who never accepts would hold us for ever. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		if (errno == EAGAIN)
			return err_set(e, EAGAIN, "connect to socket `%s`: nobody accepts on it", name);
		err_errno(e, "connect to socket `%s`", name);
		return err_advise(e, "its program must listen before hrun is called");
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
	return TAKE_FD(fd);
}

int unix_connect(const char *path, int type, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];

	if (!slash)
		str_format(parent, sizeof parent, ".");
	else if (str_format(parent, sizeof parent, "%.*s", slash == path ? 1 : (int)(slash - path), path) < 0)
		return err_set(e, ENAMETOOLONG, "socket `%.64s...`: the path is too long", path);
	autofd int dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		err_errno(e, "open `%s`, the directory of a socket", parent);
		return err_advise(e, "name a socket that a program listens on");
	}
	return unix_connect_at(dir, slash ? slash + 1 : path, type, e);
}
