// SPDX-License-Identifier: Apache-2.0
/*
 * probe.c - what only the process itself can find out, one line for each question.
 *
 * Linked statically by hrun.py and put into the test containers as /bin/probe.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static const char *word(long r)
{
	return r < 0 ? strerrorname_np(errno) : "ok";
}

/* Before anything is opened: every descriptor that came through execve. */
static void descriptors(void)
{
	for (int fd = 0; fd < 4096; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d ", fd);
	}
	printf("\n");
}

static int open_as(const char *path, const char *how)
{
	int flags = !strcmp(how, "r") ? O_RDONLY : !strcmp(how, "w") ? O_WRONLY : O_RDWR;

	return open(path, flags | O_NOCTTY | O_CLOEXEC);
}

static void terminal(void)
{
	struct winsize size = {0};
	char *name = ttyname(0);

	ioctl(0, TIOCGWINSZ, &size);
	printf("tty %s session %d leader %d foreground %d rows %d columns %d\n", name ? name : "none", (int)tcgetsid(0),
	       (int)getsid(0), tcgetpgrp(0) == getpgrp(), size.ws_row, size.ws_col);
}

static void node(const char *path, const char *type, const char *numbers)
{
	unsigned int major = 0, minor = 0;
	mode_t mode = *type == 'b' ? S_IFBLK : S_IFCHR;

	sscanf(numbers, "%u:%u", &major, &minor);
	printf("%s ", word(mknod(path, mode | 0600, makedev(major, minor))));
	printf("%s\n", word(open_as(path, "r")));
}

/* sd_notify(3) */
static void notify(const char *message)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strncpy(address.sun_path, getenv("NOTIFY_SOCKET") ? getenv("NOTIFY_SOCKET") : "", sizeof address.sun_path - 1);
	if (sendto(fd, message, strlen(message), 0, (struct sockaddr *)&address, sizeof address) < 0)
		fprintf(stderr, "notify: %s\n", strerrorname_np(errno));
	close(fd);
}

/* Who sends a datagram to PORT is told in which container that is. */
static void answer(const char *port)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))}, there;
	socklen_t size = sizeof there;
	char text[256];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof here) < 0 || gethostname(text, sizeof text) < 0) {
		fprintf(stderr, "answer: %s\n", strerrorname_np(errno));
		exit(1);
	}
	while (recvfrom(fd, NULL, 0, 0, (struct sockaddr *)&there, &size) >= 0)
		sendto(fd, text, strlen(text), 0, (struct sockaddr *)&there, size);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *verb = argv[i];
		if (!strcmp(verb, "fds"))
			descriptors();
		else if (!strcmp(verb, "keyring"))
			printf("%ld\n", syscall(SYS_keyctl, 0, -3, 0)); /* KEYCTL_GET_KEYRING_ID, the session's */
		else if (!strcmp(verb, "notify") && i + 1 < argc)
			notify(argv[++i]);
		else if (!strcmp(verb, "answer") && i + 1 < argc)
			answer(argv[++i]);
		else if (!strcmp(verb, "terminal"))
			terminal();
		else if (!strcmp(verb, "session"))
			printf("sid %d pgid %d pid %d\n", (int)getsid(0), (int)getpgrp(), (int)getpid());
		else if (!strcmp(verb, "open") && i + 2 < argc)
			printf("%s\n", word(open_as(argv[i + 1], argv[i + 2]))), i += 2;
		else if (!strcmp(verb, "mknod") && i + 3 < argc)
			node(argv[i + 1], argv[i + 2], argv[i + 3]), i += 3;
		else if (!strcmp(verb, "setgroups"))
			printf("%s\n", word(setgroups(0, NULL)));
		else if (!strcmp(verb, "syscall") && i + 1 < argc)
			printf("%s\n", word(syscall(atol(argv[i + 1]), -1, 0, 0, 0, 0, 0))), i++;
		else if (!strcmp(verb, "pause")) {
			fflush(stdout);
			for (;;)
				pause();
		} else {
			return 2;
		}
	}
	return 0;
}
