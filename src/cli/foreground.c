/* SPDX-License-Identifier: Apache-2.0 */
/*
 * foreground.c - hrun stays: signals go to the program, the terminal is relayed,
 * the exit code comes back.
 *
 * The container never holds the caller's terminal: it has a pty of its own, whose master
 * is relayed here.  All signals are blocked and read from a descriptor, so that none can
 * end hrun before the caller's terminal is as it was.
 */
#include <fcntl.h>
#include <hrun/cli.h>
#include <hrun/cli_creation.h>
#include <hrun/fd.h>
#include <hrun/proc.h>
#include <hrun/unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { EXIT_OF_SIGNAL = 128, BUFFER_SIZE = 4096, CONSOLE_NAME_SIZE = 4096 };

/* One direction that may have to wait: what was read from the caller and not yet taken by the program. */
struct relay {
	const struct sandbox *sandbox;
	struct notify *notify; /* NULL: none */
	int signals, master;
	bool raw; /* the caller's terminal was changed */
	struct termios saved;
	bool input_open, output_open;
	char input[BUFFER_SIZE];
	size_t input_start, input_end;
};

int foreground_open(struct foreground *foreground, bool terminal, struct err *e)
{
	if (terminal && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, foreground->pair) < 0)
		return err_errno(e, "make a socket pair for the terminal");
	return 0;
}

int foreground_hold_signals(struct err *e)
{
	sigset_t all;

	sigfillset(&all);
	return sigprocmask(SIG_BLOCK, &all, NULL) < 0 ? err_errno(e, "block signals") : 0;
}

static void copy_window_size(int master)
{
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		ioctl(master, TIOCSWINSZ, &size);
}

static int receive_master(struct foreground *foreground, struct err *e)
{
	char name[CONSOLE_NAME_SIZE];

	if (foreground->pair[0] < 0)
		return 0;
	fd_close(&foreground->pair[1]);
	ssize_t n = unix_receive(foreground->pair[0], name, sizeof name, &foreground->master);
	if (n < 0 || foreground->master < 0)
		return err_set(e, EPROTO, "the terminal of the container did not arrive");
	/* A program that reads nothing must not stop us from hearing signals. */
	if (fcntl(foreground->master, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return err_errno(e, "set up the terminal of the container");
	return 0;
}

static void make_raw(struct relay *relay)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &relay->saved) < 0)
		return; /* no terminal: a pipe or a file is relayed as it is */
	raw = relay->saved;
	cfmakeraw(&raw);
	relay->raw = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

static void restore(const struct relay *relay)
{
	if (relay->raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &relay->saved);
}

static void forward_signal(struct relay *relay)
{
	struct signalfd_siginfo info;

	if (read(relay->signals, &info, sizeof info) != (ssize_t)sizeof info)
		return;
	switch (info.ssi_signo) {
	case SIGCHLD:
	case SIGURG:
	case SIGPIPE: /* our own relay's */
		return;
	case SIGWINCH:
		if (relay->master >= 0)
			copy_window_size(relay->master);
		return;
	default:
		proc_pidfd_signal(relay->sandbox->pidfd, (int)info.ssi_signo);
	}
}

/* From the program to the caller; false where nothing more will come. */
static bool relay_output(struct relay *relay)
{
	char buffer[BUFFER_SIZE];
	ssize_t n = read(relay->master, buffer, sizeof buffer);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false; /* EIO: nobody has the other side open (any more) */
	return fd_write_all(STDOUT_FILENO, buffer, (size_t)n) == 0;
}

static void read_input(struct relay *relay)
{
	ssize_t n = read(STDIN_FILENO, relay->input, sizeof relay->input);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	relay->input_start = 0;
	relay->input_end = n > 0 ? (size_t)n : 0;
	if (n <= 0) {
		/* The end of a pipe is what Ctrl-D is on a terminal. */
		relay->input[0] = 'D' - '@';
		relay->input_end = 1;
		relay->input_open = false;
	}
}

static void write_input(struct relay *relay)
{
	ssize_t n = write(relay->master, relay->input + relay->input_start, relay->input_end - relay->input_start);

	if (n > 0)
		relay->input_start += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		relay->input_start = relay->input_end; /* nobody reads: dropped */
}

enum { POLL_SIGNALS, POLL_PROCESS, POLL_NOTIFY, POLL_MASTER, POLL_STDIN, POLL_COUNT };

static void set_up_poll(const struct relay *relay, struct pollfd *fds)
{
	bool pending = relay->input_start < relay->input_end, master = relay->master >= 0 && relay->output_open;
	short events = (short)(POLLIN | (pending ? POLLOUT : 0));

	fds[POLL_SIGNALS] = (struct pollfd){.fd = relay->signals, .events = POLLIN};
	fds[POLL_PROCESS] = (struct pollfd){.fd = relay->sandbox->pidfd, .events = POLLIN};
	fds[POLL_NOTIFY] = (struct pollfd){.fd = relay->notify ? relay->notify->socket : -1, .events = POLLIN};
	fds[POLL_MASTER] = (struct pollfd){.fd = master ? relay->master : -1, .events = events};
	fds[POLL_STDIN] =
		(struct pollfd){.fd = master && relay->input_open && !pending ? STDIN_FILENO : -1, .events = POLLIN};
}

static int loop(struct relay *relay, struct err *e)
{
	struct pollfd fds[POLL_COUNT];

	for (;;) {
		set_up_poll(relay, fds);
		if (poll(fds, POLL_COUNT, -1) < 0 && errno != EINTR)
			return err_errno(e, "wait for the container");
		if (fds[POLL_SIGNALS].revents)
			forward_signal(relay);
		if (fds[POLL_NOTIFY].revents)
			notify_receive(relay->notify, relay->sandbox->pid);
		if (fds[POLL_MASTER].revents & POLLOUT)
			write_input(relay);
		if (fds[POLL_MASTER].revents & (POLLIN | POLLHUP | POLLERR))
			relay->output_open = relay_output(relay);
		if (fds[POLL_STDIN].revents)
			read_input(relay);
		if (fds[POLL_PROCESS].revents)
			return 0;
	}
}

/* What the program wrote before it ended; those who still hold the terminal may write on without us. */
static void drain(struct relay *relay)
{
	struct pollfd fd = {.fd = relay->master, .events = POLLIN};

	while (relay->master >= 0 && relay->output_open && poll(&fd, 1, 0) > 0)
		relay->output_open = relay_output(relay);
}

static int exit_code(const struct sandbox *sandbox, struct err *e)
{
	siginfo_t info = {0};

	while (waitid(P_PIDFD, (id_t)sandbox->pidfd, &info, WEXITED) < 0) {
		if (errno != EINTR)
			return err_errno(e, "wait for process %d", sandbox->pid);
	}
	return info.si_code == CLD_EXITED ? info.si_status : EXIT_OF_SIGNAL + info.si_status;
}

int foreground_wait(struct foreground *foreground, const struct sandbox *sandbox, struct notify *notify, struct err *e)
{
	sigset_t all;

	sigfillset(&all);
	TRY(receive_master(foreground, e));
	autofd int signals = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals < 0)
		return err_errno(e, "make a signal descriptor");
	struct relay relay = {
		.sandbox = sandbox,
		.notify = notify,
		.signals = signals,
		.master = foreground->master,
		.input_open = foreground->master >= 0,
		.output_open = foreground->master >= 0,
	};
	if (relay.master >= 0) {
		copy_window_size(relay.master);
		make_raw(&relay);
	}
	int r = loop(&relay, e);
	drain(&relay);
	restore(&relay);
	return r < 0 ? r : exit_code(sandbox, e);
}

void foreground_close(struct foreground *foreground)
{
	fd_close(&foreground->pair[0]);
	fd_close(&foreground->pair[1]);
	fd_close(&foreground->master);
}
