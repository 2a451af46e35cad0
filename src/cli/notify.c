/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.c - sd_notify(3) between the container's program and who started hrun.
 *
 * The program gets a socket of ours, in a directory that it sees read-only, never the manager's own: of
 * whatever it sends only "READY=1" is passed on, with the process id as we know it.
 */
#include <fcntl.h>
#include <hrun/cli.h>
#include <hrun/cli_creation.h>
#include <hrun/fd.h>
#include <hrun/log.h>
#include <hrun/proc.h>
#include <hrun/str.h>
#include <hrun/unix.h>
#include <linux/mount.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define INSIDE "/run/notify"
enum { MESSAGE_SIZE = 4096, SEND_SECONDS = 5, BARRIER_MS = 30000 };

/* The caller's manager, NULL where nobody waits. */
static const char *host_address(void)
{
	const char *address = getenv("NOTIFY_SOCKET");

	return address && (address[0] == '/' || address[0] == '@') && address[1] ? address : NULL;
}

/* ---- create ---- */

static int make_directory(struct container *container, struct err *e)
{
	if (mkdirat(container->dir, NOTIFY_DIR, 0755) < 0)
		return err_errno(e, "make the notify directory of container `%s`", container->id);
	/* The mkdir(2) above obeys a umask; the program may be anybody. */
	if (fchmodat(container->dir, NOTIFY_DIR, 0755, 0) < 0)
		return err_errno(e, "open the notify directory of container `%s` to its program", container->id);
	int fd = openat(container->dir, NOTIFY_DIR, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_errno(e, "open the notify directory of container `%s`", container->id) : fd;
}

int notify_prepare(struct pool *pool, struct container *container, struct plan *plan, struct err *e)
{
	if (!host_address())
		return 0;
	autofd int directory = make_directory(container, e);
	TRY(directory);
	struct mount_step *mounts = pool_alloc(pool, (plan->mount_count + 1) * sizeof *mounts);
	if (plan->mount_count)
		memcpy(mounts, plan->mounts, plan->mount_count * sizeof *mounts);
	mounts[plan->mount_count++] = (struct mount_step){
		.kind = MOUNT_BIND,
		.destination = INSIDE,
		.source = NOTIFY_DIR,
		.type = "bind",
		.source_fd = TAKE_FD(directory),
		.tree = -1,
		.source_is_directory = true,
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
		.where = "NOTIFY_SOCKET",
	};
#ifdef HRUN_MUTANT_NOTIFY_READONLY
	mounts[plan->mount_count - 1].attr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
#endif
	plan->mounts = mounts;
	plan_set_variable(pool, plan, "NOTIFY_SOCKET", INSIDE "/" NOTIFY_SOCKET_NAME);
	return 0;
}

/* ---- start ---- */

static int bind_in(int directory, struct err *e)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	autofd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_errno(e, "make the notify socket");
	str_format(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/" NOTIFY_SOCKET_NAME, directory);
	if (unlinkat(directory, NOTIFY_SOCKET_NAME, 0) < 0 && errno != ENOENT)
		return err_errno(e, "remove an old notify socket");
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0)
		return err_errno(e, "bind the notify socket");
	if (fchmodat(directory, NOTIFY_SOCKET_NAME, 0777, 0) < 0)
		return err_errno(e, "open the notify socket to the program");
	return TAKE_FD(fd);
}

int notify_listen(const struct container *container, struct notify *ret, struct err *e)
{
	*ret = (struct notify){.socket = -1, .host = host_address()};
	if (!ret->host)
		return 0;
	autofd int directory = openat(container->dir, NOTIFY_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (directory < 0)
		return 0; /* created without NOTIFY_SOCKET: its program knows of none */
	ret->socket = bind_in(directory, e);
	return ret->socket < 0 ? ret->socket : 0;
}

/* ---- messages ---- */

static int connect_host(const char *host)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval timeout = {.tv_sec = SEND_SECONDS};
	size_t length = strlen(host);
	autofd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (length >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	memcpy(address.sun_path, host, length);
	if (host[0] == '@')
		address.sun_path[0] = '\0';
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (host[0] != '@'));
	return connect(fd, (struct sockaddr *)&address, size) < 0 ? -errno : TAKE_FD(fd);
}

/* Does one of the lines say so? */
static bool says_ready(const char *message)
{
#ifdef HRUN_MUTANT_NOTIFY_READY
	return *message;
#endif
	for (const char *line = message; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		if (strcspn(line, "\n") == strlen("READY=1") && str_starts(line, "READY=1"))
			return true;
	}
	return false;
}

static void tell_host(const char *host, pid_t pid)
{
	char message[64];
	autofd int fd = connect_host(host);
	int length = str_format(message, sizeof message, "READY=1\nMAINPID=%d", pid);
	int r = fd < 0 ? fd : unix_send(fd, message, (size_t)length, -1);

	if (r < 0)
		log_warning("READY=1 did not reach %s: %s", host, strerrordesc_np(-r));
}

void notify_receive(struct notify *notify, pid_t pid)
{
	char message[MESSAGE_SIZE + 1];
	ssize_t n = recv(notify->socket, message, MESSAGE_SIZE, MSG_DONTWAIT);

	if (n < 0)
		return;
	message[n] = '\0';
	if (!says_ready(message))
		return;
	tell_host(notify->host, pid);
	fd_close(&notify->socket);
}

/*
 * The manager looks a sender up by its process id: we may not end before it has read our message.  It closes the
 * descriptor of a barrier when it has come that far.
 */
static void wait_for_manager(const char *host)
{
	static const char barrier[] = "BARRIER=1";
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	autofd int ours = ends[0];
	autofd int theirs = ends[1];
	autofd int fd = connect_host(host);
	if (fd < 0 || unix_send(fd, barrier, sizeof barrier - 1, theirs) < 0)
		return;
	fd_close(&theirs);
	struct pollfd hung_up = {.fd = ours, .events = 0};
	poll(&hung_up, 1, BARRIER_MS);
}

int notify_wait(struct notify *notify, const struct container *container, struct err *e)
{
	const struct container_record *record = &container->record;

	sigset_t none;

	if (notify->socket < 0)
		return 0;
	/* `run` holds signals back while it builds; from here on the container stands without us. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	autofd int proc = proc_open(e);
	TRY(proc);
	autofd int pidfd = proc_open_same(proc, record->pid, record->start_ticks);
	while (pidfd >= 0 && notify->socket >= 0) {
		struct pollfd fds[] = {{.fd = notify->socket, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return err_errno(e, "wait until the program is ready");
		if (fds[0].revents)
			notify_receive(notify, record->pid);
		else if (fds[1].revents)
			return 0; /* ended without a word: state tells */
	}
	wait_for_manager(notify->host);
	return 0;
}
