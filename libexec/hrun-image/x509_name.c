/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x509_name.c - "x509.subject: C=US, ST=WA, O=example, CN=signer" against the signer's certificate.
 *
 * Each attribute of the policy must be in the subject exactly once and with the same bytes; what else the subject has does
 * not count.  Country, state and organisation are mandatory in the policy: a common name alone could be anybody's.
 */
#include "signature.h"
#include <errno.h>
#include <hrun/str.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/objects.h>

static const struct attribute {
	const char *name;
	int nid;
} attributes[] = {
	{"C", NID_countryName},
	{"ST", NID_stateOrProvinceName},
	{"O", NID_organizationName},
	{"L", NID_localityName},
	{"OU", NID_organizationalUnitName},
	{"CN", NID_commonName},
	{"STREET", NID_streetAddress},
	{"POSTALCODE", NID_postalCode},
	{"SERIALNUMBER", NID_serialNumber},
	{"DC", NID_domainComponent},
	{"UID", NID_userId},
};
enum { ATTRIBUTES = sizeof attributes / sizeof *attributes, MANDATORY = 3 };

struct name {
	bool has[ATTRIBUTES];
	char values[ATTRIBUTES][IMAGE_NAME_SIZE];
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What a backslash stands for (RFC 4514): a special character, or a byte in hexadecimal. */
static int read_escape(const char **at)
{
	int high = hex_digit((*at)[1]), low = high < 0 ? -1 : hex_digit((*at)[2]);

	if (high >= 0 && low >= 0 && (high || low)) {
		*at += 3;
		return high << 4 | low;
	}
	if ((*at)[1] && strchr(" \"#+,;<=>\\", (*at)[1])) {
		*at += 2;
		return (*at)[-1];
	}
	return -EINVAL;
}

/* Up to a comma or the end; blanks around it are not part of it. */
static int read_value(const char **at, char *value)
{
	size_t length = 0, kept = 0;

	*at += strspn(*at, " ");
	if (**at == '#' || **at == '"')
		return -EINVAL;
	while (**at && **at != ',') {
		bool escaped = **at == '\\';
		if (!escaped && strchr("+;<>\"", **at))
			return -EINVAL;
		int c = escaped ? read_escape(at) : (unsigned char)*(*at)++;
		if (c < 0 || length >= IMAGE_NAME_SIZE - 1)
			return -EINVAL;
		value[length++] = (char)c;
		if (escaped || c != ' ')
			kept = length;
	}
	value[kept] = '\0';
	return kept ? 0 : -EINVAL;
}

static int read_attribute(const char **at, struct name *name)
{
	*at += strspn(*at, " ");
	size_t length = strcspn(*at, "= ,"), i = 0;

	while (i < ATTRIBUTES && (strlen(attributes[i].name) != length || memcmp(attributes[i].name, *at, length) != 0))
		i++;
	if (i == ATTRIBUTES || (*at)[length] != '=' || name->has[i])
		return -EINVAL;
	*at += length + 1;
	name->has[i] = true;
	return read_value(at, name->values[i]);
}

static int read_name(const char *text, struct name *ret_name)
{
	*ret_name = (struct name){0};
	for (const char *at = text;; at++) {
		TRY(read_attribute(&at, ret_name));
		if (!*at)
			break;
	}
	for (size_t i = 0; i < MANDATORY; i++) {
		if (!ret_name->has[i])
			return -EINVAL;
	}
	return 0;
}

static bool has_value(const X509_NAME *subject, int nid, const char *value)
{
	int at = X509_NAME_get_index_by_NID(subject, nid, -1);
	unsigned char *text = NULL;

	if (at < 0 || X509_NAME_get_index_by_NID(subject, nid, at) >= 0)
		return false;
	int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	bool same = size >= 0 && (size_t)size == strlen(value) && memcmp(text, value, (size_t)size) == 0;
	OPENSSL_free(text);
	return same;
}

static bool is_subset(const struct name *name, const X509_NAME *subject)
{
	for (size_t i = 0; i < ATTRIBUTES; i++) {
		if (name->has[i] && !has_value(subject, attributes[i].nid, name->values[i]))
			return false;
	}
	return true;
}

/* The subject as the answer tells it; every character that is not plain is escaped. */
static void write_subject(const X509_NAME *subject, char *text, size_t size)
{
	BIO *out = BIO_new(BIO_s_mem());
	unsigned long flags = ASN1_STRFLGS_RFC2253 | XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_FN_SN;

	text[0] = '\0';
	if (out && X509_NAME_print_ex(out, subject, 0, flags) >= 0) {
		int n = BIO_read(out, text, (int)size - 1);
		text[n > 0 ? n : 0] = '\0';
		str_remove_controls(text);
	}
	BIO_free(out);
}

int subject_check(struct judgement *j, const X509_NAME *subject)
{
	static const char prefix[] = "x509.subject:";
	const struct image_trust *wire = j->trust->wire;
	struct name *name = pool_alloc(j->pool, sizeof *name);

	write_subject(subject, j->v->identity, sizeof j->v->identity);
	if (wire->trusted_identity_count == 0)
		return bad(j, IMAGE_STAGE_POLICY, "The policy trusts no identity (trustedIdentities)");
	for (size_t i = 0; i < wire->trusted_identity_count && i < IMAGE_KEYS_MAX; i++) {
		const char *text = wire->trusted_identities[i];
		if (str_equal(text, "*"))
			return 0;
		if (!str_starts(text, prefix) || read_name(text + sizeof prefix - 1, name) < 0)
			return bad(j, IMAGE_STAGE_POLICY,
				   "The trusted identity %.100s is not of the form x509.subject: C=..., ST=..., O=...",
				   text);
		if (is_subset(name, subject))
			return 0;
	}
	return bad(j, IMAGE_STAGE_POLICY, "The signer %.180s is none of the policy's trustedIdentities",
		   j->v->identity);
}
