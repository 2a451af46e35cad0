/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store_entry.c - a complete entry of the store and its record, read as if a stranger had written it.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/field.h>
#include <hrun/image_store.h>
#include <hrun/str.h>
#include <hrun/utc.h>
#include <inttypes.h>
#include <sys/stat.h>

#define RECORD "record.json"
enum { RECORD_MAX = 4096, RECORD_FORMAT = 1 };

struct store_record {
	uint32_t format;
	const char *manifest, *config, *unpacked, *version;
	uint64_t entries, bytes; /* what hrun-tree wrote */
	uint32_t devices;	 /* nodes that were left out; no such member where none could be */
	const char *first_device;
};

#define ROW(name_, kind_, member)                                                                                   \
	{                                                                                                           \
		.name = (name_), .kind = (kind_), .required = true, .offset = offsetof(struct store_record, member) \
	}
static const struct field rows[] = {
	ROW("format", FIELD_U32, format),
	ROW("manifestDigest", FIELD_STRING, manifest),
	ROW("configDigest", FIELD_STRING, config),
	ROW("unpacked", FIELD_STRING, unpacked),
	ROW("version", FIELD_STRING, version),
	ROW("entries", FIELD_U64, entries),
	ROW("bytes", FIELD_U64, bytes),
	{.name = "devicesDropped", .kind = FIELD_U32, .offset = offsetof(struct store_record, devices)},
	{.name = "firstDevice", .kind = FIELD_STRING, .offset = offsetof(struct store_record, first_device)},
};
static const struct field_table table = FIELD_TABLE(struct store_record, rows);

/* ---- writing ---- */

static void write_text(struct json_out *out, const char *name, const char *text)
{
	json_out_printf(out, ",\"%s\":", name);
	json_out_string(out, text);
}

int store_entry_record(struct pool *pool, int dir, const struct image_result *result, struct err *e)
{
	struct json_out out = {.pool = pool};
	char now[UTC_TEXT_SIZE];
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	utc_text(&time, now, sizeof now);
	json_out_printf(&out, "{\"format\":%d", RECORD_FORMAT);
	write_text(&out, "manifestDigest", result->answer.manifest_digest);
	write_text(&out, "configDigest", result->answer.config_digest);
	write_text(&out, "unpacked", now);
	write_text(&out, "version", HRUN_VERSION);
	json_out_printf(&out, ",\"entries\":%" PRIu64 ",\"bytes\":%" PRIu64, result->entries, result->bytes);
	if (result->answer.devices.count) {
		json_out_printf(&out, ",\"devicesDropped\":%" PRIu32, result->answer.devices.count);
		write_text(&out, "firstDevice", result->answer.devices.first);
	}
	json_out_raw(&out, "}\n");
	autofd int fd = openat(dir, RECORD, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fd_write_all(fd, out.text, out.length);
	return r < 0 ? err_set(e, -r, "write the record of an image in the store: %s", strerrordesc_np(-r)) : 0;
}

/* ---- reading ---- */

/* What only its owner could have written. */
static bool is_private(int fd, mode_t type)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || (st.st_mode & S_IFMT) != type)
		return false;
#ifdef HRUN_MUTANT_STORE_OWNER
	return true;
#endif
	return st.st_uid == 0 && !(st.st_mode & 077);
}

static bool devices_are_sound(const struct store_record *record)
{
	const char *first = record->first_device;

	if (!record->devices || !first)
		return !record->devices && !first;
	return *first && strlen(first) < IMAGE_TEXT_SIZE && !str_has_control(first);
}

/* NULL, or what is wrong with the record. */
static const char *read_record(struct pool *pool, int entry, struct store_record *ret)
{
	struct config_unknown *unknown = NULL;
	size_t unknown_count = 0;
	struct string_list foreign = {0};
	const struct field_notes notes = {&foreign, &unknown, &unknown_count};
	char *bytes = pool_alloc(pool, RECORD_MAX + 1);
	const struct json *tree;
	struct json_error error;

	autofd int fd = store_open_at(entry, RECORD, O_RDONLY | O_NONBLOCK);
	if (!is_private(fd, S_IFREG))
		return "has no record of its owner's, mode 0600";
	ssize_t size = fd_read_all(fd, bytes, RECORD_MAX + 1);
	if (size < 0 || size > RECORD_MAX)
		return "has a record that cannot be read";
	if (json_read(pool, bytes, (size_t)size, RECORD_MAX, &tree, &error) < 0 ||
	    field_read(pool, &table, tree, ret, &notes, &error) < 0 || unknown_count || !devices_are_sound(ret))
		return "has a record that is none";
	return NULL;
}

/* NULL, or why this entry is not ANSWER's image. */
static const char *compare(const struct store_record *record, const struct image_answer *answer,
			   const struct image_request *limits)
{
#ifdef HRUN_MUTANT_STORE_RECORD
	return NULL;
#endif
	if (record->format != RECORD_FORMAT)
		return "was made by another version of hrun";
	if (!str_equal(record->manifest, answer->manifest_digest) || !str_equal(record->config, answer->config_digest))
		return "is another image's by its record";
	if (record->entries > limits->max_entries || record->bytes > limits->max_total_bytes)
		return "is larger than what may be unpacked";
	return NULL;
}

static const char *check(struct pool *pool, int entry, struct image_answer *answer, const struct image_request *limits,
			 int *ret_root)
{
	struct store_record record = {0};
	const char *why = read_record(pool, entry, &record);

	if (!why)
		why = compare(&record, answer, limits);
	if (why)
		return why;
	answer->devices = (struct image_devices){.count = record.devices};
	if (record.devices)
		str_format(answer->devices.first, sizeof answer->devices.first, "%s", record.first_device);
	*ret_root = store_open_at(entry, "rootfs", O_PATH | O_DIRECTORY);
	return *ret_root < 0 ? "has no directory rootfs, or something is mounted there" : NULL;
}

int store_entry_open(struct pool *pool, const struct image_store *store, struct image_answer *answer,
		     const struct image_request *limits, int *ret_root, struct err *e)
{
	char name[STORE_NAME_SIZE];

	if (store_name(answer->manifest_digest, name) < 0)
		return err_set(e, EINVAL, "the image has no digest that the store knows");
	autofd int entry = store_open_at(store->dir, name, O_RDONLY | O_DIRECTORY);
	if (entry == -ENOENT)
		return 0;
	const char *why = is_private(entry, S_IFDIR) ? check(pool, entry, answer, limits, ret_root)
						     : "is no directory of its owner's, mode 0700";
	if (why)
		return err_set(e, EPERM, "store: `%s/%s` %s; remove it, and the image is unpacked again", store->path,
			       name, why);
	return 1;
}
