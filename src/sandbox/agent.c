/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.c - the seccomp agent gets the filter's listener (config-linux.md#containerprocessstate).
 *
 * Whoever loads a filter that notifies may be stopped by its next system call until the agent answers, and the agent cannot
 * answer before it has the listener.  So a thread, which the filter does not bind, waits for the listener's number in
 * memory, sends it and ends; the loader makes no call meanwhile, it looks at memory too.  It takes
 * microseconds, and only a container that asked for an agent has it.
 */
#include <hrun/fd.h>
#include <hrun/filter.h>
#include <hrun/str.h>
#include <hrun/unix.h>
#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { THREAD_STACK = 64 * 1024, NOT_YET = -1, NEVER = -2 };

struct delivery {
	const struct filter_agent *agent;
	atomic_int listener; /* NOT_YET, NEVER or a descriptor */
	atomic_int result;   /* 1: not yet; else 0 or negative errno */
};

/* One message: the state with its two pids, and the listener. */
static int send_state(const struct filter_agent *agent, int listener)
{
	char pid[2][16];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof listener)] = {0};
	size_t size = 0;
	struct iovec part[5];
	struct msghdr message = {
		.msg_iov = part, .msg_iovlen = 5, .msg_control = control, .msg_controllen = sizeof control};

	snprintf(pid[0], sizeof *pid, "%d", agent->pid);
	snprintf(pid[1], sizeof *pid, "%d", agent->init ? agent->init : agent->pid);
	for (size_t i = 0; i < 5; i++) {
		const char *text = i % 2 ? pid[i / 2] : agent->text[i / 2];
		part[i] = (struct iovec){.iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text)};
		size += part[i].iov_len;
	}
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message);
	*cmsg = (struct cmsghdr){
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof listener)};
	memcpy(CMSG_DATA(cmsg), &listener, sizeof listener);
	ssize_t n = sendmsg(agent->socket, &message, MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

/* Closed here in any case: calls that nobody can answer fail with ENOSYS, and do not wait for ever. */
static int deliver(void *argument)
{
	struct delivery *d = argument;
	int listener, result = 0;

	while ((listener = atomic_load(&d->listener)) == NOT_YET)
		sched_yield();
	if (listener >= 0) {
		result = send_state(d->agent, listener);
		close(listener);
	}
	close(d->agent->socket);
	atomic_store(&d->result, result);
	return 0;
}

int agent_find_pid(struct filter_agent *agent, int proc, struct err *e)
{
	char text[16] = "";
	int64_t pid;

	if (readlinkat(proc, "self", text, sizeof text - 1) < 0)
		return err_errno(e, "read /proc/self");
	if (str_to_i64(text, 1, INT_MAX, &pid) < 0)
		return err_set(e, ESRCH, "this process is not in the runtime's /proc");
	agent->pid = (pid_t)pid;
	return 0;
}

int agent_connect(struct filter_agent *agent, struct err *e)
{
	struct err why;
	int r = unix_connect(agent->path, SOCK_STREAM, &why);

	if (r < 0)
		return err_set(e, -r, "linux.seccomp.listenerPath: %s", why.text);
	agent->socket = r;
	return 0;
}

int agent_load_filter(const struct filter_agent *agent, int (*load)(const struct filter_plan *, struct err *),
		      const struct filter_plan *plan, struct err *e)
{
	static _Alignas(16) char stack[THREAD_STACK];
	struct delivery d = {.agent = agent, .listener = NOT_YET, .result = 1};
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;

	if (clone(deliver, stack + sizeof stack, flags, &d) < 0)
		return err_errno(e, "make a thread for the seccomp agent (pids.limit and RLIMIT_NPROC count it)");
	int listener = load(plan, e);
	atomic_store(&d.listener, listener < 0 ? NEVER : listener);
	while (atomic_load(&d.result) > 0)
		; /* no call: it would be the filter's */
	if (listener < 0)
		return listener;
	int r = atomic_load(&d.result);
	return r < 0 ? err_set(e, -r, "linux.seccomp.listenerPath: send the listener to `%s`: %s", agent->path,
			       strerrordesc_np(-r))
		     : 0;
}
