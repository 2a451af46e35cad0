/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admit.c - which of the images that are what they say may start: allowDigests, denyDigests and notBefore of the policy.
 *
 * Asked of each answer that accepts, so that a digest is compared once the bytes have it, and a time once the config that says it
 * is the one that was signed.  The time is when the image was made (`created`): it is in every image, and each scheme's signature
 * covers it.  When the signature was made would say nothing, since who signs an old image again gives it a new one.
 */
#include <hrun/image.h>
#include <hrun/image_name.h>
#include <hrun/judging.h>
#include <hrun/str.h>
#include <hrun/utc.h>
#include <string.h>

bool image_denies(const struct policy_images *images)
{
	for (size_t i = 0; i < images->source_count; i++) {
		if (images->sources[i].deny_digests.count)
			return true;
	}
	return false;
}

const char *image_denied_by(const struct policy_images *images, const char *digest)
{
#ifdef HRUN_MUTANT_IMAGE_DENIED
	return NULL;
#endif
	for (size_t i = 0; i < images->source_count; i++) {
		if (list_has(&images->sources[i].deny_digests, digest))
			return images->sources[i].path;
	}
	return NULL;
}

/* The index that was signed or chosen, and the manifest below it that runs here: neither may be named. */
static bool check_denied(const struct policy_images *images, struct image_result *result)
{
	const char *const digests[] = {result->answer.image_digest, result->answer.manifest_digest};

	for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) {
		const char *path = image_denied_by(images, digests[i]);
		if (!path)
			continue;
		result->denied = true;
		image_reject(result, IMAGE_STAGE_POLICY, "%s stands in images.denyDigests of `%.100s`", digests[i],
			     path);
		return false;
	}
	return true;
}

static bool check_allowed(const struct image_source *source, struct image_result *result)
{
	const struct image_answer *answer = &result->answer;

#ifdef HRUN_MUTANT_IMAGE_ALLOWED
	return true;
#endif
	if (!source->allow_digests.present || list_has(&source->allow_digests, answer->image_digest) ||
	    list_has(&source->allow_digests, answer->manifest_digest))
		return true;
	image_reject(result, IMAGE_STAGE_POLICY, "%s does not stand in images.allowDigests of `%.100s`",
		     answer->image_digest, source->path);
	return false;
}

/* ---- the time ---- */

static const struct image_not_before *time_for(const struct image_source *source, const char *repository)
{
	const struct image_not_before *found = NULL;
	size_t best = 0;

	for (size_t i = 0; i < source->not_before_count; i++) {
		size_t closeness = image_name_in_scope(repository, source->not_before[i].scope);
		if (closeness > best) {
			best = closeness;
			found = &source->not_before[i];
		}
	}
	return found;
}

/* `created` of the config, or NULL; a signed bundle has no config of an image. */
static const char *created_of(struct pool *pool, const struct image_result *result)
{
	struct json_error error;
	const struct json *config;

	if (!result->config ||
	    json_read(pool, result->config, result->config_size, IMAGE_CONFIG_MAX, &config, &error) < 0)
		return NULL;
	const struct json *created = json_at(config, "created");
	return created && created->type == JSON_STRING ? created->text : NULL;
}

static bool check_time(struct pool *pool, const struct image_source *source, const char *repository,
		       struct image_result *result)
{
	const struct image_not_before *limit = time_for(source, repository);
	int64_t seconds;

#ifdef HRUN_MUTANT_IMAGE_NOT_BEFORE
	return true;
#endif
	if (!limit)
		return true;
	const char *created = created_of(pool, result);
	bool known = created && rfc3339_read(created, &seconds) == 0;
	if (known && seconds >= limit->seconds)
		return true;
	if (known)
		image_reject(result, IMAGE_STAGE_POLICY,
			     "it was created at %.40s, before images.notBefore of `%.100s`, %.40s", created,
			     source->path, limit->text);
	else
		image_reject(result, IMAGE_STAGE_POLICY,
			     "nothing that is signed says when it was created, and images.notBefore of `%.100s` asks",
			     source->path);
	return false;
}

static bool check_source(struct pool *pool, const struct image_source *source, const char *repository,
			 struct image_result *result)
{
	return check_allowed(source, result) && check_time(pool, source, repository, result);
}

void image_admit(struct pool *pool, const struct image_call *call, struct image_result *result)
{
	const struct policy_images *images = call->admitted_by;
	uint32_t verdict = result->answer.verdict;
	struct image_name name = {.repository = ""};

	if (!images || (verdict != IMAGE_ACCEPT && verdict != IMAGE_LAYERS_UNREAD) || !check_denied(images, result) ||
	    call->denied_only)
		return;
	/* A name that cannot be read has been refused (request.c). */
	if (*call->request.name && image_name_read(pool, call->request.name, &name))
		name.repository = "";
	for (size_t i = 0; i < images->source_count; i++) {
		if (!check_source(pool, &images->sources[i], name.repository, result))
			return;
	}
}
