/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_lists.c - the parts of linux.resources that are lists: blockIO,
 * hugepageLimits, rdma, unified.
 *
 * Page sizes, device names and unified keys become file names or words of a value:
 * only characters that cannot leave the directory or the word are let through.
 */
#include <hrun/plan_cgroup.h>
#include <hrun/str.h>
#include <inttypes.h>

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

enum { MAJOR_MAX = (1 << 12) - 1, MINOR_MAX = (1 << 20) - 1 };

/* ---- blockIO ---- */

static int check_device(int64_t major, int64_t minor, const char *where, struct err *e)
{
	if (major < 0 || major > MAJOR_MAX || minor < 0 || minor > MINOR_MAX)
		return err_set(e, EINVAL, "%s: %" PRId64 ":%" PRId64 " is not the number of a device", where, major,
			       minor);
	return 0;
}

static int check_weight(uint32_t weight, const char *where, struct err *e)
{
	if (weight < 10 || weight > 1000)
		return err_set(e, EINVAL, "%s: must be 10 to 1000", where);
	return 0;
}

/* Two schedulers know weights, each with a file and a scale of its own; a kernel has both, one or none. */
static int plan_io_weight(struct pool *pool, uint32_t weight, struct cgroup_plan *plan, struct err *e)
{
	static const char where[] = "linux.resources.blockIO.weight";

	TRY(check_weight(weight, where, e));
	uint64_t wide = 1 + ((uint64_t)weight - 10) * 9999 / 990;
	plan_cgroup_write(pool, plan, CGROUP_LIMIT, "io.bfq.weight", pool_printf(pool, "%" PRIu32, weight), where)
		->either = true;
	plan_cgroup_write(pool, plan, CGROUP_LIMIT, "io.weight", pool_printf(pool, "%" PRIu64, wide), where)->either =
		true;
	return 0;
}

static int plan_weight_devices(struct pool *pool, const struct config_block_io *io, struct cgroup_plan *plan,
			       struct err *e)
{
	for (size_t i = 0; i < io->weight_device_count; i++) {
		const struct config_weight_device *device = &io->weight_device[i];
		const char *where = pool_printf(pool, "linux.resources.blockIO.weightDevice[%zu]", i);
		TRY(check_device(device->major, device->minor, where, e));
		if (device->leaf_weight.set && device->leaf_weight.value)
			return plan_not_on_v2(pool_printf(pool, "%s.leafWeight", where), e);
		if (!device->weight.set && !device->leaf_weight.set)
			return err_set(e, EINVAL, "%s: neither weight nor leafWeight is given", where);
		if (!device->weight.set || !device->weight.value)
			continue;
		TRY(check_weight(device->weight.value, where, e));
		const char *value = pool_printf(pool, "%" PRId64 ":%" PRId64 " %" PRIu32, device->major, device->minor,
						device->weight.value);
		plan_cgroup_write(pool, plan, CGROUP_LIMIT, "io.bfq.weight", value, where);
	}
	return 0;
}

/* NAME is the member of blockIO, KEY the word of io.max. */
static int plan_throttle(struct pool *pool, const struct config_throttle *throttle, size_t count, const char *name,
			 const char *key, struct cgroup_plan *plan, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		const char *where = pool_printf(pool, "linux.resources.blockIO.%s[%zu]", name, i);
		TRY(check_device(throttle[i].major, throttle[i].minor, where, e));
		if (!throttle[i].rate.set)
			return err_set(e, EINVAL, "%s.rate: is missing", where);
		/* In v1 the rate 0 takes a limit away. */
		uint64_t rate = throttle[i].rate.value;
		const char *text = rate ? pool_printf(pool, "%" PRIu64, rate) : "max";
		const char *value = pool_printf(pool, "%" PRId64 ":%" PRId64 " %s=%s", throttle[i].major,
						throttle[i].minor, key, text);
		plan_cgroup_write(pool, plan, CGROUP_LIMIT, "io.max", value, where)->absent_ok = rate == 0;
	}
	return 0;
}

int plan_block_io(struct pool *pool, const struct config_block_io *io, struct cgroup_plan *plan, struct err *e)
{
	if (io->leaf_weight.set && io->leaf_weight.value)
		return plan_not_on_v2("linux.resources.blockIO.leafWeight", e);
	if (io->weight.set && io->weight.value)
		TRY(plan_io_weight(pool, io->weight.value, plan, e));
	TRY(plan_weight_devices(pool, io, plan, e));
	TRY(plan_throttle(pool, io->read_bps, io->read_bps_count, "throttleReadBpsDevice", "rbps", plan, e));
	TRY(plan_throttle(pool, io->write_bps, io->write_bps_count, "throttleWriteBpsDevice", "wbps", plan, e));
	TRY(plan_throttle(pool, io->read_iops, io->read_iops_count, "throttleReadIOPSDevice", "riops", plan, e));
	return plan_throttle(pool, io->write_iops, io->write_iops_count, "throttleWriteIOPSDevice", "wiops", plan, e);
}

/* ---- hugepageLimits ---- */

/* The kernel's names: 64KB, 2MB, 1GB. */
static bool is_page_size(const char *size)
{
	size_t digits = size ? strspn(size, DIGITS) : 0;

	return digits >= 1 && digits <= 6 && size[0] != '0' &&
	       (str_equal(size + digits, "KB") || str_equal(size + digits, "MB") || str_equal(size + digits, "GB"));
}

int plan_hugepages(struct pool *pool, const struct config_resources *resources, struct cgroup_plan *plan, struct err *e)
{
	for (size_t i = 0; i < resources->hugepage_limit_count; i++) {
		const struct config_hugepage_limit *huge = &resources->hugepage_limits[i];
		const char *where = pool_printf(pool, "linux.resources.hugepageLimits[%zu]", i);
		if (!is_page_size(huge->page_size))
			return err_set(e, EINVAL, "%s.pageSize: must be as 64KB, 2MB or 1GB", where);
		const char *value = pool_printf(pool, "%" PRIu64, huge->limit);
		/* Reserved pages came with Linux 5.7; first, so that none is reserved that may not be used. */
		plan_cgroup_write(pool, plan, CGROUP_LIMIT, pool_printf(pool, "hugetlb.%s.rsvd.max", huge->page_size),
				  value, where)
			->absent_ok = true;
		plan_cgroup_write(pool, plan, CGROUP_LIMIT, pool_printf(pool, "hugetlb.%s.max", huge->page_size), value,
				  where);
	}
	return 0;
}

/* ---- rdma ---- */

static const char *rdma_value(struct pool *pool, const struct config_rdma *rdma)
{
	const char *handles =
		rdma->hca_handles.set ? pool_printf(pool, " hca_handle=%" PRIu32, rdma->hca_handles.value) : "";
	const char *objects =
		rdma->hca_objects.set ? pool_printf(pool, " hca_object=%" PRIu32, rdma->hca_objects.value) : "";

	return pool_printf(pool, "%s%s%s", rdma->device, handles, objects);
}

int plan_rdma(struct pool *pool, const struct config_resources *resources, struct cgroup_plan *plan, struct err *e)
{
	for (size_t i = 0; i < resources->rdma_count; i++) {
		const struct config_rdma *rdma = &resources->rdma[i];
		const char *where = pool_printf(pool, "linux.resources.rdma[\"%s\"]", rdma->device);
		if (!*rdma->device || rdma->device[strspn(rdma->device, LETTERS DIGITS "_.-")] != '\0')
			return err_set(e, EINVAL, "linux.resources.rdma: a key is not the name of a device");
		if (!rdma->hca_handles.set && !rdma->hca_objects.set)
			return err_set(e, EINVAL, "%s: neither hcaHandles nor hcaObjects is given", where);
		plan_cgroup_write(pool, plan, CGROUP_LIMIT, "rdma.max", rdma_value(pool, rdma), where);
	}
	return 0;
}

/* ---- unified ---- */

/* CONTROLLER.PARAMETER, no file of cgroup2's core: cgroup.procs would pull in foreign processes. */
static bool is_unified_key(const char *key)
{
	size_t controller = strspn(key, LETTERS DIGITS "_");
	const char *parameter = key + controller + 1;

	return controller && key[controller] == '.' && *parameter && *parameter != '.' && strlen(key) < 128 &&
	       parameter[strspn(parameter, LETTERS DIGITS "_.-")] == '\0' && !str_starts(key, "cgroup.");
}

static int plan_unified_value(struct pool *pool, const struct string_pair *pair, const char *where,
			      struct cgroup_plan *plan, struct err *e)
{
	size_t lines = 0;

	for (const char *line = pair->value; *line;) {
		size_t length = strcspn(line, "\n");
		/* A blank line sets nothing, or all to nothing. */
		if (strspn(line, " \t") < length) {
			const char *value = pool_strndup(pool, line, length);
			if (str_has_control(value))
				return err_set(e, EINVAL, "%s: the value holds a control character", where);
			struct cgroup_write *write =
				plan_cgroup_write(pool, plan, CGROUP_LIMIT, pair->key, value, where);
			write->last = str_equal(pair->key, "pids.max");
			/* Named by its file: who asks for it wants this very file. */
			write->absent_ok = false;
			lines++;
		}
		line += length + (line[length] == '\n');
	}
	return lines ? 0 : err_set(e, EINVAL, "%s: the value is empty", where);
}

int plan_unified(struct pool *pool, const struct string_map *unified, struct cgroup_plan *plan, struct err *e)
{
	for (size_t i = 0; i < unified->count; i++) {
		const struct string_pair *pair = &unified->item[i];
		const char *where = pool_printf(pool, "linux.resources.unified[\"%s\"]", pair->key);
		if (!is_unified_key(pair->key))
			return err_set(e, EINVAL,
				       "linux.resources.unified: the key \"%.64s\" is not CONTROLLER.PARAMETER, as "
				       "memory.high",
				       str_has_control(pair->key) ? "?" : pair->key);
		TRY(plan_unified_value(pool, pair, where, plan, e));
	}
	return 0;
}
