/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret.c - credentials that can be told by their shape alone.
 *
 * A shape is found anywhere in a text where a word begins (in a URL, behind "Bearer "), and is long enough to be no
 * prefix in a document.  Whoever calls shows the kind that is answered, never the text.
 */
#include <hrun/secret.h>
#include <hrun/str.h>
#include <strings.h>

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGIT "0123456789"

enum { SHORT = 8 }; /* behind a prefix that says enough */

static const struct shape {
	const char *prefix, *letters;
	size_t length; /* of what follows */
	bool exactly;  /* a longer word is something else */
	const char *kind;
} shapes[] = {
	{"AKIA", UPPER DIGIT, 16, true, "an AWS key id"},
	{"ASIA", UPPER DIGIT, 16, true, "an AWS key id"},
	{"AIza", UPPER LOWER DIGIT "_-", 35, true, "a Google API key"},
	{"ghp_", UPPER LOWER DIGIT, 36, false, "a GitHub token"},
	{"gho_", UPPER LOWER DIGIT, 36, false, "a GitHub token"},
	{"ghu_", UPPER LOWER DIGIT, 36, false, "a GitHub token"},
	{"ghs_", UPPER LOWER DIGIT, 36, false, "a GitHub token"},
	{"ghr_", UPPER LOWER DIGIT, 36, false, "a GitHub token"},
	{"github_pat_", UPPER LOWER DIGIT "_", SHORT, false, "a GitHub token"},
	{"glpat-", UPPER LOWER DIGIT "_-", SHORT, false, "a GitLab token"},
	{"xoxa-", UPPER LOWER DIGIT "-", SHORT, false, "a Slack token"},
	{"xoxb-", UPPER LOWER DIGIT "-", SHORT, false, "a Slack token"},
	{"xoxp-", UPPER LOWER DIGIT "-", SHORT, false, "a Slack token"},
	{"xoxr-", UPPER LOWER DIGIT "-", SHORT, false, "a Slack token"},
	{"xoxs-", UPPER LOWER DIGIT "-", SHORT, false, "a Slack token"},
	{"sk_live_", UPPER LOWER DIGIT, SHORT, false, "a Stripe key"},
	{"npm_", UPPER LOWER DIGIT, 36, false, "an npm token"},
};

static bool is_in(char c, const char *letters)
{
	return c && strchr(letters, c);
}

/* Asked of every character of the environment. */
static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* At most MOST letters of LETTERS, so that a long text is not read again and again. */
static size_t span(const char *text, const char *letters, size_t most)
{
	size_t length = 0;

	while (length < most && is_in(text[length], letters))
		length++;
	return length;
}

static bool has_shape(const char *word, const struct shape *shape)
{
	size_t prefix = strlen(shape->prefix);

	if (word[0] != shape->prefix[0] || strncmp(word, shape->prefix, prefix) != 0)
		return false;
	size_t length = span(word + prefix, shape->letters, shape->length + 1);
	if (!shape->exactly)
		return length >= shape->length;
	return length == shape->length && !is_word(word[prefix + length]);
}

/* Three parts in base64url with dots between; the first is the beginning of a JSON object. */
static bool is_jwt(const char *word)
{
	static const char letters[] = UPPER LOWER DIGIT "_-";
	const char *p = word;

	if (!str_starts(p, "eyJ"))
		return false;
	for (int part = 0; part < 3; part++) {
		size_t length = strspn(p, letters);
		if (length < (part == 0 ? SHORT : 1))
			return false;
		p += length;
		if (part < 2 && *p++ != '.')
			return false;
	}
	return true;
}

static const char *shape_of(const char *word, char before)
{
	for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
		if (has_shape(word, &shapes[i]))
			return shapes[i].kind;
	}
	/* A word that has begun already is not read from each of its hyphens. */
	return !is_in(before, "_-") && is_jwt(word) ? "a JSON web token" : NULL;
}

/* "-----BEGIN RSA PRIVATE KEY-----"; whatever stands in place of RSA, and BLOCK behind it. */
static bool holds_private_key(const char *text)
{
	static const char begin[] = "-----BEGIN ";
	enum { LABEL_MAX = 64 };

	for (const char *p = text; (p = strstr(p, begin));) {
		p += strlen(begin);
		size_t length = span(p, UPPER DIGIT " ", LABEL_MAX);
		const char *key = memmem(p, length, "PRIVATE KEY", strlen("PRIVATE KEY"));
		if (key && str_starts(p + length, "-----"))
			return true;
	}
	return false;
}

const char *secret_in(const char *text)
{
	if (holds_private_key(text))
		return "a private key";
	for (const char *p = text; *p; p++) {
		char before = p > text ? p[-1] : '\0';
		const char *kind = is_word(before) || !is_word(*p) ? NULL : shape_of(p, before);
		if (kind)
			return kind;
	}
	return NULL;
}

bool secret_name(const char *name, size_t length)
{
	static const char *const words[] = {
		"password",   "passwd",	   "secret",	  "token",	"api_key",    "apikey",
		"access_key", "accesskey", "private_key", "privatekey", "credential",
	};

	for (size_t i = 0; i < length; i++) {
		for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
			if ((name[i] | 0x20) != words[k][0])
				continue;
			size_t n = strlen(words[k]);
			if (length - i >= n && strncasecmp(name + i, words[k], n) == 0)
				return true;
		}
	}
	return false;
}
