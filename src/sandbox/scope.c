/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope.c - hrun's half of a talk with systemd.
 *
 * hrun connects, and hrun-scope talks: what comes back over the bus is parsed by a program that has no privilege left.  Of its
 * answer nothing is believed but that it is one; where the cgroup is, the kernel is asked (cgroup_adopt.c).
 */
#include <hrun/fd.h>
#include <hrun/libexec.h>
#include <hrun/scope.h>
#include <hrun/str.h>
#include <hrun/unix.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

/* hrun-scope keeps the time itself and says so; this is for one that does not. */
enum { GRACE_MS = 5000 };

static int connect_bus(const char *path, struct err *e)
{
	int fd = unix_connect(path, SOCK_STREAM, e);

	return fd < 0 ? err_advise(e, "systemd does not listen there; use --cgroup-manager cgroupfs where it is not "
				      "the system manager")
		      : fd;
}

/*
 * hrun-scope says its process's number, and systemd takes it as one of its own: in another pid namespace that is a stranger, who would be put
 * into the unit, and killed with it.  Who listens there has no number here.
 */
static int check_pid_namespace(const struct scope_plan *scope, int bus, struct err *e)
{
	struct ucred listener;
	socklen_t size = sizeof listener;

#ifdef HRUN_MUTANT_SCOPE_PIDNS
	return 0;
#endif
	if (scope->request.task != SCOPE_START)
		return 0;
	if (getsockopt(bus, SOL_SOCKET, SO_PEERCRED, &listener, &size) < 0)
		return err_errno(e, "ask who listens at %s", scope->bus);
	return listener.pid > 0
		       ? 0
		       : err_set(e, EXDEV,
				 "systemd at %s is not of this pid namespace, so it cannot be told which process is "
				 "meant; use --cgroup-manager cgroupfs, or call hrun where systemd runs",
				 scope->bus);
}

static bool is_sound(uint32_t task, struct scope_answer *answer)
{
	if (answer->version != SCOPE_WIRE_VERSION || answer->error > 0 ||
	    !memchr(answer->reason, '\0', sizeof answer->reason) ||
	    !memchr(answer->cgroup, '\0', sizeof answer->cgroup))
		return false;
	str_remove_controls(answer->reason);
	if (answer->error < 0)
		return answer->reason[0];
	return task != SCOPE_START || (memchr(answer->invocation, '\0', sizeof answer->invocation) &&
				       str_is_hex(answer->invocation, sizeof answer->invocation - 1));
}

static int wait_for_answer(const struct scope_plan *scope, int socket, struct err *e)
{
	struct pollfd poll_fd = {.fd = socket, .events = POLLIN};
	int r;

	do
		r = poll(&poll_fd, 1, (int)scope->request.timeout_ms + GRACE_MS);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_errno(e, "wait for hrun-scope");
	return r ? 0 : err_set(e, ETIMEDOUT, "hrun-scope does not answer; systemd may hang");
}

static int converse(struct scope_plan *scope, int socket, int bus, struct err *e)
{
	struct scope_answer *answer = &scope->answer;

	scope->asked = true;
	int r = unix_send(socket, &scope->request, sizeof scope->request, bus);

	if (r < 0)
		return err_set(e, -r, "hrun-scope does not take a request");
	TRY(wait_for_answer(scope, socket, e));
	if (unix_receive(socket, answer, sizeof *answer, NULL) != sizeof *answer)
		return err_set(e, EIO, "hrun-scope ended without an answer");
	if (!is_sound(scope->request.task, answer))
		return err_set(e, EPROTO, "hrun-scope gave an answer that cannot be right");
	return answer->error < 0 ? err_set(e, -answer->error, "%s", answer->reason) : 0;
}

int scope_start(struct scope_plan *scope, const char *program_dir, struct placeholder *ret, struct err *e)
{
	struct placeholder placeholder = NO_PLACEHOLDER;
	autofd int bus = connect_bus(scope->bus, e);

	TRY(bus);
	TRY(check_pid_namespace(scope, bus, e));
	*ret = placeholder;
	scope->request.direct = str_ends(scope->bus, "/systemd/private");
	TRY(libexec_run("hrun-scope", program_dir, &placeholder.socket, &placeholder.pid, &placeholder.pidfd, e));
	int r = converse(scope, placeholder.socket, bus, e);
	if (r < 0)
		scope_release(&placeholder);
	else
		*ret = placeholder;
	return r;
}

void scope_release(struct placeholder *placeholder)
{
	if (placeholder->pidfd >= 0)
		libexec_reap(placeholder->pid, placeholder->pidfd);
	fd_close(&placeholder->pidfd);
	fd_close(&placeholder->socket);
}

int scope_call(struct scope_plan *scope, const char *program_dir, struct err *e)
{
	struct placeholder placeholder;

	TRY(scope_start(scope, program_dir, &placeholder, e));
	scope_release(&placeholder);
	return 0;
}
