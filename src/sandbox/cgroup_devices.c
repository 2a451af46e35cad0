/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_devices.c - load the device filter and attach it to the container's cgroup.
 *
 * Without it a container with CAP_MKNOD reaches every device of the host, so an
 * attachment is believed only when the kernel lists it.
 */
#include <hrun/cgroup_dir.h>
#include <hrun/fd.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILTER_NAME "hrun_devices"
enum { FILTERS_MAX = 16 };

static int bpf(enum bpf_cmd command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof *attr);
}

static uint64_t address(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

static int load(const struct bpf_insn *program, size_t length, struct err *e)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof attr);
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.expected_attach_type = BPF_CGROUP_DEVICE;
	attr.insns = address(program);
	attr.insn_cnt = (uint32_t)length;
	attr.license = address("Apache-2.0");
	memcpy(attr.prog_name, FILTER_NAME, sizeof FILTER_NAME);
	int fd = bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0)
		return err_errno(e, "linux.resources.devices: load the device filter (%zu instructions)", length);
	return fd;
}

/* OLD: the program whose place it takes; -1: none. */
static int attach(int cgroup, int program, int old, struct err *e)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof attr);
	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	/* With others on the same branch: every one of them must agree. */
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (old >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)old;
	}
	if (bpf(BPF_PROG_ATTACH, &attr) < 0)
		return err_errno(e, "linux.resources.devices: attach the device filter to the cgroup");
	return 0;
}

static int look(int program, struct bpf_prog_info *ret_info, struct err *e)
{
	union bpf_attr attr;

	memset(ret_info, 0, sizeof *ret_info);
	memset(&attr, 0, sizeof attr);
	attr.info.bpf_fd = (uint32_t)program;
	attr.info.info_len = sizeof *ret_info;
	attr.info.info = address(ret_info);
	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) < 0)
		return err_errno(e, "linux.resources.devices: ask for the number of the device filter");
	return 0;
}

/*
 * The filters that stand on the cgroup itself: how many.  Of a unit of systemd it has one of its own there, and all must agree, so one
 * more denies more.
 */
static int query(int cgroup, uint32_t ids[FILTERS_MAX], struct err *e)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof attr);
	attr.query.target_fd = (uint32_t)cgroup;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	attr.query.prog_ids = address(ids);
	attr.query.prog_cnt = FILTERS_MAX;
	if (bpf(BPF_PROG_QUERY, &attr) < 0)
		return err_errno(e, "linux.resources.devices: ask which device filters the cgroup has");
	return (int)attr.query.prog_cnt;
}

static int verify(int cgroup, int program, struct err *e)
{
	uint32_t ids[FILTERS_MAX] = {0};
	struct bpf_prog_info info;

	TRY(look(program, &info, e));
	int count = query(cgroup, ids, e);
	TRY(count);
	for (int i = 0; i < count; i++) {
		if (ids[i] == info.id)
			return 0;
	}
	return err_set(e, EIO, "linux.resources.devices: the kernel does not list the device filter on the cgroup");
}

int cgroup_dir_attach_devices(int cgroup, const struct bpf_insn *program, size_t length, struct err *e)
{
	autofd int fd = load(program, length, e);

	TRY(fd);
	TRY(attach(cgroup, fd, -1, e));
	return verify(cgroup, fd, e);
}

/* Hrun's own filter on the cgroup, by its name, which only root can give; -ENOENT where there is none. */
static int open_attached(int cgroup, struct err *e)
{
	uint32_t ids[FILTERS_MAX] = {0};
	struct bpf_prog_info info;
	union bpf_attr attr;
	int count = query(cgroup, ids, e);

	TRY(count);
	for (int i = 0; i < count; i++) {
		memset(&attr, 0, sizeof attr);
		attr.prog_id = ids[i];
		autofd int fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
		if (fd < 0)
			return err_errno(e, "linux.resources.devices: open the device filter of the cgroup");
		TRY(look(fd, &info, e));
		if (strncmp(info.name, FILTER_NAME, sizeof info.name) == 0)
			return TAKE_FD(fd);
	}
	return -ENOENT;
}

static int detach(int cgroup, int program, struct err *e)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof attr);
	attr.target_fd = (uint32_t)cgroup;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	if (bpf(BPF_PROG_DETACH, &attr) < 0)
		return err_errno(e, "linux.resources.devices: take the device filter from the cgroup");
	return 0;
}

/* In one step: at no moment may the cgroup be without a filter, or have both.  NEXT and OLD: negative: none. */
static int exchange(int cgroup, int next, int old, struct err *e)
{
	if (next < 0)
		return old < 0 ? 0 : detach(cgroup, old, e);
#ifdef HRUN_MUTANT_DEVICE_REPLACE
	return attach(cgroup, next, -1, e);
#endif
	TRY(attach(cgroup, next, old, e));
	return verify(cgroup, next, e);
}

int cgroup_dir_replace_devices(int cgroup, const struct bpf_insn *program, size_t length, int *ret_old, struct err *e)
{
	autofd int old = open_attached(cgroup, e);

	if (old < 0 && old != -ENOENT)
		return old;
	autofd int next = program ? load(program, length, e) : -EBADF;
	if (program)
		TRY(next);
	TRY(exchange(cgroup, next, old, e));
	*ret_old = TAKE_FD(old);
	return 0;
}

int cgroup_dir_put_back_devices(int cgroup, int old, struct err *e)
{
	autofd int now = open_attached(cgroup, e);

	if (now < 0 && now != -ENOENT)
		return now;
	return exchange(cgroup, old, now, e);
}
