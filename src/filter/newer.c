/* SPDX-License-Identifier: Apache-2.0 */
/*
 * newer.c - system calls that are newer than the profile do not exist.
 *
 * A profile that answers EPERM to what it does not name was written before the newest calls: a libc that tries
 * one of them falls back on ENOSYS only.  So what is above the highest number that the profile names for an
 * architecture is answered with ENOSYS, before the profile is asked.
 */
#include <hrun/filter_compile.h>
#include <hrun/str.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <string.h>

/* x32 calls have bit 30 set: they are above everything and mean something else. */
enum { X32_BIT = 0x40000000, PART = 4 };

static uint32_t newest_of(const struct config_seccomp *seccomp, uint32_t arch)
{
	int newest = -1;

	for (size_t i = 0; i < seccomp->syscall_count; i++) {
		const struct string_list *names = &seccomp->syscalls[i].names;
		for (size_t k = 0; k < names->count; k++) {
			int number = seccomp_syscall_resolve_name_arch(arch, names->item[k]);
			if (number > newest)
				newest = number;
		}
	}
	return newest < 0 ? UINT32_MAX : (uint32_t)newest;
}

/* Of this architecture, above NEWEST and no x32 call: ENOSYS. */
static void add_part(struct sock_filter *p, uint32_t arch, uint32_t newest)
{
	const struct sock_filter part[PART] = {
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 0, PART),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, newest, 0, 1),
	};

	memcpy(p, part, sizeof part);
	p[PART] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	/* The number is in the accumulator now: the next part looks at the architecture again. */
	p[PART + 1] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
}

void filter_add_newer(struct pool *pool, const struct config_seccomp *seccomp, const uint32_t *archs, size_t count,
		      const struct sock_filter **program, size_t *length)
{
	size_t head = 1 + count * (PART + 2);

#ifdef HRUN_MUTANT_NEWER
	head = BPF_MAXINSNS;
#endif
	if (*length + head > BPF_MAXINSNS)
		return;
	struct sock_filter *grown = pool_alloc(pool, (*length + head) * sizeof *grown);
	grown[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	for (size_t i = 0; i < count; i++)
		add_part(grown + 1 + i * (PART + 2), archs[i], newest_of(seccomp, archs[i]));
	memcpy(grown + head, *program, *length * sizeof *grown);
	*program = grown;
	*length += head;
}
