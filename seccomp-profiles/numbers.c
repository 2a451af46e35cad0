/* SPDX-License-Identifier: Apache-2.0 */
/*
 * numbers.c - names of system calls -> numbers.
 *
 * libseccomp's tables, and a supplement for what the oldest libseccomp that we
 * build with does not have: the same input must give the same filter on every
 * distribution, else a new call would be allowed on one and ENOSYS on another.
 */
#include "profile.h"
#include <linux/audit.h>
#include <seccomp.h>
#include <string.h>

/* Since 5.1 new calls have the same number on all the architectures that we know. */
static const struct {
	const char *name;
	int number;
} newer[] = {
	{"futex_waitv", 449},	    {"set_mempolicy_home_node", 450},
	{"cachestat", 451},	    {"fchmodat2", 452},
	{"map_shadow_stack", 453},  {"futex_wake", 454},
	{"futex_wait", 455},	    {"futex_requeue", 456},
	{"statmount", 457},	    {"listmount", 458},
	{"lsm_get_self_attr", 459}, {"lsm_set_self_attr", 460},
	{"lsm_list_modules", 461},  {"mseal", 462},
	{"setxattrat", 463},	    {"getxattrat", 464},
	{"listxattrat", 465},	    {"removexattrat", 466},
	{"open_tree_attr", 467},    {"file_getattr", 468},
	{"file_setattr", 469},
};

/* i386 got these as calls of their own in 4.3 and 5.1; libseccomp names them by its own negative numbers only. */
static const struct {
	const char *name;
	int number;
} i386_direct[] = {
	{"socket", 359},   {"socketpair", 360}, {"bind", 361},	     {"connect", 362},	   {"listen", 363},
	{"accept4", 364},  {"getsockopt", 365}, {"setsockopt", 366}, {"getsockname", 367}, {"getpeername", 368},
	{"sendto", 369},   {"sendmsg", 370},	{"recvfrom", 371},   {"recvmsg", 372},	   {"shutdown", 373},
	{"recvmmsg", 337}, {"sendmmsg", 345},	{"semget", 393},     {"semctl", 394},	   {"shmget", 395},
	{"shmctl", 396},   {"shmat", 397},	{"shmdt", 398},	     {"msgget", 399},	   {"msgsnd", 400},
	{"msgrcv", 401},   {"msgctl", 402},
};

int profile_number(uint32_t arch, const char *name)
{
	if (arch == AUDIT_ARCH_I386) {
		for (size_t i = 0; i < sizeof i386_direct / sizeof *i386_direct; i++) {
			if (strcmp(i386_direct[i].name, name) == 0)
				return i386_direct[i].number;
		}
	}
	for (size_t i = 0; i < sizeof newer / sizeof *newer; i++) {
		if (strcmp(newer[i].name, name) == 0)
			return newer[i].number;
	}
	int number = seccomp_syscall_resolve_name_arch(arch, name);
	if (number == __NR_SCMP_ERROR)
		die("no system call is called %s", name);
	return number < 0 ? -1 : number;
}
