/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_allow.c - what the policy file allows and drops, thing by thing.
 */
#include <hrun/capability.h>
#include <hrun/policy_read.h>
#include <hrun/str.h>

static int read_capability(struct policy_reader *r, const struct json *value, uint64_t *bits)
{
	int number = value->type == JSON_STRING ? capability_number(value->text) : -ENOENT;

	if (number < 0)
		return policy_refuse(r, value, "must be a capability's whole name, as CAP_NET_RAW");
	*bits |= UINT64_C(1) << number;
	return 0;
}

static int read_capabilities(struct policy_reader *r, const struct json *value, uint64_t *bits)
{
	TRY(policy_check_length(r, value));
	for (const struct json *v = value->first; v; v = v->next)
		TRY(read_capability(r, v, bits));
	return 0;
}

static int read_allowed_capabilities(struct policy_reader *r, const struct json *value, void *place)
{
	(void)place;
	return read_capabilities(r, value, &r->policy->allow.capabilities);
}

static int read_dropped_capabilities(struct policy_reader *r, const struct json *value, void *place)
{
	(void)place;
	return read_capabilities(r, value, &r->policy->drop_capabilities);
}

static bool has_blank(const char *text)
{
	return str_has_control(text) || strchr(text, ' ');
}

/* Dots only: with two separators a key would have two spellings. */
static const char *check_sysctl(struct pool *pool, const char **text)
{
	(void)pool;
	if (!**text || has_blank(*text) || strpbrk(*text, "/*") || **text == '.' || str_ends(*text, ".") ||
	    strstr(*text, ".."))
		return "must be the whole key of a sysctl with dots, as net.core.somaxconn";
	return NULL;
}

static const char *check_annotation(struct pool *pool, const char **text)
{
	const char *star = strchr(*text, '*');
	bool is_prefix = star && star[1] == '\0' && star > *text + 1 && star[-1] == '.';

	(void)pool;
	if (!**text || has_blank(*text) || (star && !is_prefix))
		return "must be an annotation's key, or a prefix of keys that ends in .*";
	return NULL;
}

static const char *check_property(struct pool *pool, const char **text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

	(void)pool;
	return **text && strspn(*text, letters) == strlen(*text) ? NULL
								 : "must be a property of systemd, as CollectMode";
}

static const char *check_architecture(struct pool *pool, const char **text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	static const char prefix[] = "SCMP_ARCH_";

	(void)pool;
	if (!str_starts(*text, prefix) || !(*text)[sizeof prefix - 1] || strspn(*text, letters) != strlen(*text))
		return "must be an architecture of the specification, as SCMP_ARCH_X86";
	return NULL;
}

#define STRINGS(function, member, check)                                                    \
	static int function(struct policy_reader *r, const struct json *value, void *place) \
	{                                                                                   \
		(void)place;                                                                \
		return policy_read_strings(r, value, check, &r->policy->allow.member);      \
	}
STRINGS(read_sysctls, sysctls, check_sysctl)
STRINGS(read_annotations, annotations, check_annotation)
STRINGS(read_properties, systemd_properties, check_property)
STRINGS(read_architectures, seccomp_architectures, check_architecture)

/* ---- devices ---- */

static int read_device_type(struct policy_reader *r, const struct json *value, void *place)
{
	static const char *const words[] = {"b", "c"};
	int type = policy_read_word(r, value, words, 2);

	TRY(type);
	((struct policy_device *)place)->type = *words[type];
	return 0;
}

static int read_major(struct policy_reader *r, const struct json *value, void *place)
{
	return policy_read_integer(r, value, 0, (1 << 12) - 1, &((struct policy_device *)place)->major);
}

static int read_minor(struct policy_reader *r, const struct json *value, void *place)
{
	return policy_read_integer(r, value, 0, (1 << 20) - 1, &((struct policy_device *)place)->minor);
}

/* Each letter once, in one order. */
static const char *clean_access(struct pool *pool, const char *text)
{
	return pool_printf(pool, "%s%s%s", strchr(text, 'r') ? "r" : "", strchr(text, 'w') ? "w" : "",
			   strchr(text, 'm') ? "m" : "");
}

static int read_access(struct policy_reader *r, const struct json *value, void *place)
{
	if (!*value->text || strspn(value->text, "rwm") != strlen(value->text))
		return policy_refuse(r, value, "must be letters of \"rwm\"");
	((struct policy_device *)place)->access = clean_access(r->pool, value->text);
	return 0;
}

/* ---- paths ---- */

static int read_prefix_path(struct policy_reader *r, const struct json *value, void *place)
{
	struct policy_mount_prefix *prefix = place;

	prefix->path = value->text;
	const char *complaint = policy_check_path(r->pool, &prefix->path);
	return complaint ? policy_refuse(r, value, "%s", complaint) : 0;
}

static int read_prefix_read_only(struct policy_reader *r, const struct json *value, void *place)
{
	(void)r;
	((struct policy_mount_prefix *)place)->read_only = value->boolean;
	return 0;
}

static int read_hook_path(struct policy_reader *r, const struct json *value, void *place)
{
	struct policy_hook *hook = place;

	hook->path = value->text;
	const char *complaint = policy_check_path(r->pool, &hook->path);
	return complaint ? policy_refuse(r, value, "%s", complaint) : 0;
}

static int read_hook_sha256(struct policy_reader *r, const struct json *value, void *place)
{
	if (!policy_is_sha256(value->text))
		return policy_refuse(r, value, "must be 64 lower-case hexadecimal digits (sha256sum FILE)");
	((struct policy_hook *)place)->sha256 = value->text;
	return 0;
}

/* ---- lists of objects ---- */

static int read_devices(struct policy_reader *r, const struct json *value, void *place)
{
	static const struct policy_row rows[] = {
		{"type", JSON_STRING, true, read_device_type},
		{"major", JSON_NUMBER, true, read_major},
		{"minor", JSON_NUMBER, true, read_minor},
		{"access", JSON_STRING, true, read_access},
	};

	(void)place;
	TRY(policy_check_length(r, value));
	struct policy_device *device = pool_alloc(r->pool, (value->count + 1) * sizeof *device);
	r->policy->allow.devices = device;
	r->policy->allow.device_count = value->count;
	for (const struct json *v = value->first; v; v = v->next)
		TRY(POLICY_READ_OBJECT(r, v, rows, device++));
	return 0;
}

static int read_mount_prefixes(struct policy_reader *r, const struct json *value, void *place)
{
	static const struct policy_row rows[] = {
		{"path", JSON_STRING, true, read_prefix_path},
		{"readOnly", JSON_BOOLEAN, false, read_prefix_read_only},
	};

	(void)place;
	TRY(policy_check_length(r, value));
	struct policy_mount_prefix *prefix = pool_alloc(r->pool, (value->count + 1) * sizeof *prefix);
	r->policy->allow.mount_prefixes = prefix;
	r->policy->allow.mount_prefix_count = value->count;
	for (const struct json *v = value->first; v; v = v->next) {
		prefix->read_only = true;
		TRY(POLICY_READ_OBJECT(r, v, rows, prefix++));
	}
	return 0;
}

static int read_hooks(struct policy_reader *r, const struct json *value, void *place)
{
	static const struct policy_row rows[] = {
		{"path", JSON_STRING, true, read_hook_path},
		{"sha256", JSON_STRING, true, read_hook_sha256},
	};

	(void)place;
	TRY(policy_check_length(r, value));
	struct policy_hook *hook = pool_alloc(r->pool, (value->count + 1) * sizeof *hook);
	r->policy->allow.hooks = hook;
	r->policy->allow.hook_count = value->count;
	for (const struct json *v = value->first; v; v = v->next)
		TRY(POLICY_READ_OBJECT(r, v, rows, hook++));
	return 0;
}

static int read_cgroups_disabled(struct policy_reader *r, const struct json *value, void *place)
{
	(void)place;
	r->policy->allow.cgroups_disabled = value->boolean;
	return 0;
}

int policy_read_allow(struct policy_reader *r, const struct json *value, void *place)
{
	static const struct policy_row rows[] = {
		{"capabilities", JSON_ARRAY, false, read_allowed_capabilities},
		{"sysctls", JSON_ARRAY, false, read_sysctls},
		{"devices", JSON_ARRAY, false, read_devices},
		{"mountPrefixes", JSON_ARRAY, false, read_mount_prefixes},
		{"hooks", JSON_ARRAY, false, read_hooks},
		{"annotations", JSON_ARRAY, false, read_annotations},
		{"systemdProperties", JSON_ARRAY, false, read_properties},
		{"seccompArchitectures", JSON_ARRAY, false, read_architectures},
		{"cgroupsDisabled", JSON_BOOLEAN, false, read_cgroups_disabled},
	};

	return POLICY_READ_OBJECT(r, value, rows, place);
}

int policy_read_drop(struct policy_reader *r, const struct json *value, void *place)
{
	static const struct policy_row rows[] = {{"capabilities", JSON_ARRAY, false, read_dropped_capabilities}};

	return POLICY_READ_OBJECT(r, value, rows, place);
}
