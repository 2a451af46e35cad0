/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust.c - the requirements of the policy file's own list that an image falls under.
 */
#include <hrun/image_name.h>
#include <hrun/image_trust.h>
#include <hrun/str.h>
#include <string.h>

int image_trust_of_policy(struct pool *pool, const struct image_source *source, const struct image_place *place,
			  struct image_rules *ret_rules, struct err *e)
{
	struct image_name name = {.repository = ""};
	const char *complaint = *place->name ? image_name_read(pool, place->name, &name) : NULL;
	size_t best = 0;

	*ret_rules = (struct image_rules){.item = pool_alloc(pool, (source->rule_count + 1) * sizeof *ret_rules->item)};
	if (complaint)
		return err_set(e, EINVAL, "the image's name `%.200s` %s", place->name, complaint);
	for (size_t i = 0; i < source->rule_count; i++) {
		size_t closeness = image_name_in_scope(name.repository, source->rules[i].scope);
		best = closeness > best ? closeness : best;
	}
	for (size_t i = 0; best && i < source->rule_count; i++) {
		if (image_name_in_scope(name.repository, source->rules[i].scope) == best)
			ret_rules->item[ret_rules->count++] = &source->rules[i];
	}
	return 0;
}

/* ---- identities of a certificate ---- */

/* One NAME=VALUE up to a comma that no backslash is before; what follows the comma, or NULL where this is none. */
static const char *skip_attribute(const char *text, size_t *ret_name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.";
	size_t name = strspn(text, letters);

	*ret_name = name;
	text += name;
	if (name == 0 || *text++ != '=' || *text == ',' || *text == '\0')
		return NULL;
	while (*text && *text != ',') {
		/* '+': several values of one element; nobody writes it, and readers differ. */
		if (*text == '+' || (*text == '\\' && !text[1]))
			return NULL;
		text += *text == '\\' ? 2 : 1;
	}
	return text;
}

static bool names(const char *text, size_t length, const char *a, const char *b)
{
	return (strlen(a) == length && strncmp(text, a, length) == 0) ||
	       (strlen(b) == length && strncmp(text, b, length) == 0);
}

const char *image_trust_check_subject(struct pool *pool, const char *text)
{
	static const char prefix[] = "x509.subject:";
	bool country = false, state = false, organization = false;
	size_t length;

	(void)pool;
	if (str_equal(text, "*"))
		return NULL;
	if (!str_starts(text, prefix))
		return "must be * or begin with x509.subject:";
	for (text += sizeof prefix - 1;; text++) {
		text += strspn(text, " ");
		const char *end = skip_attribute(text, &length);
		if (!end)
			return "must be elements as C=US, with commas between them";
		country = country || names(text, length, "C", "C");
		state = state || names(text, length, "ST", "S");
		organization = organization || names(text, length, "O", "O");
		text = end;
		if (!*text)
			break;
	}
	return country && state && organization ? NULL : "must name C, ST and O, so that it is one signer's";
}
