// SPDX-License-Identifier: Apache-2.0
/*
 * main.c - hrun-tree: one request on descriptor 3, one directory, one stream of records, one answer.
 *
 * It does what takes capabilities (foreign owners, setuid, security.capability, devices where they are allowed) for hrun-image,
 * which parses and has none.  It parses no image format; what it reads is tree_wire.h's records.
 */
#include "tree.h"
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONTROL = 3, PIPE_SIZE = 1 << 20 };

extern char **environ;

#ifdef __SANITIZE_ADDRESS__
/* Who is not dumpable cannot be looked through for leaks, and the root that it takes has no /proc. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

static struct tree the_tree = {.parent = -1, .file = -1, .root = -1, .stream.fd = -1};

int tree_fail(struct tree *t, int errnum, const char *format, ...)
{
	va_list args;

	if (!t->reason[0]) {
		va_start(args, format);
		vsnprintf(t->reason, sizeof t->reason, format, args);
		va_end(args);
	}
	return errnum > 0 ? -errnum : -EIO;
}

/* The request with exactly as many descriptors as it has to have. */
static int receive(struct tree *t, struct tree_request *request)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE((2 + TREE_LOWERS_MAX) * sizeof(int))];
	} control;
	struct iovec iov = {request, sizeof *request};
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t n = recvmsg(CONTROL, &message, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = n == sizeof *request ? CMSG_FIRSTHDR(&message) : NULL;
	int fds[2 + TREE_LOWERS_MAX];

	if (!c || message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) || c->cmsg_level != SOL_SOCKET ||
	    c->cmsg_type != SCM_RIGHTS || request->lowers > TREE_LOWERS_MAX ||
	    c->cmsg_len != CMSG_LEN((2 + request->lowers) * sizeof *fds))
		return tree_fail(t, EPROTO, "the request is none");
	memcpy(fds, CMSG_DATA(c), (2 + request->lowers) * sizeof *fds);
	memcpy(t->lowers, fds + 2, request->lowers * sizeof *fds);
	t->lower_count = request->lowers;
	t->root = fds[0];
	t->stream.fd = fds[1];
	return 0;
}

static int check(struct tree *t, const struct tree_request *request)
{
	struct stat st;

	if (request->magic != TREE_WIRE_MAGIC || request->task > TREE_SERVE || request->flags > (2 * TREE_EROFS - 1) ||
	    (request->flags & TREE_DEVICES && request->flags & TREE_DROP_DEVICES) ||
	    (request->lowers > 0 && request->task != TREE_SERVE) || request->max_entries > UINT32_MAX / 2 ||
	    request->max_bytes > INT64_MAX)
		return tree_fail(t, EPROTO, "the request has a field out of range");
	if (fstat(t->root, &st) < 0 || !S_ISDIR(st.st_mode))
		return tree_fail(t, ENOTDIR, "the request has no directory");
	if (fstat(t->stream.fd, &st) < 0 || !(S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)))
		return tree_fail(t, EPROTO, "the request has no stream");
	t->flags = request->flags;
	t->max_entries = request->max_entries;
	t->max_bytes = request->max_bytes;
	t->uid = geteuid();
	t->gid = getegid();
	return 0;
}

static int work(struct tree *t, const struct tree_request *request)
{
	int keep[3 + TREE_LOWERS_MAX] = {CONTROL, t->root, t->stream.fd};
	struct err e;

	TRY(check(t, request));
	/* Two programs work at once when one need not wait for the other; refused (a socket, a user's share): slower. */
	(void)fcntl(t->stream.fd, F_SETPIPE_SZ, PIPE_SIZE);
	memcpy(keep + 3, t->lowers, t->lower_count * sizeof *keep);
	TRY(fd_close_except(0, keep, 3 + t->lower_count, &e));
	if (getrandom(&t->key, sizeof t->key, 0) != sizeof t->key)
		return tree_fail(t, EIO, "no random numbers");
	umask(0);
	TRY(tree_confine(t, request->task));
	if (request->task == TREE_SERVE)
		return tree_serve(t);
	return request->task == TREE_APPLY ? tree_apply(t) : tree_walk(t);
}

int main(void)
{
	struct tree *t = &the_tree;
	struct tree_request request = {0};
	static char *none[] = {NULL};

	environ = none;
	int r = receive(t, &request);
	if (r >= 0)
		r = work(t, &request);
	struct tree_answer answer = {
		.magic = TREE_WIRE_MAGIC, .error = r < 0 ? r : 0, .entries = t->entries, .bytes = t->bytes};
	memcpy(answer.reason, r < 0 ? t->reason : "", r < 0 ? sizeof answer.reason : 1);
	return send(CONTROL, &answer, sizeof answer, MSG_NOSIGNAL) == sizeof answer && r >= 0 ? 0 : 1;
}
