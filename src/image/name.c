/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name.c - names of images, strictly, and the scopes of trust.
 *
 * Trust hangs on names, so a name has one spelling and a component ends where it ends: "registry.example.org/team" is no
 * prefix of "registry.example.org/team-of-others/app".
 */
#include <hrun/image_name.h>
#include <hrun/image_wire.h>
#include <hrun/str.h>
#include <string.h>

enum { REPOSITORY_MAX = 255, TAG_MAX = 128, LABEL_MAX = 63, HOST_MAX = 253 };

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"

/* ---- the host ---- */

static bool is_label(const char *text, size_t length)
{
	return length > 0 && length <= LABEL_MAX && text[0] != '-' && text[length - 1] != '-' &&
	       strspn(text, LOWER DIGITS "-") >= length;
}

static bool is_host(const char *text, size_t length)
{
	if (length > HOST_MAX)
		return false;
	for (;;) {
		const char *dot = memchr(text, '.', length);
		size_t label = dot ? (size_t)(dot - text) : length;
		if (!is_label(text, label))
			return false;
		if (!dot)
			return true;
		text = dot + 1;
		length -= label + 1;
	}
}

static bool is_ipv6(const char *text, size_t length)
{
	enum { SHORTEST = 4, LONGEST = 47 }; /* "[::]" */

	return length >= SHORTEST && length <= LONGEST && text[0] == '[' && text[length - 1] == ']' &&
	       strspn(text + 1, DIGITS "abcdef:") == length - 2;
}

static bool is_port(const char *text, size_t length)
{
	enum { DIGITS_MAX = 5, PORT_MAX = 65535 };
	uint64_t port;
	char digits[DIGITS_MAX + 1] = "";

	if (length == 0 || length > DIGITS_MAX)
		return false;
	memcpy(digits, text, length);
	return str_to_u64(digits, PORT_MAX, &port) == 0 && port > 0;
}

/* HOST or HOST:PORT, the LENGTH bytes of TEXT. */
static bool is_registry(const char *text, size_t length)
{
	const char *bracket = text[0] == '[' ? memchr(text, ']', length) : NULL;
	const char *rest = bracket ? bracket + 1 : text;
	const char *colon = memchr(rest, ':', (size_t)(text + length - rest));
	size_t host = colon ? (size_t)(colon - text) : length;

	if (colon && !is_port(colon + 1, (size_t)(text + length - colon - 1)))
		return false;
	return bracket ? is_ipv6(text, host) : is_host(text, host);
}

/* ---- the path ---- */

/* Small letters and digits, and between them one ".", one or two "_", or any number of "-". */
static bool is_component(const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end) {
		size_t word = strspn(text, LOWER DIGITS);
		if (word == 0)
			return false;
		text += word < (size_t)(end - text) ? word : (size_t)(end - text);
		if (text == end)
			return true;
		size_t hyphens = strspn(text, "-"), underscores = strspn(text, "_");
		if (*text != '.' && hyphens == 0 && (underscores == 0 || underscores > 2))
			return false;
		text += *text == '.' ? 1 : hyphens + underscores;
	}
	return false;
}

/* Components with '/' between them. */
static bool is_path(const char *text, size_t length)
{
	for (;;) {
		const char *slash = memchr(text, '/', length);
		size_t component = slash ? (size_t)(slash - text) : length;
		if (!is_component(text, component))
			return false;
		if (!slash)
			return true;
		text = slash + 1;
		length -= component + 1;
	}
}

/* REGISTRY/REPOSITORY, the LENGTH bytes of TEXT; a lone registry with MAY_BE_REGISTRY. */
static const char *check(const char *text, size_t length, bool may_be_registry)
{
	const char *slash = memchr(text, '/', length);
	size_t registry = slash ? (size_t)(slash - text) : length;

	if (length > REPOSITORY_MAX)
		return "is longer than 255 bytes";
	if (!slash && !may_be_registry)
		return "names no registry; write REGISTRY/REPOSITORY, as docker.io/library/busybox";
	if (!is_registry(text, registry))
		return "begins with no registry: a host in small letters, with :PORT where it has one";
	if (slash && !is_path(slash + 1, length - registry - 1))
		return "is no REGISTRY/REPOSITORY: components are small letters and digits, with ., _, __ or - between "
		       "them";
	return NULL;
}

const char *image_name_check_repository(struct pool *pool, const char *text)
{
	(void)pool;
	return check(text, strlen(text), false);
}

const char *image_name_check_prefix(struct pool *pool, const char *text)
{
	(void)pool;
	return check(text, strlen(text), true);
}

/* ---- the whole name ---- */

static bool is_tag(const char *text)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" LOWER DIGITS "_";
	static const char more[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ" LOWER DIGITS "_.-";
	size_t length = strlen(text);

	return length > 0 && length <= TAG_MAX && strchr(first, text[0]) && strspn(text, more) == length;
}

const char *image_name_read(struct pool *pool, const char *text, struct image_name *ret_name)
{
	struct image_name name = {0};
	char *rest = pool_strdup(pool, text);
	char *at_sign = strchr(rest, '@');

	*ret_name = name;
	if (strlen(text) >= IMAGE_NAME_SIZE)
		return "is too long";
	if (at_sign) {
		*at_sign = '\0';
		name.digest = at_sign + 1;
		if (!str_is_digest(name.digest))
			return "has no digest behind the @: sha256: and 64 small hexadecimal digits";
	}
	char *slash = strrchr(rest, '/'), *colon = slash ? strchr(slash, ':') : NULL;
	if (colon) {
		*colon = '\0';
		name.tag = colon + 1;
		if (!is_tag(name.tag))
			return "has no tag behind the colon: letters, digits, _, . and -, at most 128";
	}
	name.repository = rest;
	name.registry = pool_strndup(pool, rest, strcspn(rest, "/"));
	const char *complaint = check(rest, strlen(rest), false);
	if (!complaint)
		*ret_name = name;
	return complaint;
}

/* ---- scopes ---- */

const char *image_name_check_scope(struct pool *pool, const char *text)
{
	size_t length = strlen(text);

	(void)pool;
	if (str_equal(text, "*"))
		return NULL;
	if (str_ends(text, "/*"))
		return check(text, length - 2, true);
	return check(text, length, false);
}

size_t image_name_in_scope(const char *repository, const char *scope)
{
	size_t length = strlen(scope);

	if (str_equal(scope, "*"))
		return 1;
	if (!*repository)
		return 0;
	/* With the slash: what comes before it is whole components. */
	if (str_ends(scope, "/*"))
		return strncmp(repository, scope, length - 1) == 0 ? length : 0;
	return str_equal(repository, scope) ? length + 2 : 0;
}
