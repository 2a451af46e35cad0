/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.c - a container's statistics at intervals, and each time that the kernel killed for want of memory.
 *
 * Ends with the container.
 */
#include <hrun/cgroup.h>
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/fd.h>
#include <hrun/json.h>
#include <hrun/proc.h>
#include <hrun/str.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

enum { DEFAULT_INTERVAL_MS = 5000, DAY_MS = 24 * 60 * 60 * 1000 };

struct watch {
	struct command *command;
	const struct container *container;
	int cgroup, notices; /* inotify on memory.events, -1 where there is none */
	uint64_t kills;
};

/* "500ms", "5s", "1m", "1h"; a bare number is seconds. */
static int read_interval(const char *text, int *ret_ms, struct err *e)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60000}, {"h", 3600000}};
	size_t digits = text ? strspn(text, "0123456789") : 0;
	char number[12];
	uint64_t value;

	*ret_ms = DEFAULT_INTERVAL_MS;
	if (!text)
		return 0;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (!str_equal(text + digits, units[i].unit) ||
		    str_format(number, sizeof number, "%.*s", (int)digits, text) < 0 ||
		    str_to_u64(number, DAY_MS / units[i].ms, &value) < 0 || value == 0)
			continue;
		*ret_ms = (int)(value * units[i].ms);
		return 0;
	}
	return err_set(e, EINVAL, "option --interval takes a time up to a day, as 500ms, 5s or 1m, not `%s`", text);
}

static int print_stats(const struct watch *watch, struct err *e)
{
	struct pool pool = {NULL};
	struct json_out out = {.pool = &pool};

	stats_write(&out, watch->container->id, watch->cgroup);
	fputs(out.text, stdout);
	pool_free(&pool);
	return fflush(stdout) < 0 ? err_errno(e, "write the statistics") : 0;
}

/* One line for each kill since the last look. */
static int print_kills(struct watch *watch, struct err *e)
{
	uint64_t kills = cgroup_oom_kills(watch->cgroup);
	char buffer[4096];

	while (watch->notices >= 0 && read(watch->notices, buffer, sizeof buffer) > 0)
		;
	for (; watch->kills < kills; watch->kills++)
		printf("{\"type\":\"oom\",\"id\":\"%s\"}\n", watch->container->id);
	return fflush(stdout) < 0 ? err_errno(e, "write an event") : 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int follow(struct watch *watch, int pidfd, int interval_ms, struct err *e)
{
	struct pollfd fds[] = {{.fd = pidfd, .events = POLLIN}, {.fd = watch->notices, .events = POLLIN}};
	int64_t next = now_ms();

	while (!(fds[0].revents)) {
		if (now_ms() >= next) {
			TRY(print_stats(watch, e));
			next = now_ms() + interval_ms;
		}
		int64_t left = next - now_ms();
		if (poll(fds, 2, left > 0 ? (int)left : 0) < 0 && errno != EINTR)
			return err_errno(e, "wait for events of the container");
		TRY(print_kills(watch, e));
	}
	return 0;
}

/* memory.events tells each change by inotify(7). */
static int watch_memory(int cgroup)
{
	char path[64];
	autofd int notices = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	str_format(path, sizeof path, "/proc/self/fd/%d/memory.events", cgroup);
	if (notices < 0 || inotify_add_watch(notices, path, IN_MODIFY) < 0)
		return -1; /* no memory controller: nothing will be killed for memory */
	return TAKE_FD(notices);
}

static int events(struct command *command, const struct container *container, int interval_ms, struct err *e)
{
	const struct container_record *record = &container->record;
	autofd int cgroup = living_cgroup(container, e);
	TRY(cgroup);
	struct watch watch = {command, container, cgroup, -1, cgroup_oom_kills(cgroup)};

	if (command->options.stats)
		return print_stats(&watch, e);
	autofd int proc = proc_open(e);
	TRY(proc);
	autofd int pidfd = proc_open_same(proc, record->pid, record->start_ticks);
	if (pidfd < 0)
		return err_set(e, ESRCH, "container not running: `%s`: no such process", container->id);
	autofd int notices = watch_memory(cgroup);
	watch.notices = notices;
	return follow(&watch, pidfd, interval_ms, e);
}

int cmd_events(struct command *command, struct err *e)
{
	struct container container;
	int interval_ms;

	TRY(read_interval(command->options.interval, &interval_ms, e));
	TRY(target_open(command, false, false, &container, e));
	int r = events(command, &container, interval_ms, e);
	container_close(&container);
	return r;
}
