/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_image.c - where the root file system came from, as far as a config says it.
 *
 * An annotation is anybody's to write: a name in it can raise doubt and never trust.
 */
#include <hrun/judging.h>
#include <hrun/str.h>
#include <string.h>

/* The reference that an engine gives, or NULL. */
static const struct string_pair *image_reference(const struct config *config)
{
	for (size_t i = 0; i < config->annotations.count; i++) {
		const struct string_pair *pair = &config->annotations.item[i];
		if ((str_equal(pair->key, "io.kubernetes.cri.image-name") ||
		     str_equal(pair->key, "org.opencontainers.image.ref.name")) &&
		    *pair->value)
			return pair;
	}
	return NULL;
}

static bool is_pinned(const char *reference)
{
	enum { HEX_DIGITS = 64 };
	const char *at_sign = strrchr(reference, '@');

	return at_sign && str_starts(at_sign, "@sha256:") && strlen(at_sign + 8) == HEX_DIGITS &&
	       at_sign[8 + strspn(at_sign + 8, "0123456789abcdef")] == '\0';
}

static bool policy_says(const struct finder *finder)
{
	const struct policy *policy = finder->judged->policy;
	const signed char *actions = policy->rule_actions;

	return policy->images.require != IMAGES_UNSAID ||
	       (actions && actions[finder->rule - rules] != POLICY_UNCHANGED);
}

/*
 * A container of an image that hrun has verified itself is bound to its signature.  Of any other one nothing is known,
 * which is a warning at every level that asks; who wants a refusal says so in the policy file (action.c).
 */
void judge_image_signature_missing(struct finder *finder)
{
	const struct string_pair *image = image_reference(finder->judged->config);
	struct finder warning = *finder;

	if (finder->judged->image_digest || finder->judged->files_are_signed ||
	    (!finder->judged->bundle && !finder->judged->config_only))
		return;
	if (!policy_says(finder))
		warning.action = ACTION_WARN;
	const char *reason = finder->judged->image_reason;
	if (finder->judged->image_refusal)
		find(&warning, "root.path", "the bundle's signature does not hold: %s", finder->judged->image_refusal);
	else if (finder->judged->bundle && finder->judged->bundle->root_is_file)
		find(&warning, "root.path", "%s is a file, and nobody has signed the bundle",
		     quote(finder, finder->judged->config->root.path));
	else if (image)
		find_value(&warning, image->value, at_key(finder, "annotations", image->key),
			   "no verified signature is known of %s%s%s", quote(finder, image->value), reason ? ": " : "",
			   reason ? reason : "");
	else if (finder->judged->bundle && finder->judged->bundle->unpacked)
		find(&warning, "root.path",
		     "nobody's signature is asked for of the image; whoever made it may have put anything into it");
	else if (reason)
		find(&warning, "root.path", "%s", reason);
	else if (finder->judged->config_only)
		cannot_judge(&warning, "root.path", "the image");
	else
		find(&warning, "root.path", "the config names no image: whether it was signed is unknown");
}

void find_root_file(struct finder *finder)
{
	const char *why = finder->judged->image_refusal;

	find(finder, "root.path", "%s is a file, and %s%s", quote(finder, finder->judged->bundle->rootfs_path),
	     why ? "the bundle's signature does not hold: " : "no signature of the bundle was asked for and found",
	     why ? why : "");
	finder->verdict->findings[finder->verdict->count - 1].remedy =
		"Sign the bundle (hrun sign) with a key of images.trust, with images.require signed; or unpack the root.";
}

void judge_image_digest_unpinned(struct finder *finder)
{
	const struct string_pair *image = image_reference(finder->judged->config);

	if (image && !is_pinned(image->value))
		find_value(finder, image->value, at_key(finder, "annotations", image->key),
			   "%s names no digest: what it means can change", quote(finder, image->value));
}
