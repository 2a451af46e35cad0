/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc.h - processes: recognised again by pidfd and start time, read from procfs.
 */
#ifndef HRUN_PROC_H
#define HRUN_PROC_H

#include <hrun/err.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_stat {
	char state;	      /* field 3 of /proc/PID/stat: R S D Z T t X */
	bool fork_no_exec;    /* PF_FORKNOEXEC (0x40) of field 9: has not passed execve's point of no return */
	uint64_t start_ticks; /* field 22: start time after boot, in clock ticks */
};

/* An owned descriptor of /proc, checked to be the root of a procfs (proc(5), fstatfs magic and inode 1). */
int proc_open(struct err *e);

/* Read /proc/PID/stat below PROC (proc_open).  -ESRCH where there is no such process. */
int proc_read_stat(int proc, pid_t pid, struct proc_stat *ret_stat);

/*
 * An owned pidfd of the process that had START_TICKS, or -ESRCH where it is gone
 * or its number belongs to another process by now.
 */
int proc_open_same(int proc, pid_t pid, uint64_t start_ticks);

/* pidfd_open(2), pidfd_send_signal(2); negative errno. */
int proc_pidfd_open(pid_t pid);
int proc_pidfd_signal(int pidfd, int signal);

/* Wait until the pidfd is readable (the process has ended).  TIMEOUT_MS -1 = for ever.  0, -ETIMEDOUT or other errno. */
int proc_pidfd_wait(int pidfd, int timeout_ms);

struct proc_id_range {
	uint32_t inside, outside, count;
};
/* Lines that a map has at most, and their bytes (user_namespaces(7)). */
enum { PROC_MAP_LINES = 340, PROC_MAP_BYTES = PROC_MAP_LINES * 33 };

/* A line of /proc/PID/uid_map or gid_map; false where it is none. */
bool proc_id_range_read(const char *line, struct proc_id_range *ret_range);

/* The lines of this process's uid_map (GIDS: gid_map), at most MAX of them; their number, or negative errno. */
int proc_own_id_map(bool gids, struct proc_id_range *ret_ranges, size_t max);

/*
 * As which uid does the root of this machine show here?  Outside of user namespaces, and where a user namespace is a machine of its
 * own, it is 0; the host's root shows as what it is mapped to, or as the overflow uid, as everybody unmapped does.  Where the kernel
 * does not say it is 0: nothing else is trusted then.
 */
uid_t proc_host_root(void);

/* Which signals this process ignores: bit N-1 for signal N; all where procfs does not say. */
uint64_t proc_ignored_signals(void);

/* The effective uid that this program was executed with, from the auxiliary vector (getauxval(3)): hrun's commands never change theirs. */
uid_t proc_euid(void);

/* Is uid 0 here uid 0 of the machine?  False inside an engine's own user namespace. */
bool proc_in_first_user_namespace(void);
/* The same, but false where procfs does not say. */
bool proc_maps_every_id(void);

/* Does what PATH leads to belong to uid 0 of our user namespace?  The host's root is somebody else there, unless it is mapped to 0. */
bool proc_is_own_roots(const char *path);
/*
 * Are we in a user namespace that is a machine with a tree of its own: LXC, systemd-nspawn -U, a container in which hrun is called?  "/"
 * belongs to its uid 0.  A rootless engine's user namespace shows the host's "/", which is nobody's there.
 */
bool proc_in_own_machine(void);
/* Is the caller root of a machine: the host, or one of the above?  True for uid 0 where procfs does not say. */
bool proc_is_machines_root(void);

#endif
