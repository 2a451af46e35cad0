/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signal.c - names of signals: kill(1)'s, with or without SIG, in any case.
 */
#include <hrun/cli.h>
#include <hrun/str.h>
#include <signal.h>
#include <strings.h>

/* Names that sigabbrev_np(3) does not give. */
static const struct {
	const char *name;
	int number;
} aliases[] = {{"CLD", SIGCHLD}, {"IOT", SIGABRT}, {"POLL", SIGPOLL}, {"IO", SIGIO}};

static int real_time(const char *name)
{
	bool from_min = strncasecmp(name, "RTMIN", 5) == 0, from_max = strncasecmp(name, "RTMAX", 5) == 0;
	uint64_t offset = 0, room = (uint64_t)(SIGRTMAX - SIGRTMIN);

	if (!from_min && !from_max)
		return -EINVAL;
	if (name[5] && (name[5] != (from_min ? '+' : '-') || str_to_u64(name + 6, room, &offset) < 0))
		return -EINVAL;
	return from_min ? SIGRTMIN + (int)offset : SIGRTMAX - (int)offset;
}

int signal_number(const char *text)
{
	uint64_t number;

	if (str_to_u64(text, (uint64_t)SIGRTMAX, &number) == 0)
		return (int)number;
	const char *name = strncasecmp(text, "SIG", 3) == 0 ? text + 3 : text;
	for (int i = 1; i < SIGRTMIN; i++) {
		const char *known = sigabbrev_np(i);
		if (known && strcasecmp(known, name) == 0)
			return i;
	}
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++) {
		if (strcasecmp(aliases[i].name, name) == 0)
			return aliases[i].number;
	}
	return real_time(name);
}
