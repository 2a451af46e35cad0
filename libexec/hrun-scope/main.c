/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - hrun-scope: one request about one unit, one answer; and then a process that keeps the unit from being empty.
 *
 * It is the only program of hrun that knows D-Bus.  hrun gives it a connected socket, so it needs no file, no address and no
 * environment; and it gives up all privilege, as hrun-image does, before it reads the first byte of what the other side says.
 */
#include "../hrun-image/image.h"
#include "scope.h"
#include <errno.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <hrun/unix.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SOCKET = 3, EXIT_NO_ANSWER = 2 };

#ifdef __SANITIZE_ADDRESS__
/* Who is not dumpable cannot be looked through for leaks. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

static struct talk the_talk;

int talk_fail(struct talk *t, int errnum, const char *format, ...)
{
	va_list list;

	if (!t->answer.reason[0]) {
		va_start(list, format);
		vsnprintf(t->answer.reason, sizeof t->answer.reason, format, list);
		va_end(list);
	}
	return -errnum;
}

static int work(struct talk *t)
{
	TRY(bus_greet(t));
	switch (t->request.task) {
	case SCOPE_START:
		return task_start(t);
	case SCOPE_SET:
		return task_set(t);
	default:
		return task_stop(t);
	}
}

/* One line on stderr, for who runs it by hand; hrun gives it no stderr. */
static int complain(const char *what)
{
	char line[200];
	int n = str_format(line, sizeof line, "hrun-scope: %s; it is started by hrun\n", what);

	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
		return EXIT_NO_ANSWER;
	return EXIT_NO_ANSWER;
}

/* The unit is not empty while we live.  hrun closes the socket, or kills us, when the container is in it. */
static void stay(void)
{
	char byte;

	while (read(SOCKET, &byte, sizeof byte) < 0 && errno == EINTR)
		;
}

int main(int argc, char **argv)
{
	struct talk *t = &the_talk;
	const char *what = NULL;
	int bus = -EBADF;

	(void)argv;
	t->answer.unchanged = true;
	if (argc != 1 || (environ && environ[0]))
		return complain("no arguments and no environment are expected");
	if (unix_receive(SOCKET, &t->request, sizeof t->request, &bus) != sizeof t->request || bus < 0)
		return complain("no request came");
	int r = talk_check(t);
	/* This part writes the greeting and looks at the socket; it reads nothing. */
	if (r >= 0)
		r = bus_begin(t, bus);
	/*
	 * hrun's death must not kill us while systemd makes a unit of us: it would put a zombie there, which the kernel moves nowhere, and of
	 * a cgroup that nobody was ever in nobody hears that it is empty.  We see that hrun is gone when systemd has answered.
	 */
	if (r >= 0 &&
	    (close_range((unsigned int)bus + 1, ~0U, 0) < 0 || confine(t->request.task != SCOPE_START, &what) < 0))
		r = talk_fail(t, EPERM, "hrun-scope cannot be confined: %s", what ? what : "descriptors");
	if (r >= 0)
		r = work(t);
	t->answer.version = SCOPE_WIRE_VERSION;
	t->answer.error = r < 0 ? r : 0;
	if (r < 0)
		str_remove_controls(t->answer.reason);
	if (unix_send(SOCKET, &t->answer, sizeof t->answer, -1) < 0)
		return EXIT_NO_ANSWER;
	if (r >= 0 && t->request.task == SCOPE_START)
		stay();
	return 0;
}
