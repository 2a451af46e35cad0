/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time.c - the time namespace (time_namespaces(7)), which no clone3(2) flag can do right.
 *
 * Offsets can be written only while nobody is inside, so init makes the namespace "for children", writes
 * them and then enters it itself.  One that exists is entered by a process with memory of its own only (EUSERS
 * otherwise), which the borrowed body of spawn() has not: the runtime visits it, its child is born there, and
 * the runtime goes home.
 *
 * DANGER: inside, start times in /proc are shifted, so the runtime reads nothing while it visits.
 */
#include <fcntl.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static int write_offset(int fd, const struct time_offset *offset, const char *clock, struct err *e)
{
	char text[64];

	if (!offset->secs && !offset->nanosecs)
		return 0;
	TRY(str_format(text, sizeof text, "%s %lld %u\n", clock, (long long)offset->secs, offset->nanosecs));
	if (write(fd, text, strlen(text)) >= 0)
		return 0;
	if (errno == ERANGE)
		return err_set(e, ERANGE, "linux.timeOffsets.%s: the clock would be before 0 or beyond 146 years",
			       clock);
	return err_errno(e, "linux.timeOffsets.%s: write the offset", clock);
}

int time_make(const struct namespaces_plan *plan, struct err *e)
{
	if (!plan->new_time)
		return 0;
	if (unshare(CLONE_NEWTIME) < 0)
		return err_errno(e, "linux.namespaces: make a time namespace");
	autofd int offsets = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (offsets < 0)
		return err_errno(e, "open /proc/self/timens_offsets");
	TRY(write_offset(offsets, &plan->monotonic, "monotonic", e));
	TRY(write_offset(offsets, &plan->boottime, "boottime", e));
	autofd int made = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (made < 0)
		return err_errno(e, "open /proc/self/ns/time_for_children");
#ifndef HRUN_MUTANT_TIME_INSIDE
	if (setns(made, CLONE_NEWTIME) < 0)
		return err_errno(e, "enter the new time namespace");
#endif
	return 0;
}

int time_visit(int namespace, struct err *e)
{
	autofd int home = open("/proc/self/ns/time", O_RDONLY | O_CLOEXEC);

	if (home < 0)
		return err_errno(e, "open /proc/self/ns/time");
	if (setns(namespace, CLONE_NEWTIME) < 0)
		return err_errno(e, "join the time namespace");
	return TAKE_FD(home);
}

int time_return(int home, struct err *e)
{
	if (home >= 0 && setns(home, CLONE_NEWTIME) < 0)
		return err_errno(e, "leave the time namespace");
	return 0;
}
