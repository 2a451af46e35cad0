/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust_scopes.c - the scopes of a policy.json of the container tools: which are one, and how close to an image they are.
 */
#include <hrun/image_trust_file.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <string.h>

/* The closest has the greatest. */
enum { CLOSE_REFERENCE = 1 << 20, CLOSE_PATH = 1 << 18, CLOSE_WILDCARD = 1 << 16, CLOSE_TRANSPORT = 2 };

static bool has_tag_or_digest(const char *scope)
{
	const char *slash = strrchr(scope, '/');

	return strchr(scope, '@') || (slash && strchr(slash, ':'));
}

const char *image_trust_check_docker_scope(struct pool *pool, const char *scope)
{
	struct image_name name;

	if (!*scope)
		return NULL;
	if (str_starts(scope, "*."))
		return strchr(scope, '/') || strchr(scope, ':') ? "must be *. and a domain"
								: image_name_check_prefix(pool, scope + 2);
	return has_tag_or_digest(scope) ? image_name_read(pool, scope, &name) : image_name_check_prefix(pool, scope);
}

static bool is_in(const char *repository, const char *scope)
{
	size_t length = strlen(scope);

	return strncmp(repository, scope, length) == 0 && (repository[length] == '\0' || repository[length] == '/');
}

/* "*.example.org" is for a.example.org and b.a.example.org, at any port. */
static bool is_in_domain(struct pool *pool, const char *registry, const char *scope)
{
	const char *host = pool_strndup(pool, registry, strcspn(registry, ":"));

	return strlen(host) > strlen(scope + 1) && str_ends(host, scope + 1);
}

size_t image_trust_docker_closeness(struct pool *pool, const struct image_name *name, const char *scope)
{
	size_t length = strlen(scope);

	if (!length)
		return CLOSE_TRANSPORT;
	if (str_starts(scope, "*."))
		return is_in_domain(pool, name->registry, scope) ? CLOSE_WILDCARD + length : 0;
	if (!has_tag_or_digest(scope))
		return is_in(name->repository, scope) ? CLOSE_PATH + length : 0;
	const char *tagged = pool_printf(pool, "%s:%s", name->repository, name->tag ? name->tag : "");
	const char *pinned = pool_printf(pool, "%s@%s", name->repository, name->digest ? name->digest : "");
	/* One of both only: with a digest, a tag says nothing. */
	return str_equal(scope, name->digest ? pinned : tagged) ? CLOSE_REFERENCE : 0;
}

const char *image_trust_check_path_scope(struct pool *pool, const char *scope)
{
	const char *directory = pool_strndup(pool, scope, strcspn(scope, ":"));

	if (!*scope)
		return NULL;
	if (*directory != '/' || !directory[1] || !path_is_clean(directory))
		return "must be an absolute, clean path other than /";
	return NULL;
}

size_t image_trust_oci_closeness(struct pool *pool, const struct image_place *place, const char *scope)
{
	if (!*scope)
		return CLOSE_TRANSPORT;
	if (!place->layout)
		return 0;
	if (strchr(scope, ':'))
		return str_equal(scope, pool_printf(pool, "%s:%s", place->layout, place->ref)) ? CLOSE_REFERENCE : 0;
	return path_is_below(place->layout, scope) ? CLOSE_PATH + strlen(scope) : 0;
}
